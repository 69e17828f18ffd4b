# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets for tests, made header by header, each with what is to be read of it.

``Made`` is bytes and a truth. A function takes what it is put around and returns the whole; so a packet reads from the
outside in: ``ethernet(ipv4(udp(b"payload"), "10.0.0.1", "10.0.0.2"))``.
"""

from __future__ import annotations

import struct
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Icmp, Layer, Packet, Record, Tcp

MACS = bytes.fromhex("02420a000001 02420a000002")
ETHERTYPES = {"ipv4": 0x0800, "ipv6": 0x86DD, "ethernet": 0x6558, "mpls": 0x8847, "vlan": 0x8100, "arp": 0x0806}
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "sctp": 132, "gre": 47, "ipv4": 4, "ipv6": 41, "esp": 50}
PROTOCOL_NAMES = {"ipv4": "ipip"}
EXTENSIONS = {"hop": 0, "routing": 43, "fragment": 44, "authentication": 51, "destination": 60}


class Made(NamedTuple):
    """Some headers and what they say."""

    data: bytes
    kind: str
    """What the header before it has to announce: ipv4, tcp, …"""
    packet: Packet


def tcp(
    sport: int = 40000, dport: int = 443, seq: int = 7, ack: int = 9, flags: str = "S", options: bytes = b""
) -> Made:
    """A TCP header."""
    bits = sum(1 << "FSRP.UEW".index(letter) for letter in flags)
    head = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, (20 + len(options)) << 2, bits, 501, 0, 0)
    return Made(head + options, "tcp", Packet(protocol="tcp", sport=sport, dport=dport, tcp=Tcp(seq, ack, flags)))


def udp(payload: bytes = b"payload", sport: int = 40000, dport: int = 5000) -> Made:
    """A UDP datagram."""
    head = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0)
    return Made(head + payload, "udp", Packet(protocol="udp", sport=sport, dport=dport))


def sctp(sport: int = 40000, dport: int = 36412) -> Made:
    """An SCTP packet with an INIT chunk."""
    chunk = struct.pack(">BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)
    return Made(
        struct.pack(">HHII", sport, dport, 0, 0) + chunk, "sctp", Packet(protocol="sctp", sport=sport, dport=dport)
    )


def echo(number: int = 3, sequence: int = 5, version: int = 4, reply: bool = False) -> Made:
    """An ICMP echo."""
    kind = (0 if reply else 8) if version == 4 else (129 if reply else 128)
    name = "icmp" if version == 4 else "icmpv6"
    data = struct.pack(">BBHHH", kind, 0, 0, number, sequence) + bytes(range(16))
    return Made(data, name, Packet(protocol=name, icmp=Icmp(kind, 0, number, sequence)))


def unreachable(quoted: Made, size: int | None = None, version: int = 4, code: int = 3) -> Made:
    """An ICMP error that quotes so many bytes of a packet; ``quoted.packet`` has to say what these bytes tell."""
    name, kind = ("icmp", 3) if version == 4 else ("icmpv6", 1)
    data = struct.pack(">BBHI", kind, code, 0, 0) + quoted.data[:size]
    return Made(data, name, Packet(protocol=name, icmp=Icmp(kind, code, None, None, quoted.packet)))


def esp() -> Made:
    """Something that nobody can look into."""
    return Made(struct.pack(">II", 1, 2) + bytes(32), "esp", Packet(protocol="esp"))


def arp() -> Made:
    """A question for an address."""
    data = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + MACS[:6] + bytes([10, 0, 0, 1]) + bytes(6) + bytes([10, 0, 0, 2])
    return Made(data, "arp", Packet(protocol="arp"))


def ipv4(
    inner: Made,
    src: str = "10.0.0.1",
    dst: str = "10.0.0.2",
    ip_id: int = 77,
    ttl: int = 64,
    options: bytes = b"",
    fragment: int = 0,
) -> Made:
    """An IPv4 header; ``fragment`` is its field of flags and offset in units of 8 bytes."""
    size, number = 20 + len(options), PROTOCOLS[inner.kind]
    head = struct.pack(">BBHHHBBH", 0x40 + size // 4, 0, size + len(inner.data), ip_id, fragment, ttl, number, 0)
    head += inet_pton(AF_INET, src) + inet_pton(AF_INET, dst) + options
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return Made(head + inner.data, "ipv4", _within(inner, "ipv4", src, dst, ip_id, ttl, bool(fragment & 0x1FFF)))


def ipv6(
    inner: Made,
    src: str = "fd00::1",
    dst: str = "fd00::2",
    ttl: int = 64,
    extensions: tuple[str, ...] = (),
    fragment: int = 0,
    ip_id: int = 0x12345,
) -> Made:
    """An IPv6 header with extension headers; ``fragment`` is that header's field of offset and flag."""
    number, data = PROTOCOLS[inner.kind], inner.data
    for name in reversed(extensions):
        data = _extension(name, number, fragment, ip_id) + data
        number = EXTENSIONS[name]
    head = (
        struct.pack(">IHBB", 0x60012345, len(data), number, ttl) + inet_pton(AF_INET6, src) + inet_pton(AF_INET6, dst)
    )
    known = ip_id if "fragment" in extensions else None
    return Made(head + data, "ipv6", _within(inner, "ipv6", src, dst, known, ttl, bool(fragment & 0xFFF8)))


