# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ``dns_info`` on the lab: real servers in pods, and each pod's own resolv.conf and hosts file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.ansible_run import Ansible
from tests.lab.dns import answering, with_file
from tests.lab.handles import LabPod
from tests.lab.lab import Lab
from tests.lab.tools import results

CART = {"pod": "shop/cart"}
ZONE: dict[str, Any] = {
    "web.svc.test": {"A": ["10.1.1.4", "10.1.1.3"], "AAAA": ["fd00:1::4"]},
    "front.svc.test": {"CNAME": "edge.example.test"},
    "edge.example.test": {"A": ["10.1.1.9"]},
    "many.svc.test": {"A": ["10.1.1.%d" % n for n in range(60)]},
    "empty.svc.test": {},
    "broken.svc.test": {"rcode": 2},
}
RESOLV = "search shop.svc.test svc.test\noptions ndots:5 timeout:1 attempts:2\n"
BROKEN = [
    ("broken.shop.svc.test", "NXDOMAIN"),
    ("broken.svc.test", "SERVFAIL"),
    ("broken.svc.test", "SERVFAIL"),
    ("broken", "NXDOMAIN"),
]
"""What the second server says of it, twice where that is no answer."""


class Names:
    """The module, and the pods of these tests."""

    def __init__(self, lab: Lab, ansible: Ansible) -> None:
        self._ansible = ansible
        self.cart = lab.pod("shop", "cart")
        self.server, self.second = lab.pod("shop", "db-0"), lab.pod("shop", "checkout")

    def run(self, pattern: str, *args: str, **params: Any) -> dict[str, Any]:
        """Calls it and returns each host's result, with ``failed``."""
        return results(self._ansible.adhoc(pattern, "kube.pcap.dns_info", *args, params=params))

    def well(self, host: str, *args: str, **params: Any) -> dict[str, Any]:
        """Calls it on one node, where it must not fail, and never changes anything."""
        found: dict[str, Any] = self.run(host, *args, **params)[host]
        assert not found["failed"] and not found["changed"], found
        return found

    @contextlib.contextmanager
    def resolv(self, *servers: str, pod: LabPod | None = None) -> Iterator[None]:
        """A resolv.conf of these servers in a pod, the cart."""
        lines = "".join("nameserver %s\n" % server for server in servers)
        with with_file(pod or self.cart, "/etc/resolv.conf", RESOLV + lines):
            yield


@pytest.fixture
def names(lab: Lab, ansible: Ansible) -> Names:
    """The module on the lab."""
    return Names(lab, ansible)


