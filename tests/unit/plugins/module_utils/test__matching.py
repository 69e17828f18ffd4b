# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What selections match, and what is said when they match nothing (rows KD-2, KD-12, PT-5)."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _matching as matching
from ansible_collections.kube.pcap.plugins.module_utils._errors import TargetError
from ansible_collections.kube.pcap.plugins.module_utils._records import Candidate, Container, Target
from ansible_collections.kube.pcap.plugins.module_utils._selection import parse


def pod(name, namespace="shop", node="node-a", pid=7, phase="Running", containers=("app", "side", "init"), **more):
    """A pod; with ``workloads`` and ``services`` as the cluster knows it."""
    extra = {key: more.pop(key) for key in ("workloads", "services") if key in more}
    known = tuple(Container(container) for container in containers)
    uid = more.pop("uid", "uid-%s-%s" % (namespace, name))
    target = Target("pod", namespace, name, uid, node, containers=known, pid=pid, netns=1, **more)
    return Candidate(target, phase, **extra)


def node(name, **more):
    """A node."""
    return Candidate(Target("node", name=name, node=name, pid=1, **more))


CLUSTER = (
    node("node-a", labels={"pool": "core"}),
    node("node-b", labels={"pool": "edge"}),
    pod("web-1", labels={"app": "web"}, workloads=(("replicaset", "web-6f"), ("deployment", "web")), services=("web",)),
    pod(
        "web-2",
        node="node-b",
        labels={"app": "web", "canary": ""},
        workloads=(("deployment", "web"),),
        services=("web",),
    ),
    pod("cart", labels={"app": "cart"}, workloads=(), services=()),
    pod("cart", namespace="test", labels={"app": "cart"}, workloads=(), services=()),
    pod(
        "report",
        node=None,
        pid=None,
        phase="Pending",
        labels={"app": "report"},
        workloads=(("job", "report"),),
        services=(),
    ),
    pod("seed", pid=None, phase="Succeeded", labels={"app": "seed"}, workloads=(("job", "seed"),), services=()),
    pod("old", pid=None, phase="Gone", labels={"app": "old"}, workloads=(), services=()),
    pod("setup", pid=None, phase="NotBegun", labels={"app": "setup"}, workloads=(), services=()),
    pod("slow", node="node-c", pid=None, phase="Pending", labels={"app": "slow"}, workloads=(), services=()),
    pod("late", pid=None, phase="Unseen", labels={"app": "late"}, workloads=(), services=()),
    pod("lost", pid=None, phase="Unknown", labels={"app": "lost"}, workloads=(), services=()),
)
ALONE = tuple(
    dataclasses.replace(c, target=dataclasses.replace(c.target, labels=None), workloads=None, services=None)
    for c in CLUSTER
    if c.target.node == "node-a"
)

SNAPSHOT = r"with the playbook's capture_snapshot .*, or let the API be asked \(K8S_AUTH_KUBECONFIG, .*: always\)"

CHOSEN = [
    ("pod shop/cart", ["shop/cart"]),
    ("pods shop app=web", ["shop/web-1", "shop/web-2"]),
    ("pods * app=cart", ["shop/cart", "test/cart"]),
    ("pods shop app in (web,cart),!canary", ["shop/cart", "shop/web-1"]),
    ("pods shop app notin (web)", ["shop/cart"]),
    ("pods shop tier!=db,canary", ["shop/web-2"]),
    ("pods * *", ["shop/cart", "shop/web-1", "shop/web-2", "test/cart"]),
    ("deployment shop/web", ["shop/web-1", "shop/web-2"]),
    ("replicaset shop/web-6f", ["shop/web-1"]),
    ("service shop/web", ["shop/web-1", "shop/web-2"]),
    ("node node-b", ["node-b"]),
    ("nodes pool=edge", ["node-b"]),
    ("nodes *", ["node-a", "node-b"]),
    (["node node-a", "pods shop app=web", "pod shop/web-1"], ["shop/web-1", "shop/web-2", "node-a"]),
]

REFUSED = [
    (
        "pod shop/nope",
        "pod shop/nope matches no pod; namespace shop has the pods cart, late, lost, old, report, seed, setup, slow ",
    ),
    ("pod shop/web", "has the pods cart, late, lost, old, report, seed, web-1, web-2 and 2 more$"),
    ("pod shopp/cart", "namespace shopp has no pods; namespaces with pods are shop, test, as far as is known$"),
    ("pod shop/report", "x: pod shop/report is Pending: it is on no node yet$"),
    ("pod shop/setup", "x: pod shop/setup is Pending: no process of it was found on node-a$"),
    ("pod shop/slow", "x: pod shop/slow is Pending$"),
    ("pod shop/seed", "x: pod shop/seed has finished \\(Succeeded\\)"),
    ("pod shop/old", "x: pod shop/old has no process on node-a: it has finished, has not started yet, or waits"),
    ("pod shop/late", "x: pod shop/late is said to run on node-a, which had no process of it when it was asked: "),
    ("pod shop/lost", "x: pod shop/lost has no process that is known, and its phase is Unknown"),
    ("job shop/seed", "pod shop/seed has finished"),
    ("deployment shop/wbe", "deployment shop/wbe matches no pod; namespace shop has the deployments web"),
    ("service shop/api", "namespace shop has the services web"),
    ("pods shop app=nope", "namespace shop has the pods"),
    ("pods * app=nope", "pods \\* app=nope matches no pod; there are the pods "),
    ("pods shop app in (seed,report)", "matches 2 pods and none runs: pod shop/report is Pending.*, pod shop/seed has"),
    ("node node-c", "node node-c matches no node; there are node-a, node-b"),
    ("nodes pool=x", "nodes pool=x matches no node"),
    ("pod shop/cart[nope]", 'x: pod shop/cart has no container "nope"; its containers are app, side, init'),
    (["pod shop/cart[app]", "pod shop/cart[side]"], "is selected with two containers, app and side"),
]


