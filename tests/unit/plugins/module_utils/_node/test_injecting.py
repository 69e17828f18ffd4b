# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a record of the plan must be before anything is sent."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._node import injecting, probes
from ansible_collections.kube.pcap.plugins.module_utils._records import Target, from_result, to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import NodeInjection, Probe

from ..packet_bytes import ipv4, tcp

TARGET = Target("node", name="node-a", node="node-a", pid=1, netns=2)
GOOD = {
    "connection": Probe(1, "connection", "10.96.0.10", 80, (20001,), sequence=1 << 16),
    "syn": Probe(1, "syn", "10.96.0.10", payload=ipv4(tcp(), dst="10.96.0.10").data.hex(), ttl=1),
    "udp": Probe(1, "udp", "fd00::1", 53),
    "icmp": Probe(1, "icmp", "10.96.0.10", sequence=0, ident=65535, ttl=255),
}


def record(*probes, **changes):
    """A record as the plan hands it on."""
    return {**to_result(NodeInjection("t-1", TARGET, probes)), **changes}


@pytest.mark.parametrize("kind", GOOD)
def test_what_is_taken(kind):
    """Each kind, and what a record becomes again."""
    asked = from_result(NodeInjection, record(GOOD[kind]))
    assert asked.probes == (GOOD[kind],) and asked.target == TARGET
    injecting.check(asked)


@pytest.mark.parametrize(
    "kind, changes, said",
    [
        ("connection", {"kind": "sctp"}, 'probes[0].kind is "sctp"; it must be one of connection, syn, udp, icmp'),
        ("connection", {"destination": "web"}, 'probes[0].destination is "web"; it must be an address'),
        ("udp", {"destination": "fe80::1%eth0"}, 'probes[0].destination is "fe80::1%eth0"; it must be '),
        (
            "udp",
            {"destination": "FD00::1"},
            'probes[0].destination is "FD00::1"; it must be one address, such as fd00::1',
        ),
        ("connection", {"source_ports": []}, "probes[0].source_ports is empty; it must be at least one"),
        ("connection", {"port": None}, "probes[0].port is None; it must be 1 to 65535"),
        ("udp", {"port": 65536}, "probes[0].port is 65536; it must be 1 to 65535"),
        ("udp", {"source_ports": [1, 0]}, "probes[0].source_ports is 0; it must be 1 to 65535"),
        ("connection", {"sequence": 65535}, "probes[0].sequence is 65535; it must be 65536 to 4278190080"),
        ("connection", {"sequence": None}, "probes[0].sequence is None; it must be 65536 to 4278190080"),
        ("connection", {"sequence": 4278190081}, "probes[0].sequence is 4278190081; it must be 65536 to"),
        ("icmp", {"ident": None}, "probes[0].ident is None with sequence 0; it must be both 0 to 65535"),
        ("icmp", {"sequence": 65536}, "probes[0].ident is 65535 with sequence 65536; it must be both 0"),
        ("icmp", {"ttl": 0}, "probes[0].ttl is 0; it must be 1 to 255"),
        ("syn", {"payload": "4"}, "probes[0].payload is no hexadecimal digits; it must be two for each byte"),
        ("syn", {"payload": "45"}, "probes[0].payload is no SYN to 10.96.0.10; it must be a whole packet"),
        ("syn", {"destination": "10.96.0.11"}, "probes[0].payload is no SYN to 10.96.0.11; it must be a whole packet"),
        ("syn", {"ttl": 256}, "probes[0].ttl is 256; it must be 1 to 255"),
        ("syn", {"payload": "00" * (probes.MOST_BYTES + 1)}, "probes[0].payload is 65537 bytes; it must be at most"),
    ],
)
def test_a_probe_that_is_refused(kind, changes, said):
    """The sentence tells which value of which probe, and what would be right."""
    _refused(record({**to_result(GOOD[kind]), **changes}), said)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"probes": []}, "probes is 0 of them; it must be 1 to 108"),
        ({"probes": [to_result(GOOD["udp"])] * 109}, "probes is 109 of them; it must be 1 to 108"),
        ({"probes": [to_result(GOOD["udp"])] * 2, "interval_ms": 99}, "interval_ms is 99; it must be 100 to 60000"),
        (
            {"probes": [to_result(GOOD["udp"])] * 2, "interval_ms": 10**12},
            "interval_ms is 1000000000000; it must be 100",
        ),
        ({"timeout_ms": 60001}, "timeout_ms is 60001; it must be 1 to 60000"),
        ({"uid": -1}, "uid is -1; it must be a user's number"),
    ],
)
def test_a_record_that_is_refused(changes, said):
    """As a whole it may send too much, or for too long."""
    _refused(record(GOOD["udp"], **changes), said)


def _refused(given, said):
    with pytest.raises(OptionError) as refused:
        injecting.run({"record": given}, False)
    assert str(refused.value).startswith("record: " + said)


def test_no_record():
    """What the plan did not make is refused before it is looked into."""
    with pytest.raises(OptionError, match=r"record: it is not one that the plan made \(id is missing\); pass it on"):
        injecting.run({"record": {}}, False)
