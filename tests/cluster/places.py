# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of the cluster. Pure; the nodes' are of the lab's block, under a number that no lab has."""

from __future__ import annotations

from tests.lab import addresses
from tests.lab.model import Node

INDEX = 96
"""Beside the labs' numbers, 0 to 63."""
NODES = tuple(Node(name, ip, init="none") for name, ip in (("node-a", 11), ("node-b", 12), ("node-c", 13)))
CONTROL_PLANE = NODES[0]
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"


def address(node: Node) -> str:
    """A node's address."""
    return addresses.underlay(INDEX, node.ip).v4


API = "https://%s:6443" % address(CONTROL_PLANE)
