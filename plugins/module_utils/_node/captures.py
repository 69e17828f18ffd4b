# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts, refreshes, stops, removes and tells the captures of one node. PRIVATE to the collection.

This is what the modules call. It changes what is wanted (``capture.json``), starts supervisors, and waits for what they
make of it; it never touches a tap or a segment itself. Who changes what is wanted reads, decides and writes it in one
turn (``turns.py``), and waits for no sink meanwhile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import time
from typing import Any, ContextManager, Mapping, Sequence

from .._endings import lacks_manifest
from .._errors import CaptureError, NodeError, PcapError, TargetError
from .._options import differences
from .._records import NodeCapture, Target, TargetRef, Upload, to_result
from . import confirmations, launcher, preflight, presence, reading, sinks, supervisors, turns
from .spool import Spool, Wanted, list_captures
from .watch import GONE

_ANSWER_SECONDS = 5.0
_END_SECONDS = 30.0
MOST_CAPTURES = 8
"""That have not ended, in one spool: each has bounds of its own, and these add up."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a call did on this node."""

    changed: bool
    capture: dict[str, Any] | None = None
    """{id, phase, deadline, targets}, or None where this node has no part in the capture."""
    message: str | None = None


def start(asked: NodeCapture, way: Upload | None, check_mode: bool, option_prefix: str = "") -> Outcome:
    """Have exactly this capture run here: start it, add targets to it, or leave it; return when every tap is ready.

    way: to the bucket, where the sink is one. Raises PcapError where that cannot be, with nothing left of the attempt.
    """
    spool = Spool(asked.options.spool, asked.id)
    checked = asked.options.sink is None
    while True:
        if not checked and not spool.is_accepted:  # it may hang, and nobody else is to wait for that
            sinks.check(asked, way, check_mode)
            checked = True
        with _turn(spool, check_mode):
            if checked or spool.is_accepted:  # else it was removed meanwhile
                outcome = _start(spool, asked, way, check_mode, option_prefix)
                return _renewed(spool, way, check_mode, outcome)


def _start(spool: Spool, asked: NodeCapture, way: Upload | None, check_mode: bool, option_prefix: str) -> Outcome:
    if not spool.is_accepted and spool.is_cut_off and spool.is_empty:  # what a start left that was cut off
        if not check_mode:
            supervisors.end(spool)
            spool.clear()
        return _start_new(spool, asked, way, check_mode)
    wanted = spool.read_wanted()
    if wanted is None:
        return _start_new(spool, asked, way, check_mode)
    found = differences(
        (wanted.capture.selections, wanted.capture.options), (asked.selections, asked.options), option_prefix
    )
    if found:
        text = "capture %s exists on %s with other options: %s; choose another id, or stop and remove it first"
        raise CaptureError(text % (asked.id, asked.node, "; ".join(found)))
    if reading.is_finished(spool):
        state = reading.describe(spool)
        text = "capture %s is finished (%s: %s); remove it to start it again"
        return Outcome(False, reading.brief(spool), text % (asked.id, state["phase"], state["reason"]))
    if wanted.stop_reason is not None:
        return Outcome(False, reading.brief(spool), "capture %s is stopping; remove it to start it again" % asked.id)
    added = _added(wanted, asked, reading.by_ref(spool))
    if not added and spool.running:
        return Outcome(False, reading.brief(spool))
    return _go_on(spool, wanted, added, check_mode)


def refresh(spool: Spool, way: Upload | None, check_mode: bool) -> Outcome:
    """Start a dead supervisor again; have a living one take fresh figures, and a better way to its bucket."""
    with _turn(spool, check_mode) if way is not None else contextlib.nullcontext():
        renewed = _renewed(spool, way, check_mode, Outcome(False))
    outcome = _refresh(spool, check_mode)
    messages = [one.message for one in (renewed, outcome) if one.message]
    return Outcome(renewed.changed or outcome.changed, outcome.capture, "; ".join(messages) or None)


def _renewed(spool: Spool, way: Upload | None, check_mode: bool, outcome: Outcome) -> Outcome:
    """Return the outcome with what becomes of an upload policy that is better than the one that the capture has."""
    if way is None or not spool.is_accepted or not reading.wants_upload(spool):
        return outcome
    if not check_mode:
        spool.write_upload(way, sinks.environment())
        with contextlib.suppress(FileNotFoundError):  # removed since
            os.utime(spool.path("capture.json"))  # what waits after a failure is tried at once
        if reading.is_finished(spool):  # just now: nobody uploads any more
            spool.drop_upload()
    return Outcome(True, outcome.capture, outcome.message or "the upload policy of capture %s is renewed" % spool.id)


