# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Headers of the link layer. PRIVATE to the collection.

Formats: https://www.tcpdump.org/linktypes.html, IEEE 802.3, IEEE 802.1Q, RFC 1042 (IP over IEEE 802), RFC 3032 (MPLS).
"""

from __future__ import annotations

import struct

from .packet import Record
from .walk import Walk, after_type

LINKS = {
    0: "null",
    1: "ethernet",
    12: "raw",  # DLT_RAW, which some wrote into files as it is; on OpenBSD it is 14
    14: "raw",
    101: "raw",
    108: "loop",
    113: "sll",
    228: "ipv4",
    229: "ipv6",
    276: "sll2",
}
"""First steps by link type."""
_U16 = struct.Struct(">H").unpack_from
_U32 = struct.Struct(">I").unpack_from
_SLL = struct.Struct(">HH10xH").unpack_from
_SLL2 = struct.Struct(">HxxIHB").unpack_from
_DIRECTIONS = {0: "In", 1: "B", 2: "M", 3: "P", 4: "Out"}
_FAMILIES = {2: "ipv4", 10: "ipv6", 23: "ipv6", 24: "ipv6", 28: "ipv6", 30: "ipv6"}
"""AF_INET, and AF_INET6 of Linux, Windows and three BSDs."""
_NETLINK = 824  # ARPHRD_NETLINK: no EtherType follows
_MOST_LENGTH = 1500
_LLC_FRAMES = (1, 4)  # ETH_P_802_3, ETH_P_802_2; other small numbers are Linux's own, such as CAN's
_SNAP = b"\xaa\xaa\x03\x00\x00\x00"


def sender(record: Record) -> str | None:
    """Return the address of the link layer from which a frame came; None where its header has none of six bytes."""
    data, link = record.data, LINKS.get(record.link_type)
    if link == "ethernet" and len(data) >= 12:
        return data[6:12].hex(":")
    if link == "sll2" and len(data) >= 20 and data[11] == 6:
        return data[12:18].hex(":")
    return None


def ethernet(walk: Walk) -> str | None:
    """Two addresses, and what follows."""
    if walk.lacks(14, "Ethernet"):
        return None
    walk.at += 14
    return _after_length(walk, _U16(walk.data, walk.at - 2)[0])


def vlan(walk: Walk) -> str | None:
    """A tag behind its EtherType: priority, identifier, and what follows."""
    if walk.lacks(4, "VLAN"):
        return None
    number, ethertype = struct.unpack_from(">HH", walk.data, walk.at)
    walk.tag("vlan", number & 0x0FFF)
    walk.at += 4
    return _after_length(walk, ethertype)


def llc(walk: Walk) -> str | None:
    """IEEE 802.2: an EtherType follows where it says so (SNAP)."""
    head = walk.data[walk.at : min(walk.at + 8, walk.end)]
    if head[:6] != _SNAP[: len(head)]:
        walk.protocol = "llc"
        return None
    if walk.lacks(8, "LLC"):
        return None
    walk.at += 8
    return after_type(walk, _U16(walk.data, walk.at - 2)[0])


def mpls(walk: Walk) -> str | None:
    """One label of a stack. What follows the last is told by its first four bits (RFC 4928), else not known."""
    if walk.lacks(4, "MPLS"):
        return None
    (entry,) = _U32(walk.data, walk.at)
    walk.tag("mpls", entry >> 12)
    walk.at += 4
    return _by_version(walk) if entry & 0x100 else "mpls"


def raw(walk: Walk) -> str | None:
    """IP without a header of the link layer."""
    step = _by_version(walk)
    if step is None and walk.at < walk.end:
        walk.error = "it is no IP packet: it begins with 0x%02x" % walk.data[walk.at]
    return step


def null(walk: Walk) -> str | None:
    """BSD's loopback: a protocol family in the byte order of whoever captured it. Each is a small number."""
    if walk.lacks(4, "loopback"):
        return None
    head = walk.data[walk.at : walk.at + 4]
    walk.at += 4
    return _FAMILIES.get(min(int.from_bytes(head, "little"), int.from_bytes(head, "big")))


def loop(walk: Walk) -> str | None:
    """OpenBSD's loopback: a protocol family in network byte order."""
    if walk.lacks(4, "loopback"):
        return None
    walk.at += 4
    return _FAMILIES.get(_U32(walk.data, walk.at - 4)[0])


def sll(walk: Walk) -> str | None:
    """Linux's cooked header of 16 bytes."""
    if walk.lacks(16, "SLL"):
        return None
    direction, hardware, ethertype = _SLL(walk.data, walk.at)
    walk.at += 16
    return _cooked(walk, direction, hardware, ethertype)


def sll2(walk: Walk) -> str | None:
    """Linux's cooked header of 20 bytes, with the interface's index; tcpdump writes it with ``-i any``."""
    if walk.lacks(20, "SLL2"):
        return None
    ethertype, walk.ifindex, hardware, direction = _SLL2(walk.data, walk.at)
    walk.at += 20
    return _cooked(walk, direction, hardware, ethertype)


def _after_length(walk: Walk, number: int) -> str | None:
    """Return the step that follows an EtherType, or the length that may stand in its place (IEEE 802.3, 3.2.6)."""
    return after_type(walk, number) if number > _MOST_LENGTH else "llc"


def _cooked(walk: Walk, direction: int, hardware: int, ethertype: int) -> str | None:
    walk.direction = _DIRECTIONS.get(direction)
    if hardware == _NETLINK:
        walk.protocol = "netlink"
        return None
    return "llc" if ethertype in _LLC_FRAMES else after_type(walk, ethertype)


def _by_version(walk: Walk) -> str | None:
    """Return the step of an IP packet by its version."""
    if walk.lacks(1, "IP"):
        return None
    return {4: "ipv4", 6: "ipv6"}.get(walk.data[walk.at] >> 4)
