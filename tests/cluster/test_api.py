# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API, the nodes and the runtime say of the same pods, and what is said where a pod cannot be used."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._matching import match_labels
from ansible_collections.kube.pcap.plugins.module_utils._selection import parse
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.access import Access
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.answer import answer
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.client import connect
from tests.cluster import images
from tests.cluster.state import ClusterError
from tests.cluster.workloads import LONG_NAME, key, running

NOBODY = {"K8S_AUTH_HOST": "https://127.0.0.1:9", "K8S_AUTH_API_KEY": "none"}
LONG = "shop/" + LONG_NAME
POD_LABEL = "io.kubernetes.pod."


@pytest.fixture
def ask(cluster):
    """What targets_info answers to a selection."""
    return lambda targets: answer({"targets": targets, "kubeconfig": str(cluster.kubeconfig)}, {}, "/")


def task(ansible, env, **options):
    """The result of the task targets_info, by the variables of the environment."""
    run = ansible.adhoc("localhost", "kube.pcap.targets_info", params=options, env=env)
    assert "Traceback" not in run.stdout + run.stderr
    return run.of("targets_info")["localhost"]


def names(targets):
    """Namespace and name of targets."""
    return sorted("%s/%s" % (target["namespace"], target["name"]) for target in targets)


def by_name(targets):
    """Pods by their namespace and name."""
    return {(target["namespace"], target["name"]): target for target in targets if target["kind"] == "pod"}


def crictl(node):
    """What the runtime says of a node's pods: {(namespace, name): {container: (id, pid)}}."""
    found: dict[tuple[str, str], dict[str, tuple[str, int]]] = {}
    for one in json.loads(node.run(["crictl", "ps", "-o", "json"]).stdout)["containers"]:
        inspected = node.run(["crictl", "inspect", one["id"]], check=False)
        if inspected.returncode:  # it has ended since
            continue
        labels = one["labels"]
        pod = found.setdefault((labels[POD_LABEL + "namespace"], labels[POD_LABEL + "name"]), {})
        pod[labels["io.kubernetes.container.name"]] = (one["id"], json.loads(inspected.stdout)["info"]["pid"])
    return found


def test_api_node_and_runtime_agree(cluster, ansible):
    """KD-11, KD-12, PT-1 to PT-6: of every running pod all three say the same, and each pod is on its node alone."""
    run = ansible.adhoc("all", "kube.pcap.node_pods_info")
    told = {name: by_name(found["pods"]) for name, found in run.of("node_pods_info").items()}
    runtime = {name: crictl(cluster.node(name)) for name in cluster.nodes}
    from_api = by_name(task(ansible, {"K8S_AUTH_KUBECONFIG": str(cluster.kubeconfig)})["targets"])
    seen = []
    for pod in filter(running, cluster.objects("pods", "-A")):
        identity, node = (pod["metadata"]["namespace"], pod["metadata"]["name"]), pod["spec"]["nodeName"]
        target = from_api[identity]
        (own,) = [pods[identity] for pods in told.values() if identity in pods]
        assert target["node"] == own["node"] == node and target["uid"] == pod["metadata"]["uid"]
        assert own["uid"] in (target["uid"], target["static_hash"]) and own["static_hash"] == target["static_hash"]
        assert target["host_network"] == own["host_network"] and target["labels"] == own["labels"], identity
        assert set(target["addresses"]) <= set(own["addresses"]), identity
        living = {c["name"]: (c["id"], c["pid"]) for c in own["containers"] if c["pid"]}
        assert living == runtime[node][identity], identity
        ids = {c["name"]: c["id"] for c in target["containers"]}
        assert {name: ids[name] for name in living} == {name: id for name, (id, _pid) in living.items()}, identity
        seen.append("/".join(identity))
    assert len(seen) >= 18 and {"shop/static-node-b", "shop/host-network", "shop/debugged", LONG} <= set(seen)


def test_the_namespace_is_the_containers_own(cluster, ansible):
    """KD-2: the inode is what the container itself sees; where a pod has no shell nobody can ask it."""
    found = ansible.adhoc("all", "kube.pcap.node_pods_info").of("node_pods_info")
    netns = {(p["namespace"], p["name"]): p["netns"] for answer in found.values() for p in answer["pods"]}
    asked = 0
    for pod in filter(running, cluster.objects("pods", "-A")):
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        try:
            inside = cluster.kubectl("-n", namespace, "exec", name, "--", "readlink", "/proc/self/ns/net")
        except ClusterError:
            continue
        asked += 1
        assert inside.strip() == "net:[%d]" % netns[namespace, name], name
    assert asked >= 15


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
    """PT-8 to PT-10: each kind matches the pods that kubectl finds another way."""
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


def test_pages(cluster):
    """A list in pages is the whole list."""
    with connect(Access("kubeconfig", str(cluster.kubeconfig))) as client:
        whole = sorted(key(pod) for pod in client.list("/api/v1/pods"))
        (first, *_others) = [key(pod) for pod in client.list("/api/v1/pods", most=1)]
        cached = sorted(key(pod) for pod in client.list("/api/v1/pods", fresh=False))
    assert whole == cached == sorted(map(key, cluster.objects("pods", "-A"))) and first in whole


@pytest.mark.parametrize(
    "selection, sentence",
    [
        ("pod shop/pending", "targets: pod shop/pending is Pending: no process of it exists yet"),
        ("pod shop/completed", "targets: pod shop/completed has finished (Succeeded)"),
        ("job shop/done", "has finished (Succeeded)"),
        ("pod shop/missing", "targets: pod shop/missing matches no pod; namespace shop has the pods "),
        ("pod shp/web", "namespace shp has no pods; namespaces with pods are kube-system, other, shop"),
        ("pods shop app=wbe", "targets: pods shop app=wbe matches no pod; namespace shop has the pods "),
        ("deployment shop/wbe", "targets: deployment shop/wbe matches no pod; namespace shop has the deployments web"),
        ("service shop/wbe", "namespace shop has the services db, web, web-headless"),
        ("node node-d", "targets: node node-d matches no node; there are node-a, node-b, node-c"),
        ("pod shop/sidecar[nope]", 'targets: pod shop/sidecar has no container "nope"; its containers are '),
    ],
)
def test_a_pod_that_cannot_be_used(ask, selection, sentence):
    """KNT-15: one sentence with the reason, or with what exists."""
    with pytest.raises(PcapError) as refused:
        ask(selection)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


def test_the_api_cannot_be_reached(ansible, plays):
    """PT-13: asked for, it is an error; by default a warning, and labels are known by the nodes."""
    refused = "the API server https://127.0.0.1:9 cannot be reached: Connection refused"
    assert task(ansible, NOBODY, targets="pod shop/client")["msg"] == refused
    plays.env = NOBODY
    run = plays.capture("pods shop app=web", "--check")
    assert run.rc == 0 and run.stdout.count("planned") == 3, run.stdout
    assert (run.stdout + run.stderr).count("[WARNING]") == 1 and refused + "; what the nodes know" in run.stderr
    for targets, api, sentence in (
        ("deployment shop/web", "auto", "or name the pods; the API was of no help: " + refused),
        ("pods shop app=web", "always", refused),
    ):
        run = plays.capture(targets, "--check", api=api)
        assert run.rc == 2 and sentence in run.stdout.replace("\\n", ""), run.stdout


def test_the_playbook_by_workload_and_service(plays):
    """PT-9: what only the API knows chooses pods on every node."""
    run = plays.capture(["deployment shop/web", "service shop/db"], "--check")
    assert run.rc == 0 and run.stdout.count("planned") == 5 and run.stderr == "", run.stdout + run.stderr


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
