# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked for selections over real HTTP, and what is found."""

from __future__ import annotations

import gc
import sys

import pytest

pytest.importorskip("kubernetes")

from ansible_collections.kube.pcap.plugins.module_utils._matching import explain, match_labels, matches, undecided
from ansible_collections.kube.pcap.plugins.module_utils._selection import parse
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.access import Access
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.api import find, uncollected
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.client import Client
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.connection import Connection
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.requests import UNFINISHED
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.services import AddressPort

from .apiserver import Said, failure, forbidden, listed, serving
from .test_objects import pod, thing

SHOP, OTHER, APPS = "/api/v1/namespaces/shop/", "/api/v1/namespaces/other/", "/apis/apps/v1/namespaces/shop/"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"
WEB = {"app": "web"}
OWNED = ("ReplicaSet", "web-rs")
CLUSTER = [
    thing("Node", "node-a", None),
    thing("Node", "node-b", None),
    pod("web-1", owner=OWNED, labels=WEB),
    pod("web-2", owner=OWNED, labels=WEB),
    pod("stray", labels=WEB),
    pod("db-0", owner=("StatefulSet", "db"), labels={"app": "db"}),
    thing("ReplicaSet", "web-rs", owner=("Deployment", "web"), metadata={"labels": WEB}),
    thing("Deployment", "web", spec={"selector": {"matchLabels": WEB}}),
    thing("StatefulSet", "db", spec={"selector": {"matchLabels": {"app": "db"}}}),
    thing("Service", "web", spec={"selector": WEB}),
    thing(
        "EndpointSlice",
        "web-x1",
        metadata={"labels": {"kubernetes.io/service-name": "web"}},
        endpoints=[{"targetRef": {"kind": "Pod", "name": "web-1"}}],
    ),
]


class Rights:
    """An API server of that cluster and what is ``beside`` it; ``lacking`` holds resources that may not be read."""

    def __init__(self, lacking=(), beside=()):
        self.lacking, self.beside = set(lacking), list(beside)

    def __call__(self, asked):
        parts = asked.path.strip("/").split("/")[2 if asked.path.startswith("/api/") else 3 :]
        space = parts[1] if parts[0] == "namespaces" else None
        resource, name = [*(parts[2:] if space else parts), None][:2]
        if resource in self.lacking:
            return forbidden(asked.path)
        wanted = resource[:-1]
        found = [item for item in CLUSTER + self.beside if item["kind"].lower() == wanted]
        found = [item for item in found if space in (None, item["metadata"]["namespace"])]
        if name:
            named = [item for item in found if item["metadata"]["name"] == name]
            return Said(200, named[0]) if named else failure(404, name=name)
        terms = [term for term in asked.query.get("labelSelector", "").split(",") if term]
        if asked.query.get("fieldSelector"):
            assert asked.query["fieldSelector"] == UNFINISHED and resource == "pods"
            found = [item for item in found if item["status"]["phase"] not in ("Succeeded", "Failed")]
        kind = found[0]["kind"] if found else "Thing"
        return listed(kind, *(i for i in found if match_labels(terms, i["metadata"].get("labels") or {})))


@pytest.fixture
def server():
    """An API server of that cluster."""
    with serving() as running:
        running.answer = Rights()
        yield running


def ask(server, *selections, **options):
    connection = Connection(Access("host", host=server.url))
    with Client(connection, sleep=lambda _seconds: None) as client:
        return find(client, parse("targets", list(selections)) if selections else None, **options)


def titles(found):
    return sorted(candidate.target.title for candidate in found.candidates)


LIST = "limit=500"
RUN = "fieldSelector=status.phase!=Succeeded,status.phase!=Failed&" + LIST


@pytest.mark.parametrize(
    "selection, expected, asked",
    [
        ("pod shop/web-1", ["web-1"], [SHOP + "pods/web-1"]),
        ("pods shop app=web", ["stray", "web-1", "web-2"], [SHOP + "pods?labelSelector=app=web&" + RUN]),
        (
            "deployment shop/web",
            ["web-1", "web-2"],
            [
                APPS + "deployments/web",
                SHOP + "pods?labelSelector=app=web&" + RUN,
                APPS + "replicasets?labelSelector=app=web&" + LIST,
            ],
        ),
        (
            "statefulset shop/db",
            ["db-0"],
            [APPS + "statefulsets/db", SHOP + "pods?labelSelector=app=db&" + RUN],
        ),
        (
            "service shop/web",
            ["web-1"],
            [
                SHOP + "services/web",
                SLICES + "?labelSelector=kubernetes.io/service-name=web&" + LIST,
                SHOP + "pods?labelSelector=app=web&" + RUN,
            ],
        ),
    ],
)
def test_what_is_asked_and_found(server, selection, expected, asked):
    """No request more than needed; a pod with the labels alone is no workload's and no service's."""
    found = ask(server, selection)
    (parsed,) = parse("targets", selection)
    assert server.paths == asked and not found.problems
    assert sorted(c.target.name for c in found.candidates if matches(parsed, c)) == expected


