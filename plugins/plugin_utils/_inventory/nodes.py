# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an inventory needs of Kubernetes nodes, from their objects as JSON. PRIVATE to the collection.

Pure functions over what the API sends and what ``kubectl get -o json`` prints.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from .._agents.pods import Pod
from .._cluster.fields import Object, entries, labels, part, text, texts


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
class Known:
    """What was read of a cluster."""

    nodes: tuple[Node, ...]
    agents: tuple[Pod, ...]
    """Empty where they were not asked for."""


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


def _conditions(status: Object) -> dict[str, str]:
    listed = entries(status, "conditions")
    return {str(entry["type"]): text(entry, "status") or "Unknown" for entry in listed if text(entry, "type")}
