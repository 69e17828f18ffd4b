# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A capture's deadline, and steps of the wall clock. PRIVATE to the collection."""

from __future__ import annotations

from typing import Any, Mapping

from .journal import Journal
from .process import Clock, boot_id

_STEP_NS = 500_000_000


class Timing:
    """The deadline is kept on the clock that counts from boot: within one boot, a step does not move it."""

    def __init__(self, clock: Clock, deadline_ns: int, before: Mapping[str, Any] | None) -> None:
        self._clock = clock
        self._offset = self._read_offset(clock.steady())
        self.boot = boot_id()
        if before is not None and before["boot"] == self.boot:  # an earlier supervisor's state
            self.deadline = float(before["deadline_steady"])
        else:
            self.deadline = clock.steady() + (deadline_ns - clock.wall_ns()) / 1e9

    def note_step(self, now: float, journal: Journal) -> None:
        """Write down that the wall clock was set since the last call."""
        offset = self._read_offset(now)
        if abs(offset - self._offset) > _STEP_NS:
            journal.record("clock_stepped", by_ns=offset - self._offset)
        self._offset = offset

    def told(self) -> dict[str, Any]:
        """Return what ``state.json`` has of it."""
        now, wall_ns = self._clock.steady(), self._clock.wall_ns()
        deadline_ns = wall_ns + int((self.deadline - now) * 1e9)
        return {
            "boot": self.boot,
            "deadline_steady": self.deadline,
            "deadline_ns": deadline_ns,
            "written_ns": wall_ns,
        }

    def _read_offset(self, now: float) -> int:
        return self._clock.wall_ns() - int(now * 1e9)
