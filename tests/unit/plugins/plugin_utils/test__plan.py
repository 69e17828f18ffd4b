# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is chosen for each host, and what is said of what cannot be."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError, TargetError
from ansible_collections.kube.pcap.plugins.module_utils._records import Candidate, Target, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.merging import API, Told
from ansible_collections.kube.pcap.plugins.plugin_utils._plan import plan_capture, settle
from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer

ADDRESS = {"node-a": "192.0.2.1", "node-b": "192.0.2.2", "node-c": "192.0.2.3"}


def pod(name, node, **more):
    labels = {"app": name.partition("-")[0]}
    return Target("pod", "shop", name, "uid-" + name, node, **{"pid": 100, "netns": 7, "labels": labels, **more})


def asked(node, *pods, host=None, gone=(), kube_node_name=None):
    """The answer of a host: its node, and its pods."""
    own = Target("node", name=node, node=node, pid=1, netns=1, addresses=(ADDRESS.get(node, "192.0.2.9"),))
    result = {"node": to_result(own), "pods": to_result(list(pods)), "gone": to_result(list(gone))}
    return Answer(host or node, kube_node_name, result)


def cluster(*pods, nodes=("node-a", "node-b", "node-c")):
    """What a snapshot knows."""
    known = [Candidate(Target("node", name=n, node=n, addresses=(ADDRESS[n],), labels={"pool": "x"})) for n in nodes]
    return known + [Candidate(dataclasses.replace(p, pid=None, netns=None), services=("web",)) for p in pods]


WEB_A, WEB_B, CART = pod("web-1", "node-a"), pod("web-2", "node-b"), pod("cart", "node-a")
HOSTS = (asked("node-a", WEB_A, CART), asked("node-b", WEB_B), asked("node-c"))
SILENT = Answer("node-b", "node-b", problem="unreachable: No route to host")


def plan(targets, answers=HOSTS, known=(), told=None, **options):
    request = {"capture_" + name: value for name, value in {"targets": targets, **options}.items()}
    return plan_capture(request, answers, known, *([told] if told else []))


def chosen(made):
    return {host: [target.title for target in record.targets] for host, record in made.records.items()}


@pytest.mark.parametrize(
    "targets, expected",
    [
        ("pods shop app=web", {"node-a": ["pod shop/web-1"], "node-b": ["pod shop/web-2"]}),
        ("pod shop/cart", {"node-a": ["pod shop/cart"]}),
        ("node node-c", {"node-c": ["node node-c"]}),
        (["node node-a", "pod shop/cart"], {"node-a": ["pod shop/cart", "node node-a"]}),
        ({"kind": "pods", "namespace": "shop", "label_selectors": ["app=cart"]}, {"node-a": ["pod shop/cart"]}),
    ],
)
def test_one_record_per_host_with_targets(targets, expected):
    """SN-1, KD-3: each host gets its own targets, and one without any gets no record."""
    made = plan(targets)
    assert chosen(made) == expected and made.warnings == ()
    for host, record in made.records.items():
        assert record.id == made.id and record.node == host and {t.node for t in record.targets} == {host}


def test_the_id_is_the_request_alone():
    """The same request has the same id on every host, in every slice; another option makes another id."""
    ids = {plan("pods shop app=web", answers).id for answers in (HOSTS, HOSTS[:1], HOSTS[1:2])}
    empty = {"filter": "", "interface": None, "duration": "7200", "snaplen": "192", "compress": "yes"}
    assert ids == {plan("pods shop app=web", **empty).id} and len(ids) == 1
    assert plan("pods shop app=web", filter="udp").id not in ids
    assert plan("pods shop app=web", id="nightly-12").id == "nightly-12"