def titles(targets):
    return [t.name if t.kind == "node" else "%s/%s" % (t.namespace, t.name) for t in targets]


@pytest.mark.parametrize("raw, expected", CHOSEN)
def test_choose(raw, expected):
    """Selections give their usable targets once, in one order."""
    assert titles(matching.choose(parse("x", raw), CLUSTER, "x")) == expected


@pytest.mark.parametrize("raw, text", REFUSED)
def test_refused(raw, text):
    """A selection without a usable target is one sentence that says why, and what exists nearby."""
    with pytest.raises(TargetError, match=text) as caught:
        matching.choose(parse("x", raw), CLUSTER, "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "raw, text",
    [
        ("pods shop app=web", "labels of pod shop/web-1 are not known; %s, install crictl" % SNAPSHOT),
        ("nodes pool=core", "labels of node node-a are not known; %s$" % SNAPSHOT),
        (
            "deployment shop/web",
            "nodes know pods, not what owns them; %s, or name the pods" % SNAPSHOT,
        ),
        ("service shop/web", "nodes know pods, not what owns them"),
    ],
)
def test_a_node_alone_cannot_judge(raw, text):
    """What only the cluster knows is asked for, not guessed."""
    with pytest.raises(TargetError, match=text):
        matching.choose(parse("x", raw), ALONE, "x")


def test_a_crictl_that_fails_is_heard():
    """Where labels are unknown since crictl failed, it is not to be installed: its own words say what to mend."""
    known = [
        dataclasses.replace(c, runtime_problem="permission denied") if c.target.kind == "node" else c for c in ALONE
    ]
    text = "labels of pod shop/web-1 are not known: crictl on node-a says: permission denied; mend that, %s" % SNAPSHOT
    with pytest.raises(TargetError, match=text):
        matching.choose(parse("x", "pods shop app=web"), known, "x")
    with pytest.raises(TargetError, match="nodes know pods, not what owns them"):
        matching.choose(parse("x", "deployment shop/web"), known, "x")


def test_another_node():
    """A pod of another node is told with that node (row PT-5)."""
    with pytest.raises(TargetError, match="^x: pod shop/web-2 runs on node-b, not on node-a$"):
        matching.choose(parse("x", "pod shop/web-2"), CLUSTER, "x", node="node-a")
    assert matching.select(parse("x", "pod shop/web-2")[0], CLUSTER, "node-a") == ()


def test_ambiguous():
    """The same name on two nodes is not chosen from."""
    both = (pod("db-0", uid="one"), pod("db-0", uid="two", node="node-b"))
    with pytest.raises(TargetError, match="ambiguous: it runs on node-a \\(uid one\\) and node-b \\(uid two\\)"):
        matching.choose(parse("x", "pod shop/db-0"), both, "x")


@pytest.mark.parametrize(
    "raw, name", [("pod shop/cart", "app"), ("pod shop/cart[side]", "side"), ("pod shop/cart[init]", "init")]
)
def test_container(raw, name):
    """The first container is the default, and init containers can be named (row KD-2)."""
    (target,) = matching.choose(parse("x", raw), CLUSTER, "x")
    assert target.container == name


def test_a_named_container_wins_over_the_default():
    """A pod that is selected by label and by container is one target with that container."""
    targets = matching.choose(parse("x", ["pods shop app=web", "pod shop/web-1[side]"]), CLUSTER, "x")
    assert [(t.name, t.container) for t in targets] == [("web-1", "side"), ("web-2", "app")]


def test_unknown_containers():
    """Where a node knows no container names, a named one is refused."""
    with pytest.raises(TargetError, match="which ones it has is not known here"):
        matching.choose(parse("x", "pod shop/a[b]"), (pod("a", containers=()),), "x")


def test_a_live_process_counts_more_than_the_phase():
    """A Pending pod whose init container runs can be used."""
    (target,) = matching.choose(parse("x", "pod shop/a"), (pod("a", phase="Pending", pid=9),), "x")
    assert target.pid == 9


def test_a_nameless_pod_is_never_chosen():
    """Processes of a pod whose name nobody knows match no selection."""
    assert matching.select(parse("x", "pods * *")[0], (pod(None, namespace=None),)) == ()


def test_who_may_run_later():
    """What has finished, what runs, and what only a node has traces of is not waited for."""
    assert [c.target.name for c in CLUSTER if matching.waits(c)] == ["report", "setup", "slow", "late", "lost"]


def test_nothing_known():
    """Without any pod the sentence says so."""
    assert matching.explain(parse("x", "pod shop/a")[0], ()) == "pod shop/a matches no pod; no pod is known"
    assert matching.explain(parse("x", "node a")[0], ()) == "node a: no node is known"


def test_names_are_sorted_and_the_closest_are_shown():
    """Of more names than a message lists, those that resemble the one that was asked for stand in it."""
    nodes = [Candidate(Target("node", name=name, node=name)) for name in ("zone-x", *("n%02d" % n for n in range(20)))]
    text = matching.explain(parse("x", "node zone-y")[0], nodes)
    assert text.endswith("there are n00, n01, n02, n03, n04, n05, n06, zone-x and 13 more")
