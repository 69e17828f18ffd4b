# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Headers of tunnels. PRIVATE to the collection.

A packet is taken for a tunnel's only where all of the tunnel's header is there and as its source says: what else goes
to such a port, or comes from it through a port translation, stays what it is.
Formats: RFC 7348 (VXLAN) and draft-smith-vxlan-group-policy, RFC 8926 (Geneve), RFC 2784 and 2890 (GRE), RFC 2003 (IPv4
in IPv4), RFC 4213 (IPv6 in IPv4), RFC 2473 (IPv6 around either).
"""

from __future__ import annotations

import struct

from .walk import TYPES, Walk

_VXLAN = struct.Struct(">II").unpack_from
_GENEVE = struct.Struct(">BBHI").unpack_from
_GRE = struct.Struct(">HH").unpack_from
_U32 = struct.Struct(">I").unpack_from
_VXLAN_VNI, _VXLAN_POLICY = 0x08000000, 0x80000000
_GENEVE_RESERVED = 0x3F
_GRE_CHECKSUM, _GRE_ROUTING, _GRE_KEY, _GRE_SEQUENCE, _GRE_VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 0x0007


def vxlan(walk: Walk) -> str | None:
    """A network's identifier, and an Ethernet frame."""
    if walk.at + 8 > walk.end:
        return None
    flags, number = _VXLAN(walk.data, walk.at)
    if flags != _VXLAN_VNI and flags >> 24 != (_VXLAN_VNI | _VXLAN_POLICY) >> 24 or number & 0xFF:
        return None
    walk.wrap("vxlan", number >> 8)
    walk.at += 8
    return "ethernet"


def geneve(walk: Walk) -> str | None:
    """A network's identifier, options, and what an EtherType says."""
    if walk.at + 8 > walk.end:
        return None
    first, flags, ethertype, number = _GENEVE(walk.data, walk.at)
    step = TYPES.get(ethertype)
    if first >> 6 or flags & _GENEVE_RESERVED or number & 0xFF or step is None:
        return None
    walk.wrap("geneve", number >> 8)
    size = 8 + ((first & 0x3F) << 2)
    if walk.lacks(size, "Geneve"):
        return None
    walk.at += size
    return step


def gre(walk: Walk) -> str | None:
    """A key, where there is one, and what an EtherType says; PPTP's version 1 is none of it."""
    if walk.lacks(4, "GRE"):
        return None
    flags, ethertype = _GRE(walk.data, walk.at)
    step = TYPES.get(ethertype)
    if flags & (_GRE_VERSION | _GRE_ROUTING) or step is None:
        return None
    key_at = 8 if flags & _GRE_CHECKSUM else 4
    size = key_at + (4 if flags & _GRE_KEY else 0) + (4 if flags & _GRE_SEQUENCE else 0)
    if walk.lacks(size, "GRE"):
        return None
    walk.wrap("gre", _U32(walk.data, walk.at + key_at)[0] if flags & _GRE_KEY else None)
    walk.at += size
    return step


def ipv4_inside(walk: Walk) -> str:
    """IPv4 in IP."""
    walk.wrap("ipip6" if ":" in (walk.src or "") else "ipip", None)
    return "ipv4"


def ipv6_inside(walk: Walk) -> str:
    """IPv6 in IP."""
    walk.wrap("ip6ip6" if ":" in (walk.src or "") else "sit", None)
    return "ipv6"