@pytest.mark.parametrize(
    "options, word",
    [
        ({"duration": "10 parsecs"}, "capture_duration"),
        ({"duration": "8d"}, "capture_duration"),
        ({"duration": "2h", "max_duration": "1h"}, "capture_duration"),
        ({"segment_size": "-1"}, "capture_segment_size"),
        ({"keep": "1e9"}, "capture_keep"),
        ({"filter": "-w /etc/passwd"}, "capture_filter"),
        ({"interface": "eth0; id"}, "capture_interface"),
        ({"id": "../up"}, "capture_id"),
        ({"id": "all"}, "capture_id"),
        ({"sink": "relative"}, "capture_sink"),
        ({"compress": "maybe"}, "capture_compress"),
        ({"unmatched": "ignore"}, "capture_unmatched"),
        ({"packets": 1}, "capture_packets"),
    ],
)
def test_values_are_checked_before_anything_starts(options, word):
    """A bad value is refused by its option's name, whatever the hosts answered."""
    with pytest.raises(OptionError, match=word):
        plan("pod shop/cart", [], **options)


@pytest.mark.parametrize("targets", [None, "", [], "nodes", "pods shop", 5])
def test_a_selection_is_needed(targets):
    """Nothing selected, and a shortened selection, is refused."""
    with pytest.raises(OptionError, match="^capture_targets: "):
        plan(targets)


@pytest.mark.parametrize(
    "targets, words",
    [
        ("pod shop/crt", ["capture_targets: pod shop/crt matches no pod", "cart"]),
        ("pods shop app=db", ["matches no pod", "namespace shop has the pods"]),
        ("pod other/cart", ["namespace other has no pods", "shop"]),
        ("node node-x", ["matches no node", "node-a", "node-c"]),
        ("service shop/web", ["with the playbook's capture_snapshot give a snapshot"]),
        (["pod shop/cart", "pod shop/none"], ["pod shop/none matches no pod"]),
        ("pod shop/cart[sidecar]", ['no container "sidecar"']),
    ],
)
def test_nothing_found_says_what_exists(targets, words):
    """KD-12, SN-15: a selection without a target is one sentence with what exists nearby."""
    with pytest.raises(TargetError) as error:
        plan(targets)
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value)


def test_a_silent_host_is_named_where_nothing_is_found():
    """The pod may be on a host that did not answer, so the error says which those are."""
    with pytest.raises(TargetError, match=r"not known: node-b \(unreachable: No route to host\)"):
        plan("pod shop/web-2", [HOSTS[0], SILENT])


def test_a_silent_host_is_a_warning_where_something_is_found():
    """What the others have is recorded, and the one that did not answer is named."""
    made = plan("pods shop app=web", [HOSTS[0], SILENT])
    assert chosen(made) == {"node-a": ["pod shop/web-1"]}
    assert made.warnings == ("host node-b is left out: unreachable: No route to host",)


def test_a_target_outside_the_play():
    """The snapshot knows a pod elsewhere: with another match a warning, alone an error, that name the node."""
    known = cluster(WEB_A, WEB_B, CART)
    made = plan("pods shop app=web", HOSTS[:1], known)
    assert chosen(made) == {"node-a": ["pod shop/web-1"]}
    assert made.warnings == (
        "pod shop/web-2 is on node-b, and no host of this play is that node; add it to the inventory or to --limit, or"
        " set kube_node_name",
    )
    with pytest.raises(TargetError, match="pod shop/web-2 is on node-b, and no host of this play"):
        plan("pod shop/web-2", HOSTS[:1], known)
    with pytest.raises(TargetError, match=r"is on node-b, whose host node-b is left out \(unreachable"):
        plan("pod shop/web-2", [HOSTS[0], SILENT], known)
    with pytest.raises(TargetError, match="node node-c exists, and no host of this play"):
        plan("node node-c", HOSTS[:1], known)


@pytest.mark.parametrize(
    "targets, answers, known, end",
    [
        ("pod shop/crt", HOSTS[:2], (), "; looked on the hosts of this play: node-a, node-b"),
        ("pod shop/crt", [asked("node-a", host="h1")], cluster(), ": h1 (and in the snapshot)"),
        ("pod shop/web-2", HOSTS[:1], cluster(WEB_B), ": node-a (and in the snapshot)"),
        ("pod shop/crt", [SILENT], (), "; looked on the hosts of this play: none can be used; what is on these"),
        ("node x", [asked("n%02d" % n) for n in range(10)], (), ": n00, n01, n02, n03, n04, n05, n06, n07 and 2 more"),
    ],
)
def test_where_it_looked(targets, answers, known, end):
    """With --limit the pod may well exist: the sentence names the hosts that were asked."""
    with pytest.raises(TargetError) as error:
        plan(targets, answers, known)
    assert end in str(error.value) and str(error.value).count("hosts of this play") == 1


