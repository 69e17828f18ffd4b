# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook trace with other probes: a lone SYN, a TTL, another user, each endpoint (rows KP-2, KP-6, KP-8)."""

from __future__ import annotations

import contextlib
import pathlib

import pytest

from tests.gate.venvs import venv
from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab
from tests.lab.playing import WEB, said, told
from tests.lab.tracing import Traces, rules, serving, way

TO_DB = "from pod shop/cart to pod shop/db-0 and %s port 8080"
OWN_RESET = "; the reset from %s is ours, since its kernel knows of no connection"
SIDECAR = "meta l4proto { tcp, udp } meta skuid != 1337 th dport 8080 redirect to :15001"
"""What a sidecar does to all but what its own user sends."""


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_a_lone_syn(traces: Traces, lab: Lab, family: str) -> None:
    """It is answered by who listens, and reset by the source's own kernel, which is told as ours."""
    with serving(lab.pod("shop", "db-0"), "http", 8080):
        result = traces.result(TO_DB % (family + " and tcp"), probe="syn")
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["confidence"]) == ("answered", "proven"), verdict
    assert verdict["answered_by"] == "pod shop/db-0 on node-c" and verdict["text"].endswith(OWN_RESET % "pod shop/cart")
    there = way(result)
    assert (len(there), there[0][1:], there[-1][1:]) == (
        10,
        ("shop/cart", "eth0", True),
        ("shop/db-0", "eth0", False),
    )
    assert [(*hop[:3], not hop[3]) for hop in reversed(there)] == way(result, "answer")
    followed = [hop for hop in result["hops"] if hop["part"] == "later"]
    assert [hop["flags"] for hop in followed] == ["R"] * 10 and {hop["leg"] for hop in followed} == {"request"}
    (probe,) = result["probes"]
    own = lab.pod("shop", "cart").addresses
    assert probe["sent"]["source"] == (own.v4 if family == "ip" else own.v6)
    assert [probe["sent"]["source_port"]] == probe["mark"]["source_ports"]
    assert (probe["sent"]["stage"], probe["sent"]["connected"]) == (None, False)


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_a_lone_syn_that_is_refused(traces: Traces, family: str) -> None:
    """Nobody listens: the other kernel's reset is the answer."""
    result = traces.result(TO_DB % (family + " and tcp"), probe="syn")
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["at"]) == ("refused", "eth0 of pod shop/db-0 on node-c"), verdict
    assert "ours" not in verdict["text"] and {hop["part"] for hop in result["hops"]} == {"first", "answer"}
    assert result["probes"][0]["sent"]["error"] == "ECONNREFUSED"


def test_lone_syns_to_a_service(traces: Traces, lab: Lab) -> None:
    """The node translates them as those of sockets, there and back."""
    with contextlib.ExitStack() as stack:
        for name in WEB.values():
            stack.enter_context(serving(lab.pod("shop", name), "http", 8080))
        expression = "from pod shop/cart to service shop/web and tcp port 80"
        result = traces.result(expression, probe="syn", count=3, interval="100ms")
    assert result["verdict"]["outcome"] == "answered" and result["verdict"]["text"].endswith(
        OWN_RESET % "pod shop/cart"
    )
    assert {probe["sent"]["error"] for probe in result["probes"]} == {None}
    assert result["endpoints"]["seen"] == len({probe["verdict"]["answered_by"] for probe in result["probes"]})


@pytest.mark.parametrize("source", ["node node-c", "pod kube-system/node-agent-b", "pod shop/db-0"])
def test_where_lone_syns_come_from(traces: Traces, lab: Lab, source: str) -> None:
    """A node, a pod of its node's network, and a pod to itself."""
    with serving(lab.pod("shop", "db-0"), "http", 8080):
        result = traces.result("from %s to pod shop/db-0 and tcp port 8080" % source, probe="syn")
    assert result["verdict"]["outcome"] == "answered", result["verdict"]
    assert result["verdict"]["text"].endswith(OWN_RESET % source)


def test_a_lone_syn_that_nobody_answers(traces: Traces, lab: Lab) -> None:
    """It came into the pod, and something there drops it."""
    with rules(lab.pod("shop", "db-0"), "type filter hook input priority 0;", "tcp dport 8080 drop"):
        result = traces.result(TO_DB % "tcp", probe="syn", timeout="1s")
    assert (result["verdict"]["outcome"], result["verdict"]["confidence"]) == ("delivered", "proven")
    assert result["probes"][0]["sent"]["error"] == "ETIMEDOUT"


@pytest.mark.parametrize(
    "words, probe, icmp",
    [
        ("tcp port 8080", "connection", "icmp 11/0"),
        ("ip6 and tcp port 8080", "syn", "icmpv6 3/0"),
        ("ip6 and udp port 8080", "udp", "icmpv6 3/0"),
        ("icmp", "", "icmp 11/0"),
    ],
)
def test_a_ttl_that_ends_on_the_way(traces: Traces, lab: Lab, words: str, probe: str, icmp: str) -> None:
    """The source's node is the first that forwards it, and says that it does not."""
    expression = "from pod shop/cart to pod shop/db-0 and " + words
    result = traces.result(expression, probe=probe, ttl=1, timeout="1s")
    verdict = result["verdict"]
    gateway = lab.node("node-a").run(["ip", "-br", "addr", "show", "cni0"]).stdout
    assert (verdict["outcome"], verdict["leg"]) == ("refused", "error"), verdict
    assert " %s/" % verdict["answered_by"] in gateway
    assert "its TTL ended at %s, which said so by %s" % (verdict["answered_by"], icmp) in verdict["text"]
    first = [hop for hop in result["hops"] if hop["part"] == "first"]
    assert {hop["ttl"] for hop in first} == {1} and {hop["node"] for hop in first} == {"node-a"}


