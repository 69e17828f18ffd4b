# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a trace's filter lets through, as the real tcpdump and the kernel judge it (rows KP-4 and KP-11)."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import pathlib
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.capture import read_capture
from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.tap_filter import tap_filter
from tests.lab.wires import UDP_PORT, Wires
from tests.unit.plugins.module_utils.packet_bytes import (
    LINK_TYPES,
    Made,
    arp,
    ethernet,
    geneve,
    gre,
    ipv4,
    ipv6,
    linked,
    tcp,
    udp,
    unreachable,
    vxlan,
)
from tests.unit.plugins.module_utils.pcap_bytes import header, record

IP: dict[int, Callable[[Made], Made]] = {4: ipv4, 6: ipv6}
ISN, SAID = 0x6B707063, 100
NONCE, CANARY = b"traceABC", b"canaries"
SOURCE, PORT, TRANSLATED, NODE_PORT = 20485, 8080, 8472, 30080
"""A service may have VXLAN's port."""
SOURCES = tuple(range(20480, 20488))
IDENT, SEQUENCE = 0x1234, 7


def marks(version: int) -> dict[str, Mark]:
    """One of each kind."""
    sent = Mark(1, "", version, source_ports=SOURCES, ports=(PORT, TRANSLATED))
    return {
        "tcp": dataclasses.replace(sent, protocol="tcp", sequence=ISN, said=SAID),
        "udp": dataclasses.replace(sent, protocol="udp", nonce=NONCE.hex()),
        "dns": dataclasses.replace(sent, protocol="udp", nonce=NONCE.hex(), nonce_at=13),
        "far": Mark(1, "udp", version, nonce=NONCE.hex(), nonce_at=100),
        "echo": Mark(1, {4: "icmp", 6: "icmpv6"}[version], version, SEQUENCE, IDENT, NONCE.hex()),
        "canary": Mark(0, "udp", version, nonce=CANARY.hex(), ports=(9,)),
    }


def echo(version: int, payload: bytes, reply: bool = False, ident: int = IDENT, sequence: int = SEQUENCE) -> Made:
    """An echo request or reply with a payload."""
    kind, name = {4: (0 if reply else 8, "icmp"), 6: (129 if reply else 128, "icmpv6")}[version]
    return tcp()._replace(data=struct.pack(">BBHHH", kind, 0, 0, ident, sequence) + payload, kind=name)


def error(version: int, quoted: Made, size: int = 8, kind: int | None = None) -> Made:
    """An ICMP error that quotes so many bytes behind the IP header of a packet: 8 at least."""
    made = unreachable(IP[version](quoted), {4: 20, 6: 40}[version] + size, version)
    return made if kind is None else made._replace(data=bytes([kind]) + made.data[1:])


def known(version: int) -> dict[str, dict[str, Made]]:
    """By the mark: what a packet of it may be, the shortest ones among them."""
    there, back, elsewhere = (SOURCE, TRANSLATED), (PORT, SOURCE), (61000, TRANSLATED)
    errors = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}[version]
    return {
        "tcp": {
            "syn": tcp(*elsewhere, ISN, 0),
            "said": tcp(*elsewhere, ISN + 1 + SAID, 99, "F."),
            "last": tcp(*elsewhere, ISN + 2 + SAID, 99, "."),
            "answer": tcp(TRANSLATED, 61000, 99, ISN + 1, "S."),
            "refused": tcp(TRANSLATED, 61000, 0, ISN + 1, "R."),
            "reset": tcp(*back, 99, 0, "R"),
            **{"error %d" % kind: error(version, tcp(*elsewhere, ISN, 0), kind=kind) for kind in errors},
            "error back": error(version, tcp(*back, 99, ISN, "S.")),
            "error whole": error(version, tcp(*elsewhere, ISN, 0), size=20),
        },
        "udp": {
            "nonce": udp(NONCE, 61000, 53),
            "there": udp(b"", *there),
            "back": udp(b"", TRANSLATED, SOURCE),
            "error": error(version, udp(NONCE, *there)),
            "error back": error(version, udp(b"", *back)),
        },
        "dns": {
            "nonce": udp(bytes(13) + NONCE, 61000, 53),
            "there": udp(b"", *there),
            **{"back %d" % size: udp(bytes(size), *back) for size in (1, 8, 12, 13, 16, 20)},
        },
        "far": {"nonce": udp(bytes(100) + NONCE[:4], 61000, 53)},
        "echo": {
            "request": echo(version, NONCE, ident=9),
            "reply": echo(version, NONCE, reply=True, ident=9),
            "error": error(version, echo(version, b"")),
            "error back": error(version, echo(version, b"", reply=True)),
        },
        "canary": {"nonce": udp(CANARY, 61000, 9), "numbered": udp(CANARY + bytes(4), 61000, 9)},
    }


