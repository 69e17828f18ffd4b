# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network namespace's interfaces are while it is watched for a trace. PRIVATE to the collection."""

from __future__ import annotations

from typing import Collection, Sequence

from .._trace_records import Interface
from . import links


class Surroundings:
    """Made inside the namespace; reads it from anywhere afterwards."""

    def __init__(self) -> None:
        self._socket = links.open_socket()

    def read(self) -> tuple[Interface, ...]:
        """Return all interfaces, by index; raise NodeError when the kernel refuses."""
        found, addresses = links.read_links(self._socket), links.read_addresses(self._socket)
        return interfaces(found, addresses, links.read_ingress(self._socket))

    def close(self) -> None:
        """Let go of the namespace."""
        self._socket.close()


def interfaces(
    found: Sequence[links.Link], addresses: Sequence[links.Address], ingress: Collection[int] = ()
) -> tuple[Interface, ...]:
    """Return interfaces with their addresses, of every scope, in the kernel's order; ``ingress``: where tc is."""
    return tuple(
        Interface(
            link.index,
            link.name,
            link.kind,
            link.parent,
            link.mtu,
            link.mac,
            tuple(one.address for one in addresses if one.index == link.index),
            (("xdp",) if link.xdp else ()) + (("tc",) if link.index in ingress else ()),
        )
        for link in found
    )


def together(before: Sequence[Interface], after: Sequence[Interface]) -> tuple[Interface, ...]:
    """Return the interfaces of a first reading as they were then, and behind them those that a second one has more."""
    known = {one.index for one in before}
    return (*before, *(one for one in after if one.index not in known))


def changed(before: Sequence[Interface], after: Sequence[Interface]) -> tuple[str, ...]:
    """Return the names, sorted, of the interfaces that came, went, or became others between two readings.

    One that was renamed has both names. What came and went again between the two is not known.
    """
    return tuple(sorted({one.name for one in set(before) ^ set(after)}))
