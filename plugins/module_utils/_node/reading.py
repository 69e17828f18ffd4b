# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells what a capture on this node is doing, from its files alone. PRIVATE to the collection."""

from __future__ import annotations

import os
import time
from typing import Any

from .._endings import lacks_manifest
from .._errors import CaptureError
from .._records import Target, TargetRef, from_result, to_result
from .._sinks import MANIFEST, is_bucket, manifest_parts, parse_bucket
from .ledger import Ledger
from .manifest import read_manifest
from .retention import Share
from .segments import md5_of
from .spool import Spool, Wanted

_STALE_NS = 15_000_000_000
_LONG_NS = 6 * 86400 * 1_000_000_000
_TOTALS = ("segments", "shipped", "unconfirmed", "evicted", "evicted_packets", "backlog_bytes", "disk_bytes")
_FIGURES = ("packets", "received", "dropped_kernel", "dropped_interface", "segments", "shipped", "bytes", "gaps")


def is_finished(spool: Spool) -> bool:
    """Return whether the capture has come to its end, by its supervisor's own word."""
    state = spool.read_state()
    return state is not None and state["phase"] in ("done", "failed")


def may_record(spool: Spool) -> bool:
    """Return whether the capture has open taps, or will have: also a dead recorder goes on when it is started again."""
    state = spool.read_state()
    return spool.is_accepted and (state is None or state["phase"] in ("starting", "ready"))


def describe(spool: Spool) -> dict[str, Any]:
    """Return one capture as ``capture_info`` tells it (design: results of the modules)."""
    wanted, state = spool.read_wanted(), spool.read_state()
    if wanted is None:
        raise CaptureError("%s holds no capture" % spool.folder)
    phase, reason = _phase(spool, state)
    state = state or {}
    sink = wanted.capture.options.sink
    targets = [_target(one) for one in state.get("targets", [])] or [
        _target({"target": to_result(target), "phase": phase, "reason": reason}) for target in wanted.capture.targets
    ]
    return {
        "id": spool.id,
        "node": wanted.capture.node,
        "phase": phase,
        "reason": reason,
        "started": timestamp(wanted.started_ns),
        "deadline": timestamp(state.get("deadline_ns", wanted.deadline_ns)),
        "seconds_left": _seconds_left(phase, state.get("deadline_ns", wanted.deadline_ns)),
        "targets": targets,
        "sink": sink,
        "spool": spool.folder,
        **{name: state.get(name, 0) for name in _TOTALS},
        "stored_in": state.get("stored_in", {}),
        "settled": state.get("settled", False),
        "last_error": state.get("last_error"),
    }


def unreadable(spool: Spool, reason: str) -> dict[str, Any]:
    """Return the same of a capture whose ``capture.json`` is damaged: why, and nothing else."""
    unknown = dict.fromkeys(("node", "started", "deadline", "sink", "last_error"))
    told = {
        "id": spool.id,
        "phase": "failed",
        "reason": reason,
        "seconds_left": 0,
        "targets": [],
        "spool": spool.folder,
    }
    return {**unknown, **dict.fromkeys(_TOTALS, 0), "stored_in": {}, "settled": False, **told}


def brief(spool: Spool) -> dict[str, Any]:
    """Return what the module ``capture`` tells of one: id, phase, deadline, targets with their phases and reasons."""
    full = describe(spool)
    targets = [{**one["target"], "phase": one["phase"], "reason": one["reason"]} for one in full["targets"]]
    return {"id": spool.id, "phase": full["phase"], "deadline": full["deadline"], "targets": targets}


def by_ref(spool: Spool) -> dict[TargetRef, dict[str, Any]]:
    """Return the supervisor's word on each target."""
    state = spool.read_state() or {}
    return {from_result(Target, one["target"]).ref: one for one in state.get("targets", [])}


def wants_upload(spool: Spool) -> bool:
    """Return whether a capture wants another upload policy: it has none, it was refused, or it ends too early.

    None lives longer than seven days: one that lasts for six is not renewed.
    """
    wanted, state = spool.read_wanted(), spool.read_state() or {}
    if wanted is None or not is_bucket(wanted.capture.options.sink) or wanted.capture.options.upload != "policy":
        return False
    way = spool.read_upload()
    if state.get("phase") in ("done", "failed"):
        return False
    end = wanted.deadline_ns + wanted.capture.options.grace_seconds * 1_000_000_000
    return way is None or state.get("refused", False) or way.expires_ns < min(end, time.time_ns() + _LONG_NS)


