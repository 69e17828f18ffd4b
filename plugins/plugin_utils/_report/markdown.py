# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's result as Markdown. PRIVATE to the collection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._trace.result import Tap, read_result
from .text import clean
from .traces import HEADINGS, beneath, clocks, manners, row, runs, tap_title

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|!~])")
"""What means something in CommonMark and its tables, wherever it stands."""


def markdown(result: Mapping[str, Any]) -> str:
    """Return a result's verdict, hops and taps as Markdown; raise FileError for what is no result."""
    told = read_result(result)
    lines = [
        "## Trace %s: %s" % (_text(told.id), _text(told.verdict.outcome)),
        "",
        "%s (%s): %s." % tuple(map(_text, (told.verdict.outcome, told.verdict.confidence, told.verdict.text))),
        "",
        "- Expression: `%s`" % clean(told.expression).replace("`", "'"),
        "- Started: %s" % _text(told.started or "nothing was sent"),
        "- Endpoints: %d of %d" % (told.endpoints.seen, told.endpoints.of),
        *("- %s" % _text(line.strip()) for line in (*beneath(told), *clocks(told))),
    ]
    for run in runs(told):
        lines += ["", *(["### " + run.title, ""] if run.title else [])]
        several = len({hop.probe for hop in run.hops}) > 1
        lines += [*_table(HEADINGS, [row(hop, several) for hop in run.hops]), "", "%s." % _text(run.proof), ""]
        lines += _table(("TAP", "PROVEN", "PACKETS", "DROPPED", "PROBLEM"), [_tap(one) for one in run.taps])
    return "\n".join(lines) + "\n"


def _tap(tap: Tap) -> tuple[object, ...]:
    return tap_title(tap), ", ".join(manners(tap)) or "no", tap.packets, tap.dropped, tap.problem


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return ["| %s |" % " | ".join("" if cell is None else _text(cell) for cell in line) for line in lines]


def _text(value: object) -> str:
    """Return text that means nothing but itself; a rule under headings is none of it."""
    return str(value) if value == "---" else _MARKS.sub(r"\\\1", clean(value))
