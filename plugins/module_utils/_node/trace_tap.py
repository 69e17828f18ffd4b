# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One tap of a trace: a tcpdump in a network namespace, and the interfaces there. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from typing import Sequence

from .._errors import NodeError
from .._records import Target, TargetRef
from .._trace_records import Interface
from . import netns, surroundings, tcpdump
from .retention import Share
from .tap import Tap

RING_SECONDS = 0.1
"""How long a tap listens on when it is to end: tcpdump reads at once, but another processor may still hold a packet."""


@dataclasses.dataclass(frozen=True)
class Watched:
    """What the supervisor tells of a tap that has ended."""

    target: TargetRef
    netns: int
    file: str
    interfaces: tuple[Interface, ...]
    changed: tuple[str, ...]
    captured: int | None
    """What tcpdump says it has written; None where it did not come to say so."""
    received: int
    dropped: int
    problem: str | None


class TraceTap:
    """A tcpdump that was started; it listens once ``listening`` is true and has ended once ``ended`` is."""

    def __init__(self, number: int, target: Target, folder: str, filter_text: str, most_bytes: int) -> None:
        """``folder``: is made. ``most_bytes``: what its file may have, by this process's RLIMIT_FSIZE."""
        self.target = target
        self._most_bytes = most_bytes
        self._unfiltered = False
        self._file = os.path.join(folder, "any.pcap")
        namespace = netns.open_target(target)
        try:
            with netns.inside(namespace):
                self._surroundings = surroundings.Surroundings()
        finally:
            os.close(namespace)
        try:
            self._before = self._surroundings.read()
            args = tcpdump.tap_args(tcpdump.find_program(), filter_text, self._file)
            self._tap = Tap(number, target, "any", Share(tcpdump.TAP_BUFFER_KIB, most_bytes), folder, args)
        except BaseException:
            self._surroundings.close()
            raise

    @property
    def listening(self) -> bool:
        """Whether it listens, or has."""
        return self._tap.listening

    @property
    def ended(self) -> bool:
        """Whether its tcpdump has ended."""
        return self._tap.status is not None

    def listen(self) -> None:
        """Take in what tcpdump has said."""
        self._tap.listen()
        self._unfiltered = self._unfiltered or bool(tcpdump.UNFILTERED.search(self._tap.words))

    @property
    def missing(self) -> str | None:
        """Why it does not listen, in a sentence; None where it does."""
        if self.listening and not self.ended:
            return None
        return "%s: %s" % (self.target.title, self._tap.cause if self.ended else "tcpdump did not listen in time")

    def end(self, now: float) -> None:
        """Have tcpdump end once every packet up to now is in its file."""
        self._tap.end("read", now, RING_SECONDS)

    def tick(self, now: float) -> None:
        """Send the signals that are due, and take in what comes of them."""
        self._tap.tick(now)
        self.listen()

    def told(self) -> Watched:
        """Return what is known of it, once it has ended."""
        problems = [self._why()]
        after = self._before
        try:
            after = self._surroundings.read()
        except NodeError as error:
            problems.append(str(error))
        return Watched(
            self.target.ref,
            self.target.netns or 0,
            self._file,
            surroundings.together(self._before, after),
            surroundings.changed(self._before, after),
            self._tap.counters.captured if self._tap.status == 0 else None,
            self._tap.counters.received,
            self._tap.counters.dropped,
            "; ".join(one for one in problems if one) or None,
        )

    def kill(self) -> None:
        """End tcpdump at once, and let go of the namespace."""
        self._tap.kill()
        self._surroundings.close()

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


def all_ended(taps: Sequence[TraceTap], patience_seconds: float = 20.0) -> None:
    """End taps together and return when they have; each is killed in the end, so it takes no longer than that."""
    until = time.monotonic() + patience_seconds
    for tap in taps:
        tap.end(time.monotonic())
    while not all(tap.ended for tap in taps) and time.monotonic() < until:
        for tap in taps:
            tap.tick(time.monotonic())
        time.sleep(0.002)
