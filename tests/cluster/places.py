# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a cluster is: its addresses, its folder, its control group. Pure."""

from __future__ import annotations

import dataclasses
import pathlib

from tests.lab import addresses
from tests.lab.model import Node

NODES = tuple(Node(name, ip, init="none") for name, ip in (("node-a", 11), ("node-b", 12), ("node-c", 13)))
CONTROL_PLANE = NODES[0]
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
SITES = 8
_FIRST = 96
"""The nodes' addresses are of the lab's block, under numbers that no lab has: those are 0 to 63."""


@dataclasses.dataclass(frozen=True)
class Site:
    """The place of one cluster; 0 is that of ``make cluster``."""

    number: int = 0

    @property
    def _suffix(self) -> str:
        return "-%d" % self.number if self.number else ""

    @property
    def home(self) -> pathlib.Path:
        """The folder with all that it writes on this machine."""
        return pathlib.Path("/var/lib/kube-pcap-cluster" + self._suffix)

    @property
    def group(self) -> str:
        """Its control group in every hierarchy."""
        return "kube-pcap-cluster" + self._suffix

    @property
    def link(self) -> str:
        """Its name in this machine's link to it: longer than a lab's may be, so that no lab's link is called so."""
        return "kubernetes" + self._suffix

    @property
    def index(self) -> int:
        """Its number among the networks of nodes."""
        return _FIRST + self.number

    def address(self, node: Node) -> str:
        """A node's address."""
        return addresses.underlay(self.index, node.ip).v4

    @property
    def api(self) -> str:
        """The URL of its API server."""
        return "https://%s:6443" % self.address(CONTROL_PLANE)
