# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lone SYN as bytes: what is one, and what answers it."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import lone

from ..packet_bytes import ipv4, ipv6, tcp, udp

ISN = 0xFFFFFFFF
SYN = tcp(20001, 80, ISN, 0, "S", b"\x02\x04\x05\xb4")
FOUR, SIX = ipv4(SYN, "10.0.0.1", "10.0.0.2").data, ipv6(SYN, "fd00::1", "fd00::2").data


@pytest.mark.parametrize("packet, source, destination", [(FOUR, "10.0.0.1", "10.0.0.2"), (SIX, "fd00::1", "fd00::2")])
def test_a_syn(packet, source, destination):
    """What it says of itself; another TTL changes one byte."""
    assert lone.is_syn(packet, destination)
    read = lone.read(packet)
    assert (read.source, read.destination, read.source_port, read.port) == (source, destination, 20001, 80)
    other = read.with_ttl(7)
    assert [(was, now) for was, now in zip(packet, other) if was != now] == [(64, 7)] and len(other) == len(packet)


@pytest.mark.parametrize(
    "packet, destination",
    [
        (b"", "10.0.0.2"),
        (b"\x45", "10.0.0.2"),
        (FOUR[:39], "10.0.0.2"),
        (FOUR[:-1], "10.0.0.2"),
        (FOUR + b"\0", "10.0.0.2"),
        (FOUR, "10.0.0.3"),
        (FOUR, "fd00::2"),
        (SIX[:-1], "fd00::2"),
        (ipv4(SYN, options=bytes([1] * 4)).data, "10.0.0.2"),
        (ipv4(tcp(20001, 80, ISN, 0, "S.")).data, "10.0.0.2"),
        (ipv4(tcp(20001, 80, ISN, 0, ".")).data, "10.0.0.2"),
        (ipv4(udp(bytes(20))).data, "10.0.0.2"),
        (ipv6(SYN, extensions=("hop",)).data, "fd00::2"),
        (b"\x75" + FOUR[1:], "10.0.0.2"),
    ],
)
def test_what_is_none(packet, destination):
    """Cut off, longer than it says, to somebody else, or something else."""
    assert not lone.is_syn(packet, destination)


@pytest.mark.parametrize(
    "segment, told",
    [
        (tcp(80, 20001, 5, 0, "S."), lone.TAKEN),
        (tcp(80, 20001, 0, 0, "R."), lone.REFUSED),
        (tcp(80, 20001, 0, 0, "R"), None),
        (tcp(80, 20001, 5, 0, "."), None),
        (tcp(80, 20001, 5, 1, "S."), None),
        (tcp(81, 20001, 5, 0, "S."), None),
        (tcp(80, 20002, 5, 0, "S."), None),
        (SYN, None),
    ],
)
def test_an_answer(segment, told):
    """It has the ports the other way round, and acknowledges the next number, also behind the last of 32 bits.

    Of IPv4 the kernel hands over the header, too, which may have options.
    """
    assert lone.read(FOUR).answer(ipv4(segment).data) == told
    assert lone.read(FOUR).answer(ipv4(segment, options=bytes([1] * 8)).data) == told
    assert lone.read(SIX).answer(segment.data) == told


@pytest.mark.parametrize("packet", [FOUR, SIX])
def test_an_answer_that_is_cut_off(packet):
    """It is none."""
    whole = ipv4(tcp(80, 20001, 5, 0, "S.")).data if packet is FOUR else tcp(80, 20001, 5, 0, "S.").data
    assert [lone.read(packet).answer(whole[:size]) for size in range(len(whole))] == [None] * len(whole)
