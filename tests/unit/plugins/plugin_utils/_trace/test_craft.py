# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Scapy crafts is what the module sends, and what the taps look for."""

from __future__ import annotations

import dataclasses
import struct
import sys

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node import lone
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark
from ansible_collections.kube.pcap.plugins.plugin_utils._trace import craft

MARK = Mark(1, "tcp", 4, sequence=1_802_530_915, source_ports=(20001,), ports=(80, 8080))


@pytest.mark.parametrize(
    "version, source, destination, mss",
    [(4, "10.0.0.1", "10.96.0.1", "020405b4"), (6, "fd00::1", "fd00:96::1", "020405a0")],
)
def test_a_syn(version, source, destination, mss):
    """Whole, from and to where it should, with the chosen number, and with the segment size that firewalls want."""
    pytest.importorskip("scapy.layers.inet6")
    packet = craft.syn(source, destination, dataclasses.replace(MARK, version=version))
    assert lone.is_syn(packet, destination)
    made = lone.read(packet)
    assert (made.source, made.source_port, made.port, made.sequence) == (source, 20001, 80, 1_802_530_915)
    assert packet.endswith(bytes.fromhex(mss))
    assert _sum(packet, version) == 0xFFFF


def _sum(packet, version):
    """The ones' complement sum of a TCP segment with its pseudo header (RFC 9293, 3.1): all bits where it is right."""
    addresses, segment = (packet[12:20], packet[20:]) if version == 4 else (packet[8:40], packet[40:])
    data = addresses + struct.pack(">HH", 6, len(segment)) + segment
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_what_is_missing_is_named_with_the_python(monkeypatch):
    """A controller has several Pythons, and the library is wanted in this one."""
    monkeypatch.setitem(sys.modules, "scapy", None)
    monkeypatch.setitem(sys.modules, "scapy.layers", None)
    with pytest.raises(PcapError) as refused:
        craft.syn("10.0.0.1", "10.0.0.2", MARK)
    words = "trace_probe: a lone SYN is crafted by Scapy, which is missing for %s (" % sys.executable
    assert str(refused.value).startswith(words)
    assert str(refused.value).endswith("; install it with `%s -m pip install scapy`" % sys.executable)
