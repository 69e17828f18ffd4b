# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet reader beside tshark and tcpdump, on files of every kind that were made for it: the same in all fields."""

from __future__ import annotations

import gzip
import os
import pathlib
import random
import subprocess
import sys

import pytest
import yaml

from ansible_collections.kube.pcap.plugins.lookup.packets import EXAMPLES
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._packet.capture import read_capture
from ansible_collections.kube.pcap.plugins.module_utils._packet.stream import Damage
from ansible_collections.kube.pcap.plugins.plugin_utils._packets.entries import Wanted, read_entries
from ansible_collections.kube.pcap.plugins.plugin_utils._packets.where import passing
from tests.lab import readers
from tests.lab.comparing import compare, compare_text
from tests.unit.plugins.module_utils import packet_bytes, pcap_bytes, random_packets

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKETS = 250
STATISTICS = 5
"""A block that is no packet for anybody; custom blocks are packets of a kind for tshark."""
MICROSECOND = 1000


def made_packets(seed: int, link_type: int, order: str = "<", count: int = PACKETS) -> list[bytes]:
    """Packets of any kind."""
    rng = random.Random(seed)
    return [random_packets.random_packet(rng, link_type, order).data for _packet in range(count)]


def classic(
    packets: list[bytes], link_type: int, order: str = "<", unit: int = MICROSECOND, snaplens: tuple[int, ...] = ()
) -> bytes:
    """A file of packets, cut to one after the other of these lengths."""
    data = pcap_bytes.header(order, unit, 262144, link_type)
    for number, packet in enumerate(packets):
        kept = packet[: snaplens[number % len(snaplens)]] if snaplens else packet
        data += pcap_bytes.record(kept, pcap_bytes.START + number, number, order, len(packet))
    return data


@pytest.mark.parametrize("link_type, order", [*((one, "<") for one in packet_bytes.LINK_TYPES), (1, ">"), (0, ">")])
def test_whole_packets(link_type: int, order: str, tmp_path: pathlib.Path) -> None:
    """Every link type, encapsulation and protocol, in both byte orders."""
    path = tmp_path / "file.pcap"
    path.write_bytes(classic(made_packets(link_type, link_type, order), link_type, order, 1 if order == "<" else 1000))
    assert compare(path) == PACKETS


@pytest.mark.parametrize("link_type", packet_bytes.LINK_TYPES)
def test_cut_packets(link_type: int, tmp_path: pathlib.Path) -> None:
    """What both know of a packet that was cut off is the same."""
    path = tmp_path / "file.pcap"
    snaplens = tuple(random.Random(link_type).sample(range(1, 200), 97))
    path.write_bytes(classic(made_packets(99 + link_type, link_type), link_type, snaplens=snaplens))
    assert compare(path) == PACKETS


def pcapng(rng: random.Random, order: str, kinds: list[int], count: int, plain: bool = False) -> bytes:
    """A section with interfaces of these link types and with packets; ``plain``: as tcpdump, too, reads it."""
    data = pcap_bytes.section(order)
    for number, kind in enumerate(kinds):
        resolution = rng.choice([None, 6, 9, 0x94] if plain else [None, 0, 3, 6, 9, 12, 0x81, 0x8A, 0x94])
        offset = rng.choice([None, 1000])
        data += pcap_bytes.interface(order, kind, 0, "eth%d" % number, resolution, offset)
    for _packet in range(count):
        number = rng.randrange(len(kinds))
        packet = random_packets.random_packet(rng, kinds[number], order).data
        make = rng.choice([pcap_bytes.enhanced, pcap_bytes.old])
        data += make(packet, rng.getrandbits(32), number, order)
        data += rng.choice([b"", b"", pcap_bytes.block(STATISTICS, bytes(12), order)])
    return data


@pytest.mark.parametrize("order", "<>")
def test_pcapng(order: str, tmp_path: pathlib.Path) -> None:
    """Several interfaces of several link types and resolutions, several sections, which tcpdump does not read."""
    rng = random.Random(5)
    path = tmp_path / "file.pcapng"
    sections = [
        pcapng(rng, order, [rng.choice(packet_bytes.LINK_TYPES) for _one in range(4)], 80) for _section in "abc"
    ]
    path.write_bytes(b"".join(sections))
    assert compare(path, tcpdump=False) == 240
    interfaces = [row["interface"][0] for row in readers.tshark(str(path))]
    assert interfaces == [record.interface for record, _packet in readers.ours(str(path))]


@pytest.mark.parametrize("link_type", [1, 276, 0])
def test_pcapng_of_one_link_type(link_type: int, tmp_path: pathlib.Path) -> None:
    """All three read it, also compressed."""
    data = pcapng(random.Random(link_type), "<", [link_type] * 3, PACKETS, plain=True)
    path, packed = tmp_path / "file.pcapng", tmp_path / "file.pcapng.gz"
    path.write_bytes(data)
    packed.write_bytes(gzip.compress(data))
    assert compare(path) == compare(packed, tcpdump=False) == PACKETS


