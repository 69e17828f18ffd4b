# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook trace on three nodes: ways, outcomes, and what is left (rows KP-2 to KP-9, KP-11, KP-12)."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
from typing import Any

import pytest

from tests.gate.venvs import venv
from tests.lab import addresses
from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab
from tests.lab.model import Fault
from tests.lab.playing import WEB, failed, said
from tests.lab.tracing import Hop, Traces, rules, serving, way
from tests.lab.traffic import kill_family

IN, OUT = False, True
"""Of a hop: whether it goes out."""
TO_DB = "from pod shop/cart to pod shop/db-0 and tcp port 8080"
MSS = 1400
"""More than one segment has in a tunnel."""
_ACCEPT_AND_RESET = """
import socket, struct, sys
server = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    connection, _peer = server.accept()
    connection.recv(100)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
"""


def cart_to(lab: Lab, *last: Hop) -> list[Hop]:
    """The first two hops of what the pod cart sends, and those behind them."""
    return [
        ("node-a", "shop/cart", "eth0", OUT),
        ("node-a", "shop/cart", lab.pod("shop", "cart").state.veth(), IN),
        *last,
    ]


def across(lab: Lab) -> list[Hop]:
    """From node-a to the pod db-0 on node-c, over the overlay."""
    return [
        ("node-a", None, "cni0", IN),
        ("node-a", None, "vxlan.1", OUT),
        ("node-a", None, "eth0", OUT),
        ("node-c", None, "eth0", IN),
        ("node-c", None, "vxlan.1", IN),
        ("node-c", None, "cni0", OUT),
        ("node-c", "shop/db-0", lab.pod("shop", "db-0").state.veth(), OUT),
        ("node-c", "shop/db-0", "eth0", IN),
    ]


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_across_nodes(traces: Traces, lab: Lab, family: str) -> None:
    """KP-5: each interface on the way in order, there and back; the tunnel is on the nodes' own link alone (KP-11)."""
    with serving(lab.pod("shop", "db-0"), "http", 8080):
        result = traces.result(TO_DB.replace("tcp", family + " and tcp"), request="http GET /")
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["confidence"]) == ("answered", "proven"), verdict
    assert verdict["answered_by"] == "pod shop/db-0 on node-c"
    there = cart_to(lab, *across(lab))
    assert way(result) == there
    assert way(result, "answer") == [(*hop[:3], not hop[3]) for hop in reversed(there)]
    wrapped = [hop["interface"] for hop in result["hops"] if hop["encapsulation"] and hop["part"] == "first"]
    assert wrapped == ["eth0", "eth0"]
    assert {layer["type"] for hop in result["hops"] for layer in hop["encapsulation"]} == {"vxlan"}
    (probe,) = result["probes"]
    assert probe["sent"]["connected"] and probe["sent"]["stage"] is None and probe["sent"]["received_bytes"] > 0
    assert {hop["joined"] for hop in result["hops"] if hop["part"] == "later"} == {"tuple"}
    later = [hop for hop in result["hops"] if hop["part"] == "later"]
    assert len(later) % 10 == 0 and len(later) >= 60, "every packet of the connection is at each of ten interfaces"


def test_the_same_node(traces: Traces, lab: Lab) -> None:
    """KP-5: over the bridge, which passes it on by itself."""
    pod = lab.pod("shop", WEB["node-a"])
    with serving(pod, "http", 8080):
        result = traces.result("from pod shop/cart to pod shop/%s and tcp port 8080" % WEB["node-a"])
    assert result["verdict"]["outcome"] == "answered"
    own = "shop/" + WEB["node-a"]
    assert way(result) == cart_to(lab, ("node-a", own, pod.state.veth(), OUT), ("node-a", own, "eth0", IN))


