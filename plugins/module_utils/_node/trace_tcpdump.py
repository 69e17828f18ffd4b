# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One tcpdump of a trace's tap. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import os
import signal

from .._records import Target
from . import tcpdump
from .retention import Share
from .tap import Tap

RING_SECONDS = 0.1
"""How long a tap listens on when it is to end: tcpdump reads at once, but another processor may still hold a packet."""


@dataclasses.dataclass(frozen=True)
class Written:
    """What is known of a tcpdump that has ended."""

    file: str
    captured: int | None
    """What it says it has written; None where it did not come to say so."""
    received: int
    dropped: int
    problem: str | None


class TraceTcpdump:
    """It listens once ``listening`` is true and has ended once ``ended`` is."""

    def __init__(
        self,
        number: int,
        target: Target,
        folder: str,
        filter_text: str,
        most_bytes: int,
        interface: str = "any",
        direction: str = "",
    ) -> None:
        """``folder``: is made. ``most_bytes``: what its file may have, by this process's RLIMIT_FSIZE."""
        self._most_bytes = most_bytes
        self._unfiltered = False
        self._file = os.path.join(folder, "any.pcap" if interface == "any" else "frames.pcap")
        args = tcpdump.tap_args(tcpdump.find_program(), filter_text, self._file, interface, direction)
        self._tap = Tap(number, target, interface, Share(tcpdump.TAP_BUFFER_KIB, most_bytes), folder, args)

    @property
    def listening(self) -> bool:
        """Whether it listens, or has."""
        return self._tap.listening

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self._tap.status is not None

    @property
    def missing(self) -> str | None:
        """Why it does not listen; None where it does."""
        if self.listening and not self.ended:
            return None
        return self._tap.cause if self.ended else "tcpdump did not listen in time"

    def listen(self) -> None:
        """Take in what tcpdump has said."""
        self._tap.listen()
        self._unfiltered = self._unfiltered or bool(tcpdump.UNFILTERED.search(self._tap.words))

    def end(self, now: float) -> None:
        """Have it end once every packet up to now is in its file."""
        self._tap.end("read", now, RING_SECONDS)

    def tick(self, now: float) -> None:
        """Send the signals that are due, and take in what comes of them."""
        self._tap.tick(now)
        self.listen()

    def told(self) -> Written:
        """Return what is known of it, once it has ended."""
        return Written(
            self._file,
            self._tap.counters.captured if self._tap.status == 0 else None,
            self._tap.counters.received,
            self._tap.counters.dropped,
            self._why(),
        )

    def kill(self) -> None:
        """End it at once, and let go of the namespace."""
        self._tap.kill()

    def _why(self) -> str | None:
        """Return why what it has seen may not be all."""
        if not self.ended:
            return "its tcpdump does not end"
        if self._tap.status == -signal.SIGXFSZ:
            return "it ended early, since its file had %d bytes; a narrower filter lets less through" % self._most_bytes
        if self._tap.status != 0 or self._tap.end_reason is None:
            return "it ended early: " + self._tap.cause
        if self._unfiltered:
            return "the kernel did not take its filter (see net.core.optmem_max), so that it may have missed packets"
        return "it may not have read everything when it ended" if self._tap.behind else None
