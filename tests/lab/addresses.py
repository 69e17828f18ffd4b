# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every address of a lab, from the lab's number and the node's. Pure functions; see README.md for the table."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator

POD_NETWORKS = ("10.244.0.0/16", "fd00:10:244::/48")
SERVICE_NETWORKS = ("10.96.0.0/16", "fd00:10:96::/112")
HOST = 1
NOWHERE = 254
"""The nodes' default gateway: an address that nobody has, so that nothing leaves and yet there is a default route."""
MTU = 1450


@dataclasses.dataclass(frozen=True)
class Pair:
    """An IPv4 and an IPv6 address of the same thing."""

    v4: str
    v6: str

    def __iter__(self) -> Iterator[str]:
        return iter((self.v4, self.v6))


def underlay(lab: int, number: int) -> Pair:
    """A node's address among the nodes; RFC 2544's block is nobody's real network."""
    v6 = ipaddress.IPv6Address("fd53:%x::%x" % (lab, number))
    return Pair("198.18.%d.%d" % (lab, number), str(v6))  # as the kernel spells it: fd53::b in lab 0


def underlay_mac(lab: int, number: int) -> str:
    """The link address of a node's ``eth0``: the same after a reboot, so that no neighbour remembers another."""
    return "02:53:00:00:%02x:%02x" % (lab, number)


def pod_mac(node: int, number: int) -> str:
    """The link address of a pod's ``eth0``, made from its IPv4 address as some CNI plugins do."""
    return "0a:58:0a:f4:%02x:%02x" % (node, number)


def bridge(node: int) -> Pair:
    """The address of a node's ``cni0``."""
    return Pair("10.244.%d.1" % node, "fd00:10:244:%x::1" % node)


def overlay(node: int) -> Pair:
    """The address of a node's ``vxlan.1``, as flannel chooses it: the network's first."""
    return Pair("10.244.%d.0" % node, "fd00:10:244:%x::" % node)


def overlay_mac(node: int) -> str:
    """The link address of a node's ``vxlan.1``."""
    return "0e:f1:00:00:00:%02x" % node


def pod_network(node: int) -> Pair:
    """The pod network of a node."""
    return Pair("10.244.%d.0/24" % node, "fd00:10:244:%x::/64" % node)


def pod(node: int, number: int) -> Pair:
    """The addresses of a node's pod; the first pod is number 2."""
    return Pair("10.244.%d.%d" % (node, number), "fd00:10:244:%x::%x" % (node, number))


def service(number: int) -> Pair:
    """The cluster IPs of a Service."""
    return Pair("10.96.0.%d" % number, "fd00:10:96::%x" % number)
