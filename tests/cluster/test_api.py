# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What selections mean to a real API server, and what is said where a pod cannot be used."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._matching import match_labels
from ansible_collections.kube.pcap.plugins.module_utils._selection import parse
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import client as client_module
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.access import Access
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.answer import answer
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.client import connect
from tests.cluster import images
from tests.cluster.capturing import ClusterPlays
from tests.cluster.workloads import key
from tests.gate.venvs import venv
from tests.lab.ansible_run import Ansible
from tests.lab.playing import started
from tests.nodes.node import CHECKOUT


@pytest.fixture
def ask(cluster):
    """What targets_info answers to a selection."""
    return lambda targets: answer({"targets": targets, "kubeconfig": str(cluster.kubeconfig)}, {}, "/")


def names(targets):
    """Namespace and name of targets."""
    return sorted("%s/%s" % (target["namespace"], target["name"]) for target in targets)


@pytest.mark.parametrize(
    "selection, kubectl",
    [
        ("deployment shop/web", ["-n", "shop", "-l", "app=web"]),
        ("statefulset shop/db", ["-n", "shop", "-l", "app=db"]),
        ("daemonset shop/agentless", ["-n", "shop", "-l", "app=agentless"]),
        ("service shop/web", ["-n", "shop", "-l", "app=web"]),
        ("service shop/web-headless", ["-n", "shop", "-l", "app=web"]),
        ("service kube-system/kube-dns", ["-n", "kube-system", "-l", "k8s-app=kube-dns"]),
        ("pods * app in (web,db)", ["-A", "-l", "app in (web,db)"]),
        ("pod other/twin", ["-n", "other", "--field-selector", "metadata.name=twin"]),
    ],
)
def test_what_a_selection_means(cluster, ask, selection, kubectl):
    """SN-1: each kind matches the pods that kubectl finds another way."""
    expected = sorted(key(pod) for pod in cluster.objects("pods", *kubectl))
    assert names(ask(selection)["targets"]) == expected and expected


def test_a_rolled_out_replica_set(cluster, ask):
    """A replica set has its own pods, by owner; its deployment those of all."""
    (made,) = [rs for rs in cluster.objects("replicasets", "-n", "shop") if rs["spec"]["replicas"]]
    found = ask(["replicaset shop/" + made["metadata"]["name"], "deployment shop/web"])
    own = [c for c in found["candidates"] if ["replicaset", made["metadata"]["name"]] in (c["workloads"] or ())]
    assert len(own) == 3 and all(["deployment", "web"] in c["workloads"] for c in own)


TERMS = (
    "app=web",
    "app==web",
    "app!=web",
    "app",
    "!app",
    "app in (web,db)",
    "app notin (web, db)",
    "app in (web),app!=db",
    "empty=",
    "empty!=",
    "empty in (,x)",
    "example.com/path.to_it=A-1",
    "!example.com/path.to_it",
    "in=notin",
    "in in (in,notin)",
    "notin",
)

OF_LABELLED = {
    "app!=web",
    "!app",
    "app notin (web, db)",
    "empty=",
    "empty in (,x)",
    "example.com/path.to_it=A-1",
    "in=notin",
    "in in (in,notin)",
}
"""Of them, those that a pod with these labels satisfies."""