def test_a_ttl_that_ends_on_another_node(traces: Traces, lab: Lab) -> None:
    """One more, and the destination's node says it; two more, and it arrives."""
    result = traces.result(TO_DB % "tcp", probe="syn", ttl=2, timeout="1s")
    assert result["verdict"]["outcome"] == "refused", result["verdict"]
    assert " %s/" % result["verdict"]["answered_by"] in lab.node("node-c").run(["ip", "-br", "addr"]).stdout
    assert "its TTL ended at " in result["verdict"]["text"]
    assert traces.result(TO_DB % "tcp", ttl=3)["verdict"]["at"] == "eth0 of pod shop/db-0 on node-c"


@pytest.mark.parametrize("protocol, probe", [("tcp", "connection"), ("tcp", "syn"), ("udp", "udp")])
def test_another_user(traces: Traces, lab: Lab, protocol: str, probe: str) -> None:
    """A sidecar's redirect takes what root sends, and lets its own user's pass."""
    cart, kind = lab.pod("shop", "cart"), ("http", ()) if protocol == "tcp" else ("udp", ("echo",))
    with serving(cart, kind[0], 15001, *kind[1]), serving(lab.pod("shop", "db-0"), kind[0], 8080, *kind[1]):
        with rules(cart, "type nat hook output priority -100;", SIDECAR):
            caught = traces.result(TO_DB % protocol, probe=probe)
            passed = traces.result(TO_DB % protocol, probe=probe, uid=1337)
    assert caught["verdict"]["outcome"] == "intercepted", caught["verdict"]
    assert caught["verdict"]["text"].endswith(OWN_RESET % "pod shop/cart") == (probe == "syn")
    assert passed["verdict"]["outcome"] == "answered", passed["verdict"]
    assert passed["verdict"]["answered_by"] == "pod shop/db-0 on node-c"


def test_echo_requests_of_another_user(traces: Traces, lab: Lab) -> None:
    """Raw sockets, too, are that user's."""
    rule = "meta skuid != 1337 icmp type echo-request drop"
    with rules(lab.pod("shop", "cart"), "type filter hook output priority 0;", rule):
        root = traces.result("from pod shop/cart to pod shop/db-0 and icmp", timeout="1s")
        user = traces.result("from pod shop/cart to pod shop/db-0 and icmp", uid="1337")
    assert (root["verdict"]["outcome"], user["verdict"]["outcome"]) == ("unsent", "answered")


def test_each_endpoint(traces: Traces, lab: Lab) -> None:
    """KP-6: every endpoint of a Service has its own probe and verdict, whoever the Service would have chosen."""
    nodes = ("node-a", "node-b")
    expression = "from pod shop/cart to service shop/web and ip and tcp port 80"
    with contextlib.ExitStack() as stack:
        for node in nodes:
            stack.enter_context(serving(lab.pod("shop", WEB[node]), "http", 8080))
        run = traces.run(expression, each="endpoint", interval="100ms")
    assert run.rc == 0, run.stdout
    result = told(run)["trace"]
    found = {probe["endpoint"]: probe["verdict"] for probe in result["probes"]}
    assert {title: one["outcome"] for title, one in found.items()} == {
        "pod shop/" + name: "answered" if node in nodes else "refused" for node, name in WEB.items()
    }
    for node in nodes:
        assert found["pod shop/" + WEB[node]]["answered_by"] == "pod shop/%s on %s" % (WEB[node], node)
    assert (result["verdict"]["outcome"], result["endpoints"]["seen"], result["endpoints"]["of"]) == ("refused", 3, 3)
    assert "of 3 probes: 2 answered, 1 refused" in run.stdout
    assert "  pod shop/%s: 1 refused" % WEB["node-c"] in run.stdout


def test_refusals(traces: Traces) -> None:
    """One sentence, before anything starts."""
    for options, words in (
        ({"probe": "udp"}, "trace_probe: udp is of udp, and the filter is of tcp; write connection or syn, or another"),
        ({"probe": "ack"}, 'trace_probe: "ack" is not taken; write one of connection, syn, udp, icmp, or nothing'),
        ({"probe": "syn", "request": "http GET /"}, "trace_request: a lone SYN says nothing"),
        ({"ttl": 0}, 'trace_ttl: "0" is not taken; write a whole number from 1 to 255'),
        ({"uid": "envoy"}, 'trace_uid: "envoy" is not taken; write a whole number from 0 to 4294967294'),
    ):
        run = traces.run(TO_DB % "tcp", **options)
        assert run.rc == 2 and words in said(run) and run.of("tap") == {}, said(run)


def test_without_scapy(lab: Lab, tmp_path: pathlib.Path) -> None:
    """Where it is not installed, that is said, with the way to get it; nothing else needs it."""
    traces = Traces(Ansible(lab.inventory, tmp_path, str(venv("core-2.16") / "python")), tmp_path)
    run = traces.run(TO_DB % "tcp", probe="syn")
    assert run.rc == 2 and "trace_probe: a lone SYN is crafted by Scapy, which is missing for " in said(run)
    assert "-m pip install scapy" in said(run) and run.of("tap") == {}
    assert traces.result(TO_DB % "tcp", ttl=64)["verdict"]["outcome"] == "refused"
