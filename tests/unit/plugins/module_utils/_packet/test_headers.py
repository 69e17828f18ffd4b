# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets of every link type, through every encapsulation, whole, cut at every byte, and damaged."""

from __future__ import annotations

import random

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect
from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Layer, Packet, Record, Tcp

from ..packet_bytes import (
    LINK_TYPES,
    arp,
    echo,
    esp,
    ethernet,
    geneve,
    gre,
    ipv4,
    ipv6,
    mpls,
    record,
    sctp,
    tcp,
    udp,
    unreachable,
    vlan,
    vxlan,
)
from ..random_packets import random_packet

WRAPPED = {
    "tcp": ethernet(ipv4(tcp())),
    "tcp, options": ethernet(ipv4(tcp(options=bytes(40)), options=bytes(40))),
    "udp": ethernet(ipv4(udp())),
    "sctp": ethernet(ipv6(sctp())),
    "esp": ethernet(ipv4(esp())),
    "echo": ethernet(ipv4(echo())),
    "echo, IPv6": ethernet(ipv6(echo(version=6))),
    "arp": ethernet(arp()),
    "vlan": ethernet(vlan(ipv4(tcp()), 4094)),
    "QinQ": ethernet(vlan(vlan(ipv6(tcp()), 7), 100), 0x88A8),
    "QinQ of old": ethernet(vlan(vlan(vlan(arp(), 7), 100)), 0x9100),
    "mpls": ethernet(mpls(ipv4(tcp()), 16, 17, 1048575)),
    "mpls in a vlan": ethernet(vlan(mpls(ipv6(tcp()), 3))),
    "mpls, multicast": ethernet(mpls(ipv4(tcp()), 16), 0x8848),
    "vxlan": ethernet(ipv4(vxlan(ethernet(ipv4(tcp()))), "192.0.2.1", "192.0.2.2", 8)),
    "vxlan of Linux": ethernet(ipv6(vxlan(ethernet(ipv4(udp())), 0xFFFFFF, dport=8472), "fd00::a", "fd00::b")),
    "vxlan, policy": ethernet(ipv4(vxlan(ethernet(arp()), policy=0x123))),
    "vxlan, vlans": ethernet(vlan(ipv4(vxlan(ethernet(vlan(ipv4(tcp()), 5)))), 6)),
    "geneve": ethernet(ipv4(geneve(ethernet(ipv6(tcp()))))),
    "geneve, options": ethernet(ipv6(geneve(ethernet(ipv4(tcp())), options=bytes(252)))),
    "geneve without Ethernet": ethernet(ipv4(geneve(ipv6(tcp())))),
    "gre": ethernet(ipv4(gre(ipv4(tcp())))),
    "gre, key": ethernet(ipv4(gre(ipv6(tcp()), key=0xFFFFFFFF))),
    "gre, all": ethernet(ipv4(gre(ipv4(tcp()), 5, True, 6))),
    "gre, Ethernet": ethernet(ipv6(gre(ethernet(ipv4(tcp())), key=0))),
    "gre, mpls": ethernet(ipv4(gre(mpls(ipv4(tcp()), 99)))),
    "ipip": ethernet(ipv4(ipv4(tcp(), "10.1.0.1", "10.1.0.2"))),
    "sit": ethernet(ipv4(ipv6(tcp()))),
    "ip6ip6": ethernet(ipv6(ipv6(tcp(), "fd01::1", "fd01::2"))),
    "ipip6": ethernet(ipv6(ipv4(tcp()))),
    "four tunnels": ethernet(ipv4(vxlan(ethernet(ipv6(gre(ipv4(ipv6(geneve(ethernet(ipv4(tcp()))))), 9)))))),
    "extensions": ethernet(ipv6(tcp(), extensions=("hop", "destination", "routing", "fragment", "authentication"))),
    "authentication": ethernet(ipv4(ipv6(tcp(), extensions=("authentication",)))),
    "first fragment": ethernet(ipv4(tcp(), fragment=0x2000)),
    "later fragment": ethernet(ipv4(tcp(), fragment=0x20B9)),
    "last fragment": ethernet(ipv4(udp(), fragment=1)),
    "first fragment, IPv6": ethernet(ipv6(udp(), extensions=("fragment",), fragment=1)),
    "later fragment, IPv6": ethernet(ipv6(udp(), extensions=("hop", "fragment"), fragment=0x5A9)),
    "second fragment of 8 bytes, IPv6": ethernet(ipv6(udp(), extensions=("fragment",), fragment=8)),
    "later fragment of a tunnel": ethernet(ipv4(ipv4(tcp()), fragment=9)),
    "first fragment of a tunnel": ethernet(ipv4(vxlan(ethernet(ipv4(tcp()))), fragment=0x2000)),
    "error": ethernet(ipv4(unreachable(ipv4(tcp())), "10.0.0.9", "10.0.0.1")),
    "error, IPv6": ethernet(ipv6(unreachable(ipv6(udp()), version=6))),
    "error about a tunnel": ethernet(ipv4(unreachable(ipv4(vxlan(ethernet(ipv4(udp()))))))),
    "error in a tunnel": ethernet(ipv4(vxlan(ethernet(ipv4(unreachable(ipv4(tcp()))))))),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_what_is_read(name):
    """Of each packet that was made, what it was made of."""
    made = WRAPPED[name]
    assert dissect(record(made)) == made.packet


def test_the_truth_is_no_echo():
    """What a made packet has to say, written out once."""
    assert dissect(record(WRAPPED["vxlan"])) == Packet(
        encapsulation=(Layer("vxlan", 42, "192.0.2.1", "192.0.2.2", "udp", 50000, 4789, 8),),
        **{
            "src": "10.0.0.1",
            "dst": "10.0.0.2",
            "protocol": "tcp",
            "sport": 40000,
            "dport": 443,
            "ip_id": 77,
            "ttl": 64,
        },
        tcp=Tcp(7, 9, "S"),
    )


def chain(packet):
    """All layers of a packet, outermost first, the innermost last, as mappings."""
    fields = ("src", "dst", "protocol", "sport", "dport", "ip_id")
    tcp_fields = packet.tcp._asdict() if packet.tcp else {}
    icmp = packet.icmp._asdict() if packet.icmp else {}
    quoted = icmp.pop("quoted", None)
    last = {name: getattr(packet, name) for name in (*fields, "ttl")}
    last.update(tcp_fields, **{"icmp_" + name: value for name, value in icmp.items()})
    layers = [layer._asdict() for layer in packet.encapsulation] + [last]
    return layers + (chain(quoted) if quoted else [])


def assert_begins(found, whole):
    """What a cut packet says is what the whole one says, as far as it goes; all else is not known."""
    assert len(found.encapsulation) <= len(whole.encapsulation)
    assert found.ifindex in (None, whole.ifindex) and found.direction in (None, whole.direction)
    for one, all_of_it in zip(chain(found), chain(whole)):
        for name, value in one.items():
            assert value is None or value == all_of_it.get(name) or name == "ttl" and "ttl" not in all_of_it, name


@pytest.mark.parametrize("name", WRAPPED)
def test_cut_at_every_byte(name):
    """No field is wrong, and none that was known with fewer bytes is lost; a packet that is cut off is no error."""
    made = WRAPPED[name]
    known = -1
    for snaplen in range(len(made.data) + 1):
        packet = dissect(record(made, snaplen=snaplen))
        assert packet.error is None
        assert_begins(packet, made.packet)
        now = sum(value is not None for one in chain(packet) for name, value in one.items() if name != "ttl")
        assert now >= known
        known = now
    assert packet == made.packet


@pytest.mark.parametrize("name", WRAPPED)
def test_ends_at_every_byte(name):
    """A packet that was no longer on the wire: the same fields, and an error as long as a header is not whole."""
    made = WRAPPED[name]
    for size in range(len(made.data)):
        data = made.data[:size]
        packet = dissect(Record(0, None, 1, "<", size, data))
        cut = dissect(record(made, snaplen=size))
        assert packet._replace(error=None) == cut
        assert packet.error is None or packet.error.startswith("it ends inside its ")
        assert packet.error or size >= 14


def _patched(made, place, *values):
    data = made.data[:place] + bytes(values) + made.data[place + len(values) :]
    return Record(0, None, 1, "<", len(data), data)


PLAIN, SIX = ethernet(ipv4(tcp())), ethernet(ipv6(tcp()))
WRONG = {
    "IPv4's version": (_patched(PLAIN, 14, 0x65), "its IPv4 header is of version 6"),
    "IPv6's version": (_patched(SIX, 14, 0x40), "its IPv6 header is of version 4"),
    "IPv4's header is too short": (_patched(PLAIN, 14, 0x44), "its IPv4 header would have 16 of 40 bytes"),
    "IPv4 is shorter than its header": (_patched(PLAIN, 16, 0, 19), "its IPv4 header would have 20 of 19 bytes"),
    "IPv4's options run out": (_patched(PLAIN, 14, 0x4F, 0, 0, 60), "it ends inside its IPv4 header"),
    "TCP's header is too short": (_patched(PLAIN, 46, 0x4F), "its TCP header would have 16 bytes"),
    "TCP's options run out": (_patched(PLAIN, 46, 0xF0), "it ends inside its TCP header"),
    "UDP is shorter than its header": (_patched(WRAPPED["udp"], 38, 0, 7), "its UDP header tells a length of 7"),
    "an extension runs out": (_patched(WRAPPED["extensions"], 55, 255), "it ends inside its IPv6 extension header"),
    "authentication is too short": (
        _patched(WRAPPED["authentication"], 75, 0),
        "its authentication header would have 8 bytes",
    ),
    "no IP": (Record(0, None, 101, "<", 40, b"\x55" + bytes(39)), "it is no IP packet: it begins with 0x55"),
}


@pytest.mark.parametrize("name", WRONG)
def test_damaged_packets(name):
    """It is told what is wrong, in what stood before nothing is changed."""
    one, expected = WRONG[name]
    assert dissect(one).error == expected


@pytest.mark.parametrize(
    "data",
    [
        bytes(12) + b"\x81\0" + b"\0\1\x81\0" * 60000,
        bytes(12) + b"\x88\x47" + b"\0\1\0\x40" * 60000,
        bytes(12) + b"\x86\xdd\x60" + bytes(100_000),
        ethernet(ipv4(tcp())).data[:14] + (b"\x45\0\0\0" + ipv4(ipv4(tcp())).data[4:20]) * 10_000,
    ],
    ids=["vlan", "mpls", "ipv6", "ipip"],
)
def test_endless_headers(data):
    """However many there are, there is an end."""
    assert dissect(Record(0, None, 1, "<", len(data), data)).error == "it has more than 64 headers"


@pytest.mark.parametrize("seed", range(10))
def test_random_packets(seed):
    """Kinds, tunnels and link types in any order: what is read is what was made, and a cut changes nothing of it."""
    rng = random.Random(seed)
    for _case in range(300):
        link_type, order = rng.choice(LINK_TYPES), rng.choice("<>")
        made = random_packet(rng, link_type, order)
        assert dissect(record(made, link_type, order=order)) == made.packet
        cut = dissect(record(made, link_type, rng.randrange(len(made.data)), order))
        assert cut.error is None
        assert_begins(cut, made.packet)


@pytest.mark.parametrize("seed", range(10))
def test_random_damage(seed):
    """Whatever the bytes are, an answer comes."""
    rng = random.Random(seed)
    for _case in range(500):
        link_type = rng.choice([*LINK_TYPES, 228, 229])
        data = bytearray(random_packet(rng, rng.choice(LINK_TYPES)).data)
        for _byte in range(rng.randrange(1, 12)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        size = rng.randrange(len(data) + 1)
        packet = dissect(Record(0, None, link_type, rng.choice("<>"), rng.choice([size, 1500]), bytes(data[:size])))
        assert packet.error is None or packet.error.startswith(("it ", "its "))
