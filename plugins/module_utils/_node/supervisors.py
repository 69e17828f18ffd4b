# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts and ends supervisors, and waits until they have done what was asked. PRIVATE to the collection."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, Sequence

from .._errors import NodeError
from .._records import Target, TargetRef
from . import launcher, reading
from .spool import Spool
from .watch import GONE

_READY_SECONDS = 30.0
_END_SECONDS = 30.0
_POLL_SECONDS = 0.01


def launch(spool: Spool) -> None:
    """Start the supervisor and wait until every tap listens, or it says why not."""
    before = time.time_ns()
    launcher.start(spool)

    def settled() -> bool:
        state = spool.read_state()
        return state is not None and state["written_ns"] > before and state["phase"] != "starting"

    if not wait(settled, _READY_SECONDS):
        text = "the recorder did not become ready within %d s: %s"
        raise NodeError(text % (_READY_SECONDS, launcher.last_words(spool)))


def end(spool: Spool) -> None:
    """End the supervisor, its files stay; raise NodeError where it does not end."""
    # A finished supervisor is on its way out; another one still ships, or hangs on its sink.
    if wait(lambda: not spool.running, _END_SECONDS if reading.is_finished(spool) else 0.0):
        return

    def ended() -> bool:
        launcher.end(spool)  # each time: in its first moment a supervisor has no number yet
        return not spool.running

    if not wait(ended, _END_SECONDS):
        raise NodeError("the recorder of capture %s does not end; is a disk or a mount hanging?" % spool.id)


def is_dead(spool: Spool) -> bool:
    """Return whether there is a capture whose supervisor ended before its end; it writes its last word, then ends."""
    return not spool.running and not reading.is_finished(spool) and spool.is_accepted


def wait_for_targets(spool: Spool, targets: Sequence[Target]) -> dict[TargetRef, str]:
    """Wait until each target has a listening tap, and return why those that cannot have none."""
    silent = {"phase": "starting", "reason": "the recorder has not answered within %d s" % _READY_SECONDS}

    def told() -> dict[TargetRef, dict[str, Any]]:
        words = reading.by_ref(spool)
        return {target.ref: words.get(target.ref, silent) for target in targets}

    def waits(one: Mapping[str, Any]) -> bool:  # of a pod that has come back, the last word may be that it is gone
        return bool(one["phase"] == "starting" or one["reason"] == GONE)

    wait(lambda: not any(map(waits, told().values())), _READY_SECONDS)
    return {ref: str(one["reason"]) for ref, one in told().items() if waits(one) or one["phase"] == "failed"}


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether the condition came true within that time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_SECONDS)
    return True