def test_a_service(traces: Traces, lab: Lab) -> None:
    """KP-6: the endpoint that was chosen, and where the address was translated, there and back."""
    with contextlib.ExitStack() as stack:
        for name in WEB.values():
            stack.enter_context(serving(lab.pod("shop", name), "http", 8080))
        result = traces.result("from pod shop/cart to service shop/web and tcp port 80", count=3, interval="100ms")
    assert result["verdict"]["outcome"] == "answered" and result["endpoints"]["of"] == 3
    assert {"pod shop/" + name for name in WEB.values()} >= set(result["endpoints"]["names"])
    assert len(result["endpoints"]["names"]) == result["endpoints"]["seen"]
    answered = {probe["verdict"]["answered_by"].partition(" on ")[0] for probe in result["probes"]}
    assert answered == set(result["endpoints"]["names"])
    cluster = lab.service_ips("shop", "web").v4
    for probe in result["probes"]:
        hops = [hop for hop in result["hops"] if hop["probe"] == probe["n"]]
        by = probe["verdict"]["answered_by"].split()[1]
        first = [hop for hop in hops if hop["part"] == "first"]
        assert (first[0]["dst"], first[0]["dport"]) == (cluster, 80)
        assert (first[-1]["pod"], first[-1]["dport"], first[-1]["interface"]) == (by, 8080, "eth0")
        translated = [hop for hop in first if any("dst %s:80 ->" % cluster in one for one in hop["changes"])]
        assert len(translated) == 1
        back = [hop for hop in hops if hop["part"] == "answer"]
        assert (back[-1]["src"], back[-1]["sport"], back[-1]["pod"]) == (cluster, 80, "shop/cart")


@pytest.mark.parametrize(
    "expression, answer, first, last",
    [
        ("from pod shop/cart to node node-b and icmp", "node node-b", ("shop/cart", "eth0"), (None, "eth0")),
        ("from pod shop/cart to node node-a and icmp", "node node-a", ("shop/cart", "eth0"), (None, "cni0")),
        ("from node node-b to pod shop/db-0 and icmp", "pod shop/db-0", (None, "vxlan.1"), ("shop/db-0", "eth0")),
        ("from node node-b to pod shop/db-0 and icmp6", "pod shop/db-0", (None, "vxlan.1"), ("shop/db-0", "eth0")),
        (
            "from pod kube-system/node-agent-b to pod shop/cart and icmp",
            "pod shop/cart",
            (None, "vxlan.1"),
            ("shop/cart", "eth0"),
        ),
        ("from node node-a to node node-c and icmp", "node node-c", (None, "eth0"), (None, "eth0")),
        ("from node node-a to node node-a and icmp", "node node-a", (None, "lo"), (None, "lo")),
        ("from pod shop/cart to pod shop/cart and icmp", "pod shop/cart", ("shop/cart", "lo"), ("shop/cart", "lo")),
    ],
)
def test_echoes(
    traces: Traces, expression: str, answer: str, first: tuple[str | None, str], last: tuple[str | None, str]
) -> None:
    """KP-7: from pods, nodes and pods of their nodes' network to each, by ICMP."""
    result = traces.result(expression)
    assert result["verdict"]["outcome"] == "answered", result["verdict"]
    assert result["verdict"]["answered_by"].startswith(answer)
    there = way(result)
    assert (there[0][1:3], there[-1][1:3]) == (first, last)


@pytest.mark.parametrize("kind", ["echo", "ok"])
def test_datagrams(traces: Traces, lab: Lab, kind: str) -> None:
    """An answer that repeats the nonce, and one that says something else, which its ports alone tell."""
    with serving(lab.pod("shop", "db-0"), "udp", 5000, kind):
        result = traces.result("from pod shop/cart to pod shop/db-0 and udp port 5000")
    assert result["verdict"]["outcome"] == "answered"
    assert way(result) == cart_to(lab, *across(lab))
    assert {hop["joined"] for hop in result["hops"] if hop["part"] == "answer"} == {
        "mark" if kind == "echo" else "tuple"
    }
    assert len(way(result, "answer")) == 10


