# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fields as far as they are there, and what ICMP errors quote."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect
from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Packet

from ..packet_bytes import ethernet, gre, ipv4, ipv6, record, tcp, udp, unreachable

FIELDS_BY_SNAPLEN = [
    (13, {}),
    (18, {}),
    (20, {"ip_id": 77}),
    (23, {"ttl": 64}),
    (24, {"protocol": "tcp"}),
    (30, {"src": "10.0.0.1"}),
    (34, {"dst": "10.0.0.2"}),
    (36, {"sport": 40000}),
    (38, {"dport": 443}),
    (42, {"tcp": (7, None, None)}),
    (46, {"tcp": (7, 9, None)}),
    (48, {"tcp": (7, 9, "S")}),
]


@pytest.mark.parametrize("count", range(len(FIELDS_BY_SNAPLEN)))
def test_a_field_is_known_once_it_is_whole(count):
    """Each by the byte that ends it, and not by the byte before."""
    expected = {}
    for _snaplen, more in FIELDS_BY_SNAPLEN[: count + 1]:
        expected.update(more)
    snaplen = FIELDS_BY_SNAPLEN[count][0]
    assert dissect(record(ethernet(ipv4(tcp())), snaplen=snaplen)) == Packet(**expected)
    if count and "tcp" in expected:
        assert dissect(record(ethernet(ipv4(tcp())), snaplen=snaplen - 1)) != Packet(**expected)


@pytest.mark.parametrize("outer", [ipv4, ipv6])
def test_eight_bytes_are_quoted(outer):
    """Routers may quote no more behind the IP header: ports and the sequence number, and no flags."""
    whole = outer(tcp(seq=0xFFFFFFFF))
    version = 4 if outer is ipv4 else 6
    made = ethernet(outer(unreachable(whole, len(whole.data) - 12, version)))
    quoted = dissect(record(made)).icmp.quoted
    assert (quoted.src, quoted.dst, quoted.sport, quoted.dport) == (whole.packet.src, whole.packet.dst, 40000, 443)
    assert (quoted.tcp, quoted.error) == ((0xFFFFFFFF, None, None), None)


def test_a_quotation_that_tells_its_own_length():
    """Some who quote eight bytes behind the header write that length into it; that is no damage of theirs."""
    short = ipv4(tcp()._replace(data=tcp().data[:8]))
    quoted = dissect(record(ethernet(ipv4(unreachable(short))))).icmp.quoted
    assert (quoted.dport, quoted.tcp, quoted.error) == (443, (7, None, None), None)


def test_a_quotation_quotes_nothing():
    """What an error about an error would quote is left out."""
    made = ethernet(ipv4(unreachable(ipv4(unreachable(ipv4(tcp()))))))
    quoted = dissect(record(made)).icmp.quoted
    assert (quoted.icmp.type, quoted.icmp.quoted) == (3, None)


def test_a_quotation_ends_where_it_is_told():
    """Extensions follow it (RFC 4884); of a redirect the same bytes are an address."""
    whole = ipv4(udp(bytes(80), dport=8472))
    around = unreachable(whole, 128)
    data = around.data[:5] + bytes([32]) + around.data[6:] + b"\x20\0\0\0" + bytes(60)
    quoted = dissect(record(ethernet(ipv4(around._replace(data=data))))).icmp.quoted
    assert (quoted.protocol, quoted.dport, quoted.error) == ("udp", 8472, None)
    beyond = ipv4(gre(ipv4(tcp(), options=bytes(40))), options=bytes(40))
    for kind in (3, 11, 12):
        parameter = around._replace(data=bytes([kind, 0, 0, 0, 0, 32, 0, 0]) + beyond.data)
        assert dissect(record(ethernet(ipv4(parameter)))).icmp.quoted.tcp is None
    redirect = around._replace(data=b"\x05\1\0\0" + bytes([10, 32, 0, 1]) + beyond.data)
    assert dissect(record(ethernet(ipv4(redirect)))).icmp.quoted == beyond.packet
