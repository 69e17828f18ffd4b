# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read from a trace's filter, held against the real tcpdump: it takes the filter, and judges packets alike."""

from __future__ import annotations

import ipaddress
import random
import struct
import subprocess
from collections.abc import Sequence

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._grammar import Place
from ansible_collections.kube.pcap.plugins.plugin_utils._trace import bpf
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.conditions import ICMP, OTHER, TRANSPORTS, Packet
from tests.unit.plugins.plugin_utils._trace.filters import NOTHING, OPEN, TAKEN

NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "icmp6": 58, "sctp": 132, OTHER: 253}
SPORT, DPORT = 40001, 40002
"""Stand for the ports that no filter here names."""
HEADER = 16
CONDITIONS = (
    "tcp,udp,sctp,icmp,icmp6,ip,ip6,arp,port 80,dst port 443,tcp port 80,udp dst port 53,src port 1000,proto 6,"
    "tcp port (80 or 443),portrange 1-100,tcp[13] & 2 != 0,icmp[0] = 8,len > 1,host 10.0.0.1,ip6 host fd00::1,"
    "src or dst port 80,udp src and dst port 53,ip proto 17,icmp6[0] = 128"
).split(",")


def frame(number: int, packet: Packet) -> bytes:
    """A packet in an Ethernet frame; who sent it tells its number."""
    ports = struct.pack("!HH", packet.sport or SPORT, packet.dport or DPORT)
    payload = (ports if packet.protocol in TRANSPORTS else b"\x08\x00\x00\x00") + bytes(16)
    protocol = NUMBERS[packet.protocol]
    source, destination = (ipaddress.ip_address("10.9.9.%d" % n) for n in (1, 2))
    if packet.version == 4:
        head = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, source.packed, destination.packed
        )
    else:
        addresses = [b"\xfd" + bytes(11) + address.packed for address in (source, destination)]
        head = struct.pack("!IHBB16s16s", 6 << 28, len(payload), protocol, 64, *addresses)
    return (
        bytes(6)
        + b"\x02\x00"
        + struct.pack("!I", number)
        + (b"\x08\x00", b"\x86\xdd")[packet.version == 6]
        + head
        + payload
    )


def judged(text: str, packets: Sequence[Packet]) -> set[Packet]:
    """The packets that tcpdump lets through."""
    capture = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, packet in enumerate(packets):
        data = frame(number, packet)
        capture += struct.pack("<IIII", 0, 0, len(data), len(data)) + data
    argv = ["tcpdump", "-n", "-r", "-", "-w", "-", "--", text]
    done = subprocess.run(argv, input=capture, capture_output=True, check=False)
    if b"expression rejects all packets" in done.stderr:
        return set()
    assert done.returncode == 0, (text, done.stderr)
    found, at = set(), 24
    while at < len(done.stdout):
        (length,) = struct.unpack_from("<I", done.stdout, at + 8)
        found.add(packets[struct.unpack_from("!I", done.stdout, at + HEADER + 8)[0]])
        at += HEADER + length
    return found


def compare(text: str) -> int:
    """Holds the filter's meaning against tcpdump's, wherever it is known; for how many packets it is."""
    found = bpf.read(Place("trace_expression"), text)
    packets = [
        Packet(version, protocol, sport, dport)
        for version in (4, 6)
        for protocol in (*TRANSPORTS, ICMP[version == 6], OTHER)
        for sport in ((*found.sports, None) if protocol in TRANSPORTS else (None,))
        for dport in ((*found.dports, None) if protocol in TRANSPORTS else (None,))
    ]
    passed, known = judged(text, packets), 0
    for packet in packets:
        value = found.passes(packet)
        assert value in (None, packet in passed), (text, packet, value)
        known += value is not None
    return known


@pytest.mark.parametrize("text", [text for text, _said in [*TAKEN, *OPEN]] + NOTHING)
def test_alike(text: str) -> None:
    """KP-12: tcpdump takes it, and where a packet is known to pass, or not, it says the same."""
    assert compare(text)


def written(rng: random.Random, depth: int = 0) -> str:
    """A filter at random."""
    terms = []
    for _number in range(rng.randrange(1, 4)):
        term = "(%s)" % written(rng, depth + 1) if depth < 2 and rng.random() < 0.3 else rng.choice(CONDITIONS)
        terms.append(rng.choice(["", "", "not ", "! "]) + term)
    return "".join(term + rng.choice([" and ", " or ", " && ", " || "]) for term in terms[:-1]) + terms[-1]


def test_random_filters_alike() -> None:
    """Parentheses, negations and equal binding mean what they mean to libpcap."""
    rng = random.Random(1)
    assert sum(compare(written(rng)) for _number in range(150)) > 1000
