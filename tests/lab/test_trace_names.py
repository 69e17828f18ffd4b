# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces to a DNS name: resolved by the source's own resolv.conf, with the questions as hops (rows KP-2, KP-9)."""

from __future__ import annotations

import contextlib
import json
import pathlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.lab.ansible_run import Ansible
from tests.lab.dns import answering, with_file
from tests.lab.lab import Lab
from tests.lab.model import Fault
from tests.lab.playing import said
from tests.lab.tracing import Traces, serving, way

RESOLV = "search shop.svc.test svc.test\noptions ndots:5 timeout:1 attempts:1\nnameserver %s\n"
ASKED = [
    (1, "web.shop.svc.test", "A"),
    (2, "web.shop.svc.test", "AAAA"),
    (3, "web.svc.test", "A"),
    (4, "web.svc.test", "AAAA"),
]


@contextlib.contextmanager
def named(lab: Lab, zone: dict[str, Any], resolv: str = RESOLV) -> Iterator[None]:
    """The pod cart asks a server in the pod checkout, on another node."""
    server, cart = lab.pod("shop", "checkout"), lab.pod("shop", "cart")
    with answering(server, zone), with_file(cart, "/etc/resolv.conf", resolv % server.addresses.v4):
        yield


def dns(result: dict[str, Any], probe: int) -> list[dict[str, Any]]:
    """The hops of one question and its answer."""
    return [hop for hop in result["hops"] if hop["leg"] == "dns" and hop["probe"] == probe]


def test_a_service_by_its_name(traces: Traces, lab: Lab) -> None:
    """The search list's questions, each there and back over both nodes, and then the connection to what they told."""
    address = lab.service_ips("shop", "db").v4
    with named(lab, {"web.svc.test": {"A": [address]}}), serving(lab.pod("shop", "db-0"), "http", 5432):
        result = traces.result("from pod shop/cart to web and tcp port 5432", request="http GET /")
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["confidence"]) == ("answered", "proven"), verdict
    assert result["destination"] == {"name": "web", "address": address, "port": 5432}
    assert verdict["answered_by"] == "pod shop/db-0 on node-c"
    probes = {probe["n"]: probe for probe in result["probes"]}
    asked = [(n, one["question"]["name"], one["question"]["type"]) for n, one in probes.items() if one["question"]]
    assert asked == ASKED and probes[5]["question"] is None
    for number in range(1, 5):
        told = probes[number]["verdict"]
        assert (told["outcome"], told["answered_by"]) == ("answered", "pod shop/checkout on node-b"), told
        hops = dns(result, number)
        assert Counter(hop["part"] for hop in hops) == {"first": 10, "answer": 10}
        assert (hops[0]["node"], hops[0]["pod"], hops[0]["interface"]) == ("node-a", "shop/cart", "eth0")
        assert {(hop["node"], hop["pod"]) for hop in hops} >= {("node-b", "shop/checkout"), ("node-b", None)}
    own = [hop for hop in result["hops"] if hop["probe"] == 5]
    assert {hop["leg"] for hop in own} == {"request", "reply"} and own[0]["dst"] == address
    assert result["resolution"]["addresses"] == [address] and result["resolution"]["ndots"] == 5
    shown = traces.ansible.playbook("kube.pcap.show", extra_vars={"trace_from": str(traces.folder / result["id"])})
    assert "web is %s; of 4 questions: 4 answered" % address in said(shown)


def test_a_name_that_nobody_has(traces: Traces, lab: Lab) -> None:
    """Nothing is sent there: no trace to a name is answered by its server of DNS."""
    with named(lab, {}):
        result = traces.result("from pod shop/cart to web and tcp port 80")
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["leg"]) == ("unsent", "dns"), verdict
    assert "nothing was sent to web, since it has no address" in verdict["text"] and "NXDOMAIN" in verdict["text"]
    assert {hop["leg"] for hop in result["hops"]} == {"dns"} and len(result["probes"]) == 6