def _refresh(spool: Spool, check_mode: bool) -> Outcome:
    try:
        if spool.read_wanted() is None:
            return Outcome(False)
    except CaptureError as error:  # that it is damaged is told, and keeps nobody from the others
        return Outcome(False, None, str(error))
    if not supervisors.is_dead(spool):
        if not check_mode and not reading.is_finished(spool):
            before = time.time_ns()
            with contextlib.suppress(FileNotFoundError):  # removed since
                os.utime(spool.path("capture.json"))
            _wait_until_heard(spool, before)
        return Outcome(False, _brief(spool))
    with _turn(spool, check_mode):
        if not supervisors.is_dead(spool):  # another call was faster
            return Outcome(False, _brief(spool))
        if not check_mode:
            supervisors.launch(spool)
    return Outcome(True, _brief(spool), "the recorder of capture %s was not running" % spool.id)


def confirm(spool: Spool, files: Sequence[Mapping[str, Any]]) -> Outcome:
    """Delete what the controller has found elsewhere, each file after its line in the manifest."""
    with turns.taken(spool.root):
        waiting = [one for one in files if reading.waits(spool, one["file"])]
        if not waiting:
            return Outcome(False)
        confirmations.bring(spool, waiting)
        supervisors.wait(lambda: not (spool.has_confirmed and spool.running), _ANSWER_SECONDS)
        if spool.has_confirmed and not spool.running:  # its supervisor has ended without another look
            confirmations.bring(spool, ())
    here = sum(1 for one in waiting if one["object"] is not None)
    then = "stays here" if reading.is_finished(spool) else "sent again"
    told = [
        "confirmed: %d" % here if here else None,
        "not in the bucket, %s: %d" % (then, len(waiting) - here) if here < len(waiting) else None,
    ]
    return Outcome(True, None, "capture %s, files %s" % (spool.id, ", ".join(one for one in told if one)))


def stop(spool: Spool, wait_seconds: float, check_mode: bool) -> Outcome:
    """Close the taps with everything up to now in their files; wait until all is counted and shipped, or that long."""
    with _turn(spool, check_mode):
        wanted = spool.read_wanted()
        if wanted is None or reading.is_finished(spool):
            return Outcome(False, reading.brief(spool) if wanted else None)
        changed = wanted.stop_reason is None
        if check_mode:
            return Outcome(changed, reading.brief(spool))
        before = time.time_ns()
        if changed:
            spool.write_wanted(dataclasses.replace(wanted, stop_reason="stopped"))
        if supervisors.is_dead(spool):
            supervisors.launch(spool)

    def over() -> bool:
        return reading.is_finished(spool) or not spool.running or reading.awaits_reader(spool)

    if changed:  # also where nobody waits: what is told of it then is not of before
        _wait_until_heard(spool, before)
    supervisors.wait(over, wait_seconds)
    return Outcome(changed, _brief(spool))


def _wait_until_heard(spool: Spool, since_ns: int) -> None:
    """Wait until the supervisor has read what was written since, and told its state."""

    def heard() -> bool:
        return (spool.read_state() or {}).get("read_ns", 0) > since_ns or not spool.running

    supervisors.wait(heard, _ANSWER_SECONDS)


def remove(spool: Spool, force: bool, check_mode: bool) -> Outcome:
    """Remove a capture with everything it left here; refused while segments are unshipped, unless forced."""
    with _turn(spool, check_mode):
        there = _may_go(spool, force)
    if check_mode or not there:
        return Outcome(there)
    if spool.running:
        with contextlib.suppress(PcapError):  # a damaged one, or one on a full disk, can be ended, not stopped
            stop(spool, _END_SECONDS, check_mode)
    with turns.taken(spool.root):
        if not _may_go(spool, force):
            return Outcome(False)
        supervisors.end(spool)
        spool.remove()
    return Outcome(True)


def _may_go(spool: Spool, force: bool) -> bool:
    """Return whether there is a capture; raise CaptureError where only force removes it."""
    try:
        wanted = spool.read_wanted()
    except CaptureError:
        if not force:
            raise
        return True
    if wanted is not None and wanted.capture.options.sink and not force:
        state = reading.describe(spool)
        if not reading.is_finished(spool) or state["backlog_bytes"] or lacks_manifest(state["reason"]):
            what = "a manifest" if lacks_manifest(state["reason"]) else "segments"
            text = "capture %s on %s has %s that %s has not confirmed; stop it and wait, collect the rest, or use"
            text += " (capture_)force"
            raise CaptureError(text % (spool.id, wanted.capture.node, what, wanted.capture.options.sink))
    return wanted is not None


