# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bench measured: figures with their spread and their goal, as a table and as JSON."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Figure:
    """One row: what was measured, once per round."""

    name: str
    unit: str
    values: tuple[float, ...]
    goal: float | None = None
    """The median is to be at most this; None: the row only explains others."""

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        return None if self.goal is None else self.median <= self.goal

    def to_result(self) -> dict[str, Any]:
        """The row as plain JSON types."""
        spread = {"median": self.median, "min": min(self.values), "max": max(self.values)}
        return {**dataclasses.asdict(self), **spread, "met": self.met}


def figure(name: str, unit: str, values: Sequence[float], goal: float | None = None) -> Figure:
    """A row of these rounds."""
    return Figure(name, unit, tuple(values), goal)


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round, so that what disturbed both is in neither."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def table(title: str, figures: Sequence[Figure]) -> str:
    """The rows as text, under a title."""
    rows = [("", "median", "min - max", "", "goal", "")]
    for one in figures:
        spread = "%s - %s" % (_short(min(one.values)), _short(max(one.values))) if len(one.values) > 1 else ""
        goal = "" if one.goal is None else "<= %s" % _short(one.goal)
        verdict = {None: "", True: "met", False: "MISSED"}[one.met]
        rows.append((one.name, _short(one.median), spread, one.unit, goal, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = []
    for name, median, spread, unit, goal, verdict in rows:
        cells = [name.ljust(widths[0]), median.rjust(widths[1]), spread.center(widths[2]), unit.ljust(widths[3])]
        lines.append("  ".join([*cells, goal.rjust(widths[4]), verdict]).rstrip())
    return "\n".join(["", title, *lines])


def _short(value: float) -> str:
    if value == int(value) and abs(value) < 1e9:
        return "%d" % value
    if abs(value) >= 100:
        return "%.0f" % value
    return "%.3f" % value if 1 <= value < 2 else "%.3g" % value  # a ratio of 1.054 has not met 1.05