def test_a_large_segment_that_is_split(traces: Traces, lab: Lab) -> None:
    """What the pod hands on as one segment leaves its node's NIC as several, each in a frame of the node's own."""
    node, offloads = lab.node("node-a"), ("tso", "gso", "tx-udp_tnl-segmentation")
    node.run(["ethtool", "-K", "eth0", *(word for one in offloads for word in (one, "off"))])
    try:
        with serving(lab.pod("shop", "db-0"), "http", 8080):
            result = traces.result(TO_DB, request="http GET /" + "a" * 4000)
    finally:
        node.run(["ethtool", "-K", "eth0", *(word for one in offloads for word in (one, "on"))])
    assert result["verdict"]["outcome"] == "answered", result["verdict"]
    said = [hop for hop in result["hops"] if hop["leg"] == "request" and hop["payload"] and not hop["again"]]
    sent = [hop["payload"] for hop in said if hop["pod"] == "shop/cart" and hop["interface"] == "eth0"]
    left = [hop for hop in said if hop["node"] == "node-a" and hop["encapsulation"]]
    assert max(sent) > MSS and len(left) > len(sent) and sum(hop["payload"] for hop in left) == sum(sent) > 4000
    split = {change for hop in left for change in hop["changes"]}
    assert split and split <= {"split from %d bytes" % size for size in sent}
    # Whether it is one segment again behind the tunnel is for the kernel's GRO to say.
    merged = [hop for hop in said if hop["node"] == "node-c" and hop["interface"] == "vxlan.1" and hop["payload"] > MSS]
    assert all(hop["changes"][-1].startswith("merged from ") for hop in merged)
    assert {hop["mac"] for hop in left} == {node.run(["cat", "/sys/class/net/eth0/address"]).stdout.strip()}
    first = [hop for hop in result["hops"] if hop["part"] == "first"]
    assert any(change.startswith("mac ") for hop in first for change in hop["changes"])
    assert {hop["order"] for hop in result["hops"]} <= {"time", "topology"} and first[0]["order"] == "time"


def test_itself_through_its_service(traces: Traces, lab: Lab) -> None:
    """A hairpin: out of the pod, translated twice on its node, and into the same pod."""
    with serving(lab.pod("shop", "db-0"), "http", 5432):
        result = traces.result("from pod shop/db-0 to service shop/db and tcp port 5432")
    assert result["verdict"]["outcome"] == "answered", result["verdict"]
    there = way(result)
    assert there[0] == ("node-c", "shop/db-0", "eth0", OUT) and there[-1] == ("node-c", "shop/db-0", "eth0", IN)


def test_out_of_the_cluster(traces: Traces, lab: Lab) -> None:
    """KP-7: what leaves the cluster has its node's address from there on; what is behind it is told as not watched."""
    outside = addresses.underlay(lab.state.index, addresses.HOST).v4
    result = traces.result("from pod shop/cart to %s and icmp" % outside)
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["confidence"]) == ("answered", "likely"), verdict
    assert verdict["answered_by"] == "eth0 of node node-a"
    last = [hop for hop in result["hops"] if hop["part"] == "first"][-1]
    assert (last["node"], last["interface"], last["direction"]) == ("node-a", "eth0", "Out")
    assert any(change.startswith("src ") for change in last["changes"])


def test_lost_inside_a_node(traces: Traces, lab: Lab) -> None:
    """KP-8: a rule on the way drops it; the table ends there, and says so only with every node watched."""
    fault = Fault("drop", "node-c", arguments="tcp dport 8080")
    lab.faults.apply(fault)
    try:
        lost = traces.result(TO_DB, taps="all", timeout="1s")
        unsure = traces.result(TO_DB, taps="path", timeout="1s")
    finally:
        lab.faults.clear(fault)
    verdict = lost["verdict"]
    assert (verdict["outcome"], verdict["leg"], verdict["confidence"]) == ("lost", "request", "proven"), verdict
    assert verdict["between"] == ["node node-c", "pod shop/db-0 on node-c"]
    assert "was lost inside node node-c or before pod shop/db-0 on node-c" in verdict["text"]
    assert way(lost)[-1][:3] == ("node-c", None, "vxlan.1")
    assert unsure["verdict"]["outcome"] == "inconclusive"
    assert "nobody watched on node-b (trace_taps: all does)" in unsure["verdict"]["text"]


