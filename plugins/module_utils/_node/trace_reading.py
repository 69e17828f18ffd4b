# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one tap of a trace has in its file. PRIVATE to the collection."""

from __future__ import annotations

from typing import Iterator, Sequence

from .._errors import FileError
from .._packet.capture import read_capture
from .._packet.mark import sightings
from .._packet.packet import Record
from .._trace_records import KernelClock, Mark, Tapped
from .trace_tap import Watched

MOST_SIGHTINGS = 2000
"""Of one tap, in an answer; the rest is counted."""


def tapped(
    watched: Watched, marks: Sequence[Mark], clock: KernelClock | None = None, most: int = MOST_SIGHTINGS
) -> Tapped:
    """Return what a tap has seen of the probes; what is wrong with its file is told, and never raised."""
    file = _File(watched.file)
    found = sightings(file.records(), marks)
    problems = [watched.problem, file.problem]
    if watched.captured not in (None, file.packets):  # its memory's bound was reached, and tcpdump says nothing then
        problems.append("tcpdump has written %d packets, and its file has %d" % (watched.captured, file.packets))
    return Tapped(
        target=watched.target,
        netns=watched.netns,
        interfaces=watched.interfaces,
        changed=watched.changed,
        packets=file.packets,
        received=watched.received,
        dropped=watched.dropped,
        sightings=tuple(found[:most]),
        left_out=max(0, len(found) - most),
        problem="; ".join(one for one in problems if one) or None,
        clock=clock,
    )


class _File:
    """A capture file that is read once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.packets = 0
        self.problem: str | None = None

    def records(self) -> Iterator[Record]:
        """Yield its packets up to where it is damaged."""
        try:
            for record in read_capture(self._path):
                self.packets += 1
                yield record
        except FileError as error:
            why = str(error)
            self.problem = "its file is damaged: %s" % (why.partition(self._path + ": ")[2] or why)
