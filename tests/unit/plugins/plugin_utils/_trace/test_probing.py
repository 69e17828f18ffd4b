# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes and their marks, drawn from a seed (rows KP-2, KP-4)."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._dns_records import Question
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._node import injecting, lone
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import NodeInjection
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.probing import (
    Aim,
    canary_mark,
    probes,
    questions,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.tap_filter import tap_filter
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.wanted import Wanted

SEED = bytes(range(16))
TCP = Aim(Wanted("tcp", dport=80, ip_version=4), "10.96.0.1", (80, 8080), b"GET /")


@pytest.mark.parametrize(
    "aim",
    [
        TCP,
        Aim(Wanted("tcp", sport=1234, dport=80), "fd00::1", (80,), bytes(1 << 16)),
        Aim(Wanted("udp", dport=5000), "10.0.0.1", (5000,)),
        Aim(Wanted("udp", dport=53), "10.0.0.1", (53,)),
        Aim(Wanted("icmp"), "10.0.0.1", ()),
        Aim(Wanted("icmp6"), "fd00::1", (), ttl=1),
        Aim(Wanted("tcp", dport=80), "10.0.0.1", (80,), kind="connection", ttl=255),
    ],
)
@pytest.mark.parametrize("count", [1, 100])
def test_what_is_drawn_can_be_sent(aim, count):
    """The module takes every probe, and each has its own mark."""
    for seed in (SEED, bytes(16), b"\xff" * 16):
        made, marks = probes([aim], count, seed)
        injecting.check(NodeInjection("t", Target("node"), made))
        assert [one.probe for one in marks] == [one.number for one in made] == list(range(1, count + 1))
        assert len({(one.sequence, one.nonce) for one in marks}) == count
        assert (made, marks) == probes([aim], count, seed)


def test_a_connection():
    """Sequence numbers side by side, with room for what each says; source ports that no other tries."""
    made, marks = probes([TCP], 3, SEED)
    assert {b.sequence - a.sequence for a, b in zip(marks, marks[1:], strict=False)} == {5 + 3}
    assert [one.sequence for one in made] == [one.sequence for one in marks]
    assert len({port for one in made for port in one.source_ports}) == 24
    assert (made[0].payload, marks[0].said, marks[0].ports) == (b"GET /".hex(), 5, (80, 8080))
    assert marks[0].source_ports == made[0].source_ports


@pytest.mark.parametrize("protocol, port", [("tcp", 80), ("udp", 5000), ("udp", 53), ("icmp", None)])
def test_marks_lie_side_by_side(protocol, port):
    """So the taps' filter is as short for a hundred as it is for one (net.core.optmem_max)."""
    aim = Aim(Wanted(protocol, dport=port), "10.0.0.1", (port,) if port else ())
    few, many = (tap_filter((*probes([aim], count, SEED)[1], canary_mark(SEED, 4))) for count in (1, 100))
    assert len(many) < len(few) * 1.1


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("address, source", [("10.96.0.1", "10.0.0.1"), ("fd00:96::1", "fd00::1")])
def test_a_lone_syn(address, source, count):
    """Its packet has the mark, and one source port; the taps' filter is as short as that of connections."""
    pytest.importorskip("scapy.layers.inet6")
    aim = Aim(Wanted("tcp", dport=80), address, (80, 8080), kind="syn", source=source, ttl=3)
    made, marks = probes([aim], count, SEED)
    injecting.check(NodeInjection("t", Target("node"), made))
    for probe, mark in zip(made, marks, strict=True):
        packet = lone.read(bytes.fromhex(probe.payload))
        assert (packet.source, packet.destination, packet.port) == (source, address, 80)
        assert ((packet.source_port,), packet.sequence) == (mark.source_ports, mark.sequence)
        assert (probe.kind, probe.ttl, mark.ports, mark.said) == ("syn", 3, (80, 8080), 0)
    assert len({mark.source_ports for mark in marks}) == count
    connections = probes([dataclasses.replace(aim, kind="connection")], 1, SEED)[1]
    assert len(tap_filter(marks)) < len(tap_filter(connections)) * 1.1


@pytest.mark.parametrize(
    "protocol, kind, said",
    [
        ("udp", "syn", "trace_probe: syn is of tcp, and the filter is of udp; write udp, or another filter"),
        ("tcp", "icmp", "trace_probe: icmp is of icmp, and the filter is of tcp; write connection or syn, or another"),
        ("icmp6", "udp", "trace_probe: udp is of udp, and the filter is of icmp6; write icmp, or another filter"),
        ("icmp", "connection", "trace_probe: connection is of tcp, and the filter is of icmp; write icmp, or another"),
        ("sctp", None, "trace_expression: no probe is of sctp; write a filter of tcp, udp, icmp, icmp6"),
        ("sctp", "udp", "trace_expression: no probe is of sctp; write a filter of tcp, udp, icmp, icmp6"),
    ],
)
def test_a_probe_that_does_not_fit(protocol, kind, said):
    """The sentence names the option, and what fits."""
    with pytest.raises(OptionError) as refused:
        probes([Aim(Wanted(protocol, dport=80), "10.0.0.1", (80,), kind=kind)], 1, SEED)
    assert str(refused.value).startswith(said)


def test_other_seeds():
    """Another trace has other marks."""
    assert probes([TCP], 1, SEED)[1] != probes([TCP], 1, bytes(16))[1]
    assert canary_mark(SEED, 4).nonce != canary_mark(bytes(16), 4).nonce


def test_questions_for_a_name():
    """Their identifiers lie side by side, so that a filter has one condition for all, and for their answers."""
    asked = [(Question("web", kind, "10.96.0.10", 1, query="123401000001" + "00" * 20), (53,)) for kind in "AB" * 4]
    made, marks = questions(asked, 1, SEED)
    numbers = [int(one.payload[:4], 16) for one in made]
    assert numbers == list(range(numbers[0], numbers[0] + 8)) == [one.ident for one in marks]
    text = tap_filter(marks)
    assert "udp[8:4]-%d<%d" % (numbers[0] << 16, 8 << 16) in text


def test_a_question():
    """A server of DNS gets one that it can answer, and the nonce is in its name."""
    (probe,), (mark,) = probes([Aim(Wanted("udp", dport=53), "10.0.0.1", (53,))], 1, SEED)
    payload, nonce = bytes.fromhex(probe.payload), bytes.fromhex(mark.nonce)
    assert payload[mark.nonce_at : mark.nonce_at + 8] == nonce and nonce.isalnum()
    assert payload[2:12] == bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    assert payload[12] == 8 and payload[21:] == b"\x07invalid\0\0\x01\0\x01"
