# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the nodes know and what the cluster knows, joined. PRIVATE to the collection.

The node is believed for what lives there (process, network namespace, interfaces); the cluster for what only it knows
(uid of static pods, labels, order of containers, workloads, services, phase). Nothing is joined by likeness: pods by
uid or configuration hash, nodes by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...module_utils._errors import OptionError
from ...module_utils._matching import GONE, NOT_BEGUN, UNSEEN, listed
from ...module_utils._records import Candidate, Container, RecordError, Target, from_result

Id = tuple[str | None, ...]

SNAPSHOT, API = "snapshot", "API"
_WITHOUT_PROCESS = {"Running": UNSEEN, "Pending": NOT_BEGUN}
"""By the phase that the cluster knows, what a pod has of which its node told no process."""


@dataclasses.dataclass(frozen=True)
class Told:
    """Who told what is known of the cluster."""

    source: str | None = SNAPSHOT
    """SNAPSHOT or API; None: nobody was asked."""
    problem: str | None = None
    """Why a part of what was asked for is not known."""
    cut: bool = False
    """Whether there may be more that exists nearby than was asked for."""

    @property
    def whole(self) -> bool:
        """Whether the API has told all that matches what was asked for."""
        return self.source == API and self.problem is None


@dataclasses.dataclass(frozen=True)
class _NodeAnswer:
    """The result of ``node_pods_info``."""

    node: Target
    pods: tuple[Target, ...]
    gone: tuple[Target, ...] = ()
    runtime_problem: str | None = None


@dataclasses.dataclass(frozen=True)
class _ClusterAnswer:
    """The result of ``targets_info``."""

    candidates: tuple[Candidate, ...] = ()
    source: str | None = None
    problem: str | None = None
    cut: bool = False


def node_candidates(result: Mapping[str, Any]) -> tuple[Candidate, ...]:
    """Return the candidates in the result of ``node_pods_info``: the node, its pods, and the gone ones.

    Raises RecordError for anything else, and for an answer that speaks of more than its own node.
    """
    told = from_result(_NodeAnswer, result)
    if told.node.kind != "node" or told.node.node != told.node.name:
        raise RecordError("node is no node, or of a node with another name")
    for pod in (*told.pods, *told.gone):
        if pod.kind != "pod" or pod.uid is None:
            raise RecordError("%s in pods is no pod with a uid" % pod.title)
        if pod.node != told.node.name:
            raise RecordError(
                "%s is said to be on %s, and the answer is that of %s" % (pod.title, pod.node, told.node.name)
            )
    own = Candidate(told.node, runtime_problem=told.runtime_problem)
    return (own, *map(Candidate, told.pods), *(Candidate(pod, phase=GONE) for pod in told.gone))


def cluster_candidates(result: Mapping[str, Any]) -> tuple[Candidate, ...]:
    """Return the candidates in the result of ``targets_info``; raise OptionError for anything else."""
    return _cluster_answer(result).candidates


def cluster_told(result: Mapping[str, Any]) -> Told:
    """Return who told the candidates in the result of ``targets_info``; raise OptionError for anything else."""
    answer = _cluster_answer(result)
    return Told(answer.source, answer.problem, answer.cut)


def _cluster_answer(result: Mapping[str, Any]) -> _ClusterAnswer:
    try:
        return from_result(_ClusterAnswer, result)
    except RecordError as error:
        raise OptionError("cluster", str(error), "name the variable that registered targets_info") from None


def settle_node(from_node: Sequence[Candidate], from_cluster: Iterable[Candidate]) -> tuple[Candidate, ...] | None:
    """Return one node's candidates under the name by which the cluster knows it: by name, else by InternalIP.

    None when it is none of the cluster's nodes, or could be two: it is reported, never guessed.
    """
    nodes = [c.target for c in from_cluster if c.target.kind == "node"]
    own = from_node[0].target
    if own.name in {node.name for node in nodes}:
        return tuple(from_node)
    same = [node.name for node in nodes if set(node.addresses) & set(own.addresses)]
    if len(same) != 1:
        return None
    renamed = [dataclasses.replace(c, target=dataclasses.replace(c.target, node=same[0])) for c in from_node]
    renamed[0] = dataclasses.replace(renamed[0], target=dataclasses.replace(renamed[0].target, name=same[0]))
    return tuple(renamed)


