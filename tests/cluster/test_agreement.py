# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API, the nodes and the runtime say of the same pods, whatever becomes of those (KD-2, 11, 12, PT-1 to 6)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import images
from tests.cluster.cluster import Cluster
from tests.cluster.node import ClusterNode
from tests.cluster.pods import CRASHES
from tests.cluster.state import ClusterError
from tests.cluster.workloads import LONG_NAME, key, running
from tests.lab.ansible_run import Ansible

POD_LABEL = "io.kubernetes.pod."
LEAVING = "leaving"


@dataclasses.dataclass
class Runtime:
    """What crictl says of one pod."""

    ready: bool = False
    """Whether its sandbox runs."""
    attempts: dict[str, set[str]] = dataclasses.field(default_factory=dict)
    """The ids of each container, ended ones too."""
    living: dict[str, tuple[str, int]] = dataclasses.field(default_factory=dict)
    """The id and first process of each container that runs, but for those that crash again and again."""


def crictl(node: ClusterNode) -> dict[str, Runtime]:
    """What the runtime says of a node's pods."""
    found: dict[str, Runtime] = {}
    for sandbox in json.loads(node.run(["crictl", "pods", "-o", "json"]).stdout)["items"]:
        pod = found.setdefault(key(sandbox), Runtime())
        pod.ready = pod.ready or sandbox["state"] == "SANDBOX_READY"
    for one in json.loads(node.run(["crictl", "ps", "-a", "-o", "json"]).stdout)["containers"]:
        labels, name = one["labels"], one["labels"]["io.kubernetes.container.name"]
        pod = found["%s/%s" % (labels[POD_LABEL + "namespace"], labels[POD_LABEL + "name"])]
        pod.attempts.setdefault(name, set()).add(one["id"])
        if one["state"] == "CONTAINER_RUNNING" and name != CRASHES:
            info = json.loads(node.run(["crictl", "inspect", one["id"]]).stdout)["info"]
            pod.living[name] = (one["id"], info["pid"])
    return found


@pytest.fixture(scope="module")
def leaving(cluster: Cluster) -> Iterator[None]:
    """A pod that was deleted, and that nothing but SIGKILL ends: its first process hears no other signal."""
    container = {"name": "web", "image": images.name("netkit"), "args": ["sleep", "2147483647"]}
    metadata = {"name": LEAVING, "namespace": "shop", "labels": {"app": LEAVING}}
    spec = {"nodeName": "node-b", "terminationGracePeriodSeconds": 3600, "containers": [container]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(pod))
    own = ["-n", "shop", "pod", LEAVING]
    try:
        cluster.kubectl("wait", *own, "--for=condition=Ready", "--timeout=60s", timeout=90)
        cluster.kubectl("delete", *own, "--wait=false")
        yield
    finally:
        (_id, pid) = crictl(cluster.node("node-b"))["shop/" + LEAVING].living["web"]
        cluster.node("node-b").run(["kill", "-KILL", str(pid)])
        cluster.kubectl("wait", *own, "--for=delete", "--timeout=60s", timeout=90)


@dataclasses.dataclass
class Views:
    """What each of the three says, by namespace and name."""

    api: dict[str, dict[str, Any]]
    """Candidates of targets_info."""
    pods: dict[str, dict[str, Any]]
    gone: dict[str, dict[str, Any]]
    """Of node_pods_info of all nodes."""
    runtime: dict[str, dict[str, Runtime]]
    """By node."""


@pytest.fixture(scope="module")
def seen(cluster: Cluster, ansible: Ansible, leaving: None) -> Views:
    """All three are asked; a pod that two nodes tell of is refused."""
    told = ansible.adhoc("all", "kube.pcap.node_pods_info").of("node_pods_info").values()
    runtime = {name: crictl(cluster.node(name)) for name in cluster.nodes}
    env = {"K8S_AUTH_KUBECONFIG": str(cluster.kubeconfig)}
    asked = ansible.adhoc("localhost", "kube.pcap.targets_info", env=env).of("targets_info")["localhost"]
    candidates = [one for one in asked["candidates"] if one["target"]["kind"] == "pod"]
    return Views(
        {_title(one["target"]): one for one in candidates},
        _each_once([pod for one in told for pod in one["pods"]]),
        _each_once([pod for one in told for pod in one["gone"]]),
        runtime,
    )


def _title(target: dict[str, Any]) -> str:
    return "%s/%s" % (target["namespace"], target["name"])


