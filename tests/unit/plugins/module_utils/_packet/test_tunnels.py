# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is taken for a tunnel, and what is not."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect

from ..packet_bytes import arp, ethernet, ipv4, record, udp, vxlan


def _on_port(port, payload):
    return ethernet(ipv4(udp(payload, dport=port)))


@pytest.mark.parametrize(
    "made",
    [
        _on_port(8472, b"\x5a\x08" + bytes(60)),  # an answer of DNS, to a port that a translation has chosen
        _on_port(8472, b"\x08\0\0\1" + bytes(60)),
        _on_port(4789, b"\x0c\0\0\0" + bytes(60)),
        _on_port(4789, b"\x08\0\0\0\0\0\1\7" + bytes(60)),
        _on_port(4789, b"\x08\0\0\0"),
        _on_port(6081, b"\x40\0\x65\x58" + bytes(60)),
        _on_port(6081, b"\0\1\x65\x58" + bytes(60)),
        _on_port(6081, b"\0\0\x12\x34" + bytes(60)),
        ethernet(ipv4(udp(vxlan(ethernet(arp())).data[8:], sport=4789, dport=4790))),
    ],
)
def test_a_tunnels_port_is_not_enough(made):
    """Only what has a tunnel's whole header is taken for one."""
    assert dissect(record(made)) == made.packet
