# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture file holds, and what its packets' headers say. PRIVATE to the collection.

Tuples, since a file has millions of them. What is not known is None: the header has no such field, or it was cut off.
"""

from __future__ import annotations

from typing import NamedTuple


class Record(NamedTuple):
    """One packet as its file has it."""

    time_ns: int | None
    """Nanoseconds since 1970; None in a simple packet block, which has no time."""
    interface: str | None
    """The interface that a pcapng file names, ``#N`` where it only numbers it; None in a classic file."""
    link_type: int
    """https://www.tcpdump.org/linktypes.html"""
    order: str
    """The writer's byte order, ``<`` or ``>``."""
    length: int
    """Bytes on the wire."""
    data: bytes
    """The bytes that were captured."""


class Layer(NamedTuple):
    """One encapsulation around a packet."""

    type: str
    """vlan, mpls, vxlan, geneve, gre, ipip (IPv4 in IPv4), sit (IPv6 in IPv4), ip6ip6 (IPv6 in IPv6), ipip6."""
    id: int | None = None
    """VLAN identifier, MPLS label, VNI of VXLAN and Geneve, key of GRE."""
    src: str | None = None
    dst: str | None = None
    protocol: str | None = None
    sport: int | None = None
    dport: int | None = None
    ip_id: int | None = None


class Tcp(NamedTuple):
    """What a TCP header says beside its ports (RFC 9293)."""

    seq: int
    ack: int | None = None
    flags: str | None = None
    """In tcpdump's letters and order: F(IN), S(YN), R(ST), P(SH), ``.`` for ACK, U(RG), E(CE), and W for CWR."""


class Icmp(NamedTuple):
    """What an ICMP or ICMPv6 header says (RFC 792, RFC 4443)."""

    type: int
    code: int | None = None
    id: int | None = None
    """Identifier of an echo or the like."""
    sequence: int | None = None
    quoted: Packet | None = None
    """The packet that an error is about, as far as it is quoted."""


class Packet(NamedTuple):
    """The innermost packet, and what is around it."""

    ifindex: int | None = None
    """The interface's index, where the link layer's header has one (SLL2)."""
    direction: str | None = None
    """In, Out, B(roadcast), M(ulticast) or P (for another host), as tcpdump says it; None without a cooked header."""
    encapsulation: tuple[Layer, ...] = ()
    """Outermost first."""
    src: str | None = None
    dst: str | None = None
    protocol: str | None = None
    """A name such as tcp; of an unknown IP protocol its number, of an unknown EtherType its hexadecimal digits."""
    sport: int | None = None
    dport: int | None = None
    ip_id: int | None = None
    """16 bits of IPv4, or 32 of an IPv6 fragment."""
    ttl: int | None = None
    """IPv6's hop limit, too."""
    tcp: Tcp | None = None
    icmp: Icmp | None = None
    error: str | None = None
    """What is wrong with the packet; what was read before stands. A packet that is merely cut off has no error."""


class Payload(NamedTuple):
    """What TCP, UDP, or an ICMP message other than an error carries."""

    data: bytes
    """As much of it as was captured."""
    size: int
    """Bytes on the wire."""
