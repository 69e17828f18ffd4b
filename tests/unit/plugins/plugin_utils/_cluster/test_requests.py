# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests a selection needs."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._selection import parse
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.requests import (
    NEARBY_MOST,
    UNFINISHED,
    Request,
    everything,
    finished,
    first,
    nearby,
    then,
)

from .test_objects import thing

SLICES = Request("endpointslices", "shop", label_selector="kubernetes.io/service-name=web")
IN_SHOP = Request("pods", "shop", most=NEARBY_MOST)
ANYWHERE = Request("pods", most=NEARBY_MOST)


def selection(raw):
    (parsed,) = parse("targets", raw)
    return parsed


@pytest.mark.parametrize(
    "raw, requests",
    [
        ("pod shop/cart", [Request("pods", "shop", "cart")]),
        ("pod shop/cart[app]", [Request("pods", "shop", "cart")]),
        (
            "pods shop app=web,tier!=db",
            [Request("pods", "shop", label_selector="app=web,tier!=db", field_selector=UNFINISHED)],
        ),
        ("pods * canary", [Request("pods", label_selector="canary", field_selector=UNFINISHED)]),
        ("pods shop *", [Request("pods", "shop", field_selector=UNFINISHED)]),
        ("deployment shop/web", [Request("deployments", "shop", "web")]),
        ("statefulset shop/db", [Request("statefulsets", "shop", "db")]),
        ("daemonset shop/log", [Request("daemonsets", "shop", "log")]),
        ("job shop/once", [Request("jobs", "shop", "once")]),
        ("replicaset shop/web-1", [Request("replicasets", "shop", "web-1")]),
        ("service shop/web", [Request("services", "shop", "web"), SLICES]),
        ("node node-a", [Request("nodes", name="node-a")]),
        ("nodes pool=edge", [Request("nodes", label_selector="pool=edge", fresh=False)]),
        ("nodes *", [Request("nodes", fresh=False)]),
    ],
)
def test_first(raw, requests):
    """One GET for one object, one LIST with the server's selectors for many; pods as they are now."""
    assert list(first(selection(raw))) == requests


@pytest.mark.parametrize(
    "request_, path",
    [
        (Request("pods", "shop", "cart"), "/api/v1/namespaces/shop/pods/cart"),
        (Request("pods"), "/api/v1/pods"),
        (Request("nodes", name="a"), "/api/v1/nodes/a"),
        (Request("jobs", "shop"), "/apis/batch/v1/namespaces/shop/jobs"),
        (SLICES, "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"),
    ],
)
def test_path(request_, path):
    """The API's own paths."""
    assert request_.path == path


@pytest.mark.parametrize(
    "terms, text",
    [
        ("app==web", "app=web"),
        ("env in (b, a)", "env in (a,b)"),
        ("env notin (b,a),!old", "!old,env notin (a,b)"),
        ("env in (a)", "env=a"),
        ("tier != db", "tier!=db"),
        ("example.com/on", "example.com/on"),
        ("empty=", "empty="),
    ],
)
def test_terms_are_the_servers_own(terms, text):
    """A term is sent in its one form, which Kubernetes reads as we do."""
    assert first(selection("pods shop " + terms))[0].label_selector == text


SELECTOR = {
    "matchLabels": {"b": "2", "a": "1"},
    "matchExpressions": [
        {"key": "env", "operator": "In", "values": ["x", "y"]},
        {"key": "env", "operator": "NotIn", "values": ["z"]},
        {"key": "on", "operator": "Exists"},
        {"key": "off", "operator": "DoesNotExist"},
        {"key": "later", "operator": "Gt", "values": ["1"]},
    ],
}
FLAT = {"a": "1"}
TERMS = "a=1,b=2,env in (x,y),env notin (z),on,!off"


@pytest.mark.parametrize(
    "raw, own, requests",
    [
        (
            "deployment shop/web",
            thing("Deployment", "web", spec={"selector": SELECTOR}),
            [
                Request("pods", "shop", label_selector=TERMS, field_selector=UNFINISHED),
                Request("replicasets", "shop", label_selector=TERMS),
            ],
        ),
        (
            "job shop/web",
            thing("Job", "web", spec={"selector": SELECTOR}),
            [Request("pods", "shop", None, TERMS, field_selector=UNFINISHED)],
        ),
        (
            "service shop/web",
            thing("Service", "web", spec={"selector": {"a": "1"}}),
            [Request("pods", "shop", None, "a=1", field_selector=UNFINISHED)],
        ),
        ("service shop/web", thing("Service", "web", spec={}), [Request("pods", "shop", field_selector=UNFINISHED)]),
        ("daemonset shop/web", thing("DaemonSet", "web"), [Request("pods", "shop", field_selector=UNFINISHED)]),
        ("service shop/web", thing("EndpointSlice", "web-x1"), []),
        ("pod shop/web", thing("Pod", "web"), []),
        ("nodes *", thing("Node", "web"), []),
    ],
)
def test_then(raw, own, requests):
    """A workload's selector narrows the pods, and a deployment needs its replica sets."""
    assert list(then(selection(raw), [own])) == requests


@pytest.mark.parametrize(
    "raw, steps",
    [
        ("pod shop/x", [[IN_SHOP], [ANYWHERE]]),
        ("pods * x=y", [[ANYWHERE]]),
        ("statefulset shop/x", [[IN_SHOP], [ANYWHERE]]),
        ("deployment shop/x", [[IN_SHOP, IN_SHOP._replace(resource="replicasets")], [ANYWHERE]]),
        ("service shop/x", [[IN_SHOP, IN_SHOP._replace(resource="endpointslices")], [ANYWHERE]]),
        ("node x", [[Request("nodes", fresh=False)]]),
    ],
)
def test_nearby(raw, steps):
    """First the namespace, with what names workloads and services there; then the others; never endlessly."""
    assert [list(step) for step in nearby(selection(raw))] == steps


def test_everything():
    """Pods come first, and what is not about pods may be a moment old."""
    pods, *others = everything()
    assert pods == Request("pods") and not any(request.fresh for request in others)
    resources = [request.resource for request in others]
    assert resources == ["nodes", "services", "endpointslices", "replicasets", "jobs"]


def test_finished():
    """The same selectors, without the fields, and no more than a sentence needs; nothing for what was one object."""
    (one,) = first(selection("pods shop app=web"))
    assert finished([one, SLICES]) == (Request("pods", "shop", label_selector="app=web", most=NEARBY_MOST),)
    assert finished(first(selection("pod shop/cart"))) == finished(first(selection("nodes pool=edge"))) == ()