def unknown(version: int) -> dict[str, Made]:
    """What is near to a mark, and nobody's; some is shorter than what is looked for."""
    return {
        "before": tcp(61000, 80, ISN - 1, 0),
        "behind": tcp(61000, 80, ISN + SAID + 3, ISN + SAID + 3),
        "numbers in the payload": tcp(61000, 80, 1, 1)._replace(data=tcp().data + struct.pack(">II", ISN, ISN)),
        "other source": tcp(PORT, SOURCES[-1] + 1, 1, 1, "R"),
        "other port": tcp(NODE_PORT, SOURCE, 1, 1, "R"),
        "udp other source": udp(b"", SOURCES[0] - 1, PORT),
        "udp other port": udp(b"", SOURCE, NODE_PORT),
        "udp both ports": udp(b"", PORT, TRANSLATED),
        "nonce elsewhere": udp(b"xxxx" + NONCE, 61000, 53),
        "nonce cut": udp(NONCE[:3], 61000, 53),
        "empty": udp(b"", 61000, 53),
        "short for Geneve": udp(b"\x3f", 61000, 6081),
        "short for GRE": Made(bytes(2), "gre", tcp().packet),
        "echo": echo(version, b"whatever"),
        "echo empty": echo(version, b""),
        "error tcp": error(version, tcp(61000, 80, ISN - 1, 0)),
        "error udp": error(version, udp(b"", 61000, PORT)),
        "error echo": error(version, echo(version, NONCE, ident=9)),
        "error short": error(version, tcp(61000, 80, ISN, 0), size=0),
    }


def tunnels() -> Iterator[tuple[str, Callable[[Made], Made]]]:
    """What may be around an IP packet, behind an outer IP header; by its name."""
    yield "ip", lambda inner: inner
    yield "vxlan", lambda inner: vxlan(ethernet(inner))
    yield "vxlan 8472", lambda inner: vxlan(ethernet(inner), dport=8472, policy=3)
    for size in (0, 4, 252):
        yield "geneve %d" % size, functools.partial(geneve, options=bytes(size))
        yield "geneve %d ethernet" % size, lambda inner, size=size: geneve(ethernet(inner), options=bytes(size))
    for key, checksummed, sequence in itertools.product((None, 7), (False, True), (None, 8)):
        some = functools.partial(gre, key=key, checksummed=checksummed, sequence=sequence)
        yield "gre %s %s %s" % (key, checksummed, sequence), some
        yield "gre %s %s %s ethernet" % (key, checksummed, sequence), lambda inner, some=some: some(ethernet(inner))


def everywhere(version: int, packets: Mapping[str, Made]) -> dict[str, Made]:
    """Packets as they are, and in every tunnel over both versions of IP."""
    found = {"IPv%d %s" % (version, name): IP[version](packet) for name, packet in packets.items()}
    for (outer, ip), (tunnel, wrap) in itertools.product(IP.items(), tunnels()):
        for name, packet in packets.items():
            found["IPv%d %s in %s over IPv%d" % (version, name, tunnel, outer)] = ip(wrap(IP[version](packet)))
    return found