@pytest.mark.parametrize("targets", ["pods shop tier=x", "pod shop/seed"])
def test_where_it_looked_does_not_matter(targets):
    """A pod that is known and has finished, and labels that nobody knows, are no question of where."""
    blind = asked("node-a", dataclasses.replace(CART, labels=None), gone=[pod("seed", "node-a", pid=None, netns=None)])
    with pytest.raises(TargetError) as error:
        plan(targets, [blind])
    assert "looked on" not in str(error.value)


def test_services_need_a_snapshot():
    """With one, a service's pods are found on every node."""
    made = plan("service shop/web", HOSTS, cluster(WEB_A, WEB_B))
    assert chosen(made) == {"node-a": ["pod shop/web-1"], "node-b": ["pod shop/web-2"]}


def test_what_cannot_be_judged_is_said():
    """A node without a runtime to ask does not know labels: the others' matches are taken, and it is named."""
    blind = asked("node-b", dataclasses.replace(WEB_B, labels=None))
    made = plan("pods shop app=web", [HOSTS[0], blind])
    assert chosen(made) == {"node-a": ["pod shop/web-1"]}
    assert "what it matches on node-b is not known" in made.warnings[0]


@pytest.mark.parametrize("known", [(), cluster(nodes=("node-a", "node-b"))])
def test_a_crictl_that_fails_is_heard(known):
    """Its words stand in the warning, and in the refusal where nothing else matches, with a snapshot, too."""
    problem = {"runtime_problem": "connect: permission denied"}
    blind = asked("node-b", dataclasses.replace(WEB_B, labels=None))
    blind = dataclasses.replace(blind, result={**blind.result, **problem})
    said = "crictl on node-b says: connect: permission denied"
    assert "(%s)" % said in plan("pods shop app=web", [HOSTS[0], blind], known).warnings[0]
    with pytest.raises(PcapError, match=said):
        plan("pods shop app=web", [blind], known)


def test_a_slice_without_a_match_only_warns():
    """With capture_unmatched=warn a play without a match ends well, with the same sentence and the same id."""
    made = plan("pod shop/web-2", HOSTS[:1], unmatched="warn")
    assert made.records == {} and made.id == plan("pod shop/web-2").id
    assert made.warnings[0].startswith("capture_targets: pod shop/web-2 matches no pod")
    with pytest.raises(PcapError):
        plan("pod shop/cart[none]", HOSTS[:1], unmatched="warn")


@pytest.mark.parametrize(
    "answer, node",
    [
        (asked("node-a", host="h1"), "node-a"),
        (asked("node-b", host="h1", kube_node_name="node-b"), "node-b"),
        (dataclasses.replace(asked("node-a", host="h1"), result=asked("node-a").result | {"pods": []}), "node-a"),
    ],
)
def test_hosts_are_tied_to_nodes(answer, node):
    """By the host variable, else by the kubelet's own name."""
    assert settle([answer], cluster()).hosts == {node: "h1"}


def test_a_host_is_found_by_its_address():
    """KNT-15: a host whose own name the cluster does not know is the node with its InternalIP."""
    answer = asked("ip-10", pod("web-1", "ip-10"), host="h1")
    answer.result["node"]["addresses"] = [ADDRESS["node-c"]]
    places = settle([answer], cluster(pod("web-1", "node-c")))
    assert places.hosts == {"node-c": "h1"}
    assert {c.target.node for c in places.candidates if c.target.pid} == {"node-c"}


