# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each host watches and sends for a trace, and what is refused before any does (rows KP-1, KP-7, PT-11)."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._dns_records import Question, Resolution
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node import lone
from ansible_collections.kube.pcap.plugins.module_utils._records import Candidate, Target, from_result, to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import NodeInjection, NodeTap
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.merging import API, Told
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.services import (
    AddressPort,
    Endpoint,
    Service,
    ServicePort,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.assembling import assemble
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.controller import Controller
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.ends import leading
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.planning import node_addresses, plan_trace, second_run
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import Planned

SEED = bytes(range(16))
ADDRESS = {"node-a": "192.0.2.1", "node-b": "192.0.2.2", "node-c": "192.0.2.3"}


def pod(name, node, *addresses, **more):
    return Target("pod", "shop", name, "uid-" + name, node, **{"pid": 100, "netns": 7, "addresses": addresses, **more})


def asked(node, *pods):
    """The answer of a host: its node, and its pods."""
    own = Target("node", name=node, node=node, pid=1, netns=1, addresses=(ADDRESS[node], "fd00::" + node[-1]))
    return Answer(node, None, {"node": to_result(own), "pods": to_result(list(pods)), "gone": []})


CART = pod("cart", "node-a", "10.244.1.2", "fd00:1::2")
WEB = pod("web", "node-a", "10.244.1.3", netns=8)
DB = pod("db", "node-c", "10.244.3.2", "fd00:3::2")
AGENT = pod("agent", "node-b", "192.0.2.2", netns=1, host_network=True)
HOSTS = (asked("node-a", CART, WEB), asked("node-b", AGENT), asked("node-c", DB))
SQL = Service(
    "shop",
    "sql",
    ("10.96.0.12", "fd00:96::12"),
    (ServicePort("tcp", 5432, "sql"),),
    (
        Endpoint("10.244.3.2", 15432, "tcp", "sql", "db"),
        Endpoint("fd00:3::2", 15432, "tcp", "sql", "db"),
        Endpoint("10.244.1.3", 15432, "tcp", "sql", "web"),
    ),
)
HEADLESS = dataclasses.replace(SQL, name="headless", addresses=())
OPEN = dataclasses.replace(
    SQL, name="open", ports=(ServicePort("tcp", 5432, "sql", 30432),), external=("198.51.100.9",)
)
HERE = Controller(1, dict.fromkeys(ADDRESS.values(), "192.0.2.254"))
CLUSTER = [Candidate(dataclasses.replace(one, pid=None, netns=None)) for one in (CART, WEB, DB, AGENT)]
CLUSTER += [Candidate(Target("node", name=n, node=n, addresses=(a,))) for n, a in ADDRESS.items()]

_API = Told(API)


def plan(
    expression,
    answers=HOSTS,
    services=(SQL, HEADLESS),
    cluster=CLUSTER,
    told=_API,
    controller=None,
    resolved=None,
    **options,
):
    request = {"trace_expression": expression, **{"trace_" + name: value for name, value in options.items()}}
    return plan_trace(request, answers, cluster, told, services, SEED, controller, resolved)


def watched(made):
    """Whose namespaces each host watches."""
    return {host: [target.title for target in one.targets] for host, one in made.taps.items()}


@pytest.mark.parametrize(
    "expression, titles",
    [
        (
            "from pod shop/cart to pod shop/db and tcp port 80",
            {"node-a": ["node node-a", "pod shop/cart"], "node-c": ["node node-c", "pod shop/db"]},
        ),
        (
            "from pod shop/cart to pod shop/web and tcp port 80",
            {"node-a": ["node node-a", "pod shop/cart", "pod shop/web"]},
        ),
        (
            "from pod shop/cart to service shop/sql and tcp",
            {"node-a": ["node node-a", "pod shop/cart", "pod shop/web"], "node-c": ["node node-c", "pod shop/db"]},
        ),
        ("from pod shop/agent to node node-a and icmp", {"node-b": ["node node-b"], "node-a": ["node node-a"]}),
        (
            "from pod shop/cart to 10.244.3.2 and udp port 9",
            {"node-a": ["node node-a", "pod shop/cart"], "node-c": ["node node-c", "pod shop/db"]},
        ),
        ("from pod shop/cart to 8.8.8.8 and udp port 53", {"node-a": ["node node-a", "pod shop/cart"]}),
        ("from node node-a to pod shop/cart and icmp", {"node-a": ["node node-a", "pod shop/cart"]}),
        ("from pod shop/cart to pod shop/cart and tcp port 1", {"node-a": ["node node-a", "pod shop/cart"]}),
    ],
)
def test_where_is_watched(expression, titles):
    """Both ends and their nodes; a pod on its node's network is the node; every node where that is asked for."""
    assert watched(plan(expression)) == titles
    every = watched(plan(expression, taps="all"))
    assert set(every) == set(ADDRESS) and all(own[0] == "node " + host for host, own in every.items())


@pytest.mark.parametrize(
    "options, every, again",
    [
        ({}, False, True),
        ({"count": 2}, True, False),
        ({"taps": "auto", "count": 2}, True, False),
        ({"each": "endpoint"}, True, False),
        ({"taps": "path"}, False, False),
        ({"taps": "path", "count": 2}, False, False),
        ({"taps": "all"}, True, False),
    ],
)
def test_where_the_others_are_watched(options, every, again):
    """One probe is sent where only its way is watched, with leave to be sent again; more than one, watched by all."""
    made = plan("from pod shop/cart to service shop/sql and tcp", **options)
    assert ("node-b" in made.taps, made.trace.every_node) == (every, every)
    assert (made.trace.again, made.trace.run, made.earlier) == (again, 1, None)


def test_a_second_run():
    """It has marks of its own under the first one's name, and says nothing twice."""
    first = plan("from here to pod shop/db and tcp port 80", controller=HERE)
    earlier = assemble(first.trace, {}, (), {})
    again = plan("from here to pod shop/db and tcp port 80", controller=HERE, taps="all", id=first.id)
    made = second_run(again, earlier)
    assert first.warnings and (made.trace.run, made.earlier, made.warnings, made.id) == (2, earlier, (), first.id)


def test_records():
    """Who sends, who only proves, and that what crosses to the nodes comes back the same."""
    options = {"count": 3, "interval": "100ms", "timeout": "2s", "taps": "path"}
    made = plan("from pod shop/cart to service shop/sql and tcp", **options)
    assert {host: len(one.probes) for host, one in made.injections.items()} == {"node-a": 3, "node-c": 0}
    sent = made.injections["node-a"]
    assert (sent.target.title, sent.interval_ms, sent.timeout_ms) == ("pod shop/cart", 100, 2000)
    assert {one.destination for one in sent.probes} == {"10.96.0.12"} and {one.port for one in sent.probes} == {5432}
    assert {host: len(one.canaries) for host, one in made.afterwards.items()} == {"node-a": 5, "node-c": 3}
    assert all(one.after for record in made.afterwards.values() for one in record.canaries)
    for tap in made.taps.values():
        assert from_result(NodeTap, to_result(tap)) == tap and len(tap.marks) == 4
        assert tap.marks[0].ports == (5432, 15432) and tap.filter == made.taps["node-a"].filter
    assert from_result(NodeInjection, to_result(sent)) == sent
    assert from_result(Planned, to_result(made.trace)) == made.trace
    assert made.id == "t-0001020304" and plan("from pod shop/cart to pod shop/db and icmp", id="mine").id == "mine"


def test_landings():
    """Where the packets of a Service may arrive, of the version that is sent."""
    trace = plan("from pod shop/cart to service shop/sql and tcp").trace
    found = [(one.address, one.port, one.title, trace.places[one.place].title) for one in trace.landings]
    assert found == [
        ("10.244.3.2", 15432, "pod shop/db", "pod shop/db on node-c"),
        ("10.244.1.3", 15432, "pod shop/web", "pod shop/web on node-a"),
    ]
    assert (trace.every_node, trace.unwatched) == (False, ("node-b",))
    six = plan("from pod shop/cart to service shop/sql and ip6 and tcp").trace
    assert (six.address, [one.address for one in six.landings]) == ("fd00:96::12", ["fd00:3::2"])


@pytest.mark.parametrize("cluster, every", [(CLUSTER, True), ([], False)])
def test_whether_every_node_is_watched(cluster, every):
    """The cluster alone can tell which there are; a host that is none of them, such as a bastion, matters not."""
    bastion = Answer("bastion", None, problem="this host lacks tcpdump")
    told = Told(API) if cluster else Told(None)
    made = plan("from pod shop/cart to pod shop/db and icmp", (*HOSTS, bastion), cluster=cluster, told=told, taps="all")
    assert (made.trace.every_node, made.trace.unwatched) == (every, ())


def test_a_headless_service():
    """It is one of its endpoints, on the endpoint's own port."""
    trace = plan("from pod shop/cart to service shop/headless and tcp").trace
    assert (trace.address, trace.port, len(trace.landings)) == ("10.244.3.2", 15432, 1)


def test_a_destination_outside():
    """Nobody has the address."""
    trace = plan("from pod shop/cart to 8.8.8.8 and udp port 53").trace
    assert [(one.address, one.title, one.place) for one in trace.landings] == [("8.8.8.8", None, None)]


@pytest.mark.parametrize(
    "expression, options, said",
    [
        ("from pod shop/gone to pod shop/db and icmp", {}, "trace_expression: pod shop/gone matches no pod"),
        ("from pod shop/cart to pod shop/gone and icmp", {}, "trace_expression: pod shop/gone matches no pod"),
        ("from pod shop/cart to service shop/gone and tcp", {}, "there is no service shop/gone in the API"),
        ("from pod shop/cart to service shop/sql and udp", {}, "has no port that the filter lets through"),
        ("from pod shop/cart to pod shop/web and ip6 and tcp port 1", {}, "pod shop/web has no IPv6 address"),
        (
            "from pod shop/cart to service shop/sql and tcp",
            {"services": (), "told": Told(None)},
            "let the API be asked",
        ),
        (
            "from pod shop/cart to service shop/sql and tcp",
            {"services": (dataclasses.replace(SQL, endpoints=()),)},
            "nothing is behind service shop/sql on port 5432/TCP",
        ),
        ("from pod shop/cart to pod shop/db and icmp", {"answers": HOSTS[:1]}, "no host of this play is that node"),
        ("", {}, "trace_expression: it is empty"),
        ("from pod shop/cart to pod shop/db and icmp", {"count": 0}, "trace_count"),
        ("from pod shop/cart to pod shop/db and icmp", {"count": 101}, "trace_count"),
        ("from pod shop/cart to pod shop/db and icmp", {"count": 100}, "are more than 45 s"),
        ("from pod shop/cart to pod shop/db and icmp", {"interval": "99ms"}, "trace_interval"),
        ("from pod shop/cart to pod shop/db and icmp", {"interval": "1h"}, "trace_interval"),
        ("from pod shop/cart to pod shop/db and icmp", {"timeout": "46s"}, "trace_timeout"),
        ("from pod shop/cart to pod shop/db and icmp", {"taps": "some"}, "trace_taps"),
        ("from pod shop/cart to pod shop/db and icmp", {"id": "Upper"}, "trace_id"),
        ("from pod shop/cart to pod shop/db and icmp", {"size": 1}, "trace_size"),
        ("from pod shop/cart to pod shop/db and icmp", {"expect": "well"}, "trace_expect"),
        ("from pod shop/cart to pod shop/db and tcp port 1", {"probe": "ack"}, 'trace_probe: "ack" is not taken'),
        ("from pod shop/cart to pod shop/db and icmp", {"probe": "syn"}, "trace_probe: syn is of tcp"),
        ("from pod shop/cart to pod shop/db and sctp port 1", {}, "trace_expression: no probe is of sctp"),
        (
            "from pod shop/cart to pod shop/db and tcp port 1",
            {"probe": "syn", "request": "text x"},
            "trace_request: a lone",
        ),
        (
            "from pod shop/web to fd00::1 and tcp port 1",
            {"probe": "syn"},
            "trace_probe: pod shop/web has no IPv6 address",
        ),
        ("from pod shop/cart to pod shop/db and icmp", {"ttl": 0}, "trace_ttl"),
        ("from pod shop/cart to pod shop/db and icmp", {"ttl": "256"}, "trace_ttl"),
        ("from pod shop/cart to pod shop/db and icmp", {"uid": -1}, "trace_uid"),
        ("from pod shop/cart to pod shop/db and icmp", {"uid": 4294967295}, "trace_uid"),
        ("from pod shop/cart to pod shop/db and icmp", {"uid": "envoy"}, "trace_uid"),
        ("from pod shop/cart to pod shop/db and tcp port 1", {"request": "http GET"}, "trace_request"),
        ("from pod shop/cart to pod shop/db and tcp port 1", {"request": "http GET /a b"}, "trace_request"),
        ("from pod shop/cart to pod shop/db and tcp port 1", {"request": "hex 0"}, "trace_request"),
        ("from pod shop/cart to pod shop/db and tcp port 1", {"request": "text"}, "trace_request"),
        ("from pod shop/cart to pod shop/db and tcp port 1", {"request": "text " + "x" * 65537}, "at most 65536"),
    ],
)
def test_refused(expression, options, said):
    """Ends that are not there, or not on hosts of the play, and values that are none; each in one sentence."""
    with pytest.raises(PcapError) as caught:
        plan(expression, **options)
    assert said in str(caught.value) and "\n" not in str(caught.value) and "capture_" not in str(caught.value)


def test_from_here():
    """The controller sends and watches by tasks of its own, and proves the ways to and from every node."""
    made = plan("from here to node node-a and tcp port 30432", services=(OPEN,), controller=HERE)
    assert watched(made) == {
        "(here)": ["the controller"],
        "node-a": ["node node-a", "pod shop/web"],
        "node-c": ["node node-c", "pod shop/db"],
    }
    assert {host: len(one.probes) for host, one in made.injections.items()} == {"(here)": 1, "node-a": 0, "node-c": 0}
    trace = made.trace
    titles = [place.title for place in trace.places]
    assert trace.source == "the controller" and titles[trace.source_place] == "the controller"
    assert (trace.source_node_place, titles[trace.entry_place]) == (trace.source_place, "node node-a")
    ways = [(titles[way.source], titles[way.destination]) for way in trace.ways]
    for node in ("node node-a", "node node-c"):
        assert ("the controller", node) in ways and (node, "the controller") in ways
    back = [one.destination for one in made.injections["node-c"].canaries]
    assert "192.0.2.254" in back
    assert from_result(Planned, to_result(trace)) == trace


@pytest.mark.parametrize(
    "destination, options, warned",
    [
        ("node node-a and tcp port 30432", {}, False),
        ("node node-a and tcp port 30432", {"each": "endpoint"}, True),
        ("pod shop/db and tcp port 1", {}, True),
        ("node node-a and icmp", {}, False),
    ],
)
def test_from_here_to_pods(destination, options, warned):
    """The controller may have no route to them but out into the world, and that is said."""
    made = plan("from here to " + destination, services=(OPEN,), controller=HERE, **options)
    assert any("another machine may answer" in one for one in made.warnings) == warned


def test_from_here_on_a_node():
    """A controller that is a node of the play is that node: by its address, and its network namespace."""
    own = dataclasses.replace(HERE, ways={**HERE.ways, ADDRESS["node-b"]: ADDRESS["node-b"]})
    made = plan("from here to pod shop/db and icmp", controller=own)
    assert made.trace.source == "node node-b" and "(here)" not in made.taps
    beside = dataclasses.replace(own, netns=2)
    assert plan("from here to pod shop/db and icmp", controller=beside).trace.source == "the controller"


@pytest.mark.parametrize(
    "destination, landings, entry",
    [
        ("node node-b and tcp port 30432", ["pod shop/db", "pod shop/web"], "node node-b"),
        ("192.0.2.2 and tcp port 30432", ["pod shop/db", "pod shop/web"], "node node-b"),
        ("fd00::b and ip6 and tcp port 30432", ["pod shop/db"], "node node-b"),
        ("node node-b and udp port 30432", ["node node-b"], None),
        ("node node-b and tcp port 5432", ["node node-b"], None),
        ("10.96.0.12 and tcp port 5432", ["pod shop/db", "pod shop/web"], None),
        ("198.51.100.9 and tcp port 5432", ["pod shop/db", "pod shop/web"], None),
        ("198.51.100.9 and tcp port 30432", [None], None),
        ("10.244.3.2 and tcp port 30432", ["pod shop/db"], None),
    ],
)
def test_addresses_that_lead_to_a_service(destination, landings, entry):
    """A node port on nodes alone, a cluster IP and an external one on the Service's own port."""
    trace = plan("from pod shop/cart to " + destination, services=(OPEN,)).trace
    assert [one.title for one in trace.landings] == landings
    assert (None if trace.entry_place is None else trace.places[trace.entry_place].title) == entry


BRIDGE = "172.17.0.1"
"""An address that several nodes have, as of a bridge, or a node's own cache of DNS."""


def test_an_address_that_several_nodes_have():
    """It is the source's node's; where that has it not, nobody knows whose, and it is no node that sends on."""
    own = [
        dataclasses.replace(
            one, result={**one.result, "node": {**one.result["node"], "addresses": (ADDRESS[one.host], BRIDGE)}}
        )
        for one in HOSTS
    ]
    to = "from pod shop/cart to %s and tcp port 5432" % BRIDGE
    assert [one.title for one in plan(to, own, cluster=[], told=Told(None)).trace.landings] == ["node node-a"]
    bound = dataclasses.replace(SQL, addresses=(BRIDGE,))
    made = plan(to, own, services=(bound,), cluster=[], told=Told(None)).trace
    assert made.entry_place is None and [one.title for one in made.landings] == ["pod shop/db", "pod shop/web"]
    others = [HOSTS[0], *own[1:]]
    (landing,) = plan(to, others, services=(), cluster=[], told=Told(None)).trace.landings
    assert (landing.title, landing.place) == (None, None)


@pytest.mark.parametrize("address", ["127.0.0.53", "::1"])
def test_loopback(address):
    """It is the source itself."""
    trace = plan("from pod shop/cart to %s and tcp port 1" % address).trace
    assert [(one.title, one.place) for one in trace.landings] == [("pod shop/cart", trace.source_place)]


def test_a_nodes_address_that_is_a_services_too():
    """Its node port is found all the same; its own port is translated on the node of the source, if there is one."""
    both = dataclasses.replace(OPEN, external=tuple(ADDRESS.values()))
    for port, entry in ((30432, "node node-b"), (5432, None)):
        trace = plan("from pod shop/cart to node node-b and tcp port %d" % port, services=(both,)).trace
        assert [one.title for one in trace.landings] == ["pod shop/db", "pod shop/web"]
        assert (None if trace.entry_place is None else trace.places[trace.entry_place].title) == entry
    trace = plan("from here to node node-b and tcp port 5432", services=(both,), controller=HERE).trace
    assert trace.places[trace.entry_place].title == "node node-b"


@pytest.mark.parametrize(
    "expression, asked_for",
    [
        ("from here to node node-a and tcp port 30080", (AddressPort(30080, "tcp"),)),
        ("from here to 192.0.2.1 and udp port 53", (AddressPort(53, "udp", "192.0.2.1"),)),
        ("from here to node node-a and icmp", ()),
        ("from here to pod shop/db and tcp port 1", ()),
        ("from here to service shop/sql and tcp", ()),
    ],
)
def test_what_may_be_a_service(expression, asked_for):
    """A node or address with a port; what the cluster is asked for."""
    assert leading(expression) == asked_for


def asked_for_name(name, type, answers=(), **changed):
    """A question of the source's resolver."""
    query = (b"\x12\x34\x01\0\0\1" + bytes(6) + name.encode() + type.encode()).hex()
    told = {"server": "10.96.0.10", "id": 0x1234, "query": query, "rcode": "NOERROR", "answers": answers, **changed}
    return Question(name, type, **told)


DNS = Service(
    "kube-system",
    "kube-dns",
    ("10.96.0.10",),
    (ServicePort("udp", 53, "dns"),),
    (Endpoint("10.244.1.3", 5353, "udp", "dns"),),
)
QUESTIONS = (
    asked_for_name("sql.shop.svc", "A"),
    asked_for_name("sql.shop.svc", "AAAA"),
    asked_for_name("sql.shop.svc", "A", protocol="tcp"),
    asked_for_name("sql.shop.svc", "A"),
)
SQL_NAME = Resolution(True, "sql", "cart", None, ("10.96.0.12",), servers=("10.96.0.10",), questions=QUESTIONS)
TO_NAME = "from pod shop/cart to sql and tcp port 5432"


def test_a_name():
    """Its address leads to a Service; each question is asked once more, first, and may arrive where its server is."""
    made = plan(TO_NAME, services=(SQL, DNS), resolved=SQL_NAME, count=2)
    trace = made.trace
    assert (trace.address, trace.destination, [one.title for one in trace.landings]) == (
        "10.96.0.12",
        "sql",
        ["pod shop/db", "pod shop/web"],
    )
    found = [(one.probe, one.type, one.server, [to.title for to in one.landings]) for one in trace.questions]
    assert found == [(1, "A", "10.96.0.10", ["pod shop/web"]), (2, "AAAA", "10.96.0.10", ["pod shop/web"])]
    sent = made.injections["node-a"].probes
    assert [(one.number, one.kind, one.port, one.wait_ms) for one in sent] == [
        (1, "udp", 53, None),
        (2, "udp", 53, 50),
        (3, "connection", 5432, 50),
        (4, "connection", 5432, None),
    ]
    first, second = (bytes.fromhex(one.payload) for one in sent[:2])
    assert int.from_bytes(second[:2], "big") == int.from_bytes(first[:2], "big") + 1
    assert first[2:] == bytes.fromhex(QUESTIONS[0].query)[2:]
    marks = made.taps["node-a"].marks
    assert [one.ports for one in marks[:2]] == [(53, 5353)] * 2 and first.startswith(bytes.fromhex(marks[0].nonce))
    ports = [set(one.source_ports) for one in marks[:4]]
    assert len(set.union(*ports)) == sum(map(len, ports))
    assert trace.resolution == SQL_NAME and from_result(Planned, to_result(trace)) == trace


@pytest.mark.parametrize(
    "expression, resolved, address, problem",
    [
        (TO_NAME, dataclasses.replace(SQL_NAME, addresses=("fd00:3::2", "10.244.3.2")), "fd00:3::2", None),
        (
            TO_NAME.replace("tcp", "ip and tcp"),
            dataclasses.replace(SQL_NAME, addresses=("10.9.9.9",)),
            "10.9.9.9",
            None,
        ),
        (TO_NAME, dataclasses.replace(SQL_NAME, addresses=(), problem="nobody knows it"), "", "nobody knows it"),
        (
            TO_NAME.replace("tcp", "ip6 and tcp"),
            SQL_NAME,
            "",
            "it has no address of a version that is wanted, but 10.96.0.12",
        ),
    ],
)
def test_what_a_name_leads_to(expression, resolved, address, problem):
    """The first address of a version that is wanted; without one the questions alone are sent."""
    made = plan(expression, services=(DNS,), resolved=resolved)
    assert (made.trace.address, made.trace.problem) == (address, problem)
    kinds = [one.kind for one in made.injections["node-a"].probes]
    assert kinds == ["udp", "udp"] + ([] if problem else ["connection"])


def test_a_name_for_which_nobody_is_asked():
    """Of a hosts file there is nothing to follow but the probe; without an address nothing is sent."""
    own = dataclasses.replace(SQL_NAME, questions=(), hosts_file=True)
    assert [one.kind for one in plan(TO_NAME, resolved=own).injections["node-a"].probes] == ["connection"]
    with pytest.raises(PcapError, match="sql: its container does not run"):
        plan(TO_NAME, resolved=dataclasses.replace(own, addresses=(), problem="its container does not run"))


def test_what_may_be_a_service_of_a_name():
    """The addresses that it has, and the servers that were asked."""
    assert leading(TO_NAME, SQL_NAME) == (AddressPort(5432, "tcp", "10.96.0.12"), AddressPort(53, "udp", "10.96.0.10"))


@pytest.mark.parametrize("destination", ["service shop/sql and ip", "service shop/headless and ip", "10.96.0.12"])
def test_each_endpoint(destination):
    """In turn, each on its own address and port, until each had as many; a headless Service's too."""
    expression = "from pod shop/cart to %s and tcp port 5432" % destination
    made = plan(expression, each="endpoint", count=2, request="http GET /", taps="path")
    sent = made.injections["node-a"].probes
    assert [(one.number, one.destination, one.port) for one in sent] == [
        (1, "10.244.3.2", 15432),
        (2, "10.244.1.3", 15432),
        (3, "10.244.3.2", 15432),
        (4, "10.244.1.3", 15432),
    ]
    assert [(one.probe, one.landing.title) for one in made.trace.each] == [
        (1, "pod shop/db"),
        (2, "pod shop/web"),
        (3, "pod shop/db"),
        (4, "pod shop/web"),
    ]
    marks = made.taps["node-a"].marks[:4]
    numbers = [range(one.sequence, one.sequence + one.said + 3) for one in marks]
    assert all(one.stop <= after.start for one, after in itertools.pairwise(numbers))
    assert b"Host: 10.244.3.2:15432\r\n" in bytes.fromhex(sent[0].payload)
    assert set(watched(made)) == {"node-a", "node-c"} and made.trace.entry_place is None
    assert from_result(Planned, to_result(made.trace)) == made.trace


def test_each_endpoint_of_a_node_port():
    """The node that is asked is not on the way."""
    trace = plan("from pod shop/cart to node node-b and tcp port 30432", services=(OPEN,), each="endpoint").trace
    assert [one.landing.title for one in trace.each] == ["pod shop/db", "pod shop/web"] and trace.entry_place is None


@pytest.mark.parametrize(
    "destination, options, said",
    [
        ("pod shop/db and tcp port 1", {}, "trace_each: pod shop/db is no Service"),
        ("service shop/sql and ip and tcp", {"count": 51, "interval": "100ms"}, "trace_each: 102 probes are too many"),
        ("service shop/sql and ip and tcp", {"count": 30}, "trace_each: 60 probes, one each 1000 ms"),
        ("service shop/sql and ip and tcp src port 7", {}, "which one probe alone can have"),
        ("service shop/sql and tcp", {"each": "pod"}, 'trace_each: "pod" is not taken'),
    ],
)
def test_each_endpoint_refused(destination, options, said):
    """What has no endpoints, and too many probes."""
    with pytest.raises(OptionError) as caught:
        plan("from pod shop/cart to " + destination, **{"each": "endpoint", "interval": "1s", **options})
    assert said in str(caught.value)


def test_addresses_of_nodes():
    """Those of the nodes that answered."""
    lost = Answer("node-x", None, problem="unreachable")
    assert node_addresses((*HOSTS[:1], lost)) == ("192.0.2.1", "fd00::a")


@pytest.mark.parametrize(
    "request_, said",
    [
        ("http GET /x?y=1", b"GET /x?y=1 HTTP/1.1\r\nHost: 10.244.3.2:1\r\n"),
        ("text hello  there", b"hello  there"),
        ("hex 00ff", b"\0\xff"),
        ("", b""),
    ],
)
def test_what_a_connection_says(request_, said):
    """Each form of a request."""
    made = plan("from pod shop/cart to pod shop/db and tcp port 1", request=request_)
    (probe,) = made.injections["node-a"].probes
    assert bytes.fromhex(probe.payload).startswith(said)
    assert made.taps["node-a"].marks[0].said == len(bytes.fromhex(probe.payload))


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_source_port_of_the_filter(protocol):
    """One probe has it; of several each needs its own."""
    text = "from pod shop/cart to pod shop/db and %s src port 1000 and dst port 80" % protocol
    (probe,) = plan(text).injections["node-a"].probes
    assert probe.source_ports == (1000,)
    with pytest.raises(OptionError) as caught:
        plan(text, count=2)
    wrong = "trace_count: the filter names source port 1000, which one probe alone can have"
    assert str(caught.value) == wrong + "; send one, or leave the source port out"


@pytest.mark.parametrize(
    "options, probe, ttl, uid",
    [
        ({}, "connection", None, None),
        ({"probe": "", "ttl": "", "uid": None}, "connection", None, None),
        ({"probe": "connection", "ttl": "1", "uid": "0"}, "connection", 1, 0),
        ({"ttl": 255, "uid": 4294967294}, "connection", 255, 4294967294),
    ],
)
def test_what_is_sent_and_as_whom(options, probe, ttl, uid):
    """What is empty takes its default; the user is that of the probes' record alone."""
    made = plan("from pod shop/cart to pod shop/db and tcp port 1", **options)
    sent = made.injections["node-a"]
    assert [(one.kind, one.ttl) for one in sent.probes] == [(probe, ttl)] and made.trace.ttl == ttl
    assert (sent.uid, made.injections["node-c"].uid, made.trace.lone) == (uid, None, False)


@pytest.mark.parametrize("to, source", [("10.244.3.2", "10.244.1.2"), ("fd00:3::2", "fd00:1::2")])
def test_a_lone_syn(to, source):
    """It comes from the source's address of the version of the destination's."""
    pytest.importorskip("scapy.layers.inet6")
    made = plan("from pod shop/cart to %s and tcp port 1" % to, probe="syn", ttl=9)
    (probe,) = made.injections["node-a"].probes
    packet = lone.read(bytes.fromhex(probe.payload))
    assert (packet.source, packet.destination, probe.ttl, made.trace.lone) == (source, to, 9, True)
    assert from_result(NodeInjection, to_result(made.injections["node-a"])) == made.injections["node-a"]


@pytest.mark.parametrize(
    "destination, options, translated",
    [
        ("service shop/sql and tcp", {"probe": "syn"}, True),
        ("service shop/sql and tcp", {}, False),
        ("service shop/sql and tcp", {"probe": "syn", "each": "endpoint"}, False),
        ("service shop/headless and tcp", {"probe": "syn"}, False),
        ("pod shop/db and tcp port 5432", {"probe": "syn"}, False),
        ("node node-a and tcp port 30432", {"probe": "syn"}, True),
    ],
)
def test_a_lone_syn_to_a_service(destination, options, translated):
    """The source's node is told that somebody is to translate it, which no load balancer of sockets does."""
    pytest.importorskip("scapy.layers.inet6")
    services = (OPEN,) if destination.startswith("node") else (SQL, HEADLESS)
    made = plan("from pod shop/cart to " + destination, services=services, **options)
    assert {host: one.translated for host, one in made.injections.items() if one.translated} == (
        {"node-a": True} if translated else {}
    )


def test_option_errors_come_first():
    """A bad value is told though no host answered."""
    with pytest.raises(OptionError, match="trace_count"):
        plan("from pod shop/cart to pod shop/db and icmp", [], count="many")
