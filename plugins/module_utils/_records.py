# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every record that crosses between a node and the controller. PRIVATE to the collection.

Records are frozen; what is not known is None. ``to_result`` turns one into plain JSON types for a module's result or
a file, ``from_result`` takes it back. Unknown keys are ignored, so that a newer side can talk to an older one.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Mapping, TypeVar

R = TypeVar("R")


@dataclasses.dataclass(frozen=True)
class Container:
    """One container of a pod, init and ephemeral ones included."""

    name: str
    id: str | None = None
    """The runtime's id, 64 hex digits, without its scheme."""
    pid: int | None = None
    """Its first process on the node, None when it does not run."""


@dataclasses.dataclass(frozen=True)
class TargetRef:
    """What names a target for ever: files and manifest lines carry it, and it can be a key."""

    kind: str
    namespace: str | None
    name: str | None
    uid: str | None
    node: str | None

    @property
    def title(self) -> str:
        """How messages and tables call the target: ``pod shop/cart`` or ``node node-b``."""
        return "pod %s/%s" % (self.namespace, self.name) if self.kind == "pod" else "node %s" % self.name


@dataclasses.dataclass(frozen=True)
class Target:
    """One selected pod or node, resolved."""

    kind: str
    """``pod`` or ``node``."""
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    """As the API gives it; for a static pod its configuration hash where only the node was asked."""
    node: str | None = None
    container: str | None = None
    """The container that was chosen: by name, else the pod's first."""
    containers: tuple[Container, ...] = ()
    pid: int | None = None
    """A process of the target in its network namespace; a node's is 1."""
    netns: int | None = None
    """Inode of the network namespace (``stat -Lc %i /proc/PID/ns/net``)."""
    host_network: bool = False
    addresses: tuple[str, ...] = ()
    interfaces: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Name to index, as the target's own network namespace has them."""
    labels: Mapping[str, str] | None = None
    static_hash: str | None = None
    """A static pod's configuration hash (annotation ``kubernetes.io/config.hash``); None for any other."""

    @property
    def node_uid(self) -> str | None:
        """What the node's cgroups and folders call the pod: the uid, but a static pod's configuration hash."""
        return self.static_hash or self.uid

    @property
    def ref(self) -> TargetRef:
        """What names this target for ever, whoever was asked: the API knows uids that a node does not."""
        return TargetRef(self.kind, self.namespace, self.name, self.node_uid if self.kind == "pod" else None, self.node)

    @property
    def title(self) -> str:
        """How messages and tables call the target."""
        return self.ref.title


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A pod or node that a selection may name, with what only matching needs beside the target."""

    target: Target
    phase: str | None = "Running"
    """``status.phase`` of a pod: Pending, Running, Succeeded, Failed, Unknown; or ``Gone``, when its node was asked and
    has no process of it."""
    workloads: tuple[tuple[str, str], ...] | None = None
    """Controllers as (kind in lower case, name), all the way up; None where only the nodes were asked."""
    services: tuple[str, ...] | None = None
    """Names of the Services, of the pod's namespace, whose endpoints it is; None where only the nodes were asked."""
    runtime_problem: str | None = None
    """Of a node: what its crictl said instead of an answer; None when it answered, or there is none."""


@dataclasses.dataclass(frozen=True)
class Selection:
    """One selection of targets (design: Selections)."""

    kind: str
    """pod, pods, node, nodes, service, deployment, statefulset, daemonset, job, replicaset."""
    namespace: str | None = None
    """None for nodes; ``*`` for all namespaces."""
    name: str | None = None
    container: str | None = None
    label_selectors: tuple[str, ...] = ()
    """Terms as Kubernetes writes them: ``app=web``, ``tier!=db``, ``env in (a,b)``, ``canary``, ``!canary``."""


@dataclasses.dataclass(frozen=True)
class CaptureOptions:
    """How a capture records; the defaults are the design's."""

    filter: str = ""
    interface: str | None = None
    """None: ``any`` for a pod, the default route's interface for a node."""
    snaplen: int = 192
    """Bytes of each packet; 0 is the whole packet."""
    buffer_kib: int = 4096
    segment_bytes: int = 100_000_000
    segment_seconds: int = 60
    packet_count: int | None = None
    """Stop each target after exactly so many packets."""
    keep_bytes: int = 1 << 30
    """Most bytes of one capture on one node."""
    min_free_percent: int = 10
    min_free_bytes: int = 0
    duration_seconds: int = 7200
    compress: bool = True
    sink: str | None = None
    spool: str = "/var/lib/kube-pcap"
    memory_bytes: int = 128 << 20
    """Most bytes of packet rings of one capture on one node."""
    promiscuous: bool = False
    grace_seconds: int = 3600
    """How long shipping goes on after the deadline."""


@dataclasses.dataclass(frozen=True)
class NodeCapture:
    """What one node is to record: the plan's answer for that node, and ``capture.json`` on it."""

    id: str
    node: str
    selections: tuple[Selection, ...]
    options: CaptureOptions
    targets: tuple[Target, ...]


def to_result(record: Any) -> Any:
    """Return a record, or a container of records, as plain JSON types."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return {f.name: to_result(getattr(record, f.name)) for f in dataclasses.fields(record)}
    if isinstance(record, Mapping):
        return {str(key): to_result(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_result(value) for value in record]
    return record


def _records(kind: type[R], values: Any) -> tuple[R, ...]:
    return tuple(from_result(kind, value) for value in values or ())


_NESTED: dict[tuple[type, str], Callable[[Any], Any]] = {
    (Target, "containers"): lambda value: _records(Container, value),
    (Target, "addresses"): lambda value: tuple(value or ()),
    (Selection, "label_selectors"): lambda value: tuple(value or ()),
    (NodeCapture, "selections"): lambda value: _records(Selection, value),
    (NodeCapture, "options"): lambda value: from_result(CaptureOptions, value),
    (NodeCapture, "targets"): lambda value: _records(Target, value),
    (Candidate, "target"): lambda value: from_result(Target, value),
    (Candidate, "workloads"): lambda value: None if value is None else tuple((k, n) for k, n in value),
    (Candidate, "services"): lambda value: None if value is None else tuple(value),
}


def from_result(kind: type[R], value: Mapping[str, Any]) -> R:
    """Return the record of that kind that ``to_result`` made these values of; a missing key takes its default."""
    known = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # every kind here is a dataclass
        if field.name in value:
            convert = _NESTED.get((kind, field.name))
            known[field.name] = convert(value[field.name]) if convert else value[field.name]
    return kind(**known)