@pytest.mark.parametrize(
    "answers, reason",
    [
        ([asked("bastion")], 'no node "bastion"'),
        ([asked("node-x", kube_node_name="node-x")], 'no node "node-x"'),
        ([asked("node-a", host="h1"), asked("node-a", host="h2")], "the hosts h1 and h2 are all node node-a"),
        ([Answer("h1", problem="this host lacks tcpdump")], "this host lacks tcpdump"),
        ([Answer("h1")], "it was not asked"),
    ],
)
def test_who_fits_no_node_is_left_out(answers, reason):
    """A stranger, two hosts that are one node, and one without an answer: reported, never guessed."""
    places = settle(answers, cluster())
    assert places.hosts == {} and [one.host for one in places.left_out] == [answer.host for answer in answers]
    assert all(reason in one.reason for one in places.left_out)


def test_a_host_cannot_take_another_name_than_it_was_given():
    """A host whose kube_node_name is known and that answers as another node is left out; that node is not disturbed."""
    places = settle([asked("node-b", host="evil", kube_node_name="node-a"), asked("node-b")], cluster())
    assert places.hosts == {"node-b": "node-b"} and [one.host for one in places.left_out] == ["evil"]
    assert places.left_out[0].reason == "it answers as node node-b, and its kube_node_name is node-a"


STOLEN = dataclasses.replace(WEB_B, node="node-a", pid=66)


def test_a_pod_is_not_taken_from_its_node():
    """With a snapshot its own node counts, without one neither does; a warning names who claims it."""
    hosts = (asked("node-a", WEB_A, STOLEN), asked("node-b", WEB_B))
    for answers in (hosts, hosts[::-1]):
        made = plan("pods shop app=web", answers, cluster(WEB_A, WEB_B, CART))
        assert chosen(made) == {"node-a": ["pod shop/web-1"], "node-b": ["pod shop/web-2"]}
        assert [one.pid for one in made.records["node-b"].targets] == [100]
        assert made.warnings[0].startswith("pod shop/web-2 (uid uid-web-2): what node-a says of it does not count")
        made = plan("pods shop app=web", answers)
        assert chosen(made) == {"node-a": ["pod shop/web-1"]}
        assert "left out, since node-a and node-b each say that it runs there" in made.warnings[0]
        with pytest.raises(TargetError, match="matches no pod.*; pod shop/web-2 .*: left out, since node-a and node-b"):
            plan("pod shop/web-2", answers)


def test_a_name_that_was_given_is_not_overruled():
    """A host variable that names no node is reported, though an address would fit one."""
    answer = asked("node-x", host="h1", kube_node_name="node-x")
    answer.result["node"]["addresses"] = [ADDRESS["node-c"]]
    places = settle([answer], cluster())
    assert places.hosts == {} and 'no node "node-x"' in places.left_out[0].reason


def test_without_a_cluster_every_host_is_a_node():
    """KNT-15: stand-alone machines are recorded under the name they are given."""
    made = plan("nodes *", [asked("edge-1", host="h1"), asked("edge-2", host="h2")])
    assert chosen(made) == {"h1": ["node edge-1"], "h2": ["node edge-2"]}


def test_a_finished_pod():
    """A pod of which its node has only traces is said to be gone."""
    with pytest.raises(TargetError, match="has no process on node-c"):
        plan("pod shop/seed", [asked("node-c", gone=[pod("seed", "node-c", pid=None, netns=None)])])


ASKED = Told(API)
UNLABELLED, WEB_B_HERE = pod("cart", "node-a", labels=None), pod("web-2", "node-a")


@pytest.mark.parametrize(
    "targets, expected",
    [
        ("pods shop app=web", ["pod shop/web-1"]),
        ("pods shop tier!=db", ["pod shop/web-1"]),
        ("pod shop/web-2", ["pod shop/web-2"]),
        (["pods shop app=web", "pod shop/web-2"], ["pod shop/web-1", "pod shop/web-2"]),
    ],
)
def test_what_the_api_does_not_return_does_not_match(targets, expected):
    """web-2 had its label when it was started, cart's labels nobody there knows: by its name alone a node is enough."""
    made = plan(targets, (asked("node-a", WEB_A, WEB_B_HERE, UNLABELLED),), cluster(WEB_A), ASKED)
    assert chosen(made) == {"node-a": expected} and made.warnings == ()


def with_phase(known, **phases):
    """The same, with other phases of the pods whose names begin so."""
    return [dataclasses.replace(c, phase=phases.get((c.target.name or "").partition("-")[0], c.phase)) for c in known]


