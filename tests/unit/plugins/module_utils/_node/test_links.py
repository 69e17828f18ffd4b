# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of rtnetlink, packed as the kernel packs them."""

from __future__ import annotations

import socket
import struct

from ansible_collections.kube.pcap.plugins.module_utils._node import links


def attribute(kind, value):
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def link(name=b"eth0\0", stats=True):
    counters = struct.pack("=24Q", *range(100, 124))
    info = attribute(1, b"veth\0")
    body = struct.pack("=BxHiII", 0, 1, 7, 0x1043, 0)
    body += attribute(3, name) + attribute(4, struct.pack("=I", 1450)) + attribute(5, struct.pack("=I", 12))
    return body + attribute(18 | 0x8000, info) + (attribute(23, counters) if stats else b"")


def test_link():
    """An interface's name, kind and counters are where linux/if_link.h puts them."""
    found = links.parse_link(link())
    assert found == links.Link(7, "eth0", "veth", 12, 1450, True, 100, 106, 115)
    assert found.dropped == 221


def test_whose_index_the_parent_is():
    """IFLA_LINK_NETNSID is there where it is another namespace's, whatever its number."""
    assert not links.parse_link(link()).parent_elsewhere
    assert links.parse_link(link() + attribute(37, struct.pack("=i", 0))).parent_elsewhere


def test_mac():
    """Six bytes are told; lo's zeros, a tunnel's address and none are not."""
    given = [b"\x02\0\x0a\1\0\2", bytes(6), bytes([10, 0, 0, 1]), b""]
    found = [links.parse_link(link() + attribute(1, raw)).mac for raw in given]
    assert found == ["02:00:0a:01:00:02", None, None, None] and links.parse_link(link()).mac is None


def test_address():
    """Of a point-to-point interface the own end counts."""
    body = struct.pack("=BBBBI", socket.AF_INET, 24, 0, 0, 7)
    both = attribute(1, bytes([10, 0, 0, 2])) + attribute(2, bytes([10, 0, 0, 1]))
    assert links.parse_address(body + both) == links.Address(7, "10.0.0.1", 24, 0)
    body = struct.pack("=BBBBI", socket.AF_INET6, 64, 0, 253, 7)
    assert links.parse_address(body + attribute(1, b"\xfe\x80" + b"\0" * 13 + b"\1")).address == "fe80::1"


def test_messages():
    """Several messages in one datagram come apart, each at a multiple of four."""
    one = struct.pack("=IHHII", 18, 16, 2, 5, 0) + b"ab"
    two = struct.pack("=IHHII", 16, 3, 2, 5, 0)
    assert list(links.parse_messages(one + b"\0\0" + two)) == [(16, 2, 5, b"ab"), (3, 2, 5, b"")]


def test_cut_anywhere():
    """A message cut at any byte gives less, never an error."""
    whole = link()
    for length in range(len(whole)):
        found = links.parse_link(whole[:length])
        assert found is None or found.index == 7
        links.parse_address(whole[:length])
    datagram = struct.pack("=IHHII", 16 + len(whole), 16, 2, 1, 0) + whole
    for length in range(len(datagram)):
        assert list(links.parse_messages(datagram[:length])) == []


def test_own_namespace():
    """The kernel lists at least lo here, and its address when it is up."""
    with links.open_socket() as sock:
        found = {entry.name: entry for entry in links.read_links(sock)}
        addresses = links.read_addresses(sock)
    assert found["lo"].index == socket.if_nametoindex("lo")
    assert {a.index for a in addresses} <= {entry.index for entry in found.values()}
    if found["lo"].up:
        assert "127.0.0.1" in {a.address for a in addresses}


def test_programs():
    """A qdisc that has a place for programs, and an XDP program; neither where a message is cut."""
    qdisc = struct.pack("=BxxxiIII", 0, 7, 0, 0, 0) + attribute(1, b"clsact\0")
    assert links.parse_qdisc(qdisc) == (7, b"clsact")
    assert links.parse_qdisc(qdisc[:19]) == (0, b"") and links.parse_qdisc(qdisc[:22]) == (7, b"")
    assert links.parse_link(link() + attribute(43, attribute(2, b"\2"))).xdp
    assert not links.parse_link(link() + attribute(43, attribute(2, b"\0"))).xdp
    assert not links.parse_link(link()).xdp
