# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module ``netns_command`` is asked, turned into tools that run. PRIVATE to the collection.

A node gets its own record from the plan; called ad hoc with a selection instead, the module chooses on its node, by the
same pure functions.
"""

from __future__ import annotations

import os
import select
from typing import Any, Callable, Mapping, Sequence

from .._command import AT_ONCE, NAMES, check, check_dest, command_options, own_words, with_container
from .._errors import NodeError, OptionError, TargetError, reason_of
from .._matching import listed
from .._names import target_folder
from .._records import CommandOptions, NodeCommand, RecordError, Target, from_result, to_result
from . import descendants
from .caller import Caller
from .guardian import Guardian
from .process import adopt_orphans
from .running import Job
from .selecting import choose_here, selected

KEPT = 1 << 20
"""Most bytes of one stream in a result."""
_KEPT_OF_ALL = 16 << 20
_LOOK_SECONDS = 0.5
_KEEPER_SECONDS = 1.0
_WHERE = ("pod", "node", "targets")


def run(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Do what the module is asked; return its result, ``failed`` where a tool did not end well.

    It is always told whether it failed: Ansible takes an ``rc`` that is null for a failure otherwise.
    """
    if os.geteuid() != 0:
        raise NodeError("namespaces are entered by root alone; run it with become")
    try:
        command = asked(params)
        if isinstance(command, str):
            return {"changed": False, "failed": False, "found": False, "rc": None, "results": [], "msg": command}
        jobs = _jobs(command, check_mode)
        outcomes = run_all(jobs, Caller().is_gone)
    except OSError as error:  # of the node: no process, memory or descriptor is left
        raise NodeError("the tool cannot be run: %s" % reason_of(error)) from None
    return _result(jobs, outcomes)


def asked(params: Mapping[str, Any]) -> NodeCommand | str:
    """Return what is to be run here: the plan's record, or what the selections match on this node.

    A node that nothing matches on is told in a sentence. Raises OptionError and TargetError.
    """
    if params["record"] is not None:
        return _from_record(params["record"])
    options = command_options({name: params[name] for name in NAMES})
    selections = with_container("container", selected(params, _WHERE), params["container"])
    try:
        view, targets = choose_here(selections, params["kube_node_name"])
    except TargetError as error:
        raise TargetError(own_words(str(error))) from None
    if isinstance(targets, str):
        return targets
    return NodeCommand(view.node.name or "", options, targets)


def run_all(jobs: Sequence[Job], is_gone: Callable[[], bool], at_once: int = AT_ONCE) -> list[dict[str, Any]]:
    """Return the outcomes of jobs, in their order; no more than ``at_once`` run at the same time.

    Raises NodeError when nobody waits for them any more, once everything has been ended.
    """
    adopt_orphans()
    waiting = list(enumerate(jobs))
    running: dict[Guardian, int] = {}
    outcomes: dict[int, dict[str, Any]] = {}
    abandoned = False
    while waiting or running:
        while waiting and len(running) < at_once:
            number, job = waiting.pop(0)
            running[Guardian(job)] = number
        for guardian in select.select(list(running), (), (), _LOOK_SECONDS)[0]:
            outcome = guardian.receive()
            if outcome is not None:
                outcomes[running.pop(guardian)] = outcome
                # What a guardian that was killed has left; its keeper ends it, too.
                descendants.end(os.getpid(), [one.pid for one in running], _KEEPER_SECONDS)
        if not abandoned and is_gone():
            abandoned, waiting = True, []
            for guardian in running:
                guardian.abandon()
    if abandoned:
        raise NodeError("the connection is gone, and what ran was ended")
    return [outcomes[number] for number in range(len(jobs))]


def _from_record(record: Mapping[str, Any]) -> NodeCommand:
    try:
        command = from_result(NodeCommand, record)
    except RecordError as error:
        raise OptionError("record", "it is not one that the plan made (%s)" % error, "pass it on unchanged") from None
    check(command.options, "record.")
    if not command.targets:
        raise OptionError("record", "it has no targets", "leave out a node that has no part in it")
    return command


def _jobs(command: NodeCommand, pretend: bool) -> list[Job]:
    """Return one job for each target."""
    options, number = command.options, len(command.targets)
    check_dest("dest", options, number)
    kept = min(KEPT, _KEPT_OF_ALL // (2 * number))
    return [Job(one, command.node, options, _dest(options, one), kept, pretend) for one in command.targets]


def _dest(options: CommandOptions, target: Target) -> str | None:
    """Return a target's file: in a folder it is called after namespace and pod, or ``_node--_host``."""
    if not options.dest or not options.dest.endswith("/"):
        return options.dest
    return options.dest + "--".join(target_folder(target.ref))


def _result(jobs: Sequence[Job], outcomes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the module's result; with one target its keys stand on top, too."""
    results = [{"target": to_result(job.target), **outcome} for job, outcome in zip(jobs, outcomes)]
    problems = [_problem(job, outcome) for job, outcome in zip(jobs, outcomes)]
    told = [problem for problem in problems if problem]
    pretend = jobs[0].pretend
    ran = any(outcome["rc"] is not None or outcome["timed_out"] or outcome["lost"] for outcome in outcomes)
    result: dict[str, Any] = dict(results[0]) if len(results) == 1 else {"found": True}
    result.update(changed=ran or (pretend and len(told) < len(jobs)), failed=bool(told), results=results)
    if told:
        result["msg"] = listed(told)
    elif pretend:
        result["msg"] = "it would run"
    return result


def _problem(job: Job, outcome: Mapping[str, Any]) -> str | None:
    """Return what went wrong, in one sentence."""
    title, program = job.target.title, outcome["argv"][0]
    if outcome["error"]:
        said: str = outcome["error"]
        return said if title in said else "%s: %s" % (title, said)
    if outcome["timed_out"]:
        return "%s: %s was stopped after %d s, its timeout" % (title, program, job.options.timeout_seconds)
    return "%s: %s ended with %d" % (title, program, outcome["rc"]) if outcome["rc"] else None
