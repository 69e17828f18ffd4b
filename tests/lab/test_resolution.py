# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods found on the lab's nodes are those of the cluster's snapshot (rows KD-2, KD-11, KD-12, PT-3, PT-5, SN-2)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import TargetError
from ansible_collections.kube.pcap.plugins.module_utils._matching import choose, select
from ansible_collections.kube.pcap.plugins.module_utils._records import Candidate
from ansible_collections.kube.pcap.plugins.module_utils._selection import parse
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster import merging
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.snapshot import read_snapshot
from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab

INODE = ["stat", "-Lc", "%i", "/proc/self/ns/net"]
WEB = ["web-6f8d5c7b9d-4hx2k", "web-6f8d5c7b9d-j7pq9", "web-6f8d5c7b9d-zt5mw"]


@pytest.fixture(scope="module")
def views(lab: Lab, ansible: Ansible) -> dict[str, Any]:
    """What each node answers."""
    run = ansible.adhoc("all", "kube.pcap.node_pods_info")
    assert run.rc == 0, run.stdout + run.stderr
    return run.of("node_pods_info")


@pytest.fixture(scope="module")
def known(lab: Lab, views: dict[str, Any]) -> tuple[Candidate, ...]:
    """Nodes and snapshot joined, as a plan does it."""
    cluster, _services = read_snapshot(str(lab.snapshot))
    settled = [merging.settle_node(merging.node_candidates(view), cluster) for view in views.values()]
    return merging.merge([candidate for view in settled for candidate in view or ()], cluster)


def test_every_pod_as_the_snapshot_has_it(lab: Lab, views: dict[str, Any], known: tuple[Candidate, ...]) -> None:
    """Each running pod is found on its node, with the namespace that it sees itself, its uid and containers."""
    found = {(c.target.namespace, c.target.name): c.target for c in known if c.target.kind == "pod" and c.target.pid}
    assert sorted(found) == sorted((p.namespace, p.name) for p in lab.pods if p.state.running)
    assert len(found) == sum(len(view["pods"]) for view in views.values())
    for pod in lab.pods:
        if not pod.state.running:
            continue
        target, spec = found[pod.namespace, pod.name], pod.state.spec
        assert target.netns == int(pod.run(INODE).stdout), pod.name
        assert (target.uid, target.node, target.host_network) == (pod.state.uid, spec.node, spec.host_network)
        assert target.node_uid == pod.state.local_uid and (target.static_hash is not None) == spec.static
        ids = {c.name: c.id for c in target.containers}
        assert ids == {c.name: pod.state.container_ids[c.name] for c in spec.containers}
        assert {c.name for c in target.containers if c.pid} == {c.name for c in spec.containers if not c.init}
        assert target.container == next(c.name for c in spec.containers if not c.init)
        assert set(target.addresses) >= set(pod.addresses or ())


def test_nodes(lab: Lab, views: dict[str, Any]) -> None:
    """A node is its first process's namespace, and its default interface is the underlay's."""
    for node in lab.nodes:
        view = views[node.name]
        assert view["node"]["netns"] == int(node.run(INODE).stdout) and view["node"]["name"] == node.name
        assert view["default_interface"] == "eth0" and set(node.addresses) <= set(view["node"]["addresses"])


def test_a_static_pod_is_tied_by_its_hash(known: tuple[Candidate, ...]) -> None:
    """The node calls it by its configuration's hash, the API by another uid: they are one."""
    (target,) = choose(parse("x", "pod kube-system/registry-mirror-node-a"), known, "x")
    assert target.pid and target.static_hash and target.uid != target.static_hash


@pytest.mark.parametrize(
    "text, names",
    [
        ("deployment shop/web", WEB),
        ("service shop/web", WEB),
        ("pods shop app=web,tier!=back", WEB),
        ("daemonset kube-system/node-agent", ["node-agent-b"]),
        ("statefulset shop/db", ["db-0"]),
        ("pods * app=cart", ["cart", "cart"]),
        ("nodes pool=edge", ["node-c"]),
        ("pod shop/checkout[migrate]", ["checkout"]),
    ],
)
def test_selections(known: tuple[Candidate, ...], text: str, names: list[str]) -> None:
    """Labels, workloads and services come from the snapshot, processes from the nodes."""
    assert sorted(t.name or "" for t in choose(parse("x", text), known, "x")) == names


@pytest.mark.parametrize(
    "text, said",
    [
        ("pod shop/report-7q2xd", "is Pending"),
        ("pod shop/seed-x8k4n", "has finished"),
        ("pod shop/crt", "namespace shop has the pods cart, "),
        ("pod shop/cart[x]", "its containers are cart"),
    ],
)
def test_refused(known: tuple[Candidate, ...], text: str, said: str) -> None:
    """What cannot be used is told in one sentence."""
    with pytest.raises(TargetError, match=said):
        choose(parse("x", text), known, "x")


def test_one_node_alone(ansible: Ansible, views: dict[str, Any]) -> None:
    """A node answers for its own pods; what it cannot judge it refuses, in a sentence."""
    run = ansible.adhoc("all", "kube.pcap.node_pods_info", params={"targets": "pod shop/cart"})
    assert {host: len(result["pods"]) for host, result in run.of("node_pods_info").items()} == {
        "node-a": 1,
        "node-b": 0,
        "node-c": 0,
    }
    run = ansible.adhoc("node-a", "kube.pcap.node_pods_info", params={"targets": "deployment shop/web"})
    result = run.of("node_pods_info")["node-a"]
    assert run.rc and result["msg"].endswith(
        "or let the API be asked (K8S_AUTH_KUBECONFIG, or capture_api: always), or name the pods"
    )
    finished = [c for c in merging.node_candidates(views["node-c"]) if c.target.name == "seed-x8k4n"]
    assert [c.phase for c in finished] == ["Gone"]
    assert not select(parse("x", "pod shop/seed-x8k4n")[0], finished)


def test_targets_info(lab: Lab, ansible: Ansible) -> None:
    """The action reads the snapshot where the playbook was started, once, without a connection."""
    params = {"snapshot": lab.snapshot.name, "targets": ["deployment shop/web", "node node-a"]}
    run = ansible.adhoc("localhost", "kube.pcap.targets_info", params=params, cwd=lab.snapshot.parent)
    result = run.of("targets_info")["localhost"]
    assert [t["name"] for t in result["targets"]] == [*WEB, "node-a"] and not result["changed"]
    run = ansible.adhoc("localhost", "kube.pcap.targets_info", params={"snapshot": "no.json"})
    assert "the snapshot " in run.of("targets_info")["localhost"]["msg"] and "Traceback" not in run.stdout + run.stderr
