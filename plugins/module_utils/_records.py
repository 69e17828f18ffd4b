# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every record that crosses between a node and the controller. PRIVATE to the collection.

Records are frozen; what is not known is None. ``to_result`` turns one into plain JSON types for a module's result or
a file, ``from_result`` takes it back where every type is right. Unknown keys are ignored, so that a newer side can talk
to an older one.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, Mapping, TypeVar

R = TypeVar("R")

CONTROLLER = "controller"
"""The kind of a target that is the machine on which Ansible runs, in the network namespace in which it does."""


class RecordError(TypeError):
    """A value is not what a record holds there; the text begins with its place, such as ``pods[2].pid``."""


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
        if self.kind == CONTROLLER:
            return "the controller"
        return "pod %s/%s" % (self.namespace, self.name) if self.kind == "pod" else "node %s" % self.name


@dataclasses.dataclass(frozen=True)
class Target:
    """One selected pod or node, resolved."""

    kind: str
    """``pod``, ``node``, or where packets are sent from alone CONTROLLER."""
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
    """``status.phase`` of a pod: Pending, Running, Succeeded, Failed, Unknown; or, when its node was asked and has no
    process of it, ``Gone``, or where the cluster says Running ``Unseen``, and where it says Pending ``NotBegun``."""
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
    """A directory of the node, or gs://bucket/prefix."""
    upload: str = "policy"
    """Who lets the node write to a bucket: ``policy``, the controller; ``metadata``, the node's metadata server."""
    upload_rate: int | None = None
    """Most bytes a second to a bucket."""
    spool: str = "/var/lib/kube-pcap"
    memory_bytes: int = 128 << 20
    """Most bytes of packet rings of one capture on one node."""
    promiscuous: bool = False
    grace_seconds: int = 3600
    """How long shipping goes on after the deadline."""


@dataclasses.dataclass(frozen=True)
class Upload:
    """How a node may put objects into a bucket: ``upload.json`` on it, and a secret."""

    url: str
    """Where the form is posted to, with the bucket; without a policy, the root of the service."""
    prefix: str
    """What the name of every object begins with, ending with a slash."""
    fields: Mapping[str, str] | None = None
    """The signed policy's form fields; None where the node asks its metadata server for a token."""
    issued_ns: int = 0
    """When the policy was signed, by the controller's clock."""
    expires_ns: int = 0
    """When it ends, by the service's clock."""


@dataclasses.dataclass(frozen=True)
class NodeCapture:
    """What one node is to record: the plan's answer for that node, and ``capture.json`` on it."""

    id: str
    node: str
    selections: tuple[Selection, ...]
    options: CaptureOptions
    targets: tuple[Target, ...]


@dataclasses.dataclass(frozen=True)
class CommandOptions:
    """Which tool runs in targets' namespaces, and how; the defaults are the design's."""

    argv: tuple[str, ...]
    namespaces: tuple[str, ...] = ("net",)
    """Of net, mount, pid, uts, ipc, cgroup, in this order."""
    timeout_seconds: int = 30
    stdin: str | None = None
    encoding: str = "text"
    """How output stands in a result: ``text`` or ``base64``."""
    dest: str | None = None
    """A file of the node for standard output, or a folder where it ends with a slash."""
    dest_bytes: int = 1 << 30
    """Most bytes of that file."""
    return_stdout: bool = True


@dataclasses.dataclass(frozen=True)
class NodeCommand:
    """What one node is to run: the plan's answer for that node."""

    node: str
    options: CommandOptions
    targets: tuple[Target, ...]


def to_result(record: Any) -> Any:
    """Return a record, or a container of records, as plain JSON types."""
    if record is None or isinstance(record, (str, int)):  # most are, of the hundreds of thousands in a large cluster
        return record
    names = _field_names(type(record))
    if names is not None:
        return {name: to_result(getattr(record, name)) for name in names}
    if isinstance(record, Mapping):
        return {str(key): to_result(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [to_result(value) for value in record]
    return record


_FIELD_NAMES: dict[type, tuple[str, ...] | None] = {}
"""Of each type that was asked about; None of what is no record."""


def _field_names(kind: type) -> tuple[str, ...] | None:
    if kind not in _FIELD_NAMES:
        record = dataclasses.is_dataclass(kind)
        _FIELD_NAMES[kind] = tuple(field.name for field in dataclasses.fields(kind)) if record else None
    return _FIELD_NAMES[kind]


def from_result(kind: type[R], value: Any, place: str = "") -> R:
    """Return the record of that kind that ``to_result`` made this value of; a missing key takes its default.

    ``place`` is what errors call the value. Raises RecordError for one of another type than the record holds.
    """
    names = vars(sys.modules[kind.__module__])
    given = _typed(value, Mapping, place or "it")
    known = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # every kind here is a dataclass
        inner = "%s.%s" % (place, field.name) if place else field.name
        if field.name in given:
            known[field.name] = _read(str(field.type), given[field.name], names, inner)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise RecordError("%s is missing" % inner)
    return kind(**known)


_SCALARS = {"str": str, "int": int, "bool": bool}
_WRONG = {
    str: "no text",
    int: "no whole number",
    bool: "neither true nor false",
    Mapping: "no mapping",
    list: "no list",
}


def _read(annotation: str, value: Any, names: Mapping[str, Any], place: str) -> Any:
    """Return a value as its field's annotation says, which is text: Python 3.8 could not evaluate it."""
    if annotation.endswith(" | None"):
        return None if value is None else _read(annotation[: -len(" | None")], value, names, place)
    outer, _bracket, inner = annotation.partition("[")
    if outer == "Mapping":
        own = inner[len("str, ") : -len("]")]
        items = _typed(value, Mapping, place).items()
        return {
            _typed(key, str, "a key of " + place): _read(own, one, names, "a value of " + place) for key, one in items
        }
    if outer == "tuple":
        listed = _typed(list(value) if isinstance(value, tuple) else value, list, place)
        kinds = [inner[: -len(", ...]")]] * len(listed) if inner.endswith(", ...]") else inner[: -len("]")].split(", ")
        if len(kinds) != len(listed):
            raise RecordError("%s has not %d items" % (place, len(kinds)))
        return tuple(_read(k, one, names, "%s[%d]" % (place, n)) for n, (k, one) in enumerate(zip(kinds, listed)))
    if outer in _SCALARS:
        return _typed(value, _SCALARS[outer], place)
    return from_result(names[outer], value, place)


def _typed(value: Any, kind: Any, place: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RecordError("%s is %s" % (place, _WRONG[kind]))
    return value
