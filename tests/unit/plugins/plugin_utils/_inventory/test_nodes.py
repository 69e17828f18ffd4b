# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of nodes, from their objects."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import from_result, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.pods import Pod
from ansible_collections.kube.pcap.plugins.plugin_utils._inventory.nodes import Address, Known, Node, Taint, read_node

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


@pytest.mark.parametrize(
    "item, node",
    [
        (OBJECT, FULL),
        ({"kind": "Node", "metadata": {"name": "node-a"}}, BARE),
        ({"kind": "Node", "metadata": {"name": "node-a"}, "spec": {"unschedulable": False}}, BARE),
        ({"kind": "Node", "metadata": {"name": "node-a"}, "spec": None, "status": {"addresses": [None, 3]}}, BARE),
    ],
)
def test_node(item, node):
    """What an object lacks, or has in another shape, is not known."""
    assert read_node(item) == node


@pytest.mark.parametrize("node", [BARE, FULL])
def test_kept(node):
    """What is kept in a cache is what was read."""
    known = Known((node,), (Pod("node-b", "agent-1", True, "ready"),))
    assert from_result(Known, to_result(known)) == known