def _each_once(pods: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {_title(pod): pod for pod in pods}
    assert len(found) == len(pods)
    return found


def agree(pod: dict[str, Any], seen: Views) -> None:
    """Of a pod whose sandbox runs all three say the same."""
    title, node = key(pod), pod["spec"]["nodeName"]
    candidate, own, runtime = seen.api[title], seen.pods[title], seen.runtime[node][title]
    target = candidate["target"]
    assert runtime.ready and candidate["phase"] == pod["status"]["phase"], title
    assert target["node"] == own["node"] == node and target["uid"] == pod["metadata"]["uid"], title
    assert own["uid"] in (target["uid"], target["static_hash"]) and own["static_hash"] == target["static_hash"]
    assert target["host_network"] == own["host_network"] and target["labels"] == own["labels"], title
    assert set(target["addresses"]) <= set(own["addresses"]) and own["pid"] and own["netns"], title
    steady = [one for one in own["containers"] if one["name"] != CRASHES]
    living = {one["name"]: (one["id"], one["pid"]) for one in steady if one["pid"]}
    assert living == runtime.living, title
    ids = {one["name"]: one["id"] for one in target["containers"]}
    assert {name: ids[name] for name in living} == {name: id for name, (id, _pid) in living.items()}, title
    for one in own["containers"]:
        assert one["id"] in runtime.attempts[one["name"]] or one["name"] == CRASHES, title


def test_api_node_and_runtime_agree(cluster: Cluster, seen: Views) -> None:
    """Of every pod with a sandbox all three say the same, and of the others that there is none."""
    pods = {key(pod): pod for pod in cluster.objects("pods", "-A")}
    assert set(seen.api) == set(pods)
    lacking = {"shop/pending", "shop/completed", *(title for title in pods if title.startswith("shop/done-"))}
    for title in set(pods) - lacking:
        agree(pods[title], seen)
    assert set(seen.pods) == set(pods) - lacking and {"shop/static-node-b", "shop/host-network"} <= set(seen.pods)
    assert len(seen.pods) >= 23 and {"shop/debugged", "shop/" + LONG_NAME, "shop/crash"} <= set(seen.pods)
    for title in lacking:
        assert not any(runtime[title].ready for runtime in seen.runtime.values() if title in runtime), title
    _as_each_is(seen, pods)


def _as_each_is(seen: Views, pods: dict[str, dict[str, Any]]) -> None:
    """What is special: a pod on its way out lives, one without its image has a network alone, two have ended."""
    assert "deletionTimestamp" in pods["shop/" + LEAVING]["metadata"]
    assert [one["name"] for one in seen.pods["shop/" + LEAVING]["containers"] if one["pid"]] == ["web"]
    assert seen.api["shop/unpullable"]["phase"] == "Pending"
    assert not seen.runtime["node-c"]["shop/unpullable"].attempts
    assert not any(one["pid"] for one in seen.pods["shop/unpullable"]["containers"])
    half = {one["name"]: one["pid"] for one in seen.pods["shop/half"]["containers"]}
    assert set(half) == {CRASHES, "web"} and half["web"]
    assert seen.api["shop/pending"]["phase"] == "Pending" and seen.api["shop/pending"]["target"]["node"] is None
    assert "shop/pending" not in seen.gone and not any("shop/pending" in one for one in seen.runtime.values())
    assert seen.api["shop/completed"]["phase"] == "Succeeded"
    (ended,) = seen.gone["shop/completed"]["containers"]
    assert {ended["id"]} == seen.runtime["node-a"]["shop/completed"].attempts["main"] and ended["pid"] is None


_WITH_SHELL = {"debugged": "debugger", "half": "web"}
_WITHOUT_SHELL = {"shop/distroless"}


def test_the_namespace_is_the_containers_own(cluster: Cluster, seen: Views) -> None:
    """KD-2: the inode is what the container itself sees; a pod without a shell is asked in one that has."""
    silent = set()
    for pod in filter(running, cluster.objects("pods", "-A")):
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        container = [word for one in [_WITH_SHELL.get(name)] if one for word in ("-c", one)]
        try:
            inside = cluster.kubectl("-n", namespace, "exec", name, *container, "--", "readlink", "/proc/self/ns/net")
        except ClusterError:
            silent.add(key(pod))
            continue
        assert inside.strip() == "net:[%d]" % seen.pods[key(pod)]["netns"], name
    assert {title for title in silent if not title.startswith("kube-system/coredns-")} == _WITHOUT_SHELL
