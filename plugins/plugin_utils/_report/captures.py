# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts told of captures, as text for people and data for programs. PRIVATE to the collection.

Backlog, disk and time left belong to a capture on its node, and stand in the line of its first target there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...module_utils._records import Target, from_result
from ...module_utils._units import format_duration, format_size
from .._play import Answer
from .parts import Captures, Report, by_node, conclude, count, nothing_there
from .text import table

_STARTED = ("NODE", "TARGET", "CONTAINER", "PHASE", "UNTIL")
_STATUS = ("NODE", "TARGET", "PHASE", "PACKETS", "DROPS", "SEGMENTS", "SHIPPED", "BACKLOG", "DISK", "TIME LEFT")
_SEGMENTS = ("NODE", "TARGET", "SEQ", "PACKETS", "BYTES", "WHERE", "FILE")
_FIGURES = ("SEQ", "BYTES", *_STATUS[3:])
_OVER = {
    "draining": "nothing is being recorded now on %s: capture %s is ending there",
    "done": "nothing is being recorded now on %s: capture %s is finished there",
    "failed": "nothing is known to be recorded now on %s: capture %s has failed there",
}
"""What a start has to say that found its capture in one of these phases."""
_AGAIN = (
    "%s, and was to end at %s; choose another capture_id, or remove it with"
    """ kube.pcap.stop -e '{"capture_id": "%s", "capture_remove": true}'"""
)


def report_captures(
    of: str,
    answers: Sequence[Answer],
    id: str | None,
    segments: bool = False,
    lenient: bool = False,
    check_mode: bool = False,
) -> Report:
    """Return what a play has to say.

    of: start, status, stop or remove; the last answers are of ``capture``, or, but for start, of ``capture_info``.
    id: the capture that was asked for; None, empty or all for every one. lenient: none is no failure.
    """
    if of == "start":
        return _started(str(id), answers)
    wanted = None if id in (None, "", "all") else id
    results = [(answer.host, answer.result) for answer in answers if answer.result]
    told = [{"host": host, **capture} for host, result in results for capture in result["captures"]]
    captures = [capture for capture in told if wanted in (None, capture["id"])]
    ids = sorted({capture["id"] for capture in captures})
    lines = [line for one in ids for line in _one([c for c in captures if c["id"] == one], segments)]
    failure = None
    if of == "remove" or (ids and of == "stop" and check_mode):
        lines += _done(of, answers, check_mode)
    elif not ids and results:
        others = {capture["id"] for capture in told}.union(*(result.get("others", ()) for _host, result in results))
        none = nothing_there(wanted, ", ".join(sorted(others)))
        late = any(answer.waiting for answer in answers)
        failure = "capture_id: " + none if wanted and not lenient and not late else None
        lines += [none] if failure is None else []
    return conclude(ids[0] if len(ids) == 1 else None, captures, answers, lines, failure)


def _started(id: str, answers: Sequence[Answer]) -> Report:
    captures = [{"host": a.host, **a.result["capture"]} for a in answers if a.result and a.result["capture"]]
    rows, reasons = [], []
    for capture in captures:
        for value in capture["targets"]:
            target = from_result(Target, value)
            phase = value.get("phase") or capture["phase"] or "planned"
            rows.append((target.node, target.title, target.container, phase, capture["deadline"]))
            if value.get("reason") and capture["phase"] not in _OVER:
                reasons.append((str(target.node), "%s: %s" % (target.title, value["reason"])))
    lines = ["capture %s: %s" % (id, "; ".join(_what_is_known(len(rows), len(captures), answers)))]
    lines += table(_STARTED, rows) if rows else []
    made = conclude(id, captures, answers, lines + by_node(reasons))
    return dataclasses.replace(made, warnings=tuple(_over(id, answers)))


def _what_is_known(targets: int, nodes: int, answers: Sequence[Answer]) -> Iterator[str]:
    """Yield how many targets answered, and how many hosts did not; a host that refused may well record."""
    silent = sum(answer.result is None for answer in answers)
    if nodes:
        yield "%s on %s" % (count(targets, "target"), count(nodes, "node"))
    elif not silent:
        yield "no target was chosen on the hosts of this play"
    if silent:
        yield "%s gave no result" % count(silent, "host")


def _over(id: str, answers: Sequence[Answer]) -> Iterator[str]:
    """Yield where a start found the capture over, until when it was to run, and how to record again."""
    own = [(a.host, a.result["capture"]) for a in answers if a.result and a.result["capture"] and not a.changed]
    for phase, text in _OVER.items():
        found = [(host, str(capture["deadline"])) for host, capture in own if capture["phase"] == phase]
        if found:
            told = text % (", ".join(host for host, _deadline in found), id)
            yield _AGAIN % (told, max(deadline for _host, deadline in found), id)


def _done(of: str, answers: Sequence[Answer], check_mode: bool) -> list[str]:
    """Return who did it or would, or that there was nothing to do, where every host says so."""
    hosts = ", ".join(answer.host for answer in answers if answer.changed and answer.result)
    if hosts:
        done = ("would be " if check_mode else "") + ("removed from " if of == "remove" else "stopped on ") + hosts
        return [*_lost(answers, check_mode), done]
    if any(answer.result is None for answer in answers):
        return []
    return ["nothing was there to %s" % of]


