# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of nodes and agents, from their objects."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import from_result, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._inventory.nodes import (
    Address,
    Agent,
    Known,
    Node,
    Taint,
    read_agents,
    read_node,
)

BARE = Node("node-a", {}, {}, (), False, {}, (), None, None)
FULL = Node(
    name="node-b",
    labels={"pool": "edge"},
    annotations={"note": "{{ 1 }}"},
    taints=(Taint("dedicated", "gpu", "NoSchedule"), Taint("lone", "", "NoExecute")),
    unschedulable=True,
    conditions={"Ready": "True", "MemoryPressure": "Unknown"},
    addresses=(Address("InternalIP", "10.0.0.2"), Address("Hostname", "b")),
    kubelet_version="v1.34.4",
    container_runtime="containerd://2.1.0",
)
OBJECT = {
    "kind": "Node",
    "metadata": {"name": "node-b", "labels": {"pool": "edge"}, "annotations": {"note": "{{ 1 }}"}},
    "spec": {
        "unschedulable": True,
        "taints": [
            {"key": "dedicated", "value": "gpu", "effect": "NoSchedule"},
            {"key": "lone", "effect": "NoExecute"},
        ],
    },
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "MemoryPressure"}, {"status": "True"}],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.2"}, {"type": "Hostname", "address": "b"}],
        "nodeInfo": {"kubeletVersion": "v1.34.4", "containerRuntimeVersion": "containerd://2.1.0"},
    },
}


def agent(name, node="node-a", ready="True", created="2026-11-21T10:00:00Z", namespace="kube-pcap", **metadata):
    """An agent's Pod object."""
    labels = {"app.kubernetes.io/name": "kube-pcap-agent"}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "creationTimestamp": created,
            **metadata,
        },
        "spec": {"nodeName": node} if node else {},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(
    "item, node",
    [
        (OBJECT, FULL),
        ({"kind": "Node", "metadata": {"name": "node-a"}}, BARE),
        ({"kind": "Node", "metadata": {"name": "node-a"}, "spec": None, "status": {"addresses": [None, 3]}}, BARE),
    ],
)
def test_node(item, node):
    """What an object lacks, or has in another shape, is not known."""
    assert read_node(item) == node


@pytest.mark.parametrize("node", [BARE, FULL])
def test_kept(node):
    """What is kept in a cache is what was read."""
    known = Known((node,), (Agent("node-b", "kube-pcap", "agent-1"),))
    assert from_result(Known, to_result(known)) == known


@pytest.mark.parametrize(
    "pods, names",
    [
        ([agent("a1"), agent("b1", "node-b")], ["a1", "b1"]),
        ([agent("old"), agent("new", created="2026-11-21T10:00:01Z")], ["new"]),
        ([agent("new", created="2026-11-21T10:00:01Z"), agent("old")], ["new"]),
        ([agent("old"), agent("new", created="2026-11-21T10:00:01Z", ready="False")], ["old"]),
        ([agent("leaving", deletionTimestamp="2026-11-21T10:00:00Z")], []),
        ([agent("unplaced", node=None)], []),
        ([agent("elsewhere", namespace="other")], []),
        ([agent("another", labels={"app.kubernetes.io/name": "web"})], []),
        ([{**agent("done"), "status": {"phase": "Failed"}}], []),
        ([{**agent("bare"), "status": {}}], []),
    ],
)
def test_agents(pods, names):
    """Only an agent that is ready counts, and of two on one node the newer one."""
    assert [one.pod for one in read_agents(pods, "kube-pcap")] == names
