# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is to say of agents that were brought, and whether they may be taken away. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...module_utils._endings import lacks_manifest
from .._report.parts import count
from .._report.text import table
from .pods import Pod, Wanted

OTHERS_SECONDS = 15.0
"""How long an agent is waited for that was not ready when it was to go."""
_HEADINGS = ("NODE", "POD", "STATE")
_FORCE = "collect them, wait longer (agent_wait), or leave them there with agent_force"
_LEFT = (
    "no agent goes on with what was recorded on %s: no capture there was stopped first, and what is not shipped stays"
    " there, in %s"
)


@dataclasses.dataclass(frozen=True)
class Told:
    """What a play has to say of agents."""

    lines: tuple[str, ...]
    failure: str | None = None


def present(
    wanted: Wanted | None,
    pods: Sequence[Pod],
    check_mode: bool = False,
    any_taint: bool = True,
    left: Sequence[str] = (),
    spool: str | None = None,
) -> Told:
    """Return one line for each node; it is a failure where one that is to have an agent has none that is ready.

    In check mode nothing fails, and what is there now is told.
    wanted: None where there is no DaemonSet, as in check mode before the first. any_taint: no taint keeps agents away.
    left: nodes with captures in ``spool``, maybe, and without an agent that would go on with them.
    """
    lines = table(_HEADINGS, [(pod.node, pod.name, pod.reason) for pod in pods])
    if check_mode:
        now = count(len(pods), "agent") if pods else "no agent"
        return Told(("check mode: nothing was changed; %s now" % now, *(lines if pods else ())))
    if wanted is None or not wanted.seen:
        return Told((), "the cluster has not looked at the agents' DaemonSet; does its controller manager run?")
    ready = sum(pod.ready for pod in pods)
    lines.insert(0, "%s of %s" % (count(ready, "agent"), count(wanted.nodes, "node")))
    if left:
        lines.append(_LEFT % (", ".join(left), spool))
    return Told(tuple(lines), _missing(wanted, pods, any_taint))


def is_settled(wanted: Wanted | None, pods: Sequence[Pod]) -> bool:
    """Return whether there is nothing to wait for: each node has its agent, or no node is to have one."""
    return wanted is not None and wanted.seen and (not wanted.nodes or not _missing(wanted, pods, True))


def left_behind(before: Sequence[str], old: str | None, pods: Sequence[Pod], spool: str) -> tuple[str, ...]:
    """Return the nodes that had an agent with the spool ``old`` and have none with that spool any more, sorted."""
    stay = {pod.node for pod in pods} if old == spool else set()
    return tuple(sorted(set(before) - stay))


def _missing(wanted: Wanted, pods: Sequence[Pod], any_taint: bool) -> str | None:
    if not wanted.nodes and not any_taint:
        text = "agent_node_selector, agent_tolerations: no node has these labels and tolerated taints alone; %s"
        return text % "see kubectl describe nodes"
    if not wanted.nodes:
        return "agent_node_selector: no node has these labels; see kubectl get nodes --show-labels"
    late = ["%s (%s)" % (pod.node or pod.name, pod.reason) for pod in pods if not pod.ready]
    if late:
        return "no agent is ready on %s" % ", ".join(late)
    if len(pods) < wanted.nodes:
        lacking = count(wanted.nodes - len(pods), "node")
        return "%s got no agent pod; kubectl describe daemonset tells why" % lacking
    if wanted.up_to_date < wanted.nodes:
        return "%s of an earlier manifest; wait longer (agent_wait)" % count(wanted.nodes - wanted.up_to_date, "agent")
    return None


def removal(
    result: Mapping[str, Any] | None,
    agents: Sequence[Pod],
    spool: str | None,
    force: bool,
    check_mode: bool = False,
    leaving: Sequence[Pod] = (),
) -> Told:
    """Return what becomes of the captures when the agents go, and why they may not.

    result: of the report of the play that stopped them, None where that has none. agents: of which the ready ones were
    asked. spool: None where there is no DaemonSet. leaving: agents on their way out, whose nodes were not asked either.
    """
    if spool is None:
        return Told(("there are no agents",))
    unasked = [(one["host"], one["reason"]) for one in (result or {}).get("unasked", ())]
    if result is None:
        unasked = [(str(pod.node), "nothing was heard of it") for pod in agents if pod.ready]
    captures = (result or {}).get("captures", ())
    left = sorted({"%s on %s" % (one["id"], one["host"]) for one in captures if _is_owed(one)})
    stays = sorted({one["host"] for one in captures if one["segments"] > one["shipped"] + one["evicted"]})
    lines = ["files of captures stay on %s, in %s" % (", ".join(stays), spool)] if stays else []
    lines += _silent(agents, leaving, spool)
    if check_mode or force:
        return Told(tuple(lines))
    if unasked:
        said = "; ".join("%s: %s" % one for one in unasked)
        return Told(
            tuple(lines), "it is not known what agents record (%s); agent_force removes them all the same" % said
        )
    if left:
        return Told(tuple(lines), "what its sink has not got is left of %s; %s" % (", ".join(left), _FORCE))
    return Told(tuple(lines))


def is_gone(left: Sequence[Pod], ready: Collection[str], seconds: float) -> bool:
    """Return whether there is nothing to wait for any more, after so many seconds.

    left: the pods that are there. ready: names of those that were ready; any other may be on a node that is down, whose
    pod stays until that node comes back.
    """
    return not left or (seconds >= OTHERS_SECONDS and not any(pod.name in ready for pod in left))


def would_go(agents: int) -> str:
    """Return what check mode has to say of so many agents."""
    return "check mode: nothing was changed; %s would be removed" % count(agents, "agent")


def gone(agents: int, left: Sequence[Pod], ready: Collection[str], force: bool) -> Told:
    """Return a line for each agent that is left in the end, and how many are not; one that was ready is a failure.

    agents: how many there were. force: it is none.
    """
    text = "the agent on %s (%s) is still there: its node's kubelet has not ended it"
    told = [text % (pod.node or "no node", pod.name) for pod in left]
    lines = (*told, "%s removed" % count(max(0, agents - len(left)), "agent"))
    late = [pod.node or pod.name for pod in left if pod.name in ready]
    if not late or force:
        return Told(lines)
    said = "the agents on %s have not ended; wait longer (agent_wait), or use agent_force"
    return Told(lines, said % ", ".join(late))


def _silent(agents: Sequence[Pod], leaving: Sequence[Pod], spool: str) -> list[str]:
    """Return a line for each node that has an agent, and none that could be asked."""
    ready = {pod.node for pod in agents if pod.ready}
    why = {pod.node: pod.reason for pod in (*leaving, *agents) if pod.node and pod.node not in ready}
    text = "the captures on %s were not asked (%s): what they have not shipped stays there, in %s"
    return [text % (node, reason, spool) for node, reason in sorted(why.items())]


def _is_owed(capture: Mapping[str, Any]) -> bool:
    """Return whether a capture's sink is to get more of it."""
    over = capture["phase"] in ("done", "failed")
    return bool(capture["sink"]) and (not over or capture["backlog_bytes"] > 0 or lacks_manifest(capture["reason"]))
