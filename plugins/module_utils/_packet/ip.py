# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Headers of IP. PRIVATE to the collection.

Formats: RFC 791 (IPv4), RFC 8200 (IPv6 and its extension headers), RFC 4302 (authentication header).
"""

from __future__ import annotations

import struct
from socket import AF_INET, AF_INET6, inet_ntop

from .walk import Walk

_IPV4 = struct.Struct(">BxHHHBBxx4s4s").unpack_from
_IPV6 = struct.Struct(">IHBB16s16s").unpack_from
_FRAGMENT = struct.Struct(">BxHI").unpack_from
_MORE, _OFFSET = 0x2000, 0x1FFF
_STEPS = {
    **{1: "icmp", 4: "ipv4_inside", 6: "tcp", 17: "udp", 41: "ipv6_inside", 47: "gre", 51: "authentication"},
    **{33: "ports", 58: "icmpv6", 132: "ports", 136: "ports"},
}
"""By protocol number (https://www.iana.org/assignments/protocol-numbers)."""
_IPV6_STEPS = {**_STEPS, 0: "extension", 43: "extension", 44: "fragment", 60: "extension"}
_NAMES = {
    **{1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp", 33: "dccp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah"},
    **{58: "icmpv6", 89: "ospf", 103: "pim", 112: "vrrp", 132: "sctp", 136: "udplite"},
}
_HEADERS = ("authentication", "extension", "fragment")
"""Steps that lead to a protocol and are none."""


def ipv4(walk: Walk) -> str | None:
    """A header with options, and which protocol follows; nothing follows in a later fragment."""
    data, at = walk.data, walk.at
    if at + 20 > walk.end:
        _cut_ipv4(walk)
        return None
    first, total, ip_id, fragment, ttl, number, src, dst = _IPV4(data, at)
    if first >> 4 != 4:
        walk.error = "its IPv4 header is of version %d" % (first >> 4)
        return None
    walk.ip_id, walk.ttl = ip_id, ttl
    walk.src, walk.dst = inet_ntop(AF_INET, src), inet_ntop(AF_INET, dst)
    size = (first & 0x0F) << 2
    walk.protocol = _NAMES.get(number) or str(number)
    # What the sender's hardware is to cut into segments may say 0, and what an error quotes may say anything.
    if size < 20 or 0 < total < size and not walk.quote:
        walk.error = "its IPv4 header would have %d of %d bytes" % (size, total)
        return None
    if total >= size:
        walk.bound(total)
    if walk.lacks(size, "IPv4"):
        return None
    walk.at = at + size
    return _after(walk, number, _STEPS, fragment & _OFFSET, fragment & _MORE)


def _cut_ipv4(walk: Walk) -> None:
    """Read what is there of a header that is not whole."""
    head = walk.data[walk.at : walk.end]
    walk.lacks(20, "IPv4")
    if head and head[0] >> 4 != 4:
        walk.error = "its IPv4 header is of version %d" % (head[0] >> 4)
        return
    if len(head) >= 6:
        walk.ip_id = int.from_bytes(head[4:6], "big")
    if len(head) >= 9:
        walk.ttl = head[8]
    if len(head) >= 10:
        walk.protocol = _NAMES.get(head[9]) or str(head[9])
    if len(head) >= 16:
        walk.src = inet_ntop(AF_INET, head[12:16])


def ipv6(walk: Walk) -> str | None:
    """A header, and which extension or protocol follows."""
    data, at = walk.data, walk.at
    if at + 40 > walk.end:
        _cut_ipv6(walk)
        return None
    first, size, number, ttl, src, dst = _IPV6(data, at)
    if first >> 28 != 6:
        walk.error = "its IPv6 header is of version %d" % (first >> 28)
        return None
    walk.ttl, walk.src, walk.dst = ttl, inet_ntop(AF_INET6, src), inet_ntop(AF_INET6, dst)
    walk.at = at + 40
    if size:  # of a jumbogram it is 0 (RFC 2675)
        walk.bound(size)
    return _after(walk, number, _IPV6_STEPS)


def _cut_ipv6(walk: Walk) -> None:
    """Read what is there of a header that is not whole."""
    head = walk.data[walk.at : walk.end]
    walk.lacks(40, "IPv6")
    if head and head[0] >> 4 != 6:
        walk.error = "its IPv6 header is of version %d" % (head[0] >> 4)
        return
    if len(head) >= 7 and _IPV6_STEPS.get(head[6]) not in _HEADERS:
        walk.protocol = _NAMES.get(head[6]) or str(head[6])
    if len(head) >= 8:
        walk.ttl = head[7]
    if len(head) >= 24:
        walk.src = inet_ntop(AF_INET6, head[8:24])


def extension(walk: Walk) -> str | None:
    """IPv6's options and routing headers: what follows, and a length in units of 8 bytes beyond the first."""
    if walk.lacks(8, "IPv6 extension"):
        return None
    number, size = walk.data[walk.at], (walk.data[walk.at + 1] + 1) << 3
    if walk.lacks(size, "IPv6 extension"):
        return None
    walk.at += size
    return _after(walk, number, _IPV6_STEPS)


def fragment(walk: Walk) -> str | None:
    """IPv6's fragment header; nothing follows in a later fragment."""
    if walk.lacks(8, "IPv6 fragment"):
        return None
    number, offset, walk.ip_id = _FRAGMENT(walk.data, walk.at)
    walk.at += 8
    return _after(walk, number, _IPV6_STEPS, offset & 0xFFF8, offset & 1)


def authentication(walk: Walk) -> str | None:
    """What follows, and a length in units of 4 bytes beyond the first two."""
    if walk.lacks(12, "authentication"):
        return None
    number, size = walk.data[walk.at], (walk.data[walk.at + 1] + 2) << 2
    if size < 12:
        walk.error = "its authentication header would have %d bytes" % size
        return None
    if walk.lacks(size, "authentication"):
        return None
    walk.at += size
    return _after(walk, number, _IPV6_STEPS)


def _after(walk: Walk, number: int, steps: dict[int, str], offset: int = 0, more: int = 0) -> str | None:
    """Return the step of a protocol number, or None in a later fragment, which has no header."""
    step = steps.get(number)
    walk.protocol = None if step in _HEADERS else _NAMES.get(number) or str(number)
    if offset:
        return None
    if more:
        walk.cut = True
    return step