def _lost(answers: Sequence[Answer], check_mode: bool) -> list[str]:
    """Return a line for each capture that was removed with files that were nowhere else."""
    files: dict[str, dict[str, int]] = {}
    for answer in answers:
        for one in (answer.result or {}).get("removed", ()):
            left = one["segments"] - one["shipped"] - one["evicted"]
            if left > 0:
                files.setdefault(one["id"], {})[answer.host] = left
    goes = "would go" if check_mode else "went"
    text = "capture %s: %s %s with it that nobody had collected (on %s)"
    return [text % (id, count(sum(on.values()), "file"), goes, ", ".join(on)) for id, on in sorted(files.items())]


def _one(captures: Captures, segments: bool) -> list[str]:
    """Return the lines about one capture on all its nodes."""
    lines = ["capture %s" % captures[0]["id"]]
    lines += table(_STATUS, [row for capture in captures for row in _rows(capture)], _FIGURES)
    lines += by_node((_node(capture), reason) for capture in captures for reason in _reasons(capture))
    lines += by_node(
        (_node(capture), place) for capture in captures if capture["segments"] for place in _places(capture)
    )
    if segments:
        listed = [_segment(capture, one) for capture in captures for one in capture.get("segment_list", ())]
        lines += ["", *table(_SEGMENTS, listed, _FIGURES)] if listed else []
    return [*lines, ""]


def _node(capture: Mapping[str, Any]) -> str:
    """Return the node's name; a capture whose record is damaged does not know it."""
    return str(capture["node"] or capture["host"])


def _rows(capture: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    sink = capture["sink"]
    away = sink or capture["stored_in"]
    left = format_duration(capture["seconds_left"]) if capture["seconds_left"] else "-"
    last = (format_size(capture["backlog_bytes"]) if sink else "-", format_size(capture["disk_bytes"]), left)
    for one in capture["targets"]:
        target = from_result(Target, one["target"])
        shipped = one["shipped"] if away else "-"
        phase = "draining" if (capture["phase"], one["phase"]) == ("draining", "done") else one["phase"]
        figures = (phase, one["packets"], one["dropped_kernel"], one["segments"], shipped)
        yield (target.node, target.title, *figures, *last)
        last = ("", "", "")


def _reasons(capture: Mapping[str, Any]) -> Iterator[str]:
    """Yield everything that the figures do not say."""
    if capture["reason"]:
        yield capture["reason"]
    for one in capture["targets"]:
        title = from_result(Target, one["target"]).title
        if one["reason"] and one["reason"] != capture["reason"]:
            yield "%s: %s" % (title, one["reason"])
        if one["dropped_interface"]:
            yield "%s: its interfaces dropped %s" % (title, count(one["dropped_interface"], "packet"))
        if one["gaps"]:
            yield "%s: %s, %s" % (title, count(one["gaps"], "gap"), _gap(one["last_gap"], one["gaps"] > 1))
    if capture["evicted"]:
        what = count(capture["evicted"], "file"), count(capture["evicted_packets"], "packet")
        yield "%s with %s deleted unshipped, since a bound was reached" % what
    if capture["unconfirmed"]:
        what = count(capture["unconfirmed"], "file"), capture["sink"]
        yield "%s without a confirmation, and perhaps in %s: status and collect compare" % what
    if capture["last_error"]:
        yield "%s: %s" % ("shipping" if capture["sink"] else "closing files", capture["last_error"])


def _gap(gap: Mapping[str, Any], several: bool) -> str:
    span = "from %s to %s" % (gap["since"], gap["until"]) if gap["until"] else "from %s on" % gap["since"]
    lost = "; at least %s lost" % count(gap["packets"], "packet") if gap["packets"] else ""
    return "%s%s: %s%s" % ("the last " if several else "", span, gap["reason"], lost)


def _places(capture: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the segments are."""
    sink, stored, id = capture["sink"], capture["stored_in"], capture["id"]
    elsewhere = {place: number for place, number in sorted(stored.items()) if place != sink}
    for place, number in elsewhere.items():
        yield "%s collected into %s/%s" % (count(number, "segment"), place, id)
    what = "segments, those that are left," if capture["evicted"] or elsewhere else "segments"
    here = "%s in %s/segments" % (what, capture["spool"])
    if not sink:
        if sum(stored.values()) < capture["segments"]:
            yield here
    elif capture["phase"] in ("done", "failed") and capture["backlog_bytes"]:
        yield "%s; nothing ships them to %s any more, collect does" % (here, sink)
    elif capture["phase"] != "done" or capture["backlog_bytes"]:
        yield "%s until they are in %s/%s" % (here, sink, id)
    elif sink in stored or not elsewhere:
        yield "segments in %s/%s" % (sink, id)


def _segment(capture: Mapping[str, Any], one: Mapping[str, Any]) -> tuple[object, ...]:
    target = from_result(Target, one["target"])
    return capture["node"], target.title, one["seq"], one["packets"], one["bytes"], one["where"], one["file"]