def test_lost_on_its_way_alone_and_then_everywhere(traces: Traces, lab: Lab) -> None:
    """A loss that cannot be called is sent a second time, with every node watched; nothing of the first is lost."""
    fault = Fault("drop", "node-c", arguments="tcp dport 8080")
    lab.faults.apply(fault)
    try:
        result = traces.result(TO_DB, timeout="1s")
    finally:
        lab.faults.clear(fault)
    assert [probe["run"] for probe in result["probes"]] == [1, 2]
    assert [probe["verdict"]["outcome"] for probe in result["probes"]] == ["inconclusive", "lost"]
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["confidence"]) == ("lost", "proven"), verdict
    assert verdict["text"].endswith("this is of a second run, with every node watched, and the first was inconclusive")
    nodes = {run: {tap["node"] for tap in result["taps"] if tap["run"] == run} for run in (1, 2)}
    assert nodes == {1: {"node-a", "node-c"}, 2: {"node-a", "node-b", "node-c"}}
    marks = [probe["mark"]["sequence"] for probe in result["probes"]]
    assert len(set(marks)) == 2
    for number in (1, 2):
        own = [hop for hop in result["hops"] if hop["probe"] == number and not hop["again"]]
        assert (own[-1]["node"], own[-1]["interface"]) == ("node-c", "vxlan.1")
        assert {result["taps"][hop["tap"]]["run"] for hop in own} == {number}


def test_no_second_run_without_all_nodes(traces: Traces, lab: Lab) -> None:
    """Where a node is no host of the play, every node cannot be watched, and what was seen stays what it is."""
    with rules(lab.node("node-c"), "type filter hook input priority 0;", "udp dport 8472 drop"):
        result = traces.told(traces.run(TO_DB, "--limit", "node-a,node-c", timeout="1s"))
    assert [probe["run"] for probe in result["probes"]] == [1]
    assert result["verdict"]["outcome"] == "inconclusive"


def test_lost_between_nodes(traces: Traces, lab: Lab) -> None:
    """A tunnel whose packets come and are dropped before they are unwrapped: seen at the node, and not in the pod."""
    with rules(lab.node("node-c"), "type filter hook input priority 0;", "udp dport 8472 drop"):
        result = traces.result(TO_DB, taps="all", timeout="1s")
    assert (result["verdict"]["outcome"], result["verdict"]["leg"]) == ("lost", "request")
    assert way(result)[-1] == ("node-c", None, "eth0", IN)


def test_an_answer_that_is_lost(traces: Traces, lab: Lab) -> None:
    """The request came; the answer left the pod and did not come home."""
    with serving(lab.pod("shop", "db-0"), "http", 8080):
        with rules(lab.node("node-a"), "type filter hook forward priority 0;", "tcp sport 8080 drop"):
            result = traces.result(TO_DB, taps="all", timeout="1s")
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["leg"]) == ("lost", "reply"), verdict
    assert verdict["between"] == ["node node-a", "pod shop/cart on node-a"]


def test_refused(traces: Traces, lab: Lab) -> None:
    """Nobody listens: the pod's kernel says so."""
    result = traces.result(TO_DB)
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["at"]) == ("refused", "eth0 of pod shop/db-0 on node-c"), verdict


def test_refused_by_a_node(traces: Traces, lab: Lab) -> None:
    """A rule that rejects: an ICMP error comes back, from the node that has the rule."""
    rule = "tcp dport 8080 reject with icmp type admin-prohibited"
    with rules(lab.node("node-c"), "type filter hook forward priority 0;", rule):
        result = traces.result(TO_DB)
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["leg"]) == ("refused", "error"), verdict
    assert "icmp 3/13" in verdict["text"]


