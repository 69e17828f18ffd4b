# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a packet's headers, through all encapsulations, to the innermost. PRIVATE to the collection."""

from __future__ import annotations

from typing import Mapping

from . import ip, links, transport, tunnels
from .links import LINKS
from .packet import Packet, Payload, Record
from .walk import Step, Walk

_MOST_HEADERS = 64
_STEPS: Mapping[str, Step] = {
    step.__name__: step
    for step in (
        *(links.ethernet, links.vlan, links.llc, links.mpls, links.raw, links.null, links.loop, links.sll, links.sll2),
        *(ip.ipv4, ip.ipv6, ip.extension, ip.fragment, ip.authentication),
        *(transport.tcp, transport.udp, transport.ports, transport.icmp, transport.icmpv6),
        *(tunnels.vxlan, tunnels.geneve, tunnels.gre, tunnels.ipv4_inside, tunnels.ipv6_inside),
    )
}


def dissect(record: Record) -> Packet:
    """Return what a packet's headers say. It never raises: what is wrong is the packet's ``error``."""
    return dissect_whole(record)[0]


def dissect_whole(record: Record) -> tuple[Packet, Payload | None]:
    """Return what a packet's headers say, and what the innermost carries. It never raises, as ``dissect``."""
    first = LINKS.get(record.link_type)
    if first is None:
        kinds = ", ".join(map(str, LINKS))
        return Packet(error="its link type is %d; %s are read" % (record.link_type, kinds)), None
    data = record.data
    walk = Walk(data, len(data), record.length)
    _run(walk, first)
    if walk.quoted_at is not None and walk.icmp is not None:
        walk.icmp = walk.icmp._replace(quoted=_quoted(walk))
    return walk.packet(), walk.payload


def _run(walk: Walk, step: str) -> None:
    for _header in range(_MOST_HEADERS):
        following = _STEPS[step](walk)
        if following is None:
            return
        step = following
    walk.error = "it has more than %d headers" % _MOST_HEADERS


def _quoted(around: Walk) -> Packet:
    """Return the packet that an ICMP error quotes, without what a quotation of its own would say."""
    at = around.quoted_at or 0
    walk = Walk(around.data, around.end, around.whole_end - at, at, quote=True)
    _run(walk, "raw")
    return walk.packet()
