# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Headers of the link layer: each link type, what BSDs and Linux write, and what is no IP."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect
from ansible_collections.kube.pcap.plugins.module_utils._packet.links import sender
from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Record

from ..packet_bytes import IP_ONLY, LINK_TYPES, arp, esp, gre, ipv4, ipv6, linked, mpls, record, tcp, udp, vlan


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("link_type", LINK_TYPES)
@pytest.mark.parametrize("inner", [ipv4(tcp()), ipv6(udp()), arp(), vlan(ipv4(tcp())), mpls(ipv6(tcp()), 3)])
def test_link_types(link_type, inner, order):
    """Behind the header of each link type; cooked ones tell direction and interface."""
    if link_type in IP_ONLY and inner.kind not in ("ipv4", "ipv6"):
        return
    made = linked(inner, link_type, order, ifindex=0xFFFFFFFF)
    assert dissect(record(made, link_type, order=order)) == made.packet


@pytest.mark.parametrize(
    "link_type, inner", [(228, ipv4(tcp())), (229, ipv6(tcp())), (101, ipv6(tcp())), (14, ipv4(tcp()))]
)
def test_ip_alone(link_type, inner):
    """Link types without any header."""
    assert dissect(record(inner, link_type)) == inner.packet


@pytest.mark.parametrize("family", [10, 23, 24, 28, 30])
def test_families(family):
    """A BSD loopback's number for IPv6 is each system's own; one in the other byte order is read, too."""
    inner = ipv6(tcp())
    for order in ("little", "big"):
        data = family.to_bytes(4, order) + inner.data
        assert dissect(Record(0, None, 0, "<", len(data), data)) == inner.packet


@pytest.mark.parametrize("number, direction", [(0, "In"), (1, "B"), (2, "M"), (3, "P"), (4, "Out"), (5, None)])
def test_directions(number, direction):
    """As tcpdump calls them."""
    data = bytearray(linked(ipv4(tcp()), 113).data)
    data[1] = number
    assert dissect(Record(0, None, 113, "<", len(data), bytes(data))).direction == direction
    data = bytearray(linked(ipv4(tcp()), 276).data)
    data[10] = number
    assert dissect(Record(0, None, 276, "<", len(data), bytes(data))).direction == direction


OTHER = {
    "spanning tree": (1, bytes(12) + b"\x00\x26\x42\x42\x03" + bytes(43), "llc"),
    "IP in SNAP": (1, bytes(12) + b"\x00\x80\xaa\xaa\x03\0\0\0\x08\x00" + ipv4(tcp()).data, "tcp"),
    "IP in SNAP, cooked": (
        113,
        b"\0\0\0\1\0\6" + bytes(8) + b"\0\4\xaa\xaa\x03\0\0\0\x08\x00" + ipv4(tcp()).data,
        "tcp",
    ),
    "Cisco in SNAP": (1, bytes(12) + b"\x00\x80\xaa\xaa\x03\x00\x00\x0c\x20\x00" + bytes(40), "llc"),
    "LLDP": (1, bytes(12) + b"\x88\xcc" + bytes(46), "lldp"),
    "unknown": (1, bytes(12) + b"\x88\xb5" + bytes(46), "0x88b5"),
    "netlink": (113, b"\0\4\x03\x38" + bytes(10) + b"\0\0" + bytes(16), "netlink"),
    "CAN": (113, b"\0\0\x01\x18" + bytes(10) + b"\0\x0c" + bytes(16), "0x000c"),
    "AppleTalk on a loopback": (0, b"\x10\0\0\0" + bytes(16), None),
    "no next header": (101, ipv6(esp()).data[:6] + b"\x3b" + ipv6(esp()).data[7:40], "59"),
    "PPTP": (101, ipv4(gre(ipv4(tcp()))).data[:20] + b"\x30\x81\x88\x0b" + bytes(20), "gre"),
    "GRE of something": (101, ipv4(gre(ipv4(tcp()))).data[:20] + b"\0\0\x88\xbe" + bytes(20), "gre"),
    "GRE, version 1": (101, ipv4(gre(ipv4(tcp()))).data[:20] + b"\0\1\x08\0" + ipv4(tcp()).data, "gre"),
    "GRE, routing": (101, ipv4(gre(ipv4(tcp()))).data[:20] + b"\x40\0\x08\0" + bytes(4) + ipv4(tcp()).data, "gre"),
    "a pseudowire": (1, bytes(12) + b"\x88\x47\0\1\1\x40" + bytes(60), None),
}


@pytest.mark.parametrize("name", OTHER)
def test_other_protocols(name):
    """What has no name that is read is told as far as it is known, and is no error."""
    link_type, data, protocol = OTHER[name]
    packet = dissect(Record(0, None, link_type, "<", len(data), data))
    assert (packet.protocol, packet.error) == (protocol, None)


@pytest.mark.parametrize("link_type", [2, 105, 127, 147, 189, 65535])
def test_unknown_link_type(link_type):
    """It is told which it is, and which are read."""
    packet = dissect(Record(0, None, link_type, "<", 60, bytes(60)))
    assert packet.error == "its link type is %d; 0, 1, 12, 14, 101, 108, 113, 228, 229, 276 are read" % link_type


def test_who_sent_a_frame():
    """Of Ethernet and of SLL2, where its address has six bytes; of nothing else, and of no less."""
    mac = bytes.fromhex("020000000001")
    cooked = struct.pack(">HxxIHBB6sxx", 0x0800, 2, 1, 4, 6, mac)

    def told(link_type, data):
        return sender(Record(0, None, link_type, "<", len(data), data))

    assert told(1, b"\xff" * 6 + mac + b"\x08\x00") == told(276, cooked) == "02:00:00:00:00:01"
    assert told(276, cooked[:11] + b"\0" + cooked[12:]) is None
    assert [told(kind, cooked[:10]) for kind in (1, 276)] == [None, None]
    assert told(101, cooked) is None
