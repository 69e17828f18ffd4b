# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packets belong to a probe (row KP-4), whatever they are wrapped in or translated to (row KP-11)."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.mark import sightings
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark

from ..packet_bytes import echo, ethernet, geneve, gre, ipv4, ipv6, linked, record, tcp, udp, unreachable, vlan, vxlan

ISN = 0x6B707063
NONCE = b"01234567"
TCP = Mark(1, "tcp", 4, sequence=ISN, said=100, source_ports=(20001, 20002), ports=(80, 8080))
UDP = Mark(2, "udp", 4, nonce=NONCE.hex(), source_ports=(20011,), ports=(5000, 5001))
DNS = Mark(3, "udp", 4, nonce=NONCE.hex(), nonce_at=13, source_ports=(20021,), ports=(53,))
ECHO = Mark(4, "icmp", 4, ident=3, sequence=5, nonce=bytes(range(8)).hex())
CANARY = Mark(0, "udp", 4, nonce=b"canaries".hex(), ports=(9,))
SYN = tcp(20001, 80, ISN, 0, "S")


def told(marks, *packets):
    """What is told of packets, briefly: (probe, leg, joined, part) of each that belongs to a probe."""
    found = sightings([record(ethernet(packet)) for packet in packets], marks)
    return [(one.probe, one.leg, one.joined, one.part) for one in found]


def answer(flags="S.", seq=99, ack=ISN + 1, sport=80, dport=20001):
    """A segment from the server."""
    return ipv4(tcp(sport, dport, seq, ack, flags), "10.0.0.2", "10.0.0.1")


@pytest.mark.parametrize(
    "wrapped",
    [
        ipv4,
        ipv6,
        lambda inner: ipv4(vxlan(ethernet(ipv4(inner)))),
        lambda inner: ipv4(vxlan(ethernet(vlan(ipv6(inner))), dport=8472)),
        lambda inner: ipv6(vxlan(ethernet(ipv4(inner)))),
        lambda inner: ipv4(geneve(ethernet(ipv4(inner)), options=bytes(12))),
        lambda inner: ipv4(ipv4(inner)),
        lambda inner: ipv4(ipv6(inner)),
        lambda inner: ipv4(gre(ipv4(inner))),
        lambda inner: ipv4(gre(ipv4(inner), key=7)),
        lambda inner: ipv4(inner, options=bytes([1] * 8)),
    ],
)
def test_a_connections_first_packet(wrapped):
    """It is known by its number, in whatever it is wrapped."""
    assert told([TCP], wrapped(SYN)) == [(1, "request", "mark", "first")]
    assert told([TCP], wrapped(tcp(20001, 80, ISN + 1, 0, "S"))) == []
    assert told([TCP], wrapped(tcp(20001, 80, ISN, 5, "."))) == []


def test_a_connection():
    """Its answer is known by the mark, what follows by the tuple; both have other addresses behind a translation."""
    plain = [
        ipv4(SYN),
        answer(),
        ipv4(tcp(20001, 80, ISN + 1, 100, ".")),
        ipv4(tcp(20001, 80, ISN + 101, 100, "F.")),
        answer("P.", 100, ISN + 101),
        answer("R", 100, 0),
        answer("R.", 100, ISN + 101),
    ]
    expected = [
        (1, "request", "mark", "first"),
        (1, "reply", "mark", "answer"),
        *[(1, "request", "tuple", "later")] * 2,
        *[(1, "reply", "tuple", "later")] * 3,
    ]
    assert told([TCP], *plain) == expected
    assert told([TCP], *reversed(plain)) == expected[::-1], "processors hand over what they have in no order"
    translated = [
        ipv4(tcp(61000, 8080, ISN, 0, "S"), "192.0.2.1", "10.244.1.2"),
        ipv4(tcp(8080, 61000, 99, ISN + 1, "S."), "10.244.1.2", "192.0.2.1"),
        ipv4(tcp(61000, 8080, ISN + 1, 100, "."), "192.0.2.1", "10.244.1.2"),
    ]
    assert [row[2:] for row in told([TCP], *translated)] == [("mark", "first"), ("mark", "answer"), ("tuple", "later")]