def settle_claims(
    from_nodes: Iterable[Candidate], from_cluster: Iterable[Candidate], source: str | None = SNAPSHOT
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Return what counts of the nodes' words, and what does not as sentences; ``source`` told of the cluster.

    A pod is on one node all its life. Where the cluster knows which, only that node can tell of it; else nobody can who
    is contradicted. Traces of a pod that is gone contradict nobody: a disk may be another's copy.
    """
    homes = {_identity(known.target): known.target.node for known in from_cluster}
    claims: dict[Id, list[Candidate]] = {}
    for one in from_nodes:
        claims.setdefault(_identity(one.target), []).append(one)
    kept: list[Candidate] = []
    disputed: dict[tuple[str, str | None], list[str]] = {}
    for identity, claim in claims.items():
        home = homes.get(identity)
        living = [one for one in claim if one.phase != GONE]
        runs_on = sorted({one.target.node or "" for one in living} - {home})
        if home is not None:
            kept += [one for one in claim if one.target.node == home]
        elif len(runs_on) < 2:
            kept += living or claim
        if runs_on and (home is not None or len(runs_on) > 1):
            title = "%s (uid %s)" % (claim[0].target.title, claim[0].target.uid)
            disputed.setdefault((" and ".join(runs_on), home), []).append(title)
    return tuple(kept), tuple(_disputed(*key, titles, source) for key, titles in disputed.items())


def _disputed(nodes: str, home: str | None, titles: Sequence[str], source: str | None) -> str:
    if home is None:
        text = "%s: left out, since %s each say that it runs there; the API (capture_api) or capture_snapshot decides"
        return text % (listed(titles), nodes)
    text = "%s: what %s says of it does not count, since the %s has it on %s; set kube_node_name if that is one node"
    return text % (listed(titles), nodes, source, home)


def merge(from_nodes: Iterable[Candidate], from_cluster: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return every node and pod once.

    A pod that the cluster has as Running or Pending, and of which its node has told no process, gets a phase that says
    so: either may have been asked first.
    """
    nodes = {_identity(candidate.target): candidate for candidate in from_nodes}
    asked = {c.target.name for c in nodes.values() if c.target.kind == "node"}
    found = []
    for known in from_cluster:
        live = nodes.pop(_identity(known.target), None)
        if live is not None:
            found.append(_join(live, known))
        elif known.target.kind == "pod" and known.target.node in asked:
            found.append(dataclasses.replace(known, phase=_without_process(known.phase)))
        else:
            found.append(known)
    named = {(c.target.namespace, c.target.name) for c in found}
    left = [c for c in nodes.values() if c.phase != GONE or (c.target.namespace, c.target.name) not in named]
    return (*found, *left)


def _join(live: Candidate, known: Candidate) -> Candidate:
    """Return what the cluster knows of a target, with what its node knows of the life there."""
    here, there = live.target, known.target
    containers = _containers(here.containers, there.containers)
    target = dataclasses.replace(
        there,
        node=here.node,
        container=containers[0].name if containers else here.container,
        containers=containers,
        pid=here.pid,
        netns=here.netns,
        host_network=here.host_network if here.netns is not None else there.host_network,
        addresses=there.addresses if there.kind == "pod" and there.addresses else _all(here, there),
        interfaces=here.interfaces,
    )
    phase = _without_process(known.phase) if live.phase == GONE else known.phase
    return dataclasses.replace(known, target=target, phase=phase, runtime_problem=live.runtime_problem)


def _without_process(phase: str | None) -> str | None:
    return _WITHOUT_PROCESS.get(phase or "", phase)


def _containers(here: tuple[Container, ...], there: tuple[Container, ...]) -> tuple[Container, ...]:
    """Return the cluster's containers in its order, with the node's ids and processes, then those that only it has."""
    own = {container.name: container for container in here}
    joined = []
    for container in there:
        living = own.pop(container.name, container)
        joined.append(dataclasses.replace(living, id=living.id or container.id))
    return (*joined, *own.values())


def _all(here: Target, there: Target) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*there.addresses, *here.addresses)))


def _identity(target: Target) -> Id:
    if target.kind == "node":
        return ("node", target.name)
    if target.static_hash:
        return ("static", target.static_hash, target.namespace, target.name)
    return ("pod", target.uid)