def test_delivered(traces: Traces, lab: Lab) -> None:
    """It came into the pod, and nothing answered there."""
    pod = lab.pod("shop", "db-0")
    with rules(pod, "type filter hook input priority 0;", "tcp dport 8080 drop"):
        result = traces.result(TO_DB, timeout="1s")
    assert (result["verdict"]["outcome"], result["verdict"]["confidence"]) == ("delivered", "proven")


def test_reset(traces: Traces, lab: Lab) -> None:
    """The connection was made, and then reset."""
    argv = ["python3", "-c", _ACCEPT_AND_RESET, "8080"]
    process = lab.pod("shop", "db-0").popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        result = traces.result(TO_DB, request="text hello")
    finally:
        kill_family(process.pid)
        process.communicate()
    assert (result["verdict"]["outcome"], result["verdict"]["leg"]) == ("reset", "reply"), result["verdict"]


def test_unsent(traces: Traces, lab: Lab) -> None:
    """A rule of the pod itself lets nothing out."""
    with rules(lab.pod("shop", "cart"), "type filter hook output priority 0;", "tcp dport 8080 drop"):
        result = traces.result(TO_DB, timeout="1s")
    assert (result["verdict"]["outcome"], result["verdict"]["confidence"]) == ("unsent", "proven"), result["verdict"]


def test_intercepted(traces: Traces, lab: Lab) -> None:
    """A redirect of the pod itself, as sidecars make, answers for an address that exists nowhere."""
    cart = lab.pod("shop", "cart")
    with serving(cart, "http", 15001):
        with rules(
            cart, "type nat hook output priority -100;", "ip daddr 10.244.13.99 tcp dport 8080 redirect to :15001"
        ):
            result = traces.result("from pod shop/cart to 10.244.13.99 and tcp port 8080")
    verdict = result["verdict"]
    assert verdict["outcome"] == "intercepted", verdict
    assert verdict["answered_by"] == "lo of pod shop/cart on node-a"


def test_looped(traces: Traces, lab: Lab) -> None:
    """Two nodes that send it to each other; it comes from a third, since none takes back what has its own address."""
    with contextlib.ExitStack() as stack:
        for name, other in (("node-c", "node-a"), ("node-a", "node-b"), ("node-b", "node-a")):
            node, via = lab.node(name), addresses.underlay(lab.state.index, lab.node(other).spec.ip).v4
            node.run(["ip", "route", "add", "203.0.113.9/32", "via", via])
            stack.callback(node.run, ["ip", "route", "del", "203.0.113.9/32"])
        result = traces.result("from node node-c to 203.0.113.9 and icmp", taps="all", timeout="1s")
    assert result["verdict"]["outcome"] == "looped", result["verdict"]


def test_nothing_is_sent_where_somebody_does_not_watch(traces: Traces, lab: Lab) -> None:
    """KP-3, KP-12: a filter that a node does not compile; the trace does not run, and says why."""
    run = traces.run("from pod shop/cart to pod shop/db-0 and tcp port 8080 and host nobody.invalid")
    assert run.rc == 2 and {task.status for task in run.tasks if task.action == "kube.pcap.inject"} == {"skipped"}
    assert "nobody.invalid" in said(run)


def test_refusals(traces: Traces) -> None:
    """One sentence, before anything starts."""
    for expression, words in (
        ("from pod shop/gone to pod shop/db-0 and icmp", "trace_expression: pod shop/gone matches no pod"),
        ("from pod shop/cart to service shop/web and tcp port 81", "no port that the filter lets through"),
        ("from service shop/web to pod shop/cart and icmp", "a Service sends nothing, its pods do"),
    ):
        run = traces.run(expression)
        assert run.rc == 2 and words in said(run) and run.of("tap") == {}
        assert len(failed(run)) == 1, failed(run)