def test_the_same_is_asked_once(server):
    """Selections that need the same share the answer, and an object is one candidate."""
    found = ask(server, "pods shop app=web", "pod shop/web-1", "deployment shop/web")
    assert titles(found) == ["pod shop/stray", "pod shop/web-1", "pod shop/web-2"]
    assert server.paths.count(SHOP + "pods?labelSelector=app=web&" + RUN) == 1


def test_every_node_in_one_request(server):
    """For hosts to be tied to nodes all of them are listed, and no node is asked for again."""
    found = ask(server, "node node-a", "nodes *", "pod shop/web-1", every_node=True)
    assert server.paths == ["/api/v1/nodes?resourceVersion=0", SHOP + "pods/web-1"]
    assert titles(found) == ["node node-a", "node node-b", "pod shop/web-1"]


def test_every_node_is_no_need(server):
    """Without that right the pods are found, and nothing is said."""
    server.answer = Rights({"nodes"})
    found = ask(server, "pod shop/web-1", every_node=True)
    assert titles(found) == ["pod shop/web-1"] and found.problems == found.gaps == ()


def test_some_nodes_are_none(server):
    """With the right to get nodes and not to list them, the others would be taken for machines outside the cluster."""
    allowed = server.answer
    server.answer = lambda a: forbidden(a.path) if a.path == "/api/v1/nodes" else allowed(a)
    found = ask(server, "node node-a", "pod shop/web-1", every_node=True)
    assert titles(found) == ["pod shop/web-1"] and not found.problems
    assert titles(ask(server, "node node-a", "pod shop/web-1")) == ["node node-a", "pod shop/web-1"]


@pytest.mark.parametrize(
    "selection, asked, known",
    [
        ("pod shop/web-3", [SHOP + "pods/web-3", SHOP + "pods?limit=500"], 4),
        (
            "pod other/web-1",
            [
                "/api/v1/namespaces/other/pods/web-1",
                "/api/v1/namespaces/other/pods?limit=500",
                "/api/v1/pods?limit=500",
            ],
            4,
        ),
        ("deployment shop/wbe", [APPS + "deployments/wbe", SHOP + "pods?limit=500", APPS + "replicasets?limit=500"], 4),
        ("node node-c", ["/api/v1/nodes/node-c", "/api/v1/nodes?resourceVersion=0"], 2),
    ],
)
def test_what_matches_nothing_is_looked_for_nearby(server, selection, asked, known):
    """A few requests more tell what exists."""
    found = ask(server, selection)
    assert server.paths == asked and len(found.candidates) == known


DONE = [
    thing("Job", "seed", spec={"selector": {"matchLabels": {"job": "seed"}}}),
    {
        **pod("seed-1", owner=("Job", "seed"), labels={"job": "seed"}),
        "status": {"phase": "Succeeded"},
    },
    {**pod("web-0", owner=OWNED, labels=WEB), "status": {"phase": "Failed"}},
]


@pytest.mark.parametrize(
    "selection, phase",
    [("pods shop job=seed", "Succeeded"), ("job shop/seed", "Succeeded"), ("pod shop/seed-1", "Succeeded")],
)
def test_what_has_finished_is_known_where_nothing_else_matches(server, monkeypatch, selection, phase):
    """By the same selectors, so that a namespace of thousands of pods does not hide it; nothing more is asked then."""
    monkeypatch.setattr(sys.modules[__name__], "CLUSTER", CLUSTER + DONE)
    found = ask(server, selection)
    (parsed,) = parse("targets", selection)
    assert [(c.target.name, c.phase) for c in found.candidates if matches(parsed, c)] == [("seed-1", phase)]
    assert SHOP + "pods?limit=500" not in server.paths and "has finished (Succeeded)" in explain(
        parsed, found.candidates
    )


def test_finished_pods_are_not_sent(server, monkeypatch):
    """There may be thousands; where others match, nobody is told of them, and they are not asked for."""
    monkeypatch.setattr(sys.modules[__name__], "CLUSTER", CLUSTER + DONE)
    assert titles(ask(server, "pods shop app=web")) == ["pod shop/stray", "pod shop/web-1", "pod shop/web-2"]
    assert server.paths == [SHOP + "pods?labelSelector=app=web&" + RUN]