def _extension(name: str, number: int, fragment: int, ip_id: int) -> bytes:
    if name == "fragment":
        return struct.pack(">BBHI", number, 0, fragment, ip_id)
    if name == "authentication":
        return struct.pack(">BBHII", number, 4, 0, 1, 1) + bytes(12)
    if name == "routing":  # a segment routing header with one segment
        return struct.pack(">BBBBBBH", number, 2, 4, 0, 0, 0, 0) + inet_pton(AF_INET6, "fd00::2")
    return struct.pack(">BBBB", number, 1, 1, 10) + bytes(12)


def _within(inner: Made, outer: str, src: str, dst: str, ip_id: int | None, ttl: int, later: bool) -> Packet:
    """The truth of a packet that is put into IP: the innermost's, or one more encapsulation of it."""
    protocol = PROTOCOL_NAMES.get(inner.kind, inner.kind)
    if later:
        return Packet(src=src, dst=dst, ip_id=ip_id, ttl=ttl, protocol=protocol)
    tunnel = {("ipv4", "ipv4"): "ipip", ("ipv4", "ipv6"): "sit", ("ipv6", "ipv6"): "ip6ip6", ("ipv6", "ipv4"): "ipip6"}
    layer = None
    if (outer, inner.kind) in tunnel:
        layer = Layer(tunnel[outer, inner.kind], None, src, dst, protocol, None, None, ip_id)
    elif inner.kind in ("gre", "udp") and inner.packet.encapsulation and inner.packet.encapsulation[0].src is None:
        first = inner.packet.encapsulation[0]
        if first.type in ("gre", "vxlan", "geneve"):
            layer = first._replace(src=src, dst=dst, protocol=inner.kind, ip_id=ip_id)
            return inner.packet._replace(encapsulation=(layer,) + inner.packet.encapsulation[1:])
    if layer is not None:
        return inner.packet._replace(encapsulation=(layer,) + inner.packet.encapsulation)
    return inner.packet._replace(src=src, dst=dst, ip_id=ip_id, ttl=ttl)


def vxlan(inner: Made, vni: int = 42, sport: int = 50000, dport: int = 4789, policy: int | None = None) -> Made:
    """A UDP datagram with a frame in it."""
    first = 0x08000000 if policy is None else 0x88000000 | policy
    outer = udp(struct.pack(">II", first, vni << 8) + inner.data, sport, dport)
    return Made(outer.data, "udp", _around(inner, Layer("vxlan", vni, sport=sport, dport=dport)))


