# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the targets of one capture, taken together, say of it. Pure, over watches. PRIVATE to the collection."""

from __future__ import annotations

from typing import Sequence

from .._records import Target
from .watch import GONE, Watch

DESERTED = "every pod of it here is gone; the same request adds those that have taken their place"


def all_closed(watches: Sequence[Watch], reason: str | None) -> bool:
    """Return whether no tap is open and none will be; ``reason``: why all are to close, None while nothing says so.

    Where a pod has gone, another may take its place, which the same request adds until the deadline.
    """
    return not _recording(watches) and (reason is not None or not _deserted(watches))


def idle_reason(phase: str, watches: Sequence[Watch]) -> str | None:
    """Return why nothing is being recorded though the capture goes on; None where something is."""
    return DESERTED if phase == "ready" and _deserted(watches) and not _recording(watches) else None


def common_reason(watches: Sequence[Watch]) -> str:
    """Return why a capture has ended whose targets have, each for itself."""
    reasons = sorted({watch.reason or "" for watch in watches})
    return reasons[0] if len(reasons) == 1 else "every target has ended"


def is_over(watch: Watch, wanted: Target | None) -> bool:
    """Return whether a watch that ended makes room: nobody wants it any more, or its pod has come back since.

    The process tells: the kernel gives a namespace's inode away again as soon as the namespace is gone.
    """
    if wanted is None:
        return watch.ended and not watch.account.runs
    return watch.ended and watch.reason == GONE and watch.target.pid != wanted.pid


def _recording(watches: Sequence[Watch]) -> bool:
    return any(watch.phase in ("starting", "ready") for watch in watches)


def _deserted(watches: Sequence[Watch]) -> bool:
    return any(watch.phase == "done" and watch.reason == GONE for watch in watches)
