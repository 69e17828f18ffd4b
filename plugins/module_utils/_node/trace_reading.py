# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one tap of a trace has in its file. PRIVATE to the collection."""

from __future__ import annotations

from typing import Sequence

from .._errors import FileError
from .._packet.capture import read_capture
from .._packet.mark import sightings
from .._packet.packet import Record
from .._packet.tags import Frames, together
from .._trace_records import KernelClock, Mark, Tapped
from .trace_tap import Watched
from .trace_tcpdump import Written
from .trunks import doubt

MOST_SIGHTINGS = 2000
"""Of one tap, in an answer; the rest is counted."""


def tapped(
    watched: Watched, marks: Sequence[Mark], clock: KernelClock | None = None, most: int = MOST_SIGHTINGS
) -> Tapped:
    """Return what a tap has seen of the probes; what is wrong with its files is told, and never raised."""
    cooked = _File(watched.written)
    frames = [(one, _File(one.written)) for one in watched.frames]
    packets = together(cooked.records, [Frames(one.ifindex, file.records, one.leaving) for one, file in frames])
    found = sightings(packets, marks)
    problems = [*cooked.problems, watched.problem]
    problems += [doubt(one.name, problem) for one, file in frames for problem in file.problems]
    written = [watched.written, *(one.written for one in watched.frames)]
    return Tapped(
        target=watched.target,
        netns=watched.netns,
        interfaces=watched.interfaces,
        changed=watched.changed,
        packets=len(packets),
        received=sum(one.received for one in written),
        dropped=sum(one.dropped for one in written),
        sightings=tuple(found[:most]),
        left_out=max(0, len(found) - most),
        problem="; ".join(one for one in problems if one) or None,
        clock=clock,
    )


class _File:
    """A capture file, read up to where it is damaged, and why that may not be all."""

    def __init__(self, written: Written) -> None:
        self.records: list[Record] = []
        self.problems = [] if written.problem is None else [written.problem]
        try:
            self.records.extend(read_capture(written.file))
        except FileError as error:
            why = str(error)
            self.problems.append("its file is damaged: %s" % (why.partition(written.file + ": ")[2] or why))
        packets = len(self.records)
        if written.captured not in (None, packets):  # its memory's bound was reached, and tcpdump says nothing then
            text = "tcpdump has written %d packets, and its file has %d"
            self.problems.append(text % (written.captured, packets))