def test_terms_mean_what_kubernetes_means(cluster):
    """The server's selection by each term is what ours matches among all pods."""
    labels = {"empty": "", "example.com/path.to_it": "A-1", "in": "notin"}
    metadata = {"name": "labelled", "namespace": "shop", "labels": labels}
    # Nobody schedules it, so that it is there and nowhere.
    spec = {"schedulerName": "none", "containers": [{"name": "app", "image": "none"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(pod))
    try:
        with connect(Access("kubeconfig", str(cluster.kubeconfig))) as client:
            every = list(client.list("/api/v1/pods"))
            for text in TERMS:
                (selection,) = parse("targets", "pods * " + text)
                query = ",".join(selection.label_selectors)
                chosen = {key(pod) for pod in client.list("/api/v1/pods", label_selector=query)}
                known = {key(pod): pod["metadata"].get("labels") or {} for pod in every}
                ours = {name for name, own in known.items() if match_labels(selection.label_selectors, own)}
                assert chosen == ours, text
                assert ("shop/labelled" in chosen) == (text in OF_LABELLED), text
    finally:
        cluster.kubectl("-n", "shop", "delete", "pod", "labelled", "--force", "--grace-period=0")


def test_pages(cluster, monkeypatch):
    """A list in pages is the whole list, each page asked for with the token of the one before."""
    monkeypatch.setattr(client_module, "PAGE", 5)
    asked = []
    with connect(Access("kubeconfig", str(cluster.kubeconfig))) as client:
        send = client._connection.send
        monkeypatch.setattr(client._connection, "send", lambda path, query: asked.append(query) or send(path, query))
        whole = sorted(key(pod) for pod in client.list("/api/v1/pods"))
        assert len(asked) == -(-len(whole) // 5) >= 5 and all(one["limit"] == "5" for one in asked)
        assert len({one.get("continue") for one in asked}) == len(asked)
        (first, *_others) = [key(pod) for pod in client.list("/api/v1/pods", most=1)]
        cached = sorted(key(pod) for pod in client.list("/api/v1/pods", fresh=False))
    assert whole == cached == sorted(map(key, cluster.objects("pods", "-A"))) and first in whole


KINDS = "nodes,pods,services,endpointslices,deployments,replicasets,statefulsets,daemonsets,jobs"


def test_a_snapshot_is_as_good(cluster, tmp_path):
    """What kubectl wrote to a file tells what the API does: every node, and every pod with what owns and serves it."""
    words = "kubectl get %s -A -o json" % KINDS
    assert words in (CHECKOUT / "README.md").read_text()
    file = tmp_path / "snapshot.json"
    file.write_text(cluster.kubectl(*words.split()[1:]))
    told = [answer(options, {}, "/") for options in ({"snapshot": str(file)}, {"kubeconfig": str(cluster.kubeconfig)})]
    saved, asked = ({one["target"]["uid"]: one for one in each["candidates"]} for each in told)
    assert [each["source"] for each in told] == ["snapshot", "API"] and len(saved) > 25
    assert saved == asked
    web = [one for one in saved.values() if ["deployment", "web"] in (one["workloads"] or ())]
    assert [one["services"] for one in web] == [["web", "web-headless"]] * 3


@pytest.mark.parametrize(
    "selection, sentence",
    [
        ("pod shop/pending", "targets: pod shop/pending is Pending: it is on no node yet"),
        ("pod shop/completed", "targets: pod shop/completed has finished (Succeeded)"),
        ("job shop/done", "has finished (Succeeded)"),
        ("pod shop/missing", "targets: pod shop/missing matches no pod; namespace shop has the pods "),
        ("pod shp/web", "namespace shp has no pods; namespaces with pods are kube-system, other, shop"),
        ("pods shop app=wbe", "targets: pods shop app=wbe matches no pod; namespace shop has the pods "),
        ("deployment shop/wbe", "targets: deployment shop/wbe matches no pod; namespace shop has the deployments web"),
        ("service shop/wbe", "namespace shop has the services db, db-primary, web, web-headless"),
        ("node node-d", "targets: node node-d matches no node; there are node-a, node-b, node-c"),
        ("pod shop/sidecar[nope]", 'targets: pod shop/sidecar has no container "nope"; its containers are '),
    ],
)
def test_a_pod_that_cannot_be_used(ask, selection, sentence):
    """PT-5: one sentence with the reason, or with what exists."""
    with pytest.raises(PcapError) as refused:
        ask(selection)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


@pytest.fixture
def stray(cluster):
    """A pod in a namespace of its own, which has had the label app=stray and has it no more; gone afterwards."""
    container = {"name": "app", "image": images.name("netkit")}
    metadata = {"name": "stray", "namespace": "aside", "labels": {"app": "stray"}}
    spec = {"nodeName": "node-b", "terminationGracePeriodSeconds": 1, "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.kubectl("create", "namespace", "aside")
    try:
        cluster.kubectl("apply", "-f", "-", input=json.dumps(pod))
        cluster.kubectl("-n", "aside", "wait", "pod", "stray", "--for=condition=Ready", "--timeout=60s", timeout=90)
        cluster.kubectl("-n", "aside", "label", "pod", "stray", "app-")
        yield "pod aside/stray"
    finally:
        cluster.kubectl("delete", "namespace", "aside", timeout=120)


def test_a_label_that_was_taken_away(plays, stray):
    """What the API does not return does not match, though the node knows the label of the pod's start."""
    run = plays.capture("pods aside app=stray", "--check")
    assert run.rc == 2 and "pods aside app=stray matches no pod" in run.stdout, run.stdout
    assert plays.capture(stray, "--check").stdout.count("planned") == 1
    assert plays.capture("pods aside app=stray", "--check", api="never").stdout.count("planned") == 1


def test_a_host_that_is_no_node(cluster, plays, tmp_path):
    """KNT-15: it is left out by name, and the others go on."""
    stranger = {"ansible_host": cluster.node("node-c").address, "ansible_user": "root", "kube_node_name": "node-x"}
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"all": {"children": {"nodes": {"hosts": {"stranger": stranger}}}}}))
    run = plays.capture("pods shop app=web", "--check", "-i", str(more))
    assert run.stdout.count("planned") == 3, run.stdout
    told = run.stdout + run.stderr
    assert 'host stranger is left out: the API has no node "node-x", nor one with its addresses; set kube_node' in told


def test_the_oldest_core_and_client(cluster, tmp_path):
    """The oldest that the collection promises ask this API: a deployment is known to it alone."""
    python = str(venv("core-2.16") / "python")
    plays = ClusterPlays(cluster, Ansible(cluster.inventory, tmp_path, python))
    run = plays.capture("deployment shop/web", "--check", api="always")
    assert run.rc == 0 and sorted(row[0] for row in started(run)) == cluster.nodes, run.stdout + run.stderr
