# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a ledger keeps: runs, segments in the spool, and an account for each target. PRIVATE to the collection."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any, NamedTuple

from .._records import TargetRef

COUNTED = "packet count reached"
"""The end of a target that has all the packets that were asked for."""


@dataclasses.dataclass
class Run:
    """One run of one tcpdump."""

    number: int
    target: TargetRef
    interface: str
    boot: str
    started_ns: int
    pid: int
    ready_ns: int | None = None
    stopped: bool = False
    stop_reason: str | None = None
    status: int | None = None
    """Its exit status, below 0 the signal that killed it; None where nobody was there to see."""
    stopped_ns: int = 0
    behind: bool = False
    """It was not seen to have read all that came before it was to end."""
    complaint: str | None = None
    """How it ended, where that was otherwise than asked."""
    whole_until_ns: int | None = None
    """Last packet known before the first damaged or discarded file ended; None while all are whole."""
    has_gap: bool = False
    """The manifest has a gap that begins in this run."""
    gap_until_ns: int | None = None
    """Where the last of them ends."""
    interfaces: dict[str, str] = dataclasses.field(default_factory=dict)
    """Index to name, as last read."""
    packets: int = 0
    """In closed segments."""
    last_ns: int | None = None
    """Last packet in the last closed segment that has one."""
    captured: int = 0
    received: int = 0
    dropped_kernel: int = 0
    dropped_interface: int | None = None
    dropped_at_segment: int = 0
    """The kernel's drops at the reading before the last segment's end."""

    @property
    def killed(self) -> bool:
        """Whether it did not end by itself or as asked: its last file may end anywhere, its count is a reading's."""
        return self.stopped and self.status != 0

    @property
    def missing(self) -> int:
        """How many packets it is known to have captured that are in no file; of one that was killed, at least."""
        return max(0, self.captured - self.packets)

    @property
    def known_until_ns(self) -> int:
        """The last packet that is in a file, else when it listened, else when it was started."""
        return self.last_ns or self.ready_ns or self.started_ns


class Closed(NamedTuple):
    """A segment that lies in the spool; there may be many thousands."""

    ref: TargetRef
    seq: int
    file: str
    size: int
    packets: int
    sha256: bytes
    md5: bytes
    opened: int
    """Seconds since 1970 when tcpdump opened it."""


@dataclasses.dataclass
class Account:
    """Everything one target has so far."""

    seq: int = 0
    packets: int = 0
    bytes: int = 0
    segments: int = 0
    shipped: int = 0
    evicted_packets: int = 0
    evicted_segments: int = 0
    gaps: int = 0
    last_gap: dict[str, Any] | None = None
    """reason, from_ns, until_ns, packets of the latest, as the manifest has them."""
    ended: tuple[str, str] | None = None
    """(phase, reason) once no tap will be opened any more."""
    opened: int = 0
    """Seconds in the last segment's name: the next name's never fall below them."""
    runs: list[Run] = dataclasses.field(default_factory=list)
    closed: collections.deque[Closed] = dataclasses.field(default_factory=collections.deque)
    """Segments that lie in the spool, oldest first: neither their numbers nor their times ever fall."""

    @property
    def received(self) -> int:
        """What the kernel's filter let through, over all runs."""
        return sum(run.received for run in self.runs)

    @property
    def dropped_kernel(self) -> int:
        """What the packet rings had no room for, over all runs."""
        return sum(run.dropped_kernel for run in self.runs)

    @property
    def dropped_interface(self) -> int | None:
        """What the interfaces counted as dropped while a tap was open; None where that was never read."""
        known = [run.dropped_interface for run in self.runs if run.dropped_interface is not None]
        return sum(known) if known else None

    @property
    def captured(self) -> int:
        """Packets in closed segments, and what tcpdump says it has written since."""
        return sum(max(run.packets, 0 if run.stopped else run.captured) for run in self.runs)
