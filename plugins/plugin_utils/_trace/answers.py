# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts of a play answered when a trace was sent and its taps were read. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils._errors import OptionError
from ...module_utils._records import RecordError, from_result
from ...module_utils._trace_records import Sent, Tapped
from .._plain import plain
from .._play import Answer, problem_of, read_answer, read_answers
from .controller import NAME
from .records import Planned


@dataclasses.dataclass(frozen=True)
class Told:
    """What is known of one run of a trace."""

    tapped: Mapping[str, Sequence[Tapped]]
    """By host: what its taps saw."""
    sent: Sequence[Sent] | None
    """What became of the probes; None where nothing was sent."""
    problems: Mapping[str, str]
    """By host: why there is nothing of its taps."""
    why_unsent: str | None = None
    """Why the source's host has sent nothing, where it was asked to."""


@dataclasses.dataclass(frozen=True)
class Registered:
    """Names of the variables in which answers are."""

    read: Sequence[str]
    """Of the tasks of each host, the one that read the taps last."""
    sent: str | None
    """Of the task in which the source's host sent."""
    read_here: Sequence[str] = ()
    """As ``read``, of the tasks that were delegated to the controller."""
    sent_here: str | None = None


@dataclasses.dataclass(frozen=True)
class _Tapped:
    """The result of ``tap`` in the state ``read``, or of a task that was skipped."""

    taps: tuple[Tapped, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Injected:
    """The result of ``inject``."""

    sent: tuple[Sent, ...]


def read_planned(result: Any, option: str) -> Planned:
    """Return what a trace was to do, from the result of ``plan``; raise OptionError for anything else."""
    given = result.get("trace") if isinstance(result, Mapping) else None
    try:
        return from_result(Planned, given)
    except RecordError as error:
        right = "name the variable that registered kube.pcap.plan for a trace"
        raise OptionError(option, "it is not the result of one (%s)" % error, right) from None


def gather(planned: Planned, registered: Registered, known: Mapping[str, Any]) -> Told:
    """Return what is known of a run, from the variables of the play (``known``: those of a task)."""
    hosts, variables = known["ansible_play_hosts_all"], known["hostvars"]
    answers = read_answers(hosts, variables, registered.read, _check_tapped)
    source = planned.places[planned.source_place].host
    if source == NAME:
        answers = (*answers, read_answer(NAME, known, registered.read_here, _check_tapped))
        return told(planned, answers, plain(known.get(registered.sent_here or "")))
    return told(planned, answers, plain(variables[source].get(registered.sent or "")))


def told(planned: Planned, answers: Sequence[Answer], injected: Mapping[str, Any] | None) -> Told:
    """Return what is known of a run; ``answers`` of the task that read the taps, ``injected`` of the source's host."""
    places = {place.host for place in planned.places}
    problems = {one.host: one.problem or "" for one in answers if one.host in places and one.result is None}
    tapped = {one.host: from_result(_Tapped, one.result).taps for one in answers if one.result is not None}
    sent = _sent(injected)
    why = problem_of(injected) if injected is not None and sent is None else None
    return Told(tapped, sent, problems, why)


def _check_tapped(result: Mapping[str, Any]) -> None:
    """Raise RecordError for what is no result of ``tap``, nor of a task that was skipped."""
    from_result(_Tapped, result)


def _sent(result: Mapping[str, Any] | None) -> tuple[Sent, ...] | None:
    """Return what is known of what was sent; None where nothing was.

    A host that was not reached any more, or did not answer in time, may have sent all of it.
    """
    if result is not None and (result.get("unreachable") or result.get("timedout")):
        return ()
    if result is None or result.get("skipped") or problem_of(result):
        return None
    try:
        return from_result(_Injected, result).sent
    except RecordError:
        return ()