def test_a_refusal():
    """A reset that acknowledges the first packet is its answer."""
    assert told([TCP], ipv4(SYN), answer("R.", 0)) == [(1, "request", "mark", "first"), (1, "reply", "mark", "answer")]


@pytest.mark.parametrize(
    "other",
    [
        ipv4(
            tcp(20001, 80, ISN + 50, 0, ".")
        ),  # its numbers are in the range, and no packet with the mark had its ports
        ipv4(tcp(55555, 443, 7, ISN + 1, ".")),
        ipv4(udp(NONCE, 20011, 5000)),
    ],
)
def test_what_is_like_it(other):
    """Numbers alone make no packet one of the probe's."""
    assert told([TCP], other) == []


def test_a_later_connection_of_the_same_ports():
    """Its numbers are out of the range."""
    later = [ipv4(tcp(20001, 80, ISN + 200, 0, ".")), answer(".", 5, ISN + 200), answer("S.", 5, ISN + 1 + (1 << 31))]
    assert len(told([TCP], ipv4(SYN), *later)) == 1


def test_two_probes():
    """Each packet is its own probe's."""
    other = Mark(7, "tcp", 4, sequence=ISN + 116, said=100)
    found = told([TCP, other], ipv4(SYN), ipv4(tcp(20009, 80, ISN + 116, 0, "S")), answer(), answer(ack=ISN + 117))
    assert [row[0] for row in found] == [1, 7, 1, 7]


@pytest.mark.parametrize("size", [28, 40])
def test_an_error_about_a_connection(size):
    """It may quote no more than ports and sequence number."""
    error = ipv4(unreachable(ipv4(SYN), size), "10.0.0.9", "10.0.0.1")
    assert told([TCP], error) == [(1, "error", "quote", "error")]
    stranger = ipv4(unreachable(ipv4(tcp(20001, 80, ISN - 9, 0, "S")), size))
    assert told([TCP], stranger) == []


def test_a_datagram():
    """Its answer has the nonce where it repeats the question, else the same ports the other way round."""
    request = ipv4(udp(NONCE + b"more", 20011, 5000))
    echoed = ipv4(udp(NONCE, 5000, 20011), "10.0.0.2", "10.0.0.1")
    silent = ipv4(udp(b"ok", 5000, 20011), "10.0.0.2", "10.0.0.1")
    assert told([UDP], request, echoed) == [(2, "request", "mark", "first"), (2, "reply", "mark", "answer")]
    assert told([UDP], request, silent) == [(2, "request", "mark", "first"), (2, "reply", "tuple", "answer")]
    assert told([UDP], silent) == []
    error = ipv4(unreachable(ipv4(udp(NONCE, 20011, 5000)), 28), "10.0.0.2", "10.0.0.1")
    assert told([UDP], error) == [(2, "error", "quote", "error")]


def test_a_translated_datagram():
    """After a translation of the source's port, an error is known by the tuple that the datagram had there."""
    request = ipv4(udp(NONCE, 61000, 5001), "192.0.2.1")
    error = ipv4(unreachable(ipv4(udp(NONCE, 61000, 5001), "192.0.2.1"), 28))
    assert told([UDP], request, error) == [(2, "request", "mark", "first"), (2, "error", "quote", "error")]
    assert told([UDP], error) == []


def test_a_question():
    """DNS: the nonce is in the name, which the answer repeats."""
    question, answer = (bytes(2) + bytes([flags]) + bytes(9) + b"\x08" + NONCE for flags in (1, 0x81))
    found = told([DNS], ipv4(udp(question, 20021, 53)), ipv4(udp(answer, 53, 20021), "10.0.0.2", "10.0.0.1"))
    assert found == [(3, "request", "mark", "first"), (3, "reply", "mark", "answer")]


def test_an_echo():
    """Its payload is the mark, also under another identifier; an error quotes the identifier alone."""
    found = told([ECHO], ipv4(echo(9)), ipv4(echo(9, reply=True)), ipv4(unreachable(ipv4(echo()), 28, code=1)))
    assert [row[1:] for row in found] == [
        ("request", "mark", "first"),
        ("reply", "mark", "answer"),
        ("error", "quote", "error"),
    ]
    six = Mark(4, "icmpv6", 6, ident=3, sequence=5, nonce=ECHO.nonce)
    assert told([six], ipv6(echo(version=6)))[0][1] == "request"
    assert told([six], ipv4(echo())) == []


