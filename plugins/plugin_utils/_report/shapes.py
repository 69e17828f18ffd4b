# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report needs of a host's answer; the modules ``capture`` and ``capture_info`` document the rest. PRIVATE."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ...module_utils._records import Target, from_result


@dataclasses.dataclass(frozen=True)
class _Begun:
    id: str
    phase: str | None
    deadline: str | None
    targets: tuple[Target, ...]


@dataclasses.dataclass(frozen=True)
class _Gap:
    since: str
    until: str | None
    packets: int | None
    reason: str


@dataclasses.dataclass(frozen=True)
class _Figures:
    target: Target
    phase: str
    reason: str | None
    packets: int
    dropped_kernel: int
    dropped_interface: int | None
    segments: int
    shipped: int
    gaps: int
    last_gap: _Gap | None


@dataclasses.dataclass(frozen=True)
class _Segment:
    target: Target
    seq: int
    packets: int
    bytes: int
    where: str
    file: str


@dataclasses.dataclass(frozen=True)
class _Told:
    id: str
    node: str | None
    phase: str
    reason: str | None
    seconds_left: int
    targets: tuple[_Figures, ...]
    segments: int
    evicted: int
    evicted_packets: int
    unconfirmed: int
    backlog_bytes: int
    disk_bytes: int
    sink: str | None
    spool: str
    last_error: str | None
    stored_in: Mapping[str, int]
    segment_list: tuple[_Segment, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Collected:
    id: str
    node: str | None
    phase: str
    to: str
    segments: int
    bytes: int
    gone: int
    left: int
    settled: bool
    problems: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Ran:
    target: Target
    found: bool
    rc: int | None
    stdout: str
    stderr: str
    stdout_bytes: int
    stderr_bytes: int
    stdout_cut: bool
    stderr_cut: bool
    encoding: str
    argv: tuple[str, ...]
    timed_out: bool
    error: str | None
    dest: str | None
    dest_bytes: int
    dest_cut: bool


@dataclasses.dataclass(frozen=True)
class _Started:
    """The result of ``capture``."""

    capture: _Begun | None


@dataclasses.dataclass(frozen=True)
class _Info:
    """The result of ``capture`` in any state but ``started``, or of ``capture_info``."""

    captures: tuple[_Told, ...]
    others: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Brought:
    """The result of ``collect``."""

    captures: tuple[_Collected, ...]


@dataclasses.dataclass(frozen=True)
class _Tools:
    """The result of ``netns_command``, or of a task that was skipped."""

    results: tuple[_Ran, ...] = ()


def check_started(result: Mapping[str, Any]) -> None:
    """Raise RecordError for what is no result of ``capture`` in the state ``started``."""
    from_result(_Started, result)


def check_info(result: Mapping[str, Any]) -> None:
    """Raise RecordError for what tells of no captures as ``capture``, unless ``started``, and ``capture_info`` do."""
    from_result(_Info, result)


def check_collected(result: Mapping[str, Any]) -> None:
    """Raise RecordError for what is no result of ``collect``."""
    from_result(_Brought, result)


def check_tools(result: Mapping[str, Any]) -> None:
    """Raise RecordError for what is no result of ``netns_command``, nor of a task that was skipped."""
    from_result(_Tools, result)
