# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A packet while its headers are read, from the outermost inwards. PRIVATE to the collection.

A step is a function that reads the one header at ``at``, moves ``at`` behind it, and returns the name of the step that
reads the next, or None at the innermost. No step reads past ``end``: what is behind it was cut off, or belongs to an
outer header, such as Ethernet's padding.
"""

from __future__ import annotations

from typing import Callable

from .packet import Icmp, Layer, Packet, Payload, Tcp

TYPES = {0x0800: "ipv4", 0x86DD: "ipv6", 0x6558: "ethernet", 0x8847: "mpls", 0x8848: "mpls"}
"""Steps of EtherTypes that Geneve and GRE may carry, too (https://www.iana.org/assignments/ieee-802-numbers)."""
VLAN_TYPES = (0x8100, 0x88A8, 0x9100, 0x9200)
_NAMES = {0x0806: "arp", 0x8035: "rarp", 0x88CC: "lldp", 0x888E: "eapol", 0x8863: "pppoe", 0x8864: "pppoe"}


class Walk:
    """One packet's bytes, where its reader is, and what was found."""

    # What was not found stays as the class has it: most packets set few of these.
    ifindex: int | None = None
    direction: str | None = None
    layers: tuple[Layer, ...] = ()
    src: str | None = None
    dst: str | None = None
    protocol: str | None = None
    sport: int | None = None
    dport: int | None = None
    ip_id: int | None = None
    ttl: int | None = None
    tcp: Tcp | None = None
    icmp: Icmp | None = None
    payload_at: int | None = None
    """Where what TCP, UDP or ICMP carries begins."""
    quoted_at: int | None = None
    """Where an ICMP error's quotation begins."""
    error: str | None = None

    def __init__(self, data: bytes, end: int, whole: int, at: int = 0, quote: bool = False) -> None:
        """whole: bytes on the wire from ``at`` on; quote: whether it is what an ICMP error quotes."""
        self.data = data
        self.at = at
        self.end = end
        self.cut = quote or end < at + whole
        """Whether the packet goes on behind ``end``, so that a header that is not there is no error."""
        self.whole_end = at + whole
        """Where the packet ended on the wire, as the innermost header says that tells a length."""
        self.quote = quote
        """Whether it is what an ICMP error quotes: less than its own header says."""

    def lacks(self, size: int, what: str) -> bool:
        """Return whether a header of that size is not whole here; it is an error unless the packet was cut off."""
        if self.at + size <= self.end:
            return False
        if not self.cut:
            self.error = "it ends inside its %s header" % what
        return True

    def bound(self, size: int) -> None:
        """Take the word of a header that ``size`` bytes from here on are all there is."""
        self.whole_end = self.at + size
        if self.at + size <= self.end:
            self.end = self.at + size
            self.cut = self.quote

    def tag(self, kind: str, number: int) -> None:
        """Note an encapsulation without addresses."""
        self.layers += (Layer(kind, number),)

    def wrap(self, kind: str, number: int | None) -> None:
        """Note that the packet that was read so far is around another one."""
        read = self.src, self.dst, self.protocol, self.sport, self.dport, self.ip_id
        self.layers += (Layer(kind, number, *read),)
        self.src = self.dst = self.protocol = self.sport = self.dport = self.ip_id = self.ttl = self.payload_at = None

    @property
    def payload(self) -> Payload | None:
        """What the innermost protocol carries; None where its header is not whole, or it has none of its own."""
        if self.payload_at is None:
            return None
        return Payload(self.data[self.payload_at : self.end], max(self.whole_end, self.end) - self.payload_at)

    def packet(self) -> Packet:
        """Return what was found."""
        return Packet(
            self.ifindex,
            self.direction,
            self.layers,
            self.src,
            self.dst,
            self.protocol,
            self.sport,
            self.dport,
            self.ip_id,
            self.ttl,
            self.tcp,
            self.icmp,
            self.error,
        )


Step = Callable[[Walk], "str | None"]


def after_type(walk: Walk, ethertype: int) -> str | None:
    """Return the step that follows an EtherType; where there is none, it is the packet's protocol."""
    step = TYPES.get(ethertype)
    if step is not None:
        return step
    if ethertype in VLAN_TYPES:
        return "vlan"
    walk.protocol = _NAMES.get(ethertype) or "0x%04x" % ethertype
    return None
