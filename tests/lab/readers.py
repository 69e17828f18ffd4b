# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What three readers say of a capture file: tshark, tcpdump and the collection's own, in a form that can be compared.

tshark gives a field's values of all headers of a packet, outermost first: so its form of a packet is a list for each
field. tcpdump gives a text, of which addresses, ports and a few numbers are picked in their order.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.capture import read_capture
from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect
from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Layer, Packet, Record
from ansible_collections.kube.pcap.plugins.module_utils._packet.transport import FLAGS

Fields = dict[str, list[Any]]
_NUMBERS = (
    *("ip.id", "ip.ttl", "ipv6.hlim", "ipv6.fraghdr.ident", "tcp.flags", "tcp.seq", "tcp.ack_raw"),
    *("tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport"),
    *("icmp.type", "icmp.code", "icmp.ident", "icmp.seq", "icmpv6.type", "icmpv6.code"),
    *("icmpv6.echo.identifier", "icmpv6.echo.sequence_number"),
    *("vlan.id", "mpls.label", "vxlan.vni", "geneve.vni", "gre.key", "sll.pkttype", "sll.ifindex"),
)
_TEXTS = ("ip.src", "ip.dst", "ipv6.src", "ipv6.dst")
_FRAME = ("frame.time_epoch", "frame.cap_len", "frame.len", "frame.interface_name", "frame.protocols")
_PREFERENCES = (
    *("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.analyze_sequence_numbers:FALSE"),
    *("tcp.relative_sequence_numbers:FALSE", "tcp.desegment_tcp_streams:FALSE", "sctp.reassembly:FALSE"),
)
_IDS = {"vlan": "vlan.id", "mpls": "mpls.label", "vxlan": "vxlan.vni", "geneve": "geneve.vni", "gre": "gre.key"}
_DIRECTIONS = {"In": 0, "B": 1, "M": 2, "P": 3, "Out": 4}


def _run(argv: list[str]) -> str:
    if shutil.which(argv[0]) is None:
        pytest.fail("%s is not installed: apt-get install %s" % (argv[0], argv[0]))
    env = {"PATH": "/usr/bin:/usr/sbin", "TZ": "UTC", "HOME": "/nonexistent"}
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace", env=env, check=False)
    assert argv[0] != "tshark" or done.returncode != 1, done.stderr  # a damaged file is 2
    return done.stdout


def tshark(path: str) -> list[Fields]:
    """Each packet's fields as tshark has them."""
    names = (*_FRAME, *_TEXTS, *_NUMBERS)
    argv = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;"]
    argv += ["-d", "udp.port==8472,vxlan"]
    argv += [word for preference in _PREFERENCES for word in ("-o", preference)]
    argv += [word for name in names for word in ("-e", name)]
    rows = []
    for line in _run(argv).splitlines():
        values = dict(zip(names, line.split("\t"), strict=True))
        row: Fields = {name: values[name].split(";") for name in _TEXTS if values[name]}
        row.update({name: [int(one, 0) for one in values[name].split(";")] for name in _NUMBERS if values[name]})
        if "tcp.flags" in row:
            row["tcp.flags"] = [FLAGS[flags & 0xFF] for flags in row["tcp.flags"]]
        time = values["frame.time_epoch"]
        row["time_ns"] = [int(Decimal(time) * 1_000_000_000) if time else None]
        row["lengths"] = [int(values["frame.cap_len"]), int(values["frame.len"])]
        row["interface"] = [values["frame.interface_name"]]
        row["protocols"] = values["frame.protocols"].split(":")
        rows.append(row)
    return rows


def ours(path: str) -> list[tuple[Record, Packet]]:
    """Each packet as the collection reads it."""
    return [(record, dissect(record)) for record in read_capture(path)]


def fields(record: Record, packet: Packet) -> Fields:
    """The collection's word on a packet, by tshark's names."""
    found: Fields = defaultdict(list)
    found["time_ns"], found["lengths"] = [record.time_ns], [len(record.data), record.length]
    if packet.direction:
        found["sll.pkttype"].append(_DIRECTIONS[packet.direction])
    if packet.ifindex is not None:
        found["sll.ifindex"].append(packet.ifindex)
    _add(found, packet)
    return {name: values for name, values in found.items() if values}