def upload_of(spool: Spool) -> dict[str, Any]:
    """Return what a capture needs of the controller.

    Shape: id, node, sink, renew (whether it wants a policy), seconds (that it is to last), most (bytes of an object),
    unconfirmed (files that may be in the bucket: file, object, bytes, md5 in hex).
    """
    wanted = spool.read_wanted()
    if wanted is None:
        raise CaptureError("%s holds no capture" % spool.folder)
    options = wanted.capture.options
    left = (wanted.deadline_ns - time.time_ns()) // 1_000_000_000 + options.grace_seconds
    return {
        "id": spool.id,
        "node": wanted.capture.node,
        "sink": options.sink,
        "renew": wants_upload(spool),
        "seconds": max(left, 60),
        "most": options.keep_bytes,
        "unconfirmed": _unconfirmed(spool, wanted) if needs_reader(spool) else [],
    }


def awaits_reader(spool: Spool) -> bool:
    """Return whether a capture ends once somebody has looked into its bucket, and not before."""
    state = spool.read_state() or {}
    left = state.get("segments", 0) - state.get("shipped", 0) - state.get("evicted", 0)
    return state.get("phase") == "draining" and 0 < state.get("unconfirmed", 0) >= left


def needs_reader(spool: Spool) -> bool:
    """Return whether something of the capture may be in the bucket, and nobody has looked."""
    return bool((spool.read_state() or {}).get("unconfirmed"))


def waits(spool: Spool, file: str) -> bool:
    """Return whether a segment lies here, or a manifest that the capture cannot end without."""
    if file == MANIFEST:
        lacking = lacks_manifest((spool.read_state() or {}).get("reason"))
        return spool.is_accepted and (lacking or needs_reader(spool) or not is_finished(spool))
    return os.path.basename(file) == file and os.path.exists(spool.path("segments", file))


def _unconfirmed(spool: Spool, wanted: Wanted) -> list[dict[str, Any]]:
    ledger = Ledger(read_manifest(spool.path(MANIFEST)))
    closed = list(ledger.closed())
    found = [
        {"file": one.file, "object": ledger.unconfirmed[one.file], "bytes": one.size, "md5": one.md5.hex()}
        for one in closed
        if one.file in ledger.unconfirmed
    ]
    if not closed and is_bucket(wanted.capture.options.sink):  # the manifest goes when nothing else is left
        bucket = parse_bucket("sink", wanted.capture.options.sink or "")
        name = bucket.object(manifest_parts(spool.id, wanted.capture.node))
        size, md5 = os.stat(spool.path(MANIFEST)).st_size, md5_of(spool.path(MANIFEST))
        found.append({"file": MANIFEST, "object": name, "bytes": size, "md5": md5})
    return found


def shares(spool: Spool) -> list[Share]:
    """Return what the taps that are open take of the capture's memory and disk."""
    living = [one for one in by_ref(spool).values() if one["phase"] not in ("done", "failed")]
    return [Share(one["buffer_kib"], one["segment_bytes"]) for one in living]


def segment_list(spool: Spool) -> list[dict[str, Any]]:
    """Return every segment of the manifest with where it is: ``spool``, ``sink`` or ``evicted``."""
    found: dict[tuple[TargetRef, int], dict[str, Any]] = {}
    for event in read_manifest(spool.path(MANIFEST)):
        kind = event.get("event")
        if kind not in ("segment", "stored", "evicted") or event.get("seq") is None:
            continue
        key = (from_result(TargetRef, event["target"]), event["seq"])
        if kind == "segment":
            found[key] = {**event, "where": "spool", "sink": None, "object": None}
        elif key in found:
            where = "sink" if kind == "stored" else "evicted"
            found[key].update(where=where, sink=event.get("sink"), object=event.get("object"))
    return list(found.values())


def timestamp(time_ns: int) -> str:
    """Return a time as RFC 3339 has it, in UTC, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_ns // 1_000_000_000))


def _phase(spool: Spool, state: dict[str, Any] | None) -> tuple[str, str | None]:
    """Return phase and reason; a supervisor that is not there cannot be ready, whatever it wrote last."""
    if not spool.running:
        state = spool.read_state()  # it may have written its last since, and ended
        if state is None or state["phase"] not in ("done", "failed"):
            return "failed", "the recorder is not running; capture or status starts it again"
    if state is None:
        return "starting", None
    if state["phase"] not in ("done", "failed") and time.time_ns() - state["written_ns"] > _STALE_NS:
        return "failed", "the recorder cannot write its state; is the disk full?"
    return state["phase"], state["reason"]


def _seconds_left(phase: str, deadline_ns: int) -> int:
    return max(0, (deadline_ns - time.time_ns()) // 1_000_000_000) if phase in ("starting", "ready") else 0


def _target(one: dict[str, Any]) -> dict[str, Any]:
    kept = {"target": one["target"], "phase": one["phase"], "reason": one["reason"]}
    return {**kept, **{name: one.get(name, 0) for name in _FIGURES}, "last_gap": _gap(one.get("last_gap"))}


def _gap(told: dict[str, Any] | None) -> dict[str, Any] | None:
    if told is None:
        return None
    until = told["until_ns"] and timestamp(told["until_ns"])
    return {"since": timestamp(told["from_ns"]), "until": until, "packets": told["packets"], "reason": told["reason"]}
