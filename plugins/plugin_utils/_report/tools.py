# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tools wrote in targets' namespaces, as text for people and data for programs. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...module_utils._records import Target, from_result
from ...module_utils._units import format_size
from .._play import Answer
from .parts import conclude, count

_INDENT = "  "
_LINES = 1000
"""Most lines of a stream that are printed."""


@dataclasses.dataclass(frozen=True)
class ToolReport:
    """What a play has to say in the end."""

    results: list[dict[str, Any]]
    """What the module returned for each target, with the key ``host``."""
    unasked: tuple[dict[str, str], ...]
    """{host, reason} of each host that gave no answer."""
    text: str
    failure: str | None = None
    """Why the play must fail, though hosts answered."""


def report_tools(answers: Sequence[Answer], check_mode: bool = False) -> ToolReport:
    """Return what a play has to say whose last answers are of ``netns_command``, or of a task that was skipped."""
    results = [{"host": a.host, **one} for a in answers if a.result for one in a.result.get("results", ())]
    lines = [line for one in results for line in _one(one, check_mode)]
    lines.append(_summary(results, check_mode))
    made = conclude(None, [], [dataclasses.replace(answer, messages=()) for answer in answers], lines)
    return ToolReport(results, made.unasked, made.text)


def _summary(results: Sequence[Mapping[str, Any]], check_mode: bool) -> str:
    if not results:
        return "nothing ran on any host that answered"
    ran = [one for one in results if _has_run(one) or (check_mode and not one["error"])]
    failed = sum(1 for one in ran if one["error"] or one["rc"] or one["timed_out"])
    told = []
    if ran:
        nodes = count(len({one["host"] for one in ran}), "node")
        told.append("%s for %s on %s" % ("would run" if check_mode else "ran", count(len(ran), "target"), nodes))
    if failed:
        told.append("%d failed" % failed)
    if len(ran) < len(results):
        told.append("nothing ran for %s" % count(len(results) - len(ran), "target"))
    return "; ".join(told)


def _has_run(one: Mapping[str, Any]) -> bool:
    return one["rc"] is not None or one["timed_out"] or one["lost"]


def _one(one: Mapping[str, Any], check_mode: bool) -> Iterator[str]:
    """Yield the lines about one target."""
    target = from_result(Target, one["target"])
    state = _state(one, check_mode)
    told = state if state.startswith(target.title) else "%s: %s" % (target.title, state)
    yield "%s  %s" % (target.node or one["host"], told)
    if one["dest"]:
        bound = ", and there was more" if one["dest_cut"] else ""
        yield "%s%s in %s%s" % (_INDENT, format_size(one["dest_bytes"]), one["dest"], bound)
    else:
        yield from _stream(one, "stdout")
    if one["stderr_bytes"]:
        yield _INDENT + "standard error:"
        yield from (_INDENT + line for line in _stream(one, "stderr"))


def _state(one: Mapping[str, Any], check_mode: bool) -> str:
    if one["error"]:
        return str(one["error"])
    if check_mode:
        return "would run %s" % " ".join(one["argv"])
    return "%src %s" % ("timed out, " if one["timed_out"] else "", one["rc"])


def _stream(one: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the lines of a stream, indented; all of it is in the data."""
    if one["encoding"] == "base64":
        if one[name + "_bytes"]:
            yield "%s%s, in base64 in exec_result" % (_INDENT, format_size(one[name + "_bytes"]))
        return
    lines = one[name].split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    for line in lines[:_LINES]:
        yield _INDENT + line.rstrip("\r").expandtabs()
    if len(lines) > _LINES or one[name + "_cut"]:
        kept = "" if one[name + "_cut"] else ", all of it in exec_result"
        yield "%s… of %s%s" % (_INDENT, format_size(one[name + "_bytes"]), kept)