def _add(found: Fields, packet: Packet) -> None:
    for layer in packet.encapsulation:
        if layer.id is not None:
            found[_IDS[layer.type]].append(layer.id)
        _add_addresses(found, layer)
    _add_addresses(found, packet)
    if packet.src is not None and packet.ttl is not None:
        name, sources = ("ipv6.hlim", "ipv6.src") if ":" in packet.src else ("ip.ttl", "ip.src")
        found[name] += [None] * (len(found[sources]) - 1 - len(found[name])) + [packet.ttl]
    if packet.tcp:
        found["tcp.seq"].append(packet.tcp.seq)
        found["tcp.ack_raw"] += [] if packet.tcp.ack is None else [packet.tcp.ack]
        found["tcp.flags"] += [] if packet.tcp.flags is None else [packet.tcp.flags]
    if packet.icmp:
        old = packet.protocol == "icmp"
        names = ("icmp.type", "icmp.code", "icmp.ident", "icmp.seq")
        newer = ("icmpv6.type", "icmpv6.code", "icmpv6.echo.identifier", "icmpv6.echo.sequence_number")
        for name, value in zip(names if old else newer, packet.icmp, strict=False):
            found[name] += [] if value is None else [value]
        if packet.icmp.quoted:
            _add(found, packet.icmp.quoted)


def _add_addresses(found: Fields, one: Packet | Layer) -> None:
    if one.src is not None:
        version = "ipv6" if ":" in one.src else "ip"
        found[version + ".src"].append(one.src)
        found[version + ".dst"] += [] if one.dst is None else [one.dst]
        if one.ip_id is not None:
            found["ip.id" if version == "ip" else "ipv6.fraghdr.ident"].append(one.ip_id)
    if one.sport is not None and one.protocol in ("tcp", "udp", "sctp"):
        found[one.protocol + ".srcport"].append(one.sport)
        found[one.protocol + ".dstport"] += [] if one.dport is None else [one.dport]


def differences(mine: Fields, theirs: Fields, cut: bool) -> list[str]:
    """Fields that are not the same; of a packet that was cut off, those that both know and that are not the same."""
    wrong = []
    for name in {*mine, *theirs} - {"interface", "protocols"}:
        one, other = mine.get(name, []), theirs.get(name, [])
        pairs = list(zip(one, other, strict=False))
        same = all(a == b or a is None for a, b in pairs)
        # tshark has the time to live of each header, and no sequence number that ICMPv6 quotes in eight bytes alone.
        whole = cut or len(one) == len(other) or name in ("ip.ttl", "ipv6.hlim")
        whole = whole or name == "tcp.seq" and len(mine.get("tcp.flags", [])) < len(one)
        if not same or not whole:
            wrong.append("%s: %s, tshark has %s" % (name, one, other))
    return wrong


_PAIR = re.compile(r"(?:^|[\s(])([0-9a-f:][0-9a-f:.]*) > ([0-9a-f:][0-9a-f:.]*): ")


def tcpdump(path: str) -> list[tuple[int, str]]:
    """Each packet's time and text as tcpdump has them."""
    text = _run(["tcpdump", "-n", "-e", "-v", "-S", "-tt", "--nano", "-r", path])
    return [(int(Decimal(head.group(1)) * 1_000_000_000), block) for head, block in _blocks(text)]


def _blocks(text: str) -> Iterator[tuple[re.Match[str], str]]:
    parts = re.split(r"^(?=\d+\.\d{9} )", text, flags=re.MULTILINE)
    for part in parts:
        head = re.match(r"(\d+\.\d{9}) ", part)
        if head:
            yield head, part


def pairs_in(text: str) -> list[tuple[str, str]]:
    """Addresses, with ports, that tcpdump's text has on both sides of a >, in their order."""
    found: list[tuple[str, str]] = []
    for one, other in _PAIR.findall(text):
        if one.isdigit() and other.isdigit() and found:  # behind IPv6's extension headers it has ports alone
            one, other = "%s.%s" % (found[-1][0], one), "%s.%s" % (found.pop()[1], other)
        elif found and one.startswith(found[-1][0] + ".") and other.startswith(found[-1][1] + "."):
            found.pop()  # or it has the addresses again, with ports
        found.append((one, other))
    return found


def pairs_of(packet: Packet) -> list[tuple[str, str]]:
    """The same of what the collection has read, without what an ICMP error quotes."""
    return [
        (_joined(one.src, one.sport), _joined(one.dst, one.dport)) for one in (*packet.encapsulation, packet) if one.src
    ]


def _joined(address: str | None, port: int | None) -> str:
    return str(address) if port is None else "%s.%d" % (address, port)