def test_a_canary():
    """Its number is behind the nonce."""
    sent = ipv4(udp(b"canaries" + bytes([0, 3, 0x80, 7]), 40000, 9))
    (one,) = sightings([record(ethernet(sent))], [TCP, CANARY])
    assert (one.probe, one.part, one.number) == (0, "canary", 0x00038007)
    cut = ipv4(udp(b"canaries", 40000, 9))
    assert sightings([record(ethernet(cut))], [CANARY])[0].number is None


def test_what_is_told():
    """Where it was seen, its headers, and how long it was on the wire."""
    made = linked(ipv4(vxlan(ethernet(ipv4(tcp(20001, 80, ISN, 0, "S"), ttl=61)), 1)), 276)
    (one,) = sightings([record(made, 276)], [TCP])
    assert (one.ifindex, one.src, one.dst, one.sport, one.dport) == (3, "10.0.0.1", "10.0.0.2", 20001, 80)
    assert (one.flags, one.seq, one.ttl, one.payload, one.length) == ("S", ISN, 61, 0, len(made.data))
    assert [(layer.type, layer.id) for layer in one.encapsulation] == [("vxlan", 1)]
    assert one.mac == made.data[12:18].hex(":")
    said = ipv4(tcp(20001, 80, ISN + 1, 1, "P.")._replace(data=tcp(20001, 80, ISN + 1, 1, "P.").data + b"GET /"))
    assert sightings([record(ethernet(ipv4(SYN))), record(ethernet(said), snaplen=60)], [TCP])[1].payload == 5


def test_what_cannot_be_read():
    """A packet that is cut off, damaged, or of another kind is none of the probe's, and no trouble."""
    whole = ethernet(ipv4(SYN))
    for size in range(len(whole.data)):
        assert len(sightings([record(whole, snaplen=size)], [TCP, UDP, ECHO, CANARY])) == (
            1 if size >= 14 + 20 + 14 else 0
        )
    assert sightings([record(whole, link_type=9999)], [TCP]) == []


@pytest.mark.parametrize("kind, code, part", [(3, 1, "error"), (11, 0, "error"), (3, 4, "notice"), (5, 1, "notice")])
def test_icmp_that_ends_nothing(kind, code, part):
    """A redirect, or a word about a packet's size, is no refusal."""
    made = unreachable(ipv4(SYN), 28, code=code)
    made = made._replace(data=bytes([kind]) + made.data[1:])
    assert [row[3] for row in told([TCP], ipv4(made))] == [part]


def test_an_error_about_the_answer():
    """It is not about the probe."""
    back = ipv4(tcp(80, 20001, 99, ISN + 1, "S."), "10.0.0.2", "10.0.0.1")
    found = told([TCP], ipv4(SYN), ipv4(unreachable(back, 28)))
    assert [row[3] for row in found] == ["first", "notice"]


def test_a_datagram_whose_ports_tell_nothing():
    """Who asks and who answers from the same port: what came first is the request. DNS tells it itself."""
    both = Mark(2, "udp", 4, nonce=NONCE.hex(), source_ports=(123,), ports=(123,))
    found = told([both], ipv4(udp(NONCE, 123, 123)), ipv4(udp(NONCE, 123, 123), "10.0.0.2", "10.0.0.1"))
    assert [row[1] for row in found] == ["request", "reply"]
    unknown = told(
        [UDP], ipv4(udp(NONCE, 61000, 5353), "192.0.2.1"), ipv4(udp(NONCE, 5353, 61000), "10.0.0.2", "192.0.2.1")
    )
    assert [row[1] for row in unknown] == ["request", "reply"]
    answer = bytes(2) + b"\x80" + bytes(9) + b"\x08" + NONCE
    assert told([DNS], ipv4(udp(answer, 5353, 61000)))[0][1] == "reply"
