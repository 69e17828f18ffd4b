# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts of a play answered to its tasks. PRIVATE to the collection.

A task registers its result for every host, unreachable and failed ones included; so the controller can ask afterwards
who answered what, and why the others did not.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ..module_utils._errors import OptionError
from ..module_utils._records import RecordError
from ._plain import plain

_PLANNED = {"capture_": "a capture", "exec_": "a command", "trace_": "a trace"}
"""What is planned, by the prefix of its options."""
_LONGEST = 300
_NOT_YET = "it is not asked yet: serial asks a part of the hosts at a time"
_LACKS = "this host lacks"
"""How the check of a node begins its reason, which a terminal or sudo may put other lines before."""
_NO_WORDS = "non-zero return code"
"""What Ansible says of a command that failed."""
_QUERY = re.compile(r'\?[^\s"]*(?=")')
"""Of a URL that kubectl quotes: the whole command that an agent was to run, before the reason why it did not."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What one host answered to a row of tasks."""

    host: str
    """Its name in the inventory."""
    kube_node_name: str | None = None
    """The host variable of that name."""
    result: Mapping[str, Any] | None = None
    """The last task's result; None where a task failed, or the host was not reached."""
    problem: str | None = None
    """Why there is no result."""
    messages: tuple[str, ...] = ()
    """What the tasks' results say beside their data."""
    changed: bool = False
    waiting: bool = False
    """Whether it is asked in a later batch of the play."""


def check_batch(hosts: Iterable[str], batch: Iterable[str], prefix: str = "capture_") -> None:
    """Raise OptionError when ``serial`` shows a part of the play's hosts at a time; both are without failed ones.

    hosts: ``ansible_play_hosts``. batch: ``ansible_play_batch``. prefix: of the role's options.
    """
    if set(hosts) != set(batch):
        raise OptionError(
            "serial",
            "%s is planned once, for all hosts of the play" % _PLANNED[prefix],
            "leave serial out"
            + ("" if prefix == "trace_" else ", or run parts of the hosts with --limit and %sunmatched=warn" % prefix),
        )


def later(hosts: Iterable[str], batch: Iterable[str]) -> frozenset[str]:
    """Return the hosts of other batches, of which those without an answer are asked later; empty without ``serial``.

    hosts: ``ansible_play_hosts``. batch: ``ansible_play_batch``.
    """
    return frozenset(hosts) - frozenset(batch)


def read_answers(
    hosts: Iterable[str],
    variables: Mapping[str, Mapping[str, Any]],
    registered: Sequence[str],
    check: Callable[[Mapping[str, Any]], object],
    waiting: Collection[str] = (),
    partial: str | None = None,
) -> tuple[Answer, ...]:
    """Return what each host answered to the tasks that registered these variables, in the tasks' order.

    variables: by host, as Ansible's ``hostvars``. check: raises RecordError for a last result that cannot be used, and
    then that host alone has a problem. waiting: the hosts that may be asked later. partial: a key by which a last
    result tells what was done, though its task failed.
    """
    answers = (_answer(host, variables[host], registered, host in waiting, partial) for host in hosts)
    return tuple(_checked(answer, check) for answer in answers)


def read_answer(
    host: str, variables: Mapping[str, Any], registered: Sequence[str], check: Callable[[Mapping[str, Any]], object]
) -> Answer:
    """Return what one host answered; as ``read_answers``."""
    return _checked(_answer(host, variables, registered, False, None), check)


def _checked(answer: Answer, check: Callable[[Mapping[str, Any]], object]) -> Answer:
    try:
        if answer.result is not None:
            check(answer.result)
    except RecordError as error:
        problem = "its answer cannot be used: %s" % error
        return dataclasses.replace(answer, result=None, problem=problem, messages=())
    return answer


def _answer(
    host: str, variables: Mapping[str, Any], registered: Sequence[str], waiting: bool, partial: str | None
) -> Answer:
    given = plain(variables.get("kube_node_name"))
    name = None if given is None or given == "" else str(given)
    result: Mapping[str, Any] | None = None
    messages: list[str] = []
    changed = False
    for variable in registered:
        result = plain(variables.get(variable))
        if result is None and waiting:
            return Answer(host, name, problem=_NOT_YET, waiting=True)
        problem = "it was not asked" if result is None else problem_of(result)
        if problem and not (result and partial in result):
            return Answer(host, name, problem=problem, changed=changed)
        if result and result.get("msg") and not problem:
            messages.append(first_line(result["msg"]))
        changed = changed or bool(result and result.get("changed"))
    return Answer(host, name, result, None, tuple(messages), changed)


def problem_of(result: Mapping[str, Any]) -> str | None:
    """Return why a task has no result to use, in its own words; None when it has."""
    if result.get("unreachable"):
        said = first_line(result.get("msg"))
        return "unreachable: %s" % said.removeprefix("Task failed: ")  # ansible-core 2.19 puts that before it
    if isinstance(result.get("timedout"), Mapping):
        return "it did not answer within %s s" % result["timedout"].get("period")
    if result.get("failed") or result.get("rc"):
        stdout = str(result.get("stdout") or "")
        said = first_line(stdout[max(0, stdout.find(_LACKS)) :]) or first_line(result.get("msg"))
        if said == _NO_WORDS:  # a connection by kubectl, whose pod is gone, say
            stderr = _QUERY.sub("", str(result.get("stderr") or ""))
            said = first_line("\n".join(reversed(stderr.splitlines()))) or said
        return said or "its task failed"
    return None


def first_line(text: object) -> str:
    """Return the first line that says something, not endless."""
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[0] if lines and len(lines[0]) <= _LONGEST else (lines[0][: _LONGEST - 3] + "..." if lines else "")