NEW, LATE = pod("new-1", None, labels={"app": "web"}), pod("late-1", "node-a", labels={"app": "web"})
OVER, FAR = pod("over-1", "node-a", labels={"app": "web"}), pod("far-1", "node-c", labels={"app": "web"})
NOT_YET, NOT_BEGUN = "is Pending: it is on no node yet", "is Pending: no process of it was found on node-a"
NOT_SEEN = "is said to run on node-a, which had no process of it when it was asked: it may have finished, have started"


@pytest.mark.parametrize(
    "pods, phases, words",
    [
        ([OVER], {"over": "Succeeded"}, []),
        ([OVER], {"over": "Failed"}, []),
        ([NEW], {"new": "Pending"}, ["pods shop app=web: pod shop/new-1 %s; make the same request again" % NOT_YET]),
        ([FAR], {"far": "Pending"}, ["pods shop app=web: pod shop/far-1 is Pending; make the same request again"]),
        ([LATE], {"late": "Pending"}, ["pods shop app=web: pod shop/late-1 %s; make the same" % NOT_BEGUN]),
        ([LATE], {}, ["pods shop app=web: pod shop/late-1 %s" % NOT_SEEN]),
        ([LATE, NEW], {"new": "Pending"}, ["pod shop/late-1 %s" % NOT_SEEN, "pod shop/new-1 %s" % NOT_YET]),
        (
            [pod("new-%02d" % n, None, labels={"app": "web"}) for n in range(10)],
            {"new": "Pending"},
            ["each of 10 pods %s; make the same request again once they run (pod shop/new-00, " % NOT_YET],
        ),
    ],
)
@pytest.mark.parametrize("told", [ASKED, Told()])
def test_what_cannot_be_recorded_now_is_said(pods, phases, words, told):
    """Pods that match and have no process that is known are named, with why; those that have finished are not."""
    made = plan("pods shop app=web", HOSTS[:1], with_phase(cluster(WEB_A, *pods), **phases), told)
    assert chosen(made) == {"node-a": ["pod shop/web-1"]} and len(made.warnings) == len(words)
    assert all(word in warning for word, warning in zip(words, made.warnings, strict=True))


def test_what_may_run_later_is_said_beside_what_runs_elsewhere():
    """Where nothing can be recorded, either reason stands in the refusal."""
    with pytest.raises(TargetError) as error:
        plan("pods shop app=web", HOSTS[2:], with_phase(cluster(WEB_B, NEW), new="Pending"), ASKED)
    assert "pod shop/web-2 is on node-b, and no host" in str(error.value) and NOT_YET in str(error.value)


def test_a_part_of_the_api_does_not_judge():
    """Where it could not be asked for all, what the nodes know counts."""
    broken = Told(API, "the API server https://192.0.2.1 forbids user x to list pods")
    made = plan("pods shop app=web", HOSTS, cluster(), broken)
    assert chosen(made) == {"node-a": ["pod shop/web-1"], "node-b": ["pod shop/web-2"]}


@pytest.mark.parametrize(
    "targets, known, told, sentences",
    [
        ("service shop/web", (), Told(API, "it is down"), ["nodes know pods", "; the API was of no help: it is down"]),
        (
            "pod shop/x",
            cluster(),
            ASKED,
            ["on the hosts of this play: node-a, node-b, node-c (and asked the API)"],
        ),
        (
            "pod shop/x",
            cluster(),
            Told(API, cut=True),
            ["(and asked the API); to tell what exists, the API was asked for no "],
        ),
        ("pod shop/x", (), Told(None), ["looked on the hosts of this play: node-a, node-b, node-c"]),
        (
            "pods shop app=web",
            cluster(nodes=["node-c"]),
            ASKED,
            ['(the API has no node "node-a", nor one with its'],
        ),
    ],
)
def test_the_api_is_called_by_its_name(targets, known, told, sentences):
    """What was asked, what it does not know, and why it was of no help."""
    with pytest.raises(TargetError) as refused:
        plan(targets, HOSTS, known, told)
    for sentence in sentences:
        assert sentence in str(refused.value)
