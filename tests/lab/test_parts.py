# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's pure parts: its file, its rules, control groups as mounted, captures as counted."""

from __future__ import annotations

import gzip
import struct

import pytest

from tests.lab import network
from tests.lab.addresses import Pair
from tests.lab.model import Container, LabError, Port, parse_lab
from tests.lab.sequences import MAGIC, sequences
from tests.nodes.cgroups import parse_hierarchies

NODE = "nodes: [{name: one, ip: 11}]\n"


def test_a_lab_is_read_with_its_defaults():
    """A pod without a node is Pending, a container may be a name alone."""
    spec = parse_lab(NODE + "pods: [{namespace: a, name: b, containers: [c, {name: d, init: true}]}]")
    assert spec.node("one").init == "systemd"
    assert spec.pods[0].phase == "Pending"
    assert spec.pods[0].containers == (Container("c"), Container("d", init=True))


@pytest.mark.parametrize(
    "text, message",
    [
        ("pods: []", "a lab needs a list of nodes"),
        ("nodes: [{name: one}]", r"nodes\[0\]: .*ip"),
        ("nodes: [{name: one, ip: 1}]", "ip 1 is outside 2 to 250"),
        ("nodes: [{name: one, ip: 11, init: upstart}]", "'upstart' is none of systemd, none"),
        ("nodes: [{name: one, ip: 11}, {name: one, ip: 12}]", "node one is there twice"),
        ("nodes: [{name: one, ip: 11}, {name: two, ip: 11}]", "nodes one and two have the same ip"),
        (NODE + "pods: [{namespace: a, name: b, node: two}]", "pod a/b: no node two"),
        (
            NODE + "pods: [{namespace: a, name: b, colour: red}]",
            r"pods\[0\]: unknown key colour; known are cg",
        ),
        (NODE + "pods: [{namespace: a, name: b, qos: best}]", "'best' is none of guaranteed"),
    ],
)
def test_a_bad_lab_is_refused(text, message):
    """What is wrong is named with what would be right."""
    with pytest.raises(LabError, match=message):
        parse_lab(text)


def test_hierarchies_as_machines_mount_them():
    """Joint controllers, systemd's own hierarchy and v2, with the options that mount them again."""
    text = (
        "30 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
        "31 25 0:27 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "32 25 0:28 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,nsdelegate\n"
        "33 25 0:29 / /proc rw - proc proc rw\n"
    )
    found = [(h.path.name, h.version, h.options) for h in parse_hierarchies(text)]
    assert found == [("cpu,cpuacct", 1, "cpu,cpuacct"), ("systemd", 1, "none,name=systemd"), ("unified", 2, "")]


@pytest.mark.parametrize(
    "backends, rule",
    [
        ((), "ip daddr 10.96.0.10 tcp dport 80 drop"),
        ((Pair("10.244.1.2", "fd00::2"),), "ip daddr 10.96.0.10 tcp dport 80 dnat ip to 10.244.1.2:8080"),
        ((Pair("10.244.1.2", "fd00::2"),), "ip6 daddr fd00:10::a tcp dport 80 dnat ip6 to [fd00::2]:8080"),
        (
            (Pair("10.244.1.2", "fd00::2"), Pair("10.244.2.2", "fd00::3")),
            "dnat ip to numgen random mod 2 map { 0 : 10.244.1.2 . 8080, 1 : 10.244.2.2 . 8080 }",
        ),
    ],
)
def test_services_become_rules(backends, rule):
    """None, one and several backends, of both families."""
    route = network.ServiceRoute(Pair("10.96.0.10", "fd00:10::a"), Port(80, 8080), backends)
    assert rule in network.service_rules(1, [route], bridge_filtered=True)


def test_where_bridges_are_not_filtered_local_services_are_masqueraded():
    """The answer between two pods of a node would go past the translation otherwise."""
    rule = "ip saddr 10.244.7.0/24 ip daddr 10.244.7.0/24 masquerade"
    assert rule in network.service_rules(7, [], bridge_filtered=False)
    assert rule not in network.service_rules(7, [], bridge_filtered=True)


def capture(order: str, *payloads: bytes) -> bytes:
    """A pcap file of packets with 42 bytes of headers."""
    records = [struct.pack(order + "IIII", 0, 0, 42 + len(p), 42 + len(p)) + bytes(42) + p for p in payloads]
    return struct.pack(order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1) + b"".join(records)


def counted(stream: int, number: int) -> bytes:
    """A counted payload."""
    return MAGIC + struct.pack("!IQ", stream, number)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sequences_are_counted(order, tmp_path):
    """Of one stream or of all, doubles included, gzip or not; other packets do not count."""
    data = capture(order, counted(1, 5), b"other", counted(2, 6), counted(1, 5))
    (tmp_path / "x.pcap.gz").write_bytes(gzip.compress(data))
    assert sequences(data) == [5, 6, 5]
    assert sequences(tmp_path / "x.pcap.gz", stream=1) == [5, 5]


def test_a_capture_that_is_cut_counts_what_is_whole():
    """Cut at every byte, a file gives a beginning of its numbers, never an error or a wrong one."""
    data = capture("<", counted(1, 1), counted(1, 2))
    assert {tuple(sequences(data[:end])) for end in range(4, len(data) + 1)} == {(), (1,), (1, 2)}
    with pytest.raises(ValueError, match="not a pcap file"):
        sequences(b"nonsense")
