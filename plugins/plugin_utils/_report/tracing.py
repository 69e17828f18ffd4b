# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play has to say that has made a trace. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ...module_utils._records import to_result
from .._trace.answers import Told
from .._trace.assembling import assemble
from .._trace.hops import end
from .._trace.records import Planned
from .._trace.result import Result
from .._trace.runs import joined
from .parts import count
from .text import clean
from .traces import WIDE, result_text, trace_text


@dataclasses.dataclass(frozen=True)
class TraceReport:
    """What a play has to say in the end."""

    trace: dict[str, Any] | None
    """The result; None where nothing was sent."""
    text: str
    failure: str | None = None
    """Why the play must fail, though hosts answered."""

    def with_places(self, stored: Sequence[str], failures: Sequence[str]) -> TraceReport:
        """Return the report of a result that is stored; a place that fails takes nothing away from what is told."""
        lines = [self.text, *("stored as %s" % clean(place) for place in stored)]
        failure = "; ".join([*([self.failure] if self.failure else []), *failures]) or None
        return dataclasses.replace(self, text="\n".join(lines), failure=failure)


def report_trace(
    planned: Planned, told: Told, expect: str | None, width: int, earlier: Result | None = None
) -> TraceReport:
    """Return the report.

    expect: an outcome without which the play fails. width: of the terminal, in columns. earlier: of a second run: what
    the first one came to.
    """
    failure, result = None, earlier
    if told.sent is not None:
        made = assemble(planned, told.tapped, told.sent, told.problems)
        result = made if earlier is None else joined(earlier, made)
    elif earlier is not None:
        failure = "trace %s: it was not sent a second time; %s" % (planned.id, _why_unsent(planned, told))
    if result is None:
        return TraceReport(None, "", "trace %s: nothing was sent; %s" % (planned.id, _why_unsent(planned, told)))
    verdict = result.verdict
    if expect and verdict.outcome != expect:
        text = "trace %s: %s was expected, and it was %s: %s"
        unmet = text % (planned.id, expect, verdict.outcome, verdict.text)
        failure = unmet if failure is None else "%s; %s" % (failure, unmet)
    return TraceReport(to_result(result), result_text(result, width), failure)


def _why_unsent(planned: Planned, told: Told) -> str:
    why = ["%s: %s" % one for one in sorted(told.problems.items())]
    if told.why_unsent is not None:
        why.append("%s: %s" % (planned.places[planned.source_place].host, told.why_unsent))
    return "; ".join(why) or "its host was not asked"


def pretend_trace(planned: Planned) -> TraceReport:
    """Return the report of a trace that was only planned."""
    where = end(planned.address, planned.port)
    probes = count(len(planned.marks) - len(planned.questions), "probe")
    told = "%s from %s to %s (%s)" % (probes, planned.source, planned.destination, where)
    if planned.problem is not None:
        told = "nothing from %s to %s, which has no address (%s)" % (
            planned.source,
            planned.destination,
            planned.problem,
        )
    if planned.questions:
        told += ", and %s for the name" % count(len(planned.questions), "question")
    lines = ["trace %s: would send %s, and watch" % (planned.id, told)]
    lines += ["  %s" % place.title for place in planned.places]
    return TraceReport(None, "\n".join(map(clean, lines)))


def show_trace(stored: dict[str, Any], width: int) -> TraceReport:
    """Return the report of a stored result; raise FileError for what is none."""
    return TraceReport(stored, trace_text(stored, width >= WIDE))
