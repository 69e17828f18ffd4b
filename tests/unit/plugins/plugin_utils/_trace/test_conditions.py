# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What single conditions say of a packet: true, false, or not known."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._trace import conditions
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.conditions import Packet, both, either, number, range_of

TCP = Packet(4, "tcp", None, 443)
TCP6 = TCP._replace(version=6)
ICMP = Packet(4, "icmp", None, None)


@pytest.mark.parametrize(
    "text, value",
    [("443", 443), ("0x1bb", 443), ("0X1BB", 443), ("010", 8), ("0", 0)]
    + [(text, None) for text in ("", "0x", "08", "1_0", "0x1_0", "+1", "http", "\u0661")],
)
def test_number(text, value):
    """As libpcap reads numbers."""
    assert number(text) == value


@pytest.mark.parametrize(
    "text, ends",
    [
        ("6000-6008", (6000, 6008)),
        ("6008-6000", (6000, 6008)),
        ("ftp-data-ssh", (20, 22)),
        ("80", (80, 80)),
        ("http", (80, 80)),
        ("a-b", ("a-b", "a-b")),
        ("80-", ("80-", "80-")),
    ],
)
def test_range(text, ends):
    """A name may hold the sign that stands between both ends."""
    assert range_of(text) == ends


@pytest.mark.parametrize(
    "direction, low, high, sport, dport, value",
    [
        ("dst", 443, 443, None, 443, True),
        ("dst", 443, 443, None, 80, False),
        ("dst", 443, 443, None, None, False),
        ("dst", 400, 500, None, 400, True),
        ("dst", 400, 500, None, 499, True),
        ("dst", 400, 500, None, 501, False),
        ("dst", 400, 500, None, 80, False),
        ("dst", 400, 500, None, None, None),
        ("src", 400, 500, None, 443, False),
        ("src", 1000, 1000, 1000, None, True),
        ("both", 53, 53, 53, 53, True),
        ("both", 53, 53, None, 53, False),
        ("dst", "name", "name", None, "name", True),
        ("dst", "name", "name", None, 443, None),
        ("dst", 443, 443, None, "name", None),
        ("dst", "name", "name", None, None, False),
    ],
)
def test_ports(direction, low, high, sport, dport, value):
    """A range is open about ports that nobody named, a name about numbers."""
    assert conditions.of_port(direction, low, high)(Packet(4, "udp", sport, dport)) is value


def test_other_protocols_have_no_ports():
    """As with libpcap."""
    assert conditions.of_port("dst", 443, 443)(ICMP) is False


@pytest.mark.parametrize(
    "condition, packet, value",
    [
        (conditions.of_protocol("tcp"), TCP, True),
        (conditions.of_protocol("tcp"), ICMP, False),
        (conditions.of_protocol("arp"), TCP, False),
        (conditions.of_protocol("ether"), TCP, None),
        (conditions.of_protocol("ip6"), TCP6, True),
        (conditions.of_protocol(None), TCP, True),
        (conditions.of_protocol_number("6"), TCP, True),
        (conditions.of_protocol_number("50"), TCP, False),
        (conditions.of_protocol_number("ipv6-icmp"), TCP6, False),
        (conditions.of_protocol_number("ospf"), TCP, None),
        (conditions.of_host("10.0.0.1"), TCP, None),
        (conditions.of_host("10.0.0.1"), TCP6, False),
        (conditions.of_host("db.example"), TCP6, None),
        (conditions.of_headers(["tcp"]), TCP, None),
        (conditions.of_headers(["tcp"]), TCP6, False),
        (conditions.of_headers(["udp", "ip"]), TCP, False),
        (conditions.of_headers([]), TCP, None),
        (conditions.negated(conditions.of_protocol("tcp")), TCP, False),
        (conditions.negated(conditions.unknown), TCP, None),
    ],
)
def test_conditions(condition, packet, value):
    """What cannot be told is None."""
    assert condition(packet) is value


def test_three_values():
    """False settles "and", True settles "or"; otherwise what is not known stays so."""
    values = (True, False, None)
    assert [both(a, b) for a in values for b in values] == [True, False, None, False, False, False, None, False, None]
    assert [either(a, b) for a in values for b in values] == [True, True, True, True, False, None, True, None, None]


def test_joined_to_the_left():
    """ "and" and "or" bind equally: a or b and c is (a or b) and c."""
    true, false = conditions.of_protocol("tcp"), conditions.of_protocol("udp")
    assert conditions.of_group([(both, true), (either, true), (both, false)])(TCP) is False