def test_a_resolver_without_servers(traces: Traces, lab: Lab) -> None:
    """Where resolv.conf names nobody the text says so, and not only that nothing listens on the pod's own address."""
    with with_file(lab.pod("shop", "cart"), "/etc/resolv.conf", "search svc.test\n"):
        result = traces.result("from pod shop/cart to web and ip and tcp port 80")
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["leg"], verdict["answered_by"]) == ("refused", "dns", "127.0.0.1"), verdict
    assert verdict["text"].startswith("web has no address (/etc/resolv.conf names no server of DNS, and so 127.0.0.1 ")


def test_questions_that_are_lost(traces: Traces, lab: Lab) -> None:
    """The trace follows the question that nobody answers, and tells where it ended."""
    fault = Fault("drop", "node-b", arguments="udp dport 53")
    with named(lab, {"web": {"A": ["10.1.1.1"]}}, RESOLV.replace("search", "#")):
        lab.faults.apply(fault)
        try:
            result = traces.result("from pod shop/cart to web and ip and tcp port 80", taps="all", timeout="2s")
        finally:
            lab.faults.clear(fault)
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["leg"], verdict["confidence"]) == ("lost", "dns", "proven"), verdict
    assert verdict["between"] == ["node node-b", "pod shop/checkout on node-b"]
    assert verdict["text"].startswith("web has no address (")


def test_a_hosts_file(traces: Traces, lab: Lab) -> None:
    """Nobody is asked, and it is said."""
    db = lab.pod("shop", "db-0")
    with with_file(lab.pod("shop", "cart"), "/etc/hosts", "%s web\n" % db.addresses.v4):
        run = traces.run("from pod shop/cart to web and icmp")
    assert run.rc == 0 and "web is %s, by its hosts file" % db.addresses.v4 in said(run)
    assert "was answered by pod shop/db-0 on node-c" in said(run)


def test_from_a_node_that_its_address_tells(lab: Lab, tmp_path: pathlib.Path) -> None:
    """KP-2: neither the host's name nor what the node says of itself is its name in the cluster, and it asks."""
    node, server, address = lab.node("node-b"), lab.pod("shop", "checkout"), lab.service_ips("shop", "db").v4
    snapshot, inventory, config = tmp_path / "shop.json", tmp_path / "hosts.json", node.root / "etc/resolv.conf"
    snapshot.write_text(lab.snapshot.read_text().replace('"node-b"', '"worker-b"'))
    known = yaml.safe_load(lab.inventory.read_text())
    hosts = known["all"]["children"]["nodes"]["hosts"]
    hosts["machine-7"] = {key: value for key, value in hosts.pop("node-b").items() if key != "kube_node_name"}
    inventory.write_text(json.dumps(known))
    traces = Traces(Ansible(inventory, tmp_path), tmp_path, snapshot=str(snapshot))
    before = config.read_text()
    zone = {"web.svc.test": {"A": [address]}}
    with answering(server, zone), serving(lab.pod("shop", "db-0"), "http", 5432):
        config.write_text("search svc.test\nnameserver %s\n" % server.addresses.v4)
        try:
            result = traces.result("from node worker-b to web and tcp port 5432")
        finally:
            config.write_text(before)
    assert result["resolution"]["addresses"] == [address] and result["resolution"]["container"] is None
    assert result["verdict"]["outcome"] == "answered" and way(result)[0][:2] == ("worker-b", None)


def test_from_here(traces: Traces, lab: Lab) -> None:
    """By the controller's own hosts file, which has this name everywhere."""
    result = traces.result("from here to localhost and ip and udp port 9", timeout="1s")
    assert result["resolution"]["hosts_file"] and result["destination"]["address"] == "127.0.0.1"
    assert way(result)[0][:2] == ("(here)", None)


@pytest.mark.parametrize(
    "expression, why",
    [
        ("from pod shop/nobody to web and tcp port 80", "pod shop/nobody matches no pod"),
        ("from pod shop/cart to web and tcp", "says not to which port"),
    ],
)
def test_refused(traces: Traces, expression: str, why: str) -> None:
    """A source that is not there, and a filter that leaves it open what to send."""
    done = traces.run(expression)
    assert done.rc == 2 and why in said(done), said(done)
