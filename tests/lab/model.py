# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one YAML file says about a lab: nodes, pods, services, faults; read and checked here, nothing else."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
from typing import Any

import yaml

RUNTIMES = ("containerd", "cri-o", "docker")
DRIVERS = ("cgroupfs", "systemd")
QOS = ("guaranteed", "burstable", "besteffort")
PHASES = ("Running", "Pending", "Succeeded", "Failed")
INITS = ("systemd", "none")


class LabError(Exception):
    """The lab cannot be made or used as asked; one sentence that says why."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A node; pods on it inherit its runtime and cgroup driver."""

    name: str
    ip: int
    """The last number of its address on the lab's underlay; also the number of its pod network."""
    init: str = "systemd"
    python: str = "python3"
    """The interpreter that the inventory names: found on PATH, or among pyenv's versions. ``python3.8 or python3`` is
    the first of them that is there."""
    user: str = "root"
    """Who Ansible logs in as: root, or ops with become."""
    runtime: str = "containerd"
    cgroup_driver: str = "cgroupfs"
    kubelet: str | None = None
    """The node's name in the API as a stand-in for the kubelet says it on its command line; None: no such process."""
    labels: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Container:
    """A container of a pod and what it runs."""

    name: str
    command: tuple[str, ...] = ("sleep", "infinity")
    init: bool = False
    """An init container has ended: it is in the snapshot and the logs only."""


@dataclasses.dataclass(frozen=True)
class Pod:
    """A pod. Without a node it is Pending; with a phase other than Running it has no process."""

    namespace: str
    name: str
    node: str | None = None
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    containers: tuple[Container, ...] = (Container("app"),)
    runtime: str | None = None
    cgroup_driver: str | None = None
    qos: str = "besteffort"
    host_network: bool = False
    static: bool = False
    """From a manifest on the node: its uid there is a configuration hash, its name ends with the node's."""
    phase: str = "Running"
    workload: str | None = None
    """``Kind/name`` of its controller: Deployment, StatefulSet, DaemonSet, ReplicaSet, Job."""

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return "%s/%s" % (self.namespace, self.name)


@dataclasses.dataclass(frozen=True)
class Port:
    """A port of a Service."""

    port: int
    target: int
    protocol: str = "TCP"
    name: str | None = None
    node_port: int | None = None


@dataclasses.dataclass(frozen=True)
class Service:
    """A Service with a cluster IP of both families."""

    namespace: str
    name: str
    selector: dict[str, str]
    ports: tuple[Port, ...]

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return "%s/%s" % (self.namespace, self.name)


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something broken on purpose: ``latency`` (netem), ``drop`` (an nftables rule), ``link-down`` (the underlay)."""

    kind: str
    node: str
    interface: str = "eth0"
    arguments: str = ""
    """latency: netem's words, ``delay 20ms loss 1%``; drop: an nftables match, ``udp dport 9000``."""


@dataclasses.dataclass(frozen=True)
class LabSpec:
    """One lab as its file describes it."""

    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    services: tuple[Service, ...] = ()
    faults: tuple[Fault, ...] = ()

    def node(self, name: str) -> Node:
        """The node of that name; LabError lists those there are."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise LabError("no node %s in the lab; it has %s" % (name, ", ".join(n.name for n in self.nodes)))

    def backends(self, service: Service) -> list[Pod]:
        """The running pods that a Service sends to."""
        chosen = service.selector.items()
        pods = [p for p in self.pods if p.namespace == service.namespace and p.phase == "Running" and p.node]
        return [p for p in pods if chosen <= p.labels.items()]


def _record(kind: type, data: Any, where: str) -> Any:
    names = {field.name for field in dataclasses.fields(kind)}
    unknown = sorted(set(data) - names) if isinstance(data, dict) else ["(not a mapping)"]
    if unknown:
        raise LabError("%s: unknown key %s; known are %s" % (where, ", ".join(unknown), ", ".join(sorted(names))))
    try:
        return kind(**data)
    except TypeError as error:
        raise LabError("%s: %s" % (where, str(error).partition(") ")[2] or error)) from error


def _container(data: Any, where: str) -> Container:
    if isinstance(data, str):
        return Container(data)
    container: Container = _record(Container, data, where)
    return dataclasses.replace(container, command=tuple(container.command))


def _pod(data: dict[str, Any], where: str) -> Pod:
    containers = tuple(_container(c, where + ".containers") for c in data.get("containers", ["app"]))
    pod: Pod = _record(Pod, {**data, "containers": containers}, where)
    return dataclasses.replace(pod, phase=pod.phase if pod.node else "Pending")


def _service(data: dict[str, Any], where: str) -> Service:
    ports = tuple(_record(Port, port, where + ".ports") for port in data.get("ports", ()))
    service: Service = _record(Service, {**data, "ports": ports}, where)
    return service


def _check_word(where: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise LabError("%s: %r is none of %s" % (where, value, ", ".join(allowed)))


def _check(spec: LabSpec) -> None:
    names = {node.name for node in spec.nodes}
    for node in spec.nodes:
        _check_word("node %s: init" % node.name, node.init, INITS)
        _check_word("node %s: runtime" % node.name, node.runtime, RUNTIMES)
        _check_word("node %s: cgroup_driver" % node.name, node.cgroup_driver, DRIVERS)
        if not 2 <= node.ip <= 250:
            raise LabError("node %s: ip %d is outside 2 to 250" % (node.name, node.ip))
    for one, two in itertools.combinations(spec.nodes, 2):
        if one.ip == two.ip and one.name != two.name:
            raise LabError("nodes %s and %s have the same ip %d" % (one.name, two.name, one.ip))
    for pod in spec.pods:
        _check_word("pod %s: runtime" % pod.key, pod.runtime, RUNTIMES)
        _check_word("pod %s: cgroup_driver" % pod.key, pod.cgroup_driver, DRIVERS)
        _check_word("pod %s: qos" % pod.key, pod.qos, QOS)
        _check_word("pod %s: phase" % pod.key, pod.phase, PHASES)
        if pod.node is not None and pod.node not in names:
            raise LabError("pod %s: no node %s in the lab" % (pod.key, pod.node))
    for what, keys in (("node", [n.name for n in spec.nodes]), ("pod", [p.key for p in spec.pods])):
        doubled = sorted({key for key in keys if keys.count(key) > 1})
        if doubled:
            raise LabError("%s %s is there twice" % (what, doubled[0]))


def parse_lab(text: str) -> LabSpec:
    """Reads a lab's YAML. Raises LabError naming the entry and what would be right."""
    data = yaml.safe_load(text)
    if not isinstance(data, dict) or not data.get("nodes"):
        raise LabError("a lab needs a list of nodes")
    spec = LabSpec(
        nodes=tuple(_record(Node, n, "nodes[%d]" % i) for i, n in enumerate(data["nodes"])),
        pods=tuple(_pod(p, "pods[%d]" % i) for i, p in enumerate(data.get("pods", []))),
        services=tuple(_service(s, "services[%d]" % i) for i, s in enumerate(data.get("services", []))),
        faults=tuple(_record(Fault, f, "faults[%d]" % i) for i, f in enumerate(data.get("faults", []))),
    )
    _check(spec)
    return spec


def read_lab(path: str | pathlib.Path) -> LabSpec:
    """Reads a lab's YAML file."""
    return parse_lab(pathlib.Path(path).read_text(encoding="utf-8"))
