# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes as hosts of an inventory: their variables, and how Ansible reaches them. PRIVATE to the collection."""

from __future__ import annotations

import collections
import dataclasses
import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import OptionError, shown
from ...module_utils._matching import listed
from .._agents.pods import Pod, host_variables
from .groups import ZONE, groups
from .nodes import Address, Known, Node

SSH, AGENT = "ssh", "agent"
WITHOUT_AGENT, WITHOUT_ADDRESS = "without_agent", "without_address"

_KUBECTL = ("kubeconfig", "context", "host", "ca_cert", "client_cert", "client_key")
"""Options that kubectl needs, too; a token or password would stand in inventories, and on its command line."""
_DNS = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\Z", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Reach:
    """How Ansible is to connect to the nodes."""

    connect: str = SSH
    address: tuple[str, ...] = ("InternalIP",)
    """Types of addresses for SSH, the first that a node has."""
    agent_namespace: str = "kube-pcap"
    kubectl: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Variables that tell kubectl which cluster it is, for agents."""
    checked: bool | None = None
    """Whether kubectl checks the server's certificate; None: as it does by itself."""


@dataclasses.dataclass(frozen=True)
class Host:
    """One host of the inventory; every text in its variables comes from the cluster, or is checked."""

    name: str
    variables: Mapping[str, Any]
    groups: tuple[str, ...]


def read_reach(options: Mapping[str, Any], checked: bool | None = None) -> Reach:
    """Return how a plugin's options want nodes reached; raise OptionError. checked: as ``Reach`` has it."""
    if not options["address"]:
        raise OptionError("address", "it is empty", "write at least one type, such as InternalIP")
    kubectl = {"ansible_kubectl_" + name: options[name] for name in _KUBECTL if options[name] is not None}
    return Reach(options["connect"], tuple(options["address"]), options["agent_namespace"], kubectl, checked)


def hosts(known: Known, reach: Reach) -> tuple[list[Host], list[str]]:
    """Return a host for each node, sorted by name, and what the user is warned of."""
    agents = {pod.node: pod for pod in known.agents if pod.ready}
    nodes = {node.name: node for node in known.nodes}
    named = [nodes[name] for name in sorted(nodes) if _DNS.match(name)]
    found = [_host(node, agents.get(node.name), reach) for node in named]
    warnings = [
        "%s is left out: it is no name of a node" % shown(name) for name in sorted(nodes) if not _DNS.match(name)
    ]
    return found, warnings + _lacking(found, known, reach)


def _lacking(found: list[Host], known: Known, reach: Reach) -> list[str]:
    """Return a sentence that names the hosts for which there is no connection, with the reason where one is known."""
    group = WITHOUT_AGENT if reach.connect == AGENT else WITHOUT_ADDRESS
    why = {pod.node: " (%s)" % pod.reason for pod in known.agents}
    names = [host.name + why.get(host.name, "") for host in found if group in host.groups]
    if not names:
        return []
    missing = "no address of type %s is known of" % " or ".join(reach.address)
    if reach.connect == AGENT:
        missing = "no agent pod in namespace %s is ready on" % reach.agent_namespace
    return ["%s %s; no connection is set, see group %s" % (missing, listed(names), group)]


def _host(node: Node, agent: Pod | None, reach: Reach) -> Host:
    connection = _by_agent(agent, reach) if reach.connect == AGENT else _by_ssh(node, reach)
    lacking = WITHOUT_AGENT if reach.connect == AGENT else WITHOUT_ADDRESS
    own = groups(node) if connection else tuple(sorted((*groups(node), lacking)))
    return Host(node.name, {**_facts(node), **connection}, own)


def _facts(node: Node) -> dict[str, Any]:
    addresses: dict[str, list[str]] = collections.defaultdict(list)
    for one in node.addresses:
        addresses[one.type].append(one.address)
    return {
        "kube_node_name": node.name,
        "kube_labels": dict(node.labels),
        "kube_annotations": dict(node.annotations),
        "kube_taints": [dataclasses.asdict(taint) for taint in node.taints],
        "kube_conditions": dict(node.conditions),
        "kube_addresses": dict(addresses),
        "kube_zone": node.labels.get(ZONE),
        "kube_kubelet_version": node.kubelet_version,
        "kube_container_runtime": node.container_runtime,
    }


def _by_ssh(node: Node, reach: Reach) -> dict[str, Any]:
    for kind in reach.address:
        for one in node.addresses:
            if one.type == kind and _is_address(one):
                return {"ansible_host": one.address}
    return {}


def _by_agent(agent: Pod | None, reach: Reach) -> dict[str, Any]:
    if agent is None:
        return {}
    return {**host_variables(agent, reach.agent_namespace, None, None, reach.checked), **reach.kubectl}


def _is_address(one: Address) -> bool:
    """Say whether ssh may get it as an argument: a node writes its own addresses, and could write an option of ssh."""
    if not one.type.endswith("IP"):
        return _DNS.match(one.address) is not None
    try:
        ipaddress.ip_address(one.address)
    except ValueError:
        return False
    return "%" not in one.address  # a scope may be any text