def test_expectations(traces: Traces, lab: Lab) -> None:
    """A play may be told which outcome it needs (KP-13); the result is there all the same, and is not printed."""
    run = traces.run(TO_DB, expect="answered")
    (told,) = run.of("report").values()
    assert run.rc == 2 and failed(run) == [told["failure"]]
    assert "answered was expected, and it was refused" in told["failure"]
    assert told["trace"]["verdict"]["outcome"] == told["ansible_stats"]["data"]["trace_verdict"]["outcome"] == "refused"
    assert "encapsulation" not in run.stdout + run.stderr
    assert traces.run(TO_DB, expect="refused").rc == 0


def test_check_mode(traces: Traces) -> None:
    """Everything is checked, and nothing is sent or written."""
    run = traces.run(TO_DB, "--check")
    assert run.rc == 0, run.stdout
    assert "would send 1 probe from pod shop/cart to pod shop/db-0" in said(run)
    assert not list(traces.folder.iterdir())


def test_what_is_printed(traces: Traces, lab: Lab) -> None:
    """KP-9: the sentence, then the eight columns, sorted by time to the microsecond."""
    run = traces.run(TO_DB)
    lines = run.stdout.splitlines()
    heading = next(number for number, line in enumerate(lines) if line.startswith("TIMESTAMP"))
    assert (
        lines[heading - 2].startswith("trace t-")
        and ": refused (proven): what pod shop/cart sent" in lines[heading - 2]
    )
    assert lines[heading].split() == "TIMESTAMP NODE POD NIC SRC IP DST IP SRC PORT DST PORT".split()
    *rows, below = lines[heading + 1 : lines.index("", heading)]
    times = [row.split()[0] for row in rows]
    assert len(rows) == 20 and times == sorted(times) and all(len(one.partition(".")[2]) == 7 for one in times)
    result: dict[str, Any] = next(iter(run.of("report").values()))["trace"]
    assert [row.split()[1] for row in rows] == [hop["node"] for hop in result["hops"]]
    # The terminal of the tests is narrow: of the ten rows of an answer none tells that it is a reset.
    assert below == "a reset in rows 11-20, first at %s" % times[10]
    assert "stored as %s/%s/trace.json" % (traces.folder, result["id"]) in lines


def test_a_node_to_itself(traces: Traces, lab: Lab) -> None:
    """No canary can prove its only tap; what it saw is proof all the same, and the text tells which."""
    with serving(lab.node("node-a"), "http", 8080):
        run = traces.run("from node node-a to node node-a and tcp port 8080")
    result = traces.told(run)
    assert (result["verdict"]["outcome"], result["verdict"]["confidence"]) == ("answered", "proven"), result["verdict"]
    told = "0 of 1 tap proven by canaries to see what passes; the outcome is proven by packets that were seen, which"
    assert told in said(run)


def test_shown_again(traces: Traces, ansible: Ansible, tmp_path: pathlib.Path) -> None:
    """KP-10: the same table from the file alone, in a play of no node; and by lookup and filters."""
    run = traces.run(TO_DB)
    (told,) = run.of("report").values()
    text, id = told["text"].rpartition("\n")[0], told["trace"]["id"]
    again = ansible.playbook("kube.pcap.show", extra_vars={"trace_from": str(traces.folder / id)})
    assert again.rc == 0 and {task.host for task in again.tasks} == {"localhost"}
    (shown,) = again.of("report").values()
    assert (shown["text"], shown["trace"]) == (text, told["trace"]) and text in again.stdout
    play = tmp_path / "play.yml"
    play.write_text(
        "- hosts: localhost\n  gather_facts: false\n  vars:\n"
        "    trace: \"{{ lookup('kube.pcap.trace', '%s') }}\"\n"
        "  tasks:\n"
        "    - ansible.builtin.assert:\n"
        "        that:\n"
        "          - trace.verdict.outcome == 'refused'\n"
        "          - trace | kube.pcap.trace_table == shown\n"
        "          - (trace | kube.pcap.trace_table(wide=true)).splitlines()[2] is search('WHAT')\n"
        "          - trace | kube.pcap.trace_markdown is search('## Trace')\n" % (traces.folder / id)
    )
    assert ansible.playbook(play, extra_vars={"shown": text}).rc == 0
    refused = ansible.playbook("kube.pcap.show", extra_vars={"trace_from": str(tmp_path / "play.yml")})
    assert refused.rc == 2 and "trace_from: " in said(refused) and "is no result of a trace" in said(refused)


