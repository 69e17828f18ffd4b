# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What nodes and cluster know, joined."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import (
    Candidate,
    Container,
    RecordError,
    Target,
    to_result,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import merging

HASH = "f110fb44af52cfba1c2777cfa978f453"


def pod(name="cart", uid="u1", **more):
    phase = more.pop("phase", "Running")
    extra = {key: more.pop(key) for key in ("workloads", "services") if key in more}
    return Candidate(Target("pod", "shop", name, uid, **{"node": "node-a", **more}), phase, **extra)


def node(name="node-a", **more):
    return Candidate(Target("node", name=name, node=name, **more))


LIVE = pod(
    pid=60,
    netns=7,
    interfaces={"eth0": 2},
    addresses=("10.1.1.1",),
    containers=(Container("side", "22", 61), Container("app", "11", 60), Container("old", "00")),
)
KNOWN = pod(
    labels={"app": "cart"},
    addresses=("10.1.1.1", "fd00::1"),
    containers=(Container("app", "11"), Container("side"), Container("init")),
    workloads=(("statefulset", "cart"),),
    services=("cart",),
)


def test_pod():
    """The node's process and the cluster's labels, order and owners come together."""
    found = merging.merge([node(pid=1, netns=5), LIVE], [node(labels={"a": "b"}), KNOWN])
    first, second = found
    assert first.target.pid == 1 and first.target.labels == {"a": "b"}
    target = second.target
    assert (target.pid, target.netns, target.interfaces, target.labels) == (60, 7, {"eth0": 2}, {"app": "cart"})
    assert [(c.name, c.pid) for c in target.containers] == [("app", 60), ("side", 61), ("init", None), ("old", None)]
    assert target.container == "app" and target.addresses == ("10.1.1.1", "fd00::1")
    assert second.workloads == (("statefulset", "cart"),) and second.services == ("cart",)


def test_static_pod():
    """A static pod is one by its hash and name; the API's uid counts, and the hash stays."""
    live = pod("etcd", HASH, static_hash=HASH, pid=9)
    (_node, found) = merging.merge([node(), live], [node(), pod("etcd", "api-uid", static_hash=HASH)])
    assert (found.target.uid, found.target.static_hash, found.target.pid) == ("api-uid", HASH, 9)
    assert found.target.node_uid == HASH
    other = merging.merge([node(), live], [node(), pod("other", "api-uid", static_hash=HASH)])
    assert len(other) == 3


def test_nameless_pod():
    """A pod of which the node knows the uid alone gets its name from the cluster."""
    live = Candidate(Target("pod", uid="u1", node="node-a", pid=60))
    (_node, found) = merging.merge([node(), live], [node(), KNOWN])
    assert (found.target.name, found.target.pid) == ("cart", 60)


@pytest.mark.parametrize(
    "phase, expected", [("Running", "Unseen"), ("Pending", "NotBegun"), ("Succeeded", "Succeeded")]
)
def test_the_node_does_not_run_it(phase, expected):
    """What runs by the cluster's word alone is not said to be gone: either may have been asked first."""
    (_node, found) = merging.merge([node()], [node(), dataclasses.replace(KNOWN, phase=phase)])
    assert found.phase == expected
    left = pod(phase="Gone")
    (_node, found) = merging.merge([node(), left], [node(), dataclasses.replace(KNOWN, phase=phase)])
    assert found.phase == expected


def test_a_node_that_was_not_asked():
    """Pods of other nodes stay as the cluster knows them."""
    other = pod(node="node-b")
    assert merging.merge([node()], [node(), node("node-b"), other])[2] == other


def test_a_pod_younger_than_the_snapshot():
    """A pod that only its node knows stays, with labels unknown; the rest of its namesake does not."""
    young = pod(uid="u2", pid=5)
    found = merging.merge([node(), young, pod(uid="u0", phase="Gone")], [node(), KNOWN])
    assert [(c.target.uid, c.phase) for c in found[1:]] == [("u1", "Unseen"), ("u2", "Running")]