def judged(text: str, packets: Mapping[str, Made], link_type: int = 276) -> set[str]:
    """The names of the packets that tcpdump lets through, by default as on ``any``; frames are as they are."""
    names, capture = list(packets), header(snaplen=65535, link_type=link_type)
    for number, packet in enumerate(packets.values()):
        capture += record((packet if packet.kind == "ethernet" else linked(packet, link_type)).data, number)
    argv = ["tcpdump", "-r", "-", "-w", "-", "--", text]
    done = subprocess.run(argv, input=capture, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    found, at = set(), 24
    while at < len(done.stdout):
        number, _fraction, length = struct.unpack_from("<III", done.stdout, at)
        found.add(names[number])
        at += 16 + length
    return found


@pytest.mark.parametrize("link_type", LINK_TYPES)
@pytest.mark.parametrize("versions", [(4,), (6,), (4, 6)])
def test_exactly_the_probes(versions: tuple[int, ...], link_type: int) -> None:
    """All kinds of marks at once: each packet with one passes, in every tunnel, however short; and no other does."""
    text = tap_filter([mark for version in versions for mark in marks(version).values()])
    wanted: dict[str, Made] = {}
    others: dict[str, Made] = {}
    for version in (4, 6):
        for kind, packets in known(version).items():
            named = everywhere(version, {"%s %s" % (kind, name): packet for name, packet in packets.items()})
            (wanted if version in versions else others).update(named)
        others.update(everywhere(version, unknown(version)))
    passed = judged(text, {**wanted, **others}, link_type)
    assert sorted(wanted.keys() - passed) == []
    assert sorted(passed - wanted.keys()) == []


@pytest.mark.parametrize("version", IP)
@pytest.mark.parametrize("kind", ["tcp", "udp", "dns", "far", "echo", "canary"])
def test_one_mark(kind: str, version: int) -> None:
    """A filter of one mark lets each packet of it through, and outside of tunnels none of another protocol."""
    text = tap_filter([marks(version)[kind]])
    wanted = everywhere(version, known(version)[kind])
    assert judged(text, wanted) == wanted.keys()
    assert judged(text, everywhere(version, unknown(version))) == set()
    own = next(iter(known(version)[kind].values())).kind
    others = {
        "%s %s" % (other, name): IP[version](packet)
        for other, packets in known(version).items()
        for name, packet in packets.items()
        if packet.kind != own and "error" not in name
    }
    assert judged(text, others) == set()


def test_sequence_numbers_wrap_around() -> None:
    """A connection's numbers go on at 0 behind 2^32."""
    text = tap_filter([dataclasses.replace(marks(4)["tcp"], sequence=2**32 - 50)])
    numbers = (2**32 - 51, 2**32 - 50, 2**32 - 1, 0, 52, 53)
    packets = {str(number): ipv4(tcp(61000, 80, number, 1000)) for number in numbers}
    assert judged(text, packets) == {str(number) for number in numbers[1:-1]}


def test_headers_of_ip() -> None:
    """IPv4's options are skipped outside of tunnels; no later fragment has a header."""
    syn, frame = known(4)["tcp"]["syn"], ethernet(ipv4(known(4)["tcp"]["syn"]))
    packets = {
        "options": ipv4(syn, options=bytes([1] * 8)),
        "first fragment": ipv4(syn, fragment=0x2000),
        "first fragment of a tunnel": ipv4(vxlan(frame), fragment=0x2000),
        "later fragment": ipv4(syn, fragment=0x20B9),
        "last fragment": ipv4(syn, fragment=0x00B9),
        "last fragment of a tunnel": ipv4(vxlan(frame), fragment=0x00B9),
        "other port": ipv4(vxlan(frame, dport=4788)),
        "nothing known inside": ipv4(vxlan(ethernet(arp()))),
        "two tunnels": ipv4(vxlan(ethernet(ipv4(vxlan(frame))))),
    }
    assert judged(tap_filter([marks(4)["tcp"]]), packets) == set(list(packets)[:3])


def test_in_the_kernel(tmp_path: pathlib.Path) -> None:
    """On ``any`` a datagram and the error that quotes it are seen, plain and in each tunnel."""
    path = tmp_path / "any.pcap"
    mark = Mark(1, "udp", 4, nonce=b"nobody listens".hex(), source_ports=tuple(range(32768, 61000)), ports=(UDP_PORT,))
    text = tap_filter([mark, dataclasses.replace(mark, version=6)])
    with Wires() as wires:
        with wires.captured(path, "-i", "any", "-s", "256", "--", "%s or ether proto 0x88b5" % text):
            talked = wires.talk()
    seen = set()
    for packet in map(dissect, read_capture(str(path))):
        around = tuple((layer.type, layer.id) for layer in packet.encapsulation)
        seen.add((packet.src, packet.dst, packet.protocol, around))
    expected = set()
    for tunnel, version, source, destination in talked:
        for around in ((), *((tunnel.around,) if "vlan" not in dict(tunnel.around) else ())):
            expected.add((source, destination, "udp", around))
            expected.add((destination, source, {4: "icmp", 6: "icmpv6"}[version], around))
    assert {tunnel.name for tunnel in wires.tunnels} >= {"vx", "vx6"}  # without which there is no lab
    assert expected - seen == set()
    assert {protocol for _src, _dst, protocol, _around in seen} == {"udp", "icmp", "icmpv6", "0x88b5"}


def probes(count: int, version: int, spacing: int) -> list[Mark]:
    """Connections of a trace, and its canaries."""
    first = dataclasses.replace(marks(version)["tcp"], ports=(PORT, TRANSLATED, NODE_PORT))
    found = [marks(version)["canary"]]
    for number in range(count):
        sources = tuple(port + 8 * number for port in SOURCES)
        found.append(dataclasses.replace(first, sequence=100_000 + spacing * number, source_ports=sources))
    return found


SMALL = """
ip link set lo up
cd /proc/sys/net/core
[ ! -e optmem_max ] || echo 20480 > optmem_max
ip link add one type veth peer name two
ip link set one up
exec tcpdump -Z root -n -i "$1" -s 256 -w /dev/null -- "$0"
"""
"""A kernel before 6.8 gives a socket no more, and has no such setting in a namespace of its own."""


def warned(text: str, interface: str) -> bool:
    """Whether the kernel has no room for a filter where a socket may have 20,480 bytes."""
    argv = ["unshare", "--net", "sh", "-c", SMALL, text, interface]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    while "listening on" not in said:
        said += process.stderr.readline() or pytest.fail(said)
    process.send_signal(signal.SIGINT)
    return "Couldn't allocate kernel memory for filter" in said + process.communicate()[1]


@pytest.mark.parametrize("version", IP)
@pytest.mark.parametrize("tagged, interface, link_type", [(False, "any", "LINUX_SLL2"), (True, "one", "EN10MB")])
def test_the_kernel_has_room(version: int, tagged: bool, interface: str, link_type: str) -> None:
    """A hundred probes' filter is as long as one's, and runs in the kernel: tcpdump need not see every packet."""
    for count in (1, 20, 100):
        text = tap_filter(probes(count, version, SAID + 3), tagged)
        program = subprocess.run(["tcpdump", "-y", link_type, "-d", "--", text], capture_output=True, check=True)
        assert program.stdout.count(b"\n") < 800 and len(text) < 12_000
        assert not warned(text, interface)
    assert warned(tap_filter(probes(20, version, 0x20000), tagged), interface), "this test cannot tell"