@pytest.mark.parametrize("mode", [[], ["--check"]])
def test_an_id_that_is_taken(traces: Traces, mode: list[str]) -> None:
    """A stored trace is not replaced: nobody is asked anything, and it is as it was."""
    stored = traces.folder / "incident" / "trace.json"
    stored.parent.mkdir()
    stored.write_text("{}")
    run = traces.run("from pod shop/cart to nobody.test and tcp port 80", *mode, id="incident")
    right = "choose another, leave it empty for one that no trace has, or remove the folder"
    told = "trace_id: a trace of this name is stored in %s already; %s" % (stored.parent, right)
    assert run.rc == 2 and told in said(run), said(run)
    assert {task.action for task in run.tasks} == {"kube.pcap.plan"} and stored.read_text() == "{}"


def test_a_tap_that_is_missing(traces: Traces, lab: Lab, ansible: Ansible) -> None:
    """KP-3: where one host does not watch, nothing is sent, the host is named, and the other taps are gone."""
    node = lab.node("node-c")
    target = {"kind": "node", "name": "node-c", "node": "node-c", "pid": 1, "netns": node.netns}
    record = {"id": "taken", "node": "node-c", "targets": [target], "filter": "udp port 9", "marks": []}
    assert ansible.adhoc("node-c", "kube.pcap.tap", params={"record": record}).rc == 0
    run = traces.run(TO_DB, id="taken", taps="all")
    assert run.rc == 2 and {task.status for task in run.tasks if task.action == "kube.pcap.inject"} == {"skipped"}
    assert "trace taken: nothing was sent; node-c: trace taken has taps on this node already" in said(run)
    assert not (traces.folder / "taken").exists()
    # What was there before is somebody else's, and stays.
    assert ansible.adhoc("node-c", "kube.pcap.tap", params={"state": "absent", "id": "taken"}).of("tap")["node-c"][
        "changed"
    ]


def test_a_tap_that_is_missing_in_the_second_run(traces: Traces, lab: Lab, ansible: Ansible) -> None:
    """What the first run came to is told and stored; the play fails, and names the host that keeps off the second."""
    node = lab.node("node-b")
    target = {"kind": "node", "name": "node-b", "node": "node-b", "pid": 1, "netns": node.netns}
    record = {"id": "twice", "node": "node-b", "targets": [target], "filter": "udp port 9", "marks": []}
    assert ansible.adhoc("node-b", "kube.pcap.tap", params={"record": record}).rc == 0
    with rules(lab.node("node-c"), "type filter hook input priority 0;", "udp dport 8472 drop"):
        run = traces.run(TO_DB, id="twice", timeout="1s")
    assert run.rc == 2
    assert "trace twice: it was not sent a second time; node-b: trace twice has taps" in said(run)
    stored = json.loads((traces.folder / "twice" / "trace.json").read_text())
    assert [probe["run"] for probe in stored["probes"]] == [1] and stored["hops"]
    assert stored["verdict"]["outcome"] == "inconclusive"
    gone = ansible.adhoc("node-b", "kube.pcap.tap", params={"state": "absent", "id": "twice"})
    assert gone.of("tap")["node-b"]["changed"]


def test_the_oldest_ansible(lab: Lab, tmp_path: pathlib.Path) -> None:
    """On ansible-core 2.16, too."""
    old = Ansible(lab.inventory, tmp_path, str(venv("core-2.16") / "python"))
    result = Traces(old, tmp_path, snapshot=str(lab.snapshot)).result("from pod shop/cart to pod shop/db-0 and icmp")
    assert result["verdict"]["outcome"] == "answered"