def told(found: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """Name, type, and what became of each question."""
    return [(one["name"], one["type"], one["error"] or one["rcode"]) for one in found["questions"]]


@pytest.mark.parametrize("node, pod", [("node-a", "shop/cart"), ("node-b", "shop/checkout")])
@pytest.mark.parametrize("version", [4, 6])
def test_the_search_list(lab: Lab, names: Names, node: str, pod: str, version: int) -> None:
    """The first domain has no such name, the second has; each question is one that the server heard, byte by byte."""
    asker = lab.pod(*pod.split("/"))
    address = getattr(names.server.addresses, "v%d" % version)
    with answering(names.server, ZONE) as server, names.resolv(address, pod=asker):
        found = names.run("all", pod=pod, name="web")
    for other in {"node-a", "node-b", "node-c"} - {node}:
        one = found[other]
        assert (one["found"], one["failed"], one["changed"], one["addresses"]) == (False, False, False, [])
        assert "pod %s matches no pod" % pod in one["problem"]
    one = found[node]
    assert (one["found"], one["failed"], one["changed"], one["problem"]) == (True, False, False, None), one
    assert one["addresses"] == ["10.1.1.4", "10.1.1.3", "fd00:1::4"] and one["canonical"] is None
    assert (one["servers"], one["search"], one["ndots"]) == ([address], ["shop.svc.test", "svc.test"], 5)
    assert (one["hosts_file"], one["container"]) == (False, asker.name)
    assert told(one) == [
        ("web.shop.svc.test", "A", "NXDOMAIN"),
        ("web.shop.svc.test", "AAAA", "NXDOMAIN"),
        ("web.svc.test", "A", "NOERROR"),
        ("web.svc.test", "AAAA", "NOERROR"),
    ]
    assert one["questions"][2]["answers"] == ["web.svc.test A 10.1.1.4", "web.svc.test A 10.1.1.3"]
    sent = [{"peer": [q["source"], q["source_port"]], "protocol": "udp", "query": q["query"]} for q in one["questions"]]
    assert sent == server.asked and {q["source"] for q in one["questions"]} == {
        getattr(asker.addresses, "v%d" % version)
    }
    assert [int(q["query"][:4], 16) for q in one["questions"]] == [q["id"] for q in one["questions"]]


def test_names_that_lead_on(names: Names) -> None:
    """A CNAME is followed; a name with a dot at its end, or enough dots, is asked as it is; check mode is the same."""
    with answering(names.server, ZONE), names.resolv(names.server.addresses.v4):
        one = names.well("node-a", "--check", **CART, name="front.svc.test.")
        assert (one["canonical"], one["addresses"]) == ("edge.example.test", ["10.1.1.9"])
        assert [q["name"] for q in one["questions"]] == ["front.svc.test"] * 2
        chain = ["front.svc.test CNAME edge.example.test", "edge.example.test A 10.1.1.9"]
        assert [q["answers"] for q in one["questions"]] == [chain, chain[:1]]
        one = names.well("node-a", **CART, name="web", family=6)
        assert one["addresses"] == ["fd00:1::4"] and {q["type"] for q in one["questions"]} == {"AAAA"}


def test_the_second_server(names: Names) -> None:
    """It is asked after the first has been silent for its time, or where nobody listens; a broken name goes on."""
    servers = (names.second.addresses.v4, names.server.addresses.v4)
    with answering(names.server, ZONE), names.resolv(*servers):
        with answering(names.second, {}, "silent"):
            one = names.well("node-a", **CART, name="web.svc.test.", family=4)
            assert [(q["server"], q["error"]) for q in one["questions"]] == [
                (servers[0], "ETIMEDOUT"),
                (servers[1], None),
            ]
            assert one["addresses"] == ["10.1.1.4", "10.1.1.3"] and one["questions"][0]["time_ms"] >= 1000
        one = names.well("node-a", **CART, name="web.svc.test.", family=4)
        assert [q["error"] for q in one["questions"]] == ["ECONNREFUSED", None] and one["addresses"]
        one = names.well("node-a", **CART, name="broken", family=4)
        assert [q["server"] for q in one["questions"]] == list(servers) * 4
        assert told(one)[1::2] == [(name, "A", rcode) for name, rcode in BROKEN]
        assert one["problem"].endswith("broken.svc.test (SERVFAIL), broken (NXDOMAIN)")


def test_a_truncated_answer(names: Names) -> None:
    """It is asked for again over TCP, once; a connection that ends without an answer is told."""
    with answering(names.server, ZONE) as server, names.resolv(names.server.addresses.v4):
        one = names.well("node-a", **CART, name="many.svc.test.")
    assert one["addresses"] == ZONE["many.svc.test"]["A"]
    shown = [(q["type"], q["protocol"], q["rcode"], q["error"]) for q in one["questions"]]
    assert shown == [
        ("A", "udp", "NOERROR", "truncated"),
        ("AAAA", "udp", "NOERROR", None),
        ("A", "tcp", "NOERROR", None),
    ]
    sent = [(q["protocol"], q["query"], [q["source"], q["source_port"]]) for q in one["questions"]]
    assert sorted(sent) == sorted((a["protocol"], a["query"], a["peer"]) for a in server.asked)
    with answering(names.server, ZONE, "closes"), names.resolv(names.server.addresses.v6):
        one = names.well("node-a", **CART, name="many.svc.test.", family=4)
    assert [q["error"] for q in one["questions"]] == ["truncated", "closed"] * 2 and not one["addresses"]


def test_what_is_not_the_answer(names: Names) -> None:
    """Other ids, other questions, other ports and no messages are passed by; a damaged answer is told as one."""
    with answering(names.server, ZONE, "noisy"), names.resolv(names.server.addresses.v4):
        one = names.well("node-a", **CART, name="web.svc.test.")
    assert one["addresses"] == ["10.1.1.4", "10.1.1.3", "fd00:1::4"] and len(one["questions"]) == 2
    with answering(names.server, ZONE, "damaged"), names.resolv(names.server.addresses.v4):
        one = names.well("node-a", **CART, name="web.svc.test.", family=4)
    assert [q["error"] for q in one["questions"]] == ["damaged"] * 2 and one["addresses"] == []
    assert one["problem"] == "no address of web.svc.test. was told: web.svc.test (damaged)"


def test_the_hosts_file(lab: Lab, names: Names) -> None:
    """It comes first, and then nobody is asked; so does an address. The lab's own names the pod."""
    own = names.well("node-a", **CART, name="cart")
    assert own["addresses"] == [names.cart.addresses.v4, names.cart.addresses.v6]
    assert own["hosts_file"] and own["questions"] == [] and own["problem"] is None
    with with_file(names.cart, "/etc/hosts", "10.1.1.1 web # x\nfd00::7 web x\n"):
        one = names.well("node-a", **CART, name="web", family=6)
    assert (one["addresses"], one["hosts_file"]) == (["fd00::7"], True)
    one = names.well("node-a", **CART, name="10.9.9.9")
    assert (one["addresses"], one["hosts_file"], one["problem"]) == (["10.9.9.9"], False, None)
    one = names.well("node-a", **CART, name="10.9.9.9", family=6)
    assert (one["addresses"], one["problem"]) == ([], "10.9.9.9 is no address of IPv6")


def test_a_container_of_its_own(lab: Lab, names: Names) -> None:
    """The files are those of the container that is named; one that does not run, or that is none, is a sentence."""
    web = lab.pod("shop", "web-6f8d5c7b9d-4hx2k")
    with with_file(web, "/etc/hosts", "10.1.1.1 here\n", "istio-proxy"):
        one = names.well("node-a", pod="shop/" + web.name, container="istio-proxy", name="here")
        assert (one["container"], one["addresses"]) == ("istio-proxy", ["10.1.1.1"])
        first = names.well("node-a", pod="shop/" + web.name, name="here")
        assert first["addresses"] == [] and first["container"] == "web"
    one = names.well("node-b", pod="shop/checkout[migrate]", name="web")
    assert one["found"] and one["addresses"] == []
    assert one["problem"] == (
        "pod shop/checkout: its container migrate does not run, and its files cannot be read; those that run: checkout"
    )
    one = names.run("node-a", **CART, container="nope", name="web")["node-a"]
    assert one["failed"] and 'pod shop/cart has no container "nope"' in one["msg"]


def test_a_node_of_its_own(lab: Lab, names: Names) -> None:
    """A node, and a pod on its network, ask from the node's addresses; a pod's files are its own all the same."""
    node = lab.node("node-b")
    config = node.root / "etc/resolv.conf"
    before = config.read_text()
    with answering(names.server, ZONE) as server:
        config.write_text("search svc.test\nnameserver %s\n" % names.server.addresses.v4)
        try:
            one = names.well("node-b", node="node-b", name="web", family=4)
            hosted = names.well("node-b", pod="kube-system/node-agent-b", name="web", family=4)
        finally:
            config.write_text(before)
    assert (one["addresses"], one["container"]) == (["10.1.1.4", "10.1.1.3"], None)
    assert (hosted["addresses"], hosted["container"]) == (["10.1.1.4", "10.1.1.3"], "agent")
    assert server.asked[0]["peer"] == [one["questions"][0]["source"], one["questions"][0]["source_port"]]
    assert one["questions"][0]["source"] == hosted["questions"][0]["source"]


def test_no_answer_at_all(names: Names) -> None:
    """Every question is told, within the time; the search list ends with the first name that nobody answers."""
    with answering(names.server, {}, "silent") as server, names.resolv(names.server.addresses.v4):
        began = time.monotonic()
        one = names.well("node-a", **CART, name="web", family=4)
        assert time.monotonic() - began < 60
    assert told(one) == [(name, "A", "ETIMEDOUT") for name in ("web.shop.svc.test", "web.shop.svc.test", "web", "web")]
    assert one["addresses"] == [] and len(server.asked) == 4 and all(q["rcode"] is None for q in one["questions"])
    assert one["problem"] == "no address of web was told: web.shop.svc.test (ETIMEDOUT), web (ETIMEDOUT)"
    with names.resolv("fe80::1%nowhere"):
        one = names.well("node-a", **CART, name="web.", family=4)
    assert [(q["error"], q["query"], q["source"]) for q in one["questions"]] == [("ENODEV", None, None)] * 2


def test_the_time_for_all(names: Names) -> None:
    """No more than 30 seconds, whatever resolv.conf says."""
    with answering(names.server, {}, "silent"), names.resolv(*[names.server.addresses.v4] * 3):
        one = names.well("node-a", **CART, name="web.", family=4, timeout="20s")
    assert [q["error"] for q in one["questions"]] == ["ETIMEDOUT"] * 2
    assert one["problem"].endswith("; the time for all questions was over")
    assert 19_000 < one["questions"][0]["time_ms"] < 25_000 and one["questions"][1]["time_ms"] < 15_000


def test_files_that_tell_nothing(names: Names) -> None:
    """No resolv.conf, one that is no file, and one that names nobody: the last means this machine, as glibc has it."""
    with with_file(names.cart, "/etc", None):
        one = names.well("node-a", **CART, name="web")
    assert one["problem"] == "pod shop/cart: it has no /etc/resolv.conf, which would tell whom to ask"
    assert (one["servers"], one["ndots"], one["questions"]) == ([], None, [])
    with with_file(names.cart, "/etc/resolv.conf", "x" * (65 << 10)):
        one = names.well("node-a", **CART, name="web")
    assert one["problem"] == "pod shop/cart: its /etc/resolv.conf is larger than 64 KiB"
    with with_file(names.cart, "/etc/resolv.conf", ""):
        one = names.well("node-a", **CART, name="web", family=4)
    assert one["servers"] == ["127.0.0.1"] and {q["error"] for q in one["questions"]} == {"ECONNREFUSED"}
    assert one["problem"] == (
        "/etc/resolv.conf names no server of DNS, and so 127.0.0.1 was asked, as by glibc; "
        "no address of web was told: web (ECONNREFUSED)"
    )
    with with_file(names.cart, "/etc/resolv.conf", "nameserver 127.0.0.1\n"):
        assert "names no server" not in names.well("node-a", **CART, name="web", family=4)["problem"]


def test_the_machine_itself(names: Names) -> None:
    """By its own files, where no target is given."""
    found = names.well("node-a", name="localhost", family="4")
    assert (found["found"], found["addresses"], found["hosts_file"]) == (True, ["127.0.0.1"], True)


@pytest.mark.parametrize(
    "params, said",
    [
        ({"pod": "shop/cart", "name": "a..b"}, 'name: "a..b" is no DNS name'),
        ({"pod": "shop/cart", "name": "bücher.test"}, "name: "),
        ({"pod": "cart", "name": "web"}, "pod: "),
        ({"pod": "shop/cart", "node": "node-a", "name": "web"}, "mutually exclusive"),
        ({"pod": "shop/cart", "name": "web", "timeout": "31s"}, 'timeout: "31s" is out of range'),
        ({"node": "node-a", "container": "cart", "name": "web"}, "container: node node-a has no containers"),
    ],
)
def test_what_is_refused(names: Names, params: dict[str, Any], said: str) -> None:
    """Each in a sentence that names the option."""
    one = names.run("node-a", **params)["node-a"]
    assert one["failed"] and said in one["msg"], one


def test_without_rights(ansible: Ansible) -> None:
    """Who is not root is told so."""
    run = ansible.adhoc(
        "node-b", "kube.pcap.dns_info", "-e", "ansible_become=false", params={"pod": "shop/checkout", "name": "web"}
    )
    assert "namespaces are entered by root alone; run it with become" in results(run)["node-b"]["msg"]
