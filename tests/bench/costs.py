# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What processes cost, from their folders in a /proc of any namespace; see proc(5)."""

from __future__ import annotations

import pathlib
import time

TICKS = 100
"""Of a process's start time: USER_HZ, the same on every architecture of today."""


def cpu_ns(process: pathlib.Path) -> int:
    """Nanoseconds that a process with one thread has run on a CPU: the first word of its schedstat."""
    return int((process / "schedstat").read_text(encoding="ascii").split()[0])


def memory_kib(process: pathlib.Path) -> dict[str, int]:
    """``Rss`` and ``Pss``: what is resident, and that with shared pages divided by their users."""
    words = [line.split() for line in (process / "smaps_rollup").read_text(encoding="ascii").splitlines()]
    return {line[0][:-1]: int(line[1]) for line in words if line[0] in ("Rss:", "Pss:")}


def children(process: pathlib.Path) -> list[pathlib.Path]:
    """The processes that it started."""
    text = (process / "task" / process.name / "children").read_text(encoding="ascii")
    return [process.parent / word for word in text.split()]


def command(process: pathlib.Path) -> str:
    """Its command's name."""
    return (process / "comm").read_text(encoding="utf-8").strip()


def started_ns(process: pathlib.Path) -> int:
    """When it was started: nanoseconds since 1970, in steps of 10 ms."""
    ticks = int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME) + ticks * (1_000_000_000 // TICKS)
