# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory needs of Kubernetes nodes and agent pods, from their objects as JSON. PRIVATE to the collection.

Pure functions over what the API sends and what ``kubectl get -o json`` prints.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from .._cluster.fields import Object, entries, labels, part, text, texts

AGENT_LABEL = ("app.kubernetes.io/name", "kube-pcap-agent")
"""What every agent pod is labelled with."""


@dataclasses.dataclass(frozen=True)
class Taint:
    """One taint of a node; the value may be empty."""

    key: str
    value: str
    effect: str


@dataclasses.dataclass(frozen=True)
class Address:
    """One address that a node has, in its own words."""

    type: str
    """InternalIP, ExternalIP, Hostname, InternalDNS or ExternalDNS."""
    address: str


@dataclasses.dataclass(frozen=True)
class Node:
    """One node as the API server knows it; what the kubelet and others wrote there is not checked."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    taints: tuple[Taint, ...]
    unschedulable: bool
    conditions: Mapping[str, str]
    """Type to status: True, False or Unknown."""
    addresses: tuple[Address, ...]
    """In the node's order."""
    kubelet_version: str | None
    container_runtime: str | None


@dataclasses.dataclass(frozen=True)
class Agent:
    """One agent pod that is ready."""

    node: str
    namespace: str
    pod: str


@dataclasses.dataclass(frozen=True)
class Known:
    """What was read of a cluster."""

    nodes: tuple[Node, ...]
    agents: tuple[Agent, ...]
    """The ready ones, one per node; empty where they were not asked for."""


def read_node(item: Object) -> Node:
    """Return the record of a Node object."""
    spec, status = part(item, "spec"), part(item, "status")
    info = part(status, "nodeInfo")
    return Node(
        name=item["metadata"]["name"],
        labels=labels(item),
        annotations=texts(item["metadata"], "annotations"),
        taints=tuple(
            Taint(text(t, "key") or "", text(t, "value") or "", text(t, "effect") or "")
            for t in entries(spec, "taints")
        ),
        unschedulable=spec.get("unschedulable") is True,
        conditions=_conditions(status),
        addresses=tuple(Address(text(a, "type") or "", text(a, "address") or "") for a in entries(status, "addresses")),
        kubelet_version=text(info, "kubeletVersion"),
        container_runtime=text(info, "containerRuntimeVersion"),
    )


def read_agents(pods: Iterable[Object], namespace: str) -> tuple[Agent, ...]:
    """Return the ready agent pods of a namespace; of two on one node, as a rollout has them, the newer one."""
    found: dict[str, tuple[str, Agent]] = {}
    for item in pods:
        node, created = text(part(item, "spec"), "nodeName"), text(item["metadata"], "creationTimestamp") or ""
        if node is None or not _is_agent(item, namespace) or not _is_ready(item):
            continue
        if node not in found or found[node][0] < created:
            found[node] = (created, Agent(node, namespace, item["metadata"]["name"]))
    return tuple(found[node][1] for node in sorted(found))


def _is_agent(item: Object, namespace: str) -> bool:
    key, value = AGENT_LABEL
    return labels(item).get(key) == value and text(item["metadata"], "namespace") == namespace


def _is_ready(item: Object) -> bool:
    status = part(item, "status")
    leaving = text(item["metadata"], "deletionTimestamp") is not None
    return not leaving and text(status, "phase") == "Running" and _conditions(status).get("Ready") == "True"


def _conditions(status: Object) -> dict[str, str]:
    listed = entries(status, "conditions")
    return {str(entry["type"]): text(entry, "status") or "Unknown" for entry in listed if text(entry, "type")}
