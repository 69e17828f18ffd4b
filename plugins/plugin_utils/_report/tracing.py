# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play has to say that has made a trace. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils._errors import OptionError
from ...module_utils._records import RecordError, from_result, to_result
from ...module_utils._trace_records import Sent, Tapped
from .._play import Answer, problem_of
from .._trace.assembling import assemble
from .._trace.hops import end
from .._trace.records import Planned
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


@dataclasses.dataclass(frozen=True)
class _Tapped:
    """The result of ``tap`` in the state ``read``, or of a task that was skipped."""

    taps: tuple[Tapped, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Injected:
    """The result of ``inject``."""

    sent: tuple[Sent, ...]


def check_tapped(result: Mapping[str, Any]) -> None:
    """Raise RecordError for what is no result of ``tap``, nor of a task that was skipped."""
    from_result(_Tapped, result)


def read_planned(result: Any) -> Planned:
    """Return what a trace was to do, from the result of ``plan``; raise OptionError for anything else."""
    given = result.get("trace") if isinstance(result, Mapping) else None
    try:
        return from_result(Planned, given)
    except RecordError as error:
        right = "name the variable that registered kube.pcap.plan for a trace"
        raise OptionError("plan", "it is not the result of one (%s)" % error, right) from None


def report_trace(
    planned: Planned, answers: Sequence[Answer], sent: Mapping[str, Any] | None, expect: str | None, width: int
) -> TraceReport:
    """Return the report; ``answers`` are of the task that read the taps, ``sent`` the source's host of ``inject``.

    expect: an outcome without which the play fails. width: of the terminal, in columns.
    """
    places = {place.host for place in planned.places}
    problems = {one.host: one.problem or "" for one in answers if one.host in places and one.result is None}
    told = _sent(sent)
    if told is None:
        why = ["%s: %s" % one for one in sorted(problems.items())]
        if sent is not None:
            why.append("%s: %s" % (planned.places[planned.source_place].host, problem_of(sent) or "no answer"))
        text = "trace %s: nothing was sent; %s" % (planned.id, "; ".join(why) or "its host was not asked")
        return TraceReport(None, "", text)
    tapped = {one.host: from_result(_Tapped, one.result).taps for one in answers if one.result is not None}
    result = assemble(planned, tapped, told.sent, problems)
    verdict, failure = result.verdict, None
    if expect and verdict.outcome != expect:
        failure = "trace %s: %s was expected, and it was %s: %s"
        failure %= (planned.id, expect, verdict.outcome, verdict.text)
    return TraceReport(to_result(result), result_text(result, width), failure)


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


def _sent(result: Mapping[str, Any] | None) -> _Injected | None:
    """Return what is known of what was sent; None where nothing was.

    A host that was not reached any more, or did not answer in time, may have sent all of it.
    """
    if result is not None and (result.get("unreachable") or result.get("timedout")):
        return _Injected(())
    if result is None or problem_of(result):
        return None
    try:
        return from_result(_Injected, result)
    except RecordError:
        return _Injected(())
