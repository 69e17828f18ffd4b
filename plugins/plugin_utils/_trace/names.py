# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The DNS name that an expression leads to, and what the source's resolver said of it. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ...module_utils._dns_records import Question, Resolution
from ...module_utils._errors import TargetError
from ...module_utils._records import from_result
from .._play import Answer, read_answer, read_answers
from .controller import NAME
from .expression import HERE, OPTION, POD, parse
from .host import DNS
from .wanted import wanted_of

_MOST_QUESTIONS = 8
"""That are followed: a filter has room for few."""
_UDP = "udp"
DNS_PORT = 53


@dataclasses.dataclass(frozen=True)
class Asking:
    """Who is to resolve which name: the options of ``dns_info``."""

    name: str
    pod: str | None
    node: str | None
    family: str
    """``4``, ``6`` or ``both``."""
    host: str | None = None
    """NAME where the controller is to ask; None where it is a host of the play, which finds out by itself."""


def asking(raw: object) -> Asking | None:
    """Return who is to resolve the name of an expression; None where there is none. Raises OptionError."""
    expression = parse(raw)
    source, end = expression.source, expression.destination
    if end.kind != DNS:
        return None
    family = str(wanted_of(expression).ip_version or "both")
    if source.kind == HERE:
        return Asking(end.name or "", None, None, family, NAME)
    if source.kind == POD:
        return Asking(end.name or "", "%s/%s" % (source.namespace, source.name), None, family)
    return Asking(end.name or "", None, source.name, family)


def resolved(raw: object, options: Mapping[str, Any], known: Mapping[str, Any]) -> Resolution | None:
    """Return what the source's resolver said; None where the destination is no name.

    options: ``resolved`` and ``resolved_here`` name the variables that tasks on the hosts, and on the controller, have
    registered. known: the task's variables. Raises TargetError, with everybody's reason, where none is the source's.
    """
    asked = asking(raw)
    if asked is None:
        return None
    hosts, registered = known["ansible_play_hosts_all"], [options["resolved"]]
    if asked.host is None:
        answers = read_answers(hosts, known["hostvars"], registered, _read)
    else:
        answers = (read_answer(asked.host, known, [options["resolved_here"]], _read),)
    return resolution(answers)


def resolution(answers: Iterable[Answer]) -> Resolution:
    """Return what the one said that is the source's; raise TargetError where there is none."""
    problems = []
    for answer in answers:
        told = None if answer.result is None else _read(answer.result)
        if told is not None and told.found:
            return told
        problems.append("%s: %s" % (answer.host, answer.problem or (told and told.problem) or "it was not asked"))
    raise TargetError("%s: nobody could ask for the name: %s" % (OPTION, "; ".join(problems)))


def questions(told: Resolution) -> tuple[Question, ...]:
    """Return the questions that are asked once more while the taps watch: each once, as many as are followed.

    Of too many, those without an answer go first, and those that told an address.
    """
    sent = list(every_question(told).values())
    chosen = sorted(sent, key=lambda one: one.rcode is not None and not one.answers)[:_MOST_QUESTIONS]
    return tuple(one for one in sent if one in chosen)


def every_question(told: Resolution) -> dict[tuple[str, str, str], Question]:
    """Return the questions that can be asked once more, by name, type and server; a link-local server's cannot."""
    sent = (one for one in told.questions if one.protocol == _UDP and one.query and "%" not in one.server)
    return {(one.name, one.type, one.server): one for one in sent}


def _read(result: Mapping[str, Any]) -> Resolution | None:
    """Return the result of ``dns_info``; None for a task that was skipped. Raises RecordError for anything else."""
    return from_result(Resolution, result) if "found" in result else None