def geneve(inner: Made, vni: int = 43, sport: int = 50001, options: bytes = b"") -> Made:
    """A UDP datagram with a frame or packet in it."""
    head = struct.pack(">BBHI", len(options) // 4, 0, ETHERTYPES[inner.kind], vni << 8) + options
    outer = udp(head + inner.data, sport, 6081)
    return Made(outer.data, "udp", _around(inner, Layer("geneve", vni, sport=sport, dport=6081)))


def gre(inner: Made, key: int | None = None, checksummed: bool = False, sequence: int | None = None) -> Made:
    """A GRE packet."""
    flags = (0x8000 if checksummed else 0) | (0 if key is None else 0x2000) | (0 if sequence is None else 0x1000)
    head = struct.pack(">HH", flags, ETHERTYPES[inner.kind]) + (bytes(4) if checksummed else b"")
    head += b"".join(struct.pack(">I", field) for field in (key, sequence) if field is not None)
    if checksummed:
        head = head[:4] + struct.pack(">H", checksum(head + inner.data)) + head[6:]
    return Made(head + inner.data, "gre", _around(inner, Layer("gre", key)))


def mpls(inner: Made, *labels: int) -> Made:
    """A stack of labels around an IP packet."""
    stack = [struct.pack(">I", label << 12 | (label == labels[-1]) << 8 | 64) for label in labels]
    layers = tuple(Layer("mpls", label) for label in labels)
    packet = inner.packet._replace(encapsulation=layers + inner.packet.encapsulation)
    return Made(b"".join(stack) + inner.data, "mpls", packet)


def vlan(inner: Made, number: int = 100, tag_type: int = 0x8100) -> Made:
    """A tag, without the EtherType before it."""
    data = struct.pack(">HH", 0x2000 | number, ETHERTYPES[inner.kind]) + inner.data
    return Made(data, "vlan", _around(inner, Layer("vlan", number)))


def _around(inner: Made, layer: Layer) -> Packet:
    return inner.packet._replace(encapsulation=(layer,) + inner.packet.encapsulation)


def ethernet(inner: Made, ethertype: int | None = None) -> Made:
    """A frame."""
    number = ETHERTYPES[inner.kind] if ethertype is None else ethertype
    return Made(MACS + struct.pack(">H", number) + inner.data, "ethernet", inner.packet)


def checksum(data: bytes) -> int:
    """The internet's (RFC 1071)."""
    words = struct.unpack(">%dH" % ((len(data) + 1) // 2), data + b"\0" * (len(data) % 2))
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def record(made: Made, link_type: int = 1, snaplen: int | None = None, order: str = "<") -> Record:
    """A packet as a file would have it."""
    return Record(0, None, link_type, order, len(made.data), made.data[:snaplen])


def linked(inner: Made, link_type: int, order: str = "<", ifindex: int = 3) -> Made:
    """A packet behind the header of a link type."""
    number = ETHERTYPES[inner.kind]
    family = {"ipv4": 2, "ipv6": 24}.get(inner.kind, 0)
    if link_type == 1:
        return ethernet(inner)
    if link_type == 113:
        head, told = struct.pack(">HHH8sH", 4, 1, 6, MACS, number), {"direction": "Out"}
    elif link_type == 276:
        head = struct.pack(">HHIHBB8s", number, 0, ifindex, 1, 0, 6, MACS)
        return Made(head + inner.data, "", inner.packet._replace(ifindex=ifindex, direction="In"))
    elif link_type in (0, 108):
        head, told = struct.pack((order if link_type == 0 else ">") + "I", family), {}
    else:
        head, told = b"", {}
    return Made(head + inner.data, "", inner.packet._replace(**told))


LINK_TYPES = (1, 113, 276, 0, 108, 101, 12)
IP_ONLY = (0, 108, 101, 12)
"""Of these, the link types that carry IP alone."""
