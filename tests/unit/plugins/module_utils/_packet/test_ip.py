# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where IP ends, and its fragments."""

from __future__ import annotations

from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect
from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Record

from ..packet_bytes import ethernet, ipv4, ipv6, record, tcp, udp


def test_the_end_of_ip_is_the_end():
    """Ethernet's padding is no TCP header, and what follows UDP's length is not its payload."""
    made = ipv4(tcp())
    short = made.data[:2] + b"\0\x18" + made.data[4:24]
    padded = Record(0, None, 1, "<", 60, ethernet(made._replace(data=short)).data + bytes(22))
    packet = dissect(padded)
    assert (packet.sport, packet.dport, packet.tcp) == (40000, 443, None)
    assert packet.error == "it ends inside its TCP header"
    trailer = ethernet(ipv4(udp(b"x")))
    assert dissect(Record(0, None, 1, "<", 99, trailer.data + bytes(40))) == trailer.packet


def test_a_fragment_that_ends_inside_a_header():
    """The header goes on in the next fragment: that is no error, but it is one where there is no next."""
    short = tcp()._replace(data=tcp().data[:8])
    for made, error in ((ipv4(short, fragment=0x2000), None), (ipv4(short), "it ends inside its TCP header")):
        packet = dissect(record(ethernet(made)))
        assert (packet.tcp, packet.error) == ((7, None, None), error)


def test_segmentation_offload():
    """IP's length is 0 in what the sender's hardware is to cut; all that is there is the packet's."""
    for made, place in ((ethernet(ipv4(tcp())), 16), (ethernet(ipv6(tcp())), 18)):
        data = made.data[:place] + b"\0\0" + made.data[place + 2 :]
        assert dissect(Record(0, None, 1, "<", len(data), data)) == made.packet
