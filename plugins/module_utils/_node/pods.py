# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every pod of this node, without the Kubernetes API. PRIVATE to the collection.

Processes and their cgroups (/proc) tell which pods run; the kubelet's folders (/var/log/pods) tell their names; the
runtime, where crictl is installed, adds labels, ids and finished containers. One pass over /proc reads it all.

The containers' order in the pod's specification is known to the API alone. Here running ones come first, oldest first.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from .._errors import NodeError, TargetError
from .._matching import GONE, explain, select, undecided
from .._records import Candidate, Container, Target, TargetRef, to_result
from .._selection import parse
from . import kubelet, netns
from .cgroups import is_static_hash
from .cri import CriContainer, CriState, Sandbox, read_cri
from .podlogs import Logged, read_container_names, read_logged
from .proc import ROOTS, Roots, read_hostname, read_netns
from .processes import Process, choose_process, read_processes
from .routes import read_default_interface

Observe = Callable[[int, int, str], "netns.Network | None"]
"""(pid, inode, proc_root) to what the network namespace holds."""


class NodeView(NamedTuple):
    """What one node knows of itself and its pods."""

    node: Target
    pods: tuple[Target, ...]
    """The running ones, by namespace and name."""
    candidates: tuple[Candidate, ...]
    """The node, the running pods, and those of which only traces are left (phase Gone)."""
    default_interface: str | None
    """Of the node's default route."""


class _Known(NamedTuple):
    """What the kubelet's folders and the runtime know of one pod."""

    logged: Logged | None
    sandbox: Sandbox | None
    sandbox_ids: frozenset[str]
    containers: Sequence[CriContainer]


def read_node(
    roots: Roots = ROOTS,
    kube_node_name: str | None = None,
    ask_runtime: bool = True,
    observe: Observe = netns.observe,
) -> NodeView:
    """Return the node and its pods; raise NodeError when the rights to see other processes are missing.

    ``ask_runtime`` False leaves crictl out, which costs most of the time: enough to see which pods live.
    """
    host = read_netns(roots.proc, 1)
    if host is None:
        raise NodeError(
            "the network namespace of process 1 cannot be read; run as root (or with become), CAP_SYS_PTRACE"
        )
    scan = read_processes(roots.proc)
    name = kube_node_name or kubelet.parse_node_name(scan.kubelet) or kubelet.read_certificate(roots)
    name = name or (read_hostname(roots.proc) or "").lower() or None
    view = assemble(
        scan.processes,
        read_logged(roots),
        read_container_names(roots),
        read_cri(roots) if ask_runtime else None,
        Target(kind="node", name=name, node=name, pid=1, netns=host, host_network=True),
    )
    return _observed(view, observe, roots.proc)._replace(default_interface=read_default_interface(roots.proc, 1))


def assemble(
    processes: Mapping[str, Sequence[Process]],
    logged: Mapping[str, Logged],
    names: Mapping[str, str],
    cri: CriState | None,
    node: Target,
) -> NodeView:
    """Join what /proc, the kubelet's folders and the runtime tell; ``names`` are those of containers, by id."""
    known = _known(logged, cri)
    running = [
        _target(uid, group, known.get(uid, _Known(None, None, frozenset(), ())), names, node)
        for uid, group in processes.items()
    ]
    alive = {(target.namespace, target.name) for target in running}
    gone = [_gone(uid, pod, node) for uid, pod in known.items() if uid not in processes]
    gone = [target for target in gone if (target.namespace, target.name) not in alive]
    pods = tuple(sorted(running, key=_order))
    candidates = [Candidate(node, runtime_problem=cri.problem if cri else None)] + [Candidate(pod) for pod in pods]
    candidates += [Candidate(target, phase=GONE) for target in sorted(gone, key=_order)]
    return NodeView(node, pods, tuple(candidates), None)


def _known(logged: Mapping[str, Logged], cri: CriState | None) -> dict[str, _Known]:
    """Return what is known of each pod, by uid; of several sandboxes the ready one counts, else the newest."""
    sandboxes: dict[str, list[Sandbox]] = collections.defaultdict(list)
    containers: dict[str, list[CriContainer]] = collections.defaultdict(list)
    uids = {}
    for sandbox in cri.sandboxes if cri else ():
        sandboxes[sandbox.uid].append(sandbox)
        uids[sandbox.id] = sandbox.uid
    for container in cri.containers if cri else ():
        containers[uids.get(container.sandbox_id, "")].append(container)
    return {
        uid: _Known(
            logged.get(uid),
            max(sandboxes[uid], key=lambda s: (s.ready, s.created_ns)) if uid in sandboxes else None,
            frozenset(s.id for s in sandboxes.get(uid, ())),
            containers.get(uid, ()),
        )
        for uid in {*logged, *sandboxes}
    }


