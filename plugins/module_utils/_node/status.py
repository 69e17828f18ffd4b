# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture's supervisor tells of it: the shape of ``state.json``. PRIVATE to the collection.

``packets`` is exact for closed segments; for the file that is being written it is what tcpdump says it has captured.
``received - dropped_kernel - packets`` is ``unread``, not loss: on ``any`` it holds each loopback packet's outgoing
copy, after a packet count the surplus, after a stop what came since. What was lost otherwise is a gap.
"""

from __future__ import annotations

from typing import Any, Sequence

from .._records import to_result
from .holdings import Holdings
from .outbox import Outbox
from .retention import on_disk
from .spool import Wanted
from .watch import Watch


def build(
    wanted: Wanted, phase: str, reason: str | None, watches: Sequence[Watch], holdings: Holdings, outbox: Outbox
) -> dict[str, Any]:
    """Return one capture's state as plain JSON types; sizes in bytes, times in nanoseconds since 1970."""
    targets = [_target(watch) for watch in watches]
    sink = wanted.capture.options.sink
    return {
        "id": wanted.capture.id,
        "phase": phase,
        "reason": reason,
        "started_ns": wanted.started_ns,
        "targets": targets,
        "segments": sum(one["segments"] for one in targets),
        "shipped": sum(one["shipped"] for one in targets),
        "evicted": sum(watch.account.evicted_segments for watch in watches),
        "evicted_packets": sum(one["evicted_packets"] for one in targets),
        "backlog_bytes": outbox.backlog_bytes(),
        "disk_bytes": holdings.disk_bytes() + open_bytes(watches),
        "sink": sink,
        "stored_in": holdings.stored_in(),
        "settled": all(watch.ended for watch in watches) and not holdings.unfinished,
        "last_error": outbox.last_error,
        "unconfirmed": outbox.shipper.unconfirmed,
        "refused": outbox.shipper.refused,
    }


def open_bytes(watches: Sequence[Watch]) -> int:
    """Return what the files that are being written take of the disk."""
    return sum(on_disk(watch.tap.open_bytes()) for watch in watches if watch.tap is not None)


def _target(watch: Watch) -> dict[str, Any]:
    account = watch.account
    return {
        "target": to_result(watch.target),
        "phase": watch.phase,
        "reason": watch.reason,
        "packets": account.captured,
        "received": account.received,
        "dropped_kernel": account.dropped_kernel,
        "dropped_interface": account.dropped_interface,
        "segments": account.segments,
        "shipped": account.shipped,
        "bytes": account.bytes,
        "evicted_packets": account.evicted_packets,
        "gaps": account.gaps,
        "last_gap": account.last_gap,
        "buffer_kib": watch.share.buffer_kib,
        "segment_bytes": watch.share.segment_bytes,
    }