def _brief(spool: Spool) -> dict[str, Any] | None:
    """Return what the capture is doing, None where another call has removed it."""
    try:
        return reading.brief(spool)
    except CaptureError:
        if spool.is_accepted:
            raise
        return None


def _turn(spool: Spool, check_mode: bool) -> ContextManager[None]:
    """Return what keeps other changes out; who only looks waits for nobody."""
    return contextlib.nullcontext() if check_mode else turns.taken(spool.root)


def _start_new(spool: Spool, asked: NodeCapture, way: Upload | None, check_mode: bool) -> Outcome:
    _check_number(spool)
    targets = located(asked.targets)
    preflight.check(asked.options, targets)
    if check_mode:
        return Outcome(True, {"id": asked.id, "phase": None, "deadline": None, "targets": to_result(targets)})
    now = time.time_ns()
    deadline = now + asked.options.duration_seconds * 1_000_000_000
    spool.make()
    try:
        launcher.write_archive(spool)
        if way is not None:
            spool.write_upload(way, sinks.environment())
        spool.write_wanted(Wanted(dataclasses.replace(asked, targets=targets), now, deadline))
        supervisors.launch(spool)
        state = reading.describe(spool)
        if state["phase"] == "failed":
            raise CaptureError(state["reason"])
    except (PcapError, OSError) as error:
        with contextlib.suppress(NodeError):
            supervisors.end(spool)
        shutil.rmtree(spool.folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise NodeError("capture %s cannot be started in %s: %s" % (spool.id, spool.root, error.strerror)) from None
        raise
    return Outcome(True, reading.brief(spool))


def _check_number(spool: Spool) -> None:
    """Raise CaptureError where as many other captures record, or would again, as may at a time."""
    others = [
        one for one in list_captures(spool.root) if one != spool.id and reading.may_record(Spool(spool.root, one))
    ]
    if len(others) >= MOST_CAPTURES:
        text = "%d captures in %s have not ended, and a further one would be too many: %s; stop one of them first"
        raise CaptureError(text % (len(others), spool.root, ", ".join(others)))


def _go_on(spool: Spool, wanted: Wanted, added: Sequence[Target], check_mode: bool) -> Outcome:
    """Add targets to a capture, or have its dead supervisor go on."""
    new = located(added)
    if new:
        taken = reading.describe(spool)["disk_bytes"]
        preflight.check(wanted.capture.options, new, reading.shares(spool), taken)
    if check_mode:
        return Outcome(True, reading.brief(spool))
    if new:
        refs = {target.ref for target in new}
        kept = tuple(target for target in wanted.capture.targets if target.ref not in refs)
        wanted = _with_targets(wanted, kept + new)
        spool.write_wanted(wanted)
    if supervisors.is_dead(spool):
        supervisors.launch(spool)
    broken = supervisors.wait_for_targets(spool, new)
    if broken:
        kept = tuple(target for target in wanted.capture.targets if target.ref not in broken)
        spool.write_wanted(_with_targets(wanted, kept))
        raise CaptureError("; ".join("%s: %s" % (ref.title, why) for ref, why in broken.items()))
    return Outcome(True, reading.brief(spool))


def _with_targets(wanted: Wanted, targets: tuple[Target, ...]) -> Wanted:
    return dataclasses.replace(wanted, capture=dataclasses.replace(wanted.capture, targets=targets))


def located(targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return targets with their processes of now; raise TargetError when one has gone since it was resolved."""
    search, now, found = presence.Search(), time.monotonic(), []
    for target in targets:
        there = target.pid is not None and presence.is_there(target)
        one = target if there else search.find(target, now)
        if one is None:
            raise TargetError("%s does not run on this node any more; ask again" % target.title)
        found.append(one)
    return tuple(found)


def _added(wanted: Wanted, asked: NodeCapture, told: Mapping[TargetRef, Mapping[str, Any]]) -> list[Target]:
    """Return the targets that are new, or whose pod has come back after its watch had ended."""
    known = {target.ref: target for target in wanted.capture.targets}
    gone = {ref for ref, one in told.items() if one["reason"] == GONE}
    return [
        target
        for target in asked.targets
        if target.ref not in known or (target.ref in gone and target.pid != known[target.ref].pid)
    ]