def test_whose_word_counts():
    """A pod is on one node: that of the snapshot, else that of the one node that says so; who else does is named."""
    a, b = pod(uid="u1", pid=1), pod(uid="u1", pid=2, node="node-b")
    gone_a, gone_b = pod(uid="u1", phase="Gone"), pod(uid="u1", phase="Gone", node="node-b")
    at_b = pod(uid="u1", node="node-b")
    for told, known, kept, words in (
        ([a], [], [a], ""),
        ([a], [KNOWN], [a], ""),
        ([a], [pod(uid="u1", node=None)], [a], ""),
        ([a, b], [], [], "pod shop/cart (uid u1): left out, since node-a and node-b each say that it runs there; "),
        ([a, b], [pod(uid="u1", node=None)], [], "pod shop/cart (uid u1): left out, since node-a and node-b each "),
        ([a, b], [at_b], [b], "pod shop/cart (uid u1): what node-a says of it does not count, since the snapshot has "),
        (
            [a],
            [at_b],
            [],
            "pod shop/cart (uid u1): what node-a says of it does not count, since the snapshot has it on",
        ),
        ([a, gone_b], [], [a], ""),
        ([gone_a, b], [], [b], ""),
        ([gone_a, b], [KNOWN], [gone_a], "pod shop/cart (uid u1): what node-b says of it does not count"),
        ([gone_a, gone_b], [at_b], [gone_b], ""),
        ([gone_a, gone_b], [], [gone_a, gone_b], ""),
        ([a, b, node()], [node()], [node()], "pod shop/cart (uid u1): left out"),
    ):
        found, disputes = merging.settle_claims(told, known)
        assert list(found) == kept and len(disputes) == bool(words) and "".join(disputes).startswith(words)


def test_who_claims_many_pods_is_named_once():
    """A host under a wrong name is one sentence, not one for each of its pods."""
    claims = [pod("p%d" % n, "u%d" % n, node="node-b", pid=n + 1) for n in range(20)]
    found, (sentence,) = merging.settle_claims(claims, [pod("p%d" % n, "u%d" % n) for n in range(20)])
    assert found == () and "pod shop/p7 (uid u7) and 12 more: what node-b says" in sentence


def test_settle_node():
    """A node is known by its name, else by exactly one InternalIP, and is never guessed."""
    here = [node("ip-10-1-1-9", addresses=("10.1.1.9", "10.244.0.1")), pod(node="ip-10-1-1-9")]
    cluster = [node("node-a", addresses=("10.1.1.9",)), node("node-b", addresses=("10.1.1.8",))]
    found = merging.settle_node(here, cluster)
    assert [(c.target.kind, c.target.node) for c in found] == [("node", "node-a"), ("pod", "node-a")]
    assert found[0].target.name == "node-a"
    assert merging.settle_node([node("node-b", addresses=("10.1.1.9",))], cluster)[0].target.name == "node-b"
    assert merging.settle_node([node("x", addresses=("10.1.1.7",))], cluster) is None
    assert merging.settle_node([node("x", addresses=("10.1.1.9", "10.1.1.8"))], cluster) is None


OWN = {"node": to_result(node().target), "pods": [to_result(LIVE.target)]}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"pods": None}, "pods is no list"),
        ({"pods": [None]}, "pods[0] is no mapping"),
        ({"node": None}, "node is no mapping"),
        ({"node": {**OWN["node"], "kind": "pod"}}, "node is no node"),
        ({"node": {**OWN["node"], "node": "node-b"}}, "node is no node, or of a node with another name"),
        ({"gone": {}}, "gone is no list"),
        ({"runtime_problem": ["x"]}, "runtime_problem is no text"),
        ({"pods": [{**OWN["pods"][0], "labels": ["app"]}]}, "pods[0].labels is no mapping"),
        ({"pods": [{**OWN["pods"][0], "pid": "60"}]}, "pods[0].pid is no whole number"),
        ({"pods": [{**OWN["pods"][0], "uid": None}]}, "pod shop/cart in pods is no pod with a uid"),
        ({"pods": [{**OWN["pods"][0], "kind": "node"}]}, "node cart in pods is no pod"),
        ({"gone": [{**OWN["pods"][0], "kind": "node"}]}, "node cart in pods is no pod"),
        ({"pods": [{**OWN["pods"][0], "node": "node-b"}]}, "pod shop/cart is said to be on node-b, and the answer is "),
        ({"gone": [{**OWN["pods"][0], "node": "node-b"}]}, "pod shop/cart is said to be on node-b, and the answer is "),
    ],
)
def test_a_node_tells_of_itself(change, words):
    """An answer of wrong types, and one that speaks for another node, is refused as a whole, with its place."""
    assert len(merging.node_candidates(OWN)) == 2
    with pytest.raises(RecordError) as error:
        merging.node_candidates({**OWN, **change})
    assert str(error.value).startswith(words)


def test_a_variable_that_holds_no_cluster():
    """The plan's option is named, since a user writes that variable's name."""
    with pytest.raises(OptionError, match=r"^cluster: candidates is no list; name the variable"):
        merging.cluster_candidates({"candidates": None})


def test_results_lead_back():
    """What modules return becomes the same candidates."""
    gone = pod("old", phase="Gone")
    result = {"node": to_result(node().target), "pods": [to_result(LIVE.target)], "gone": [to_result(gone.target)]}
    assert merging.node_candidates(result) == (node(), LIVE, gone)
    blind = dataclasses.replace(node(), runtime_problem="no answer")
    assert merging.node_candidates({**result, "runtime_problem": "no answer"})[0] == blind
    assert merging.cluster_candidates({"candidates": to_result([node(), KNOWN])}) == (node(), KNOWN)
