# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Headers of what IP carries. PRIVATE to the collection.

Formats: RFC 9293 (TCP), RFC 768 (UDP), RFC 9260 (SCTP), RFC 792 (ICMP), RFC 4443 (ICMPv6), RFC 4884
(how long a quotation is).
"""

from __future__ import annotations

import struct

from .packet import Icmp, Tcp
from .walk import Walk

_TCP = struct.Struct(">HHIIBB").unpack_from
_UDP = struct.Struct(">HHH").unpack_from
_U16 = struct.Struct(">H").unpack_from
_U32 = struct.Struct(">I").unpack_from
_IDENTIFIER = struct.Struct(">HH").unpack_from
_TUNNELS = {4789: "vxlan", 8472: "vxlan", 6081: "geneve"}
"""By destination port: RFC 7348, and Linux's own; RFC 8926."""
FLAGS = tuple("".join(letter for bit, letter in enumerate("FSRP.UEW") if flags & 1 << bit) for flags in range(256))
"""tcpdump's letters of each byte of flags."""
_ECHOES = {"ICMP": (0, 8, 13, 14, 15, 16, 17, 18), "ICMPv6": (128, 129)}
_ERRORS = {"ICMP": (3, 4, 5, 11, 12), "ICMPv6": (1, 2, 3, 4)}
_LENGTHS = {
    **{("ICMP", 3): (5, 4), ("ICMP", 11): (5, 4), ("ICMP", 12): (5, 4)},
    **{("ICMPv6", 1): (4, 8), ("ICMPv6", 3): (4, 8)},
}
"""Where the length of a quotation may stand, and its unit in bytes."""
_LEAST_QUOTED = 128  # where a length is told; other values are of senders that know nothing of it


def tcp(walk: Walk) -> None:
    """Ports, and numbers and flags as far as they are there."""
    data, at = walk.data, walk.at
    there = walk.end - at
    if there >= 20:
        walk.sport, walk.dport, seq, ack, offset, flags = _TCP(data, at)
        walk.tcp = Tcp(seq, ack, FLAGS[flags])
        size = offset >> 4 << 2
        if size < 20:
            walk.error = "its TCP header would have %d bytes" % size
        elif there < size:
            walk.lacks(size, "TCP")
        else:
            walk.payload_at = at + size
        return
    ports(walk)
    walk.lacks(20, "TCP")
    if there >= 8:
        ack = _U32(data, at + 8)[0] if there >= 12 else None
        walk.tcp = Tcp(_U32(data, at + 4)[0], ack, FLAGS[data[at + 13]] if there >= 14 else None)


def udp(walk: Walk) -> str | None:
    """Ports, and the tunnel that a well-known one stands for."""
    if walk.at + 8 > walk.end:
        ports(walk)
        walk.lacks(8, "UDP")
        return None
    walk.sport, walk.dport, size = _UDP(walk.data, walk.at)
    if 0 < size < 8:
        walk.error = "its UDP header tells a length of %d" % size
        return None
    if size:
        walk.bound(size)
    walk.at += 8
    walk.payload_at = walk.at
    return _TUNNELS.get(walk.dport)


def ports(walk: Walk) -> None:
    """The two ports with which TCP, UDP, UDP-Lite, DCCP and SCTP begin."""
    if walk.at + 2 <= walk.end:
        (walk.sport,) = _U16(walk.data, walk.at)
    if not walk.lacks(4, "%s" % (walk.protocol or "").upper()):
        (walk.dport,) = _U16(walk.data, walk.at + 2)


def icmp(walk: Walk) -> None:
    """ICMP of IPv4."""
    _icmp(walk, "ICMP")


def icmpv6(walk: Walk) -> None:
    """ICMP of IPv6."""
    _icmp(walk, "ICMPv6")


def _icmp(walk: Walk, name: str) -> None:
    data, at = walk.data, walk.at
    there = walk.end - at
    whole = not walk.lacks(8 if name == "ICMP" else 4, name)
    if there < 1:
        return
    kind = data[at]
    identifier, sequence = _IDENTIFIER(data, at + 4) if kind in _ECHOES[name] and there >= 8 else (None, None)
    walk.icmp = Icmp(kind, data[at + 1] if there >= 2 else None, identifier, sequence)
    if kind not in _ERRORS[name] and there >= 8:
        walk.payload_at = at + 8
    elif kind in _ERRORS[name] and whole and there > 8:
        walk.at = walk.quoted_at = at + 8
        place, unit = _LENGTHS.get((name, kind), (0, 0))
        if data[at + place] * unit >= _LEAST_QUOTED:
            walk.bound(data[at + place] * unit)
