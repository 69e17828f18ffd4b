# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups of nodes."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._inventory.groups import groups
from ansible_collections.kube.pcap.plugins.plugin_utils._inventory.nodes import Node, Taint

NODE = Node("node-a", {}, {}, (), False, {"Ready": "True"}, (), None, None)


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({}, ["ready"]),
        ({"conditions": {"Ready": "False"}}, ["not_ready"]),
        ({"conditions": {"Ready": "Unknown"}}, ["not_ready"]),
        ({"conditions": {}}, ["not_ready"]),
        ({"unschedulable": True}, ["ready", "unschedulable"]),
        ({"labels": {"pool": "edge-1"}}, ["label_pool_edge_1", "ready"]),
        ({"labels": {"canary": ""}}, ["label_canary", "ready"]),
        ({"labels": {"kubernetes.io/hostname": "node-a"}}, ["ready"]),
        (
            {"labels": {"topology.kubernetes.io/zone": "eu-1a"}},
            ["label_topology_kubernetes_io_zone_eu_1a", "ready", "zone_eu_1a"],
        ),
        (
            {"labels": {"node-role.kubernetes.io/control-plane": ""}},
            ["label_node_role_kubernetes_io_control_plane", "ready", "role_control_plane"],
        ),
        ({"labels": {"kubernetes.io/role": "edge"}}, ["label_kubernetes_io_role_edge", "ready", "role_edge"]),
        (
            {"taints": (Taint("dedicated", "gpu", "NoSchedule"), Taint("lone", "", "NoExecute"))},
            ["ready", "taint_dedicated_gpu_NoSchedule", "taint_lone_NoExecute"],
        ),
        ({"labels": {"a.b": "c", "a/b": "c"}}, ["label_a_b_c", "ready"]),
        ({"labels": {"{{ x }}": "{{ y }}"}}, ["label____x_______y___", "ready"]),
    ],
)
def test_groups(changes, expected):
    """Labels, taints, roles, zone and readiness make groups; no name holds anything but letters, digits and _."""
    assert groups(dataclasses.replace(NODE, **changes)) == tuple(sorted(["nodes", *expected]))
