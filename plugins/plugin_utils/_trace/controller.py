# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller as the source of a trace: its network namespace and addresses. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Iterable, Mapping

from ...module_utils._errors import OptionError
from ...module_utils._records import CONTROLLER, Target
from .expression import HERE, OPTION, parse

NAME = "(here)"
"""How the controller stands where a node's name does, and its host's; no node can have this name (RFC 1123)."""
_PORT = 9
"""Any will do: nothing is sent there."""


@dataclasses.dataclass(frozen=True)
class Controller:
    """What the controller knows of its own network."""

    netns: int
    """Inode of its network namespace."""
    ways: Mapping[str, str]
    """Its own address on the way to each node's that it has a route to."""
    beyond: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The same of other addresses to which it may send."""

    @property
    def target(self) -> Target:
        """The controller as a target; what leads to most of the others comes first of its addresses."""
        own = list(self.ways.values())
        ordered = sorted(dict.fromkeys(own), key=lambda one: -own.count(one))
        addresses = tuple(dict.fromkeys([*ordered, *self.beyond.values()]))
        return Target(CONTROLLER, node=NAME, netns=self.netns, host_network=True, addresses=addresses)

    def has(self, addresses: Iterable[str]) -> bool:
        """Say whether one of these addresses is its own: on the way to it the kernel takes itself."""
        return any(self.ways.get(one) == one for one in addresses)


def is_source(expression: object) -> bool:
    """Say whether an expression sends from the controller; raise OptionError."""
    return parse(expression).source.kind == HERE


def look(nodes: Iterable[str], beyond: Iterable[str] = ()) -> Controller:
    """Return what the kernel says of the ways to nodes' addresses and others; nothing is sent. Raises OptionError."""
    try:
        inode = os.stat("/proc/self/ns/net").st_ino
    except OSError:
        right = "write from node NAME, or run Ansible on Linux"
        raise OptionError(OPTION, "nothing can be sent from this controller, which is no Linux", right) from None
    return Controller(inode, _ways(nodes), _ways(beyond))


def _ways(addresses: Iterable[str]) -> dict[str, str]:
    found = {address: _own(address) for address in dict.fromkeys(addresses)}
    return {address: own for address, own in found.items() if own is not None}


def _own(address: str) -> str | None:
    """Return the own address that a socket gets which is connected there (connect(2) of a datagram's sends nothing)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _PORT))
            own: str = probe.getsockname()[0]
            return own
    except OSError:
        return None
