# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts answered becomes a result, which is stored, read again, and shown (rows KP-9, KP-10, KP-14)."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError, OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import TargetRef, to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import (
    Interface,
    KernelClock,
    Layer,
    Mark,
    Sent,
    Sighting,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.kube.pcap.plugins.plugin_utils._report.traces import EIGHT, result_text, trace_text
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.assembling import assemble
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.files import (
    check_new,
    read_stored,
    read_trace,
    write_trace,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import (
    EndpointProbe,
    Landing,
    NameQuestion,
    Place,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.result import read_result

from .scenes import CART, ISN, NODE_A, NODE_C, SERVICE, WEB, tapped
from .schema import trace_schema

NOW = 1_700_000_000_000_000_000


def sighting(after_us, ifindex, direction, to=("10.96.0.12", 5432), **more):
    """A sighting of the first packet."""
    told = {"leg": "request", "joined": "mark", "part": "first", "src": "10.244.1.2", "sport": 20001, "ttl": 64}
    told.update({"dst": to[0], "dport": to[1], "protocol": "tcp", "flags": "S", "seq": ISN, "length": 80}, **more)
    return Sighting(1, NOW + after_us * 1000, ifindex=ifindex, direction=direction, **told)


TO_DB = ("10.244.3.2", 15432)
WRAPPED = {"encapsulation": (Layer("vxlan", 1),), "ttl": 63}
TAPPED = {
    "node-a": [
        tapped(NODE_A, sightings=(sighting(20, 7, "P"), sighting(30, 2, "Out", TO_DB, **WRAPPED)), packets=2),
        tapped(CART, sightings=(sighting(10, 3, "Out"),), packets=1),
        tapped(WEB),
    ],
    "node-c": [tapped(NODE_C, sightings=(sighting(40, 2, "In", TO_DB, **WRAPPED),), problem="it | ended\n")],
}
RESULT = assemble(SERVICE, TAPPED, (Sent(1, started_ns=NOW, stage="connect", error="ETIMEDOUT"),), {})


def test_a_result():
    """Everything has its place in it, also the tap that said nothing."""
    assert (RESULT.schema, RESULT.id, RESULT.started) == ("kube.pcap/trace/v1", "t-1", "2023-11-14T22:13:20.000000Z")
    assert (RESULT.endpoints.seen, RESULT.endpoints.of) == (0, 2)
    assert [hop.interface for hop in RESULT.hops] == ["eth0", "veth1", "eth0", "eth0"]
    assert RESULT.verdict == RESULT.probes[0].verdict and RESULT.verdict.outcome == "inconclusive"
    assert [(tap.problem, tap.packets) for tap in RESULT.taps] == [
        (None, 2),
        ("it | ended\n", 0),
        (None, 1),
        (None, 0),
        ("it gave no answer", None),
    ]
    assert assemble(SERVICE, {}, (), {"node-a": "unreachable: x"}).taps[CART].problem == "unreachable: x"


def test_stored_and_read_again(tmp_path):
    """KP-10: the file is the result, and gives the same table; only its owner can read it."""
    path = write_trace(str(tmp_path / "traces"), to_result(RESULT), "text")
    assert (tmp_path / "traces" / "t-1" / "trace.md").read_text() == "text"
    assert path == str(tmp_path / "traces" / "t-1" / "trace.json")
    assert (tmp_path / "traces" / "t-1" / "trace.json").stat().st_mode & 0o777 == 0o600
    check_new(str(tmp_path / "traces"), "t-2")
    with pytest.raises(OptionError, match="^trace_id: a trace of this name is stored in .*/traces/t-1 already; "):
        check_new(str(tmp_path / "traces"), "t-1")
    for given in ("traces/t-1", "traces/t-1/trace.json", path):
        stored = read_trace(given, str(tmp_path))
        assert read_result(stored) == RESULT and trace_text(stored, True) == result_text(RESULT, 200)


def test_what_kernels_say_of_their_clocks():
    """It stands beside the offset, moves no hop, and is told in a line where a clock is not synchronised."""
    loose, kept = KernelClock(False, 16_000_000, 16_000_000, 0), KernelClock(True, 250, 17, -5)
    clocks = {"node-a": kept, "node-c": loose}
    told = {node: [dataclasses.replace(one, clock=clocks[node]) for one in taps] for node, taps in TAPPED.items()}
    made = assemble(SERVICE, told, (), {})
    bare = assemble(SERVICE, TAPPED, (), {})
    assert {one.node: one.kernel for one in made.clock} == clocks
    assert [dataclasses.replace(one, kernel=None) for one in made.clock] == list(bare.clock)
    assert (made.hops, made.verdict) == (bare.hops, bare.verdict)
    line = (
        "clocks that are not synchronised, as their kernels say: node node-c; hops are ordered by canaries all the same"
    )
    assert result_text(made, 100).splitlines()[-1] == line
    assert "- " + line in markdown(to_result(made)).splitlines()
    assert line not in result_text(bare, 100)


def test_for_what_a_tap_may_be_blind():
    """What its node told of programs is told with it."""
    hooked = (Interface(3, "eth0", "veth", 7, programs=("tcx",)),)
    made = assemble(SERVICE, {"node-a": [tapped(CART, interfaces=hooked), tapped(WEB)]}, (), {})
    assert [made.taps[index].blind for index in (CART, WEB)] == [("tcx at eth0",), ()]


@pytest.mark.parametrize(
    "node_a, names",
    [
        ((sighting(20, 7, "In"),), ("pod shop/agent",)),
        ((sighting(20, 7, "In"), sighting(30, 2, "Out", TO_DB)), ()),
        ((), ()),
    ],
)
def test_an_endpoint_on_its_nodes_network(node_a, names):
    """What the node translates to itself no tap sees once more: it came there where it is not sent on."""
    landing = Landing("192.0.2.1", 15432, "pod shop/agent", NODE_A, NODE_A)
    planned = dataclasses.replace(SERVICE, landings=(landing,))
    cart = tapped(CART, sightings=(sighting(10, 3, "Out"),))
    made = assemble(planned, {"node-a": [tapped(NODE_A, sightings=node_a), cart]}, (), {})
    assert (made.endpoints.seen, made.endpoints.of, made.endpoints.names) == (len(names), 1, names)


def test_each_endpoint():
    """Each probe is judged by its own endpoint, and the trace has the worst."""
    marks = tuple(dataclasses.replace(SERVICE.marks[0], probe=n, sequence=ISN + 10 * n) for n in (1, 2))
    each = tuple(EndpointProbe(n, one) for n, one in enumerate(SERVICE.landings, 1))
    planned = dataclasses.replace(SERVICE, marks=marks, each=each)
    made = assemble(planned, {}, [], {})
    assert [one.endpoint for one in made.probes] == ["pod shop/web", "pod shop/db"]
    assert ["sent to pod shop/db (10.244.3.2:15432)" in one.verdict.text for one in made.probes] == [False, True]
    lines = result_text(made, 100).splitlines()
    assert lines[1:4] == [
        "of 2 probes: 2 inconclusive",
        "  pod shop/web: 1 inconclusive",
        "  pod shop/db: 1 inconclusive",
    ]


@pytest.mark.parametrize(
    "types, text",
    [
        (("A", "A"), "nothing was sent to web, since it has no address: nobody has it"),
        (("A", "AAAA"), "web has no address (nobody has it): what pod shop/cart sent to the server of DNS "),
    ],
)
def test_a_name_without_an_address(types, text):
    """Of one question one server's answer will do; of two, both must have one. Without a loss nothing was sent."""
    marks = tuple(Mark(n, "udp", 4, nonce="00" * 8, source_ports=(n,), ports=(53,)) for n in (1, 2))
    landing = Landing("10.244.1.3", 53, "pod shop/web", WEB, NODE_A)
    asked = tuple(NameQuestion(n, "web", kind, "10.244.1.3", (landing,)) for n, kind in enumerate(types, 1))
    planned = dataclasses.replace(SERVICE, marks=marks, questions=asked, problem="nobody has it", destination="web")
    planned = dataclasses.replace(planned, ttl=9)  # of the connection, which is not made
    ends = {"protocol": "udp", "sport": 2, "dst": "10.244.1.3", "dport": 53}
    back = {"protocol": "udp", "leg": "reply", "src": "10.244.1.3", "sport": 53, "dst": "10.244.1.2", "dport": 2}

    def question(after_us, ifindex, direction, **changed):
        told = sighting(after_us, ifindex, direction, flags=None, seq=None, **changed)
        return dataclasses.replace(told, probe=2)

    cart = question(10, 3, "Out", **ends), question(60, 3, "In", part="answer", **back)
    web = question(20, 3, "In", **ends), question(50, 3, "Out", part="answer", **back)
    made = assemble(planned, {"node-a": [tapped(CART, sightings=cart), tapped(WEB, sightings=web)]}, [], {})
    assert [one.verdict.outcome for one in made.probes] == ["unsent", "answered"]
    assert (made.verdict.outcome, made.verdict.leg) == ("unsent", "dns") and made.verdict.text.startswith(text)
    assert {hop.leg for hop in made.hops} == {"dns"} and not any("TTL" in one.verdict.text for one in made.probes)


def test_the_schema_is_that_of_the_records():
    """docs/trace.schema.json tells what a result has; where this fails, write there what the message shows."""
    root = pathlib.Path(__file__).resolve().parents[5]
    text = json.dumps(trace_schema(), indent=1) + "\n"
    assert (root / "docs" / "trace.schema.json").read_text(encoding="utf-8") == text, text


def test_text():
    """The sentence, the eight columns, with more behind them where there is room, and what is wrong with taps."""
    narrow, wide = result_text(RESULT, 100).splitlines(), result_text(RESULT, 200).splitlines()
    assert narrow[0].startswith("trace t-1: inconclusive (unproven): what pod shop/cart sent to service shop/db")
    assert narrow[2].split("  ")[0] == "TIMESTAMP" and all(name in narrow[2] for name in EIGHT)
    assert wide[2].split()[-4:] == ["DIR", "PROTOCOL", "TTL", "WHAT"]
    assert wide[3].split()[-5:] == ["Out", "tcp", "[S]", "64", "request"]
    changed = "Out  tcp [S]    63  request; in vxlan 1; dst 10.96.0.12:5432 -> 10.244.3.2:15432; ttl 64 -> 63; +vxlan 1"
    assert wide[5].endswith(changed)
    assert narrow[8:] == [
        "0 of 5 taps proven by canaries to see what passes",
        "node node-c: it | ended?",
        "pod shop/db on node-c: it gave no answer",
        "1 hop stands behind one of another node by the topology, since it is not known of all clocks how far they are "
        "apart",
    ]


def test_markdown():
    """What a node said means nothing in it."""
    lines = markdown(to_result(RESULT)).splitlines()
    assert lines[0] == "## Trace t-1: inconclusive"
    assert len({line.count("|") - line.count("\\|") for line in lines if line.startswith("| 2023")}) == 1
    assert r"| node node-c | no | 0 | 0 | it \| ended? |" in lines


@pytest.mark.parametrize(
    "content, said",
    [
        (None, "cannot be read: No such file or directory"),
        ("", "is no result of a trace: Expecting value"),
        ("[" * 100_000, "is no result of a trace: "),
        ("[]", "it has no schema, and kube.pcap/trace/v1 is read"),
        ('{"schema": "kube.pcap/trace/v9"}', 'it has the schema "kube.pcap/trace/v9"'),
        ('{"schema": "kube.pcap/trace/v1"}', "it is no result of a trace: id is missing"),
    ],
)
def test_what_is_none(tmp_path, content, said):
    """It is refused in a sentence that names the file."""
    if content is not None:
        (tmp_path / "x.json").write_text(content)
    with pytest.raises(FileError) as caught:
        read_stored("x.json", str(tmp_path))
    assert str(caught.value).startswith("trace_from: %s/x.json" % tmp_path) and said in str(caught.value)


def test_nothing_named(tmp_path):
    """An option that is empty, and a folder that cannot be written."""
    with pytest.raises(OptionError, match="^trace_from: nothing is named; write a file"):
        read_stored("", "/")
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="^trace_dest: nothing can be written into "):
        write_trace(str(tmp_path / "file"), to_result(RESULT), "")


def test_a_thousand_hops_of_fifty_nodes():
    """KP-14: nothing is lost, in at most 1 MiB; how long it takes is measured by tests/bench."""
    nodes = ["node-%d" % n for n in range(50)]
    places = tuple(Place(name, name, TargetRef("node", None, name, None, name), 1000) for name in nodes)
    planned = dataclasses.replace(SERVICE, places=places, source_place=0, source_node_place=0, landings=(), ways=())
    seen = {
        name: [
            tapped(
                NODE_A, netns=1000, sightings=tuple(sighting(n * 100 + turn, 2, "Out", **WRAPPED) for turn in range(20))
            )
        ]
        for n, name in enumerate(nodes)
    }
    began = time.process_time()
    result = assemble(planned, seen, (), {})
    assert time.process_time() - began < 10
    assert len(result.hops) == 1000 and [hop.n for hop in result.hops] == list(range(1, 1001))
    assert len(json.dumps(to_result(result))) <= 1 << 20