@pytest.mark.parametrize("selection", ["deployment shop/wbe", "service shop/wbe"])
def test_whose_a_pod_is_that_was_not_asked_for_is_decided(server, selection):
    """The API has answered, so that nothing is left to say that it is not known."""
    extra = pod("once", owner=("Job", "once"), labels={"app": "once"})
    everything = server.answer
    server.answer = lambda a: listed("Pod", extra) if a.path.endswith("/pods") else everything(a)
    found = ask(server, selection, "pods shop app=once")
    (parsed,) = parse("targets", selection)
    assert not undecided(parsed, found.candidates)
    server.answer = lambda a: listed("Pod", extra) if a.path.endswith("/pods") else forbidden(a.path)
    assert undecided(parsed, ask(server, selection, "pods shop app=once").candidates)


def test_services_that_a_port_leads_to(server):
    """All Services are looked at, and of those that are meant what is behind them."""
    ports = [{"name": "http", "port": 80, "nodePort": 30080}]
    server.answer = Rights(beside=[thing("Service", "open", spec={"ports": ports})])
    found = ask(server, "pod shop/web-1", asked=[AddressPort(30080, "tcp")])
    assert [one.name for one in found.services] == ["open"] and not found.gaps and not found.problems
    slices = SLICES + "?labelSelector=kubernetes.io/service-name=open&" + LIST
    assert server.paths == [SHOP + "pods/web-1", "/api/v1/services?resourceVersion=0", slices]
    assert ask(server, "pod shop/web-1", asked=[AddressPort(30081, "tcp")]).services == ()


def test_services_that_may_not_be_read_are_a_gap(server):
    """The trace goes on without them, and says so."""
    server.answer = Rights({"services"})
    found = ask(server, "pod shop/web-1", asked=[AddressPort(30080, "tcp")])
    assert titles(found) == ["pod shop/web-1"] and not found.problems
    assert ["to list services in the whole cluster" in str(gap) for gap in found.gaps] == [True]


def test_nothing_selected_is_everything(server):
    """Every node and pod, with workloads and services."""
    found = ask(server)
    assert len(found.candidates) == 6 and not found.problems
    (web,) = [c for c in found.candidates if c.target.name == "web-1"]
    assert web.services == ("web",) and web.workloads == (("replicaset", "web-rs"), ("deployment", "web"))


def test_of_everything_pods_alone_are_needed(server):
    """What may not be read beside them is a gap."""
    server.answer = Rights({"nodes", "services", "endpointslices", "replicasets", "jobs"})
    found = ask(server)
    assert len(found.candidates) == 4 and not found.problems and len(found.gaps) == 5
    server.answer = Rights({"pods"})
    (problem,) = ask(server).problems
    assert "to list pods in the whole cluster" in str(problem)


@pytest.mark.parametrize(
    "selection, lacking, right",
    [
        ("pod shop/web-1", "pods", "get on pods"),
        ("pods shop app=web", "pods", "list on pods"),
        ("deployment shop/web", "deployments", 'get on deployments (apiGroup "apps", '),
        ("deployment shop/web", "replicasets", 'list on replicasets (apiGroup "apps", '),
        ("statefulset shop/db", "statefulsets", 'get on statefulsets (apiGroup "apps", '),
        ("service shop/web", "services", "get on services"),
        ("service shop/web", "endpointslices", 'list on endpointslices (apiGroup "discovery.k8s.io", '),
        ("node node-a", "nodes", "get on nodes (by a ClusterRole)"),
    ],
)
def test_a_missing_right_is_named(server, selection, lacking, right):
    """The rest is found all the same, and nothing is looked for nearby."""
    server.answer = Rights({lacking})
    found = ask(server, selection, "pods shop app=db")
    assert "; grant it %s" % right in str(found.problems[0])
    assert len(found.problems) == (2 if selection == "pod shop/web-1" else 1)
    assert ("pod shop/db-0" in titles(found)) == (lacking != "pods")


def test_a_server_that_goes_away_is_asked_no_more(server):
    """One sentence, whatever else was to be asked."""
    server.answer = lambda _asked: Said(0, b"")
    found = ask(server, "pod shop/a", "pod shop/b", "deployment shop/web", every_node=True)
    assert len(found.problems) == 1 and {asked.path for asked in server.asked} == {"/api/v1/nodes"}


@pytest.mark.parametrize("enabled", [True, False])
def test_the_search_for_cycles_goes_on_afterwards(server, enabled):
    """As it was, whatever happens meanwhile."""
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(AttributeError), uncollected():
            assert not gc.isenabled()
            raise AttributeError
        assert ask(server, "pod shop/web-1").candidates and gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()