def _target(uid: str, group: Sequence[Process], pod: _Known, names: Mapping[str, str], node: Target) -> Target:
    containers = _containers(group, pod, names)
    # A container that is known by name is entered by its own process where its files are wanted; else by this one.
    entry = choose_process(group, pod.sandbox_ids, [c.id for c in containers if c.id], for_files=not containers)
    return dataclasses.replace(
        _gone(uid, pod, node),
        containers=containers,
        container=containers[0].name if containers else None,
        pid=entry.pid,
        netns=entry.netns,
        host_network=entry.netns == node.netns,
    )


def _gone(uid: str, pod: _Known, node: Target) -> Target:
    """Return a pod's target without any process."""
    named = pod.sandbox or pod.logged
    static = is_static_hash(uid) or bool(pod.sandbox and pod.sandbox.static)
    containers = tuple(Container(c.name, c.id) for c in _newest(pod.containers))
    return Target(
        kind="pod",
        namespace=named.namespace if named else None,
        name=named.name if named else None,
        uid=uid,
        node=node.name,
        containers=containers or tuple(map(Container, pod.logged.containers if pod.logged else ())),
        labels=pod.sandbox.labels if pod.sandbox else None,
        static_hash=uid if static else None,
    )


def _containers(group: Sequence[Process], pod: _Known, names: Mapping[str, str]) -> tuple[Container, ...]:
    """Return the containers that are known by name, running ones first, oldest first."""
    first: dict[str, Process] = {}
    for process in group:
        if process.member.container_id:
            first.setdefault(process.member.container_id, process)
    by_name = {c.name: c.id for c in _newest(pod.containers)}
    logged = pod.logged.containers if pod.logged else ()
    for container_id in first:
        if container_id in names and names[container_id] in logged:
            by_name[names[container_id]] = container_id
    found = []
    for name in {**dict.fromkeys(by_name), **dict.fromkeys(logged)}:
        began = first.get(by_name.get(name, ""))
        found.append(Container(name, by_name.get(name), began.pid if began else None))
    ages = {process.pid: process.age for process in first.values()}
    return tuple(sorted(found, key=lambda c: ages[c.pid] if c.pid else (1 << 63, 0)))


def _newest(containers: Sequence[CriContainer]) -> list[CriContainer]:
    """Return each container's last attempt, in the order in which those were made."""
    found = {c.name: c for c in sorted(containers, key=lambda c: (c.running, c.created_ns))}
    return sorted(found.values(), key=lambda c: c.created_ns)


def _observed(view: NodeView, observe: Observe, proc_root: str) -> NodeView:
    """Add interfaces and addresses; a pod in the node's namespace has the node's."""
    networks: dict[int, netns.Network | None] = {}

    def look(target: Target) -> Target:
        if target.pid is None or target.netns is None:
            return target
        if target.netns not in networks:
            networks[target.netns] = observe(target.pid, target.netns, proc_root)
        seen = networks[target.netns]
        return dataclasses.replace(target, interfaces=seen.interfaces, addresses=seen.addresses) if seen else target

    candidates = tuple(dataclasses.replace(c, target=look(c.target)) for c in view.candidates)
    pods = tuple(c.target for c in candidates if c.target.kind == "pod" and c.target.pid is not None)
    return view._replace(node=candidates[0].target, pods=pods, candidates=candidates)


def _order(target: Target) -> tuple[str, str, str]:
    return target.namespace or "", target.name or "", target.uid or ""


def read_result(kube_node_name: str | None, targets: object, ask_runtime: bool) -> dict[str, Any]:
    """Return what module ``node_pods_info`` answers; ``targets`` are selections, None for every pod."""
    selections = () if targets is None else parse("targets", targets)
    view = read_node(ROOTS, kube_node_name, ask_runtime)
    chosen: set[TargetRef] = set()
    for selection in selections:
        found = select(selection, view.candidates)
        if not found and undecided(selection, view.candidates):
            raise TargetError("targets: %s" % explain(selection, view.candidates))
        chosen.update(target.ref for target in found)
    return {
        "node": to_result(view.node),
        "pods": [to_result(pod) for pod in view.pods if targets is None or pod.ref in chosen],
        "gone": [to_result(c.target) for c in view.candidates if c.phase == GONE],
        "default_interface": view.default_interface,
        "runtime_problem": view.candidates[0].runtime_problem,
    }
