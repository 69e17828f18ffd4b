# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules ``capture`` and ``capture_info`` are asked, turned into calls. PRIVATE to the collection.

A node gets its own record from the plan; called ad hoc with a selection instead, the module chooses on its node, by the
same pure functions.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any, Mapping, Sequence

from .._errors import CaptureError, NodeError, OptionError, PcapError, reason_of
from .._names import check_id
from .._options import NAMES, capture_id, capture_options, check
from .._records import NodeCapture, RecordError, TargetRef, Upload, from_result
from .._selection import parse
from .._units import parse_duration
from . import captures, reading
from .captures import Outcome
from .process import leave_no_core
from .selecting import choose_here
from .spool import Spool, list_captures


def run(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Do what the module ``capture`` is asked; return its result, with the difference it made."""
    try:
        return _start(params, check_mode) if params["state"] == "started" else _change(params, check_mode)
    except OSError as error:
        raise NodeError(reason_of(error)) from None


def _start(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    prefix = "" if params["record"] is None else "capture_"  # a record was planned from the role's options
    _check_root()
    capture = asked(params)
    if isinstance(capture, str):
        return {"changed": False, "capture": None, "msg": capture, "diff": {"before": {}, "after": {}}}
    spool = Spool(capture.options.spool, capture.id)
    before = _shown(_tell([spool]))
    try:
        outcome = captures.start(capture, _ways(params).get(capture.id), check_mode, prefix)
    except OptionError as error:
        raise error.renamed(prefix) from None
    after = _shown(_tell([spool]))
    if check_mode and outcome.changed:
        known = before.get(capture.id, {"targets": []})["targets"]
        after = {capture.id: {"phase": "ready", "targets": sorted({*known, *(one.title for one in capture.targets)})}}
    return {**_result([outcome]), "capture": outcome.capture, "diff": {"before": before, "after": after}}


def _change(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Refresh, stop or remove captures that exist; one that cannot be does not keep the others from it."""
    state, root = params["state"], capture_options({"spool": params["spool"]}).spool
    found = _spools(root, params["id"])
    wait = parse_duration("wait", params["wait"], 0, 86400)
    before = _shown(_tell(found))
    ways, confirmed = _ways(params), _confirmed(params)
    outcomes: list[Outcome] = []
    removed: list[dict[str, Any]] = []
    problems = []
    for spool in found:
        try:
            if state == "refreshed":
                if confirmed.get(spool.id) and not check_mode:
                    outcomes.append(captures.confirm(spool, confirmed[spool.id]))
                outcomes.append(captures.refresh(spool, ways.get(spool.id), check_mode))
            elif state == "stopped":
                outcomes.append(captures.stop(spool, wait, check_mode))
            else:
                outcomes += _remove(spool, params, wait, check_mode, removed)
        except (PcapError, OSError) as error:
            problems.append(reason_of(error) if isinstance(error, OSError) else str(error))
    if problems:
        raise CaptureError("; ".join(problems))
    result = _result(outcomes)
    told = _tell(found, params["segments"])
    after = _shown(told)
    if check_mode and result["changed"]:
        phase = {"refreshed": "ready", "stopped": "done"}.get(state)
        after = {name: {**one, "phase": phase} for name, one in before.items()} if phase else {}
    if state in ("refreshed", "stopped"):
        result["uploads"] = _uploads(found)
    result["capture"] = outcomes[-1].capture if outcomes else None
    result.update(captures=told, others=_others(root, params["id"]))
    result["diff"] = {"before": before, "after": after}
    return {**result, "removed": removed} if state == "absent" else result


def _remove(
    spool: Spool, params: Mapping[str, Any], wait: int, check_mode: bool, removed: list[dict[str, Any]]
) -> list[Outcome]:
    """Remove a capture; ``removed`` takes what there was to tell of it right before."""
    stopped = [] if params["force"] else [captures.stop(spool, wait, check_mode)]
    if spool.exists:  # no other call has removed it since
        removed.append(_told(spool))
    return [*stopped, captures.remove(spool, params["force"], check_mode)]


def info(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the module ``capture_info`` tells."""
    try:
        root = capture_options({"spool": params["spool"]}).spool
        return {"captures": _tell(_spools(root, params["id"] or "all"), params["segments"])}
    except OSError as error:
        raise NodeError(reason_of(error)) from None


def asked(params: Mapping[str, Any]) -> NodeCapture | str:
    """Return what is to be recorded here: the plan's record, or what the selections match on this node.

    Called ad hoc on many nodes, one that nothing matches on has no part: then it is a sentence that says so. A node
    that cannot tell whether something matches raises TargetError.
    """
    if params["record"] is not None:
        return _from_record(params["record"])
    if params["targets"] is None:
        raise OptionError("targets", "nothing is selected", "write a selection such as pods shop app=web")
    selections = parse("targets", params["targets"])
    options = capture_options({name: params[name] for name in NAMES})
    view, targets = choose_here(selections, params["kube_node_name"])
    if isinstance(targets, str):
        return targets
    id = capture_id("id", params["id"], selections, options)
    return NodeCapture(id, view.node.name or "", selections, options, targets)


def _ways(params: Mapping[str, Any]) -> dict[str, Upload]:
    """Return how this node may write to buckets, by capture; ``policies`` is one text so that all of it is secret."""
    try:
        if params["policies"]:
            leave_no_core()
        values = json.loads(params["policies"] or "{}")
        return {name: from_result(Upload, value) for name, value in values.items()}
    except (ValueError, AttributeError, RecordError):
        raise OptionError("policies", "it is not what the action made", "leave it out") from None


def _confirmed(params: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return what the controller found of captures' files elsewhere, by capture."""
    told = params["confirmed"] or {}
    try:
        return {name: [_read_confirmed(one) for one in files] for name, files in told.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise OptionError("confirmed", "it is not what the action made", "leave it out") from None


def _read_confirmed(one: Mapping[str, Any]) -> dict[str, Any]:
    generation = one.get("generation")
    names = {name: one[name] for name in ("file", "sink", "object")}
    if not all(isinstance(text, str) or (name == "object" and text is None) for name, text in names.items()):
        raise TypeError
    return {**names, "generation": None if generation is None else int(generation), "crc32c": one.get("crc32c")}


def _uploads(spools: Sequence[Spool]) -> list[dict[str, Any]]:
    """Return what captures need of the controller; one that is damaged, or removed just now, needs nothing."""
    told = []
    for spool in spools:
        with contextlib.suppress(CaptureError, FileNotFoundError):
            if reading.wants_upload(spool) or reading.needs_reader(spool):
                told.append(reading.upload_of(spool))
    return told


def _from_record(record: Mapping[str, Any]) -> NodeCapture:
    try:
        capture = from_result(NodeCapture, record)
    except (KeyError, TypeError, ValueError) as error:
        raise OptionError("record", "it is not one that the plan made (%s)" % error, "pass it on unchanged") from None
    check_id("record.id", capture.id)
    check(capture.options, "record.")
    if not capture.targets:
        raise OptionError("record", "it has no targets", "leave out a node that has no part in the capture")
    return capture


def _spools(root: str, wanted: object) -> list[Spool]:
    """Return the captures of an id, or all; an id that this node has no part in is none."""
    _check_root()
    if wanted is None or wanted == "":
        raise OptionError("id", "no capture is named", "write its id, or all")
    ids = list_captures(root) if wanted == "all" else [check_id("id", wanted)]
    return [spool for spool in (Spool(root, one) for one in ids) if spool.exists]


def _others(root: str, wanted: str) -> list[str]:
    """Return the ids of the captures beside the one that was asked for; what cannot be looked into is not told."""
    try:
        return [] if wanted == "all" else [id for id in list_captures(root) if id != wanted]
    except OSError:
        return []


def _result(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    result: dict[str, Any] = {"changed": any(one.changed for one in outcomes)}
    messages = [one.message for one in outcomes if one.message]
    if messages:
        result["msg"] = "; ".join(messages)
    return result


def _check_root() -> None:
    """Raise NodeError for who is not root, cannot look into a spool, and must not be told that there is nothing."""
    if os.geteuid() != 0:
        raise NodeError("captures are made and seen by root alone; run it with become")


def _tell(spools: Sequence[Spool], segments: bool = False) -> list[dict[str, Any]]:
    """Return what there is to tell of captures, those that are removed meanwhile left out."""
    told = []
    for spool in spools:
        if spool.exists:
            one = _told(spool)
            if segments:
                one["segment_list"] = reading.segment_list(spool)
            if spool.exists:
                told.append(one)
    return told


def _told(spool: Spool) -> dict[str, Any]:
    """Return what there is to tell of a capture; one whose files are damaged must not hide the others."""
    try:
        return reading.describe(spool)
    except CaptureError as error:
        return reading.unreadable(spool, str(error))


def _shown(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a difference shows of captures: id to phase and targets."""
    refs = {one["id"]: [from_result(TargetRef, target["target"]) for target in one["targets"]] for one in told}
    return {one["id"]: {"phase": one["phase"], "targets": sorted(ref.title for ref in refs[one["id"]])} for one in told}
