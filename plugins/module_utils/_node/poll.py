# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When tcpdumps are asked for their counters. PRIVATE to the collection."""

from __future__ import annotations

from typing import Sequence

from .process import Clock
from .watch import Watch

_EVERY_SECONDS = 10.0
_PATIENCE_SECONDS = 1.0


class Poll:
    """Every tcpdump is asked now and then; the figures are read once all have answered."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ask_at = 0.0
        self._late_at: float | None = None
        self._asked_ns = 0
        self.read_ns = 0
        """When the question was put that all have answered last, nanoseconds since 1970: no figure is older."""

    @property
    def asked(self) -> bool:
        """Whether answers are to be read in a moment."""
        return self._late_at is not None

    def hasten(self) -> None:
        """Have the next question asked at once, or as soon as the answers to the last one are read."""
        self._ask_at = 0.0

    def tick(self, watches: Sequence[Watch], now: float) -> bool:
        """Ask or read where that is due; return whether there are new figures.

        Call it when every tap has listened. Of a tcpdump that does not answer the figures stay what they were.
        """
        if self._late_at is None:
            if now >= self._ask_at:
                self._ask(watches, now)
            return False
        answered = not any(watch.tap is not None and watch.tap.asked for watch in watches)
        if not answered and now < self._late_at:
            return False
        self._late_at = None
        if answered:
            self.read_ns = self._asked_ns
        for watch in watches:
            watch.read_counters()
        return True

    def _ask(self, watches: Sequence[Watch], now: float) -> None:
        self._ask_at, self._late_at = now + _EVERY_SECONDS, now + _PATIENCE_SECONDS
        self._asked_ns = self._clock.wall_ns()
        for watch in watches:
            if watch.tap is not None:
                watch.tap.ask_counters()
