# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was collected of captures, as text for people and data for programs. PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...module_utils._units import format_size
from .._play import Answer
from .parts import Captures, Report, by_node, conclude, count, nothing_there
from .text import table

_COLLECTED = ("NODE", "PHASE", "SEGMENTS", "BYTES", "LEFT", "TO")
_FIGURES = ("SEGMENTS", "BYTES", "LEFT")


def report_collected(
    answers: Sequence[Answer], id: str | None, lenient: bool = False, check_mode: bool = False
) -> Report:
    """Return what a play has to say whose last answers are of ``collect``; a host that failed may have told some.

    id: the capture that was asked for; None, empty or all for every one. lenient: none is no failure.
    """
    wanted = None if id in (None, "", "all") else id
    captures = [{"host": a.host, **capture} for a in answers if a.result for capture in a.result["captures"]]
    ids = sorted({capture["id"] for capture in captures})
    lines = [line for one in ids for line in _one([c for c in captures if c["id"] == one], check_mode)]
    failure = None
    if not ids and any(answer.result for answer in answers):
        none = nothing_there(wanted, "")
        late = any(answer.waiting for answer in answers)
        failure = "capture_id: " + none if wanted and not lenient and not late else None
        lines += [none] if failure is None else []
    return conclude(ids[0] if len(ids) == 1 else None, captures, answers, lines, failure)


def _one(captures: Captures, check_mode: bool) -> list[str]:
    """Return the lines about one capture on all its nodes."""
    would = ", as it would be collected" if check_mode else ""
    rows = [_row(capture) for capture in captures]
    told = [(str(capture["node"] or capture["host"]), text) for capture in captures for text in _remarks(capture)]
    return ["capture %s%s" % (captures[0]["id"], would), *table(_COLLECTED, rows, _FIGURES), *by_node(told), ""]


def _row(capture: Mapping[str, Any]) -> tuple[object, ...]:
    figures = (capture["segments"], format_size(capture["bytes"]), capture["left"])
    return (capture["node"] or capture["host"], capture["phase"], *figures, "%s/%s" % (capture["to"], capture["id"]))


def _remarks(capture: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the figures do not say."""
    yield from capture["problems"]
    if capture["gone"]:
        yield "%s shipped by the node, or given up for a bound, meanwhile" % count(capture["gone"], "segment")
    if not capture["settled"]:
        yield "more will come, and the rest of the manifest: collect again once it is done"