def test_simple_packets(tmp_path: pathlib.Path) -> None:
    """They have no time, which tcpdump calls 0."""
    path = tmp_path / "file.pcapng"
    packets = made_packets(1, 1, count=50)
    blocks = [pcap_bytes.simple(packet[:64], length=len(packet)) for packet in packets]
    path.write_bytes(pcap_bytes.section() + pcap_bytes.interface(snaplen=64) + b"".join(blocks))
    mine = readers.ours(str(path))
    assert {record.time_ns for record, _packet in mine} == {None}
    told = [(record._replace(time_ns=0), packet) for record, packet in mine]
    compare_text(told, readers.tcpdump(str(path)))
    for (record, packet), row in zip(told, readers.tshark(str(path)), strict=True):
        assert not readers.differences(readers.fields(record, packet), {**row, "time_ns": [0]}, cut=True)


def found_in(path: pathlib.Path) -> int:
    """How many packets stand before the damage."""
    found = 0
    try:
        for _record in read_capture(str(path)):
            found += 1
    except Damage:
        pass
    return found


@pytest.mark.parametrize("seed", range(4))
def test_damage(seed: int, tmp_path: pathlib.Path) -> None:
    """Of a damaged file as many packets as tcpdump finds, or tshark, where the two do not find the same."""
    rng = random.Random(seed)
    path = tmp_path / "file"
    for case in range(50):
        whole = classic(made_packets(seed, 1, count=20), 1) if case % 2 else pcapng(rng, "<", [1, 1], 20, plain=True)
        data = bytearray(whole)
        for _byte in range(rng.choice([1, 1, 4])):
            data[rng.randrange(24, len(data))] = rng.choice([0, 0xFF, rng.randrange(256)])
        if rng.random() < 0.3:
            del data[rng.randrange(24, len(data)) :]
        path.write_bytes(data)
        found, theirs = found_in(path), len(readers.tcpdump(str(path)))
        assert found == theirs or found == len(readers.tshark(str(path))), (case, found, theirs)


EXPRESSIONS = [
    "tcp",
    "udp port 8472",
    "ip6",
    "icmp or icmp6",
    "greater 120",
    "ip[8] > 100",
    "not ip",
    "tcp[13] & 2 != 0",
]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("link_type", packet_bytes.LINK_TYPES)
def test_where(link_type: int, order: str, tmp_path: pathlib.Path) -> None:
    """An expression means the packets that tcpdump itself takes from the file; also from a compressed one."""
    data = classic(made_packets(7 + link_type, link_type, order), link_type, order)
    path, packed = tmp_path / "file.pcap", tmp_path / "file.pcap.gz"
    path.write_bytes(data)
    packed.write_bytes(gzip.compress(data))
    for expression in EXPRESSIONS:
        argv = ["tcpdump", "-n", "-r", str(path), "-w", str(tmp_path / "kept.pcap"), "--", expression]
        subprocess.run(argv, check=True, capture_output=True)
        kept = [record.time_ns for record, _packet in readers.ours(str(tmp_path / "kept.pcap"))]
        for file in (path, packed):
            assert [one["time_ns"] for one in read_entries(Wanted((str(file),), expression, None))] == kept
        assert len(kept) < PACKETS


def test_where_in_a_mixed_file(tmp_path: pathlib.Path) -> None:
    """Packets of each link type are judged as what they are, in their order; what means none of a kind is no error."""
    rng = random.Random(3)
    path = tmp_path / "file.pcapng.gz"
    sections = [pcapng(rng, order, [1, 276, 101, 0], 200, plain=True) for order in "<>"]
    path.write_bytes(gzip.compress(b"".join(sections)))
    every = read_entries(Wanted((str(path),), "", None))
    for expression, protocols in (("ip and tcp", ("tcp",)), ("ip and icmp", ("icmp",))):
        found = read_entries(Wanted((str(path),), expression, None))
        plain = [one for one in every if not one["encapsulation"] and one["protocol"] in protocols]
        expected = [one for one in plain if ":" not in one["src"]]
        assert [one for one in found if not one["encapsulation"]] == expected and expected
    assert read_entries(Wanted((str(path),), "ip and arp", None)) == []
    with pytest.raises(OptionError, match="where: tcpdump does not take .* of link type [0-9]+: can't parse filter"):
        read_entries(Wanted((str(path),), "tcp or (", None))
    with pytest.raises(OptionError, match="unknown host"):
        read_entries(Wanted((str(path),), "host no.such.name.invalid", None))
    assert len(read_entries(Wanted((str(path),), "ip", 7))) == 7


def test_where_beside_usb() -> None:
    """libpcap filters no USB: none of its packets passes, and those of Ethernet are judged all the same."""
    made = packet_bytes.record(packet_bytes.ethernet(packet_bytes.ipv4(packet_bytes.udp())))
    usb = made._replace(link_type=189, data=bytes(64), length=64)
    assert list(passing([usb, made, usb], "udp")) == [made]
    assert list(passing([usb], "udp")) == []


def test_examples(tmp_path: pathlib.Path) -> None:
    """The documentation's examples run as they stand."""
    (tmp_path / "captures").mkdir()
    data = classic(made_packets(1, 1), 1)
    for name in ("web.pcap.gz", "a.pcap", "b.pcap", "node.pcap"):
        (tmp_path / "captures" / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    (tmp_path / "plain.cfg").touch()
    link = tmp_path / "ansible_collections" / "kube" / "pcap"
    link.parent.mkdir(parents=True)
    link.symlink_to(ROOT)
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": yaml.safe_load(EXAMPLES)}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "ANSIBLE_CONFIG": str(tmp_path / "plain.cfg")}
    argv = [str(pathlib.Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "play.yml"]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok=%d " % len(play["tasks"]) in done.stdout
