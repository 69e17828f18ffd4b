# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lone SYN that a plan has crafted, and which segment answers it. PRIVATE to the collection."""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

_TCP = 6
_SIZE = {4: 20, 6: 40}
"""Of an IP header without options, by its version."""
_TCP_SIZE = 20
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_TTL_AT = {4: 8, 6: 7}
TAKEN, REFUSED = "taken", "refused"


class Lone(NamedTuple):
    """A SYN with its IP header."""

    version: int
    packet: bytes
    source: str
    destination: str
    source_port: int
    port: int
    sequence: int

    def with_ttl(self, ttl: int) -> bytes:
        """Return the packet with another TTL, or hop limit; the kernel reckons IPv4's checksum anew (raw(7))."""
        at = _TTL_AT[self.version]
        return self.packet[:at] + bytes([ttl]) + self.packet[at + 1 :]

    def answer(self, data: bytes) -> str | None:
        """Return TAKEN for what a raw socket heard if it is a SYN that acknowledges this one, REFUSED if it is a reset.

        None for all else. Of IPv4 a raw socket has the IP header, too (raw(7)).
        """
        head = 4 * (data[0] & 15) if self.version == 4 and data else 0
        if len(data) < head + _TCP_SIZE:
            return None
        sport, dport, _seq, ack, _offset, flags = struct.unpack_from(">HHIIBB", data, head)
        same = (sport, dport, ack) == (self.port, self.source_port, (self.sequence + 1) % (1 << 32))
        if not same or not flags & _ACK:
            return None
        return REFUSED if flags & _RST else TAKEN if flags & _SYN else None


def read(packet: bytes) -> Lone:
    """Return what ``is_syn`` has found to be one."""
    version = packet[0] >> 4
    size = _SIZE[version]
    addresses = packet[12:20] if version == 4 else packet[8:40]
    half = len(addresses) // 2
    sport, dport, sequence = struct.unpack_from(">HHI", packet, size)
    source, destination = (str(ipaddress.ip_address(one)) for one in (addresses[:half], addresses[half:]))
    return Lone(version, packet, source, destination, sport, dport, sequence)


def is_syn(packet: bytes, destination: str) -> bool:
    """Say whether bytes are one whole IP packet, without options of IP, with a TCP header that has SYN alone."""
    version = packet[0] >> 4 if packet else 0
    size = _SIZE.get(version, 0)
    if not size or len(packet) < size + _TCP_SIZE or version == 4 and packet[0] != 0x45:
        return False
    length = struct.unpack_from(">H", packet, 2 if version == 4 else 4)[0] + (0 if version == 4 else size)
    flags = packet[size + 13] & (_FIN | _SYN | _RST | _ACK)
    right = packet[9 if version == 4 else 6] == _TCP and length == len(packet) and flags == _SYN
    return right and read(packet).destination == destination
