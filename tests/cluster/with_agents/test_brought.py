# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents: brought as asked for, deleted, and their recorders killed (rows KNT-1, KNT-11, KNT-15, PT-13)."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from functools import partial

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._collect.fetching import BLOCK
from tests.bucket import scene
from tests.bucket.scene import Bucket
from tests.cluster.agents import NAMESPACE, Agents, report
from tests.cluster.capturing import ClusterPlays, files, from_nodes, numbers, side_by_side, state
from tests.cluster.cluster import Cluster
from tests.cluster.node import ClusterNode
from tests.cluster.pods import ClusterPod, named
from tests.lab import addresses
from tests.lab.playing import changed, said, started, told
from tests.lab.recording import wait_for
from tests.lab.shipped import CREATE_ONLY, environment
from tests.lab.tools import ended
from tests.lab.traffic import Traffic

RIGHTS = {"NET_RAW", "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "DAC_READ_SEARCH", "SETGID"}
ROOT = "/var/lib/kube-pcap"
SINK = "gs://%s/cluster" % scene.BUCKET
ENDED = "the recorder was told to end"


def test_brought(agents: Agents) -> None:
    """KNT-15, PT-13: one on each node, tainted ones too; without privileges, account or a file system to write to."""
    pods = agents.pods()
    assert sorted(pods) == agents.cluster.nodes
    for pod in pods.values():
        (container,) = pod["spec"]["containers"]
        context = container["securityContext"]
        assert not context.get("privileged") and context["readOnlyRootFilesystem"]
        assert set(context["capabilities"]["add"]) == RIGHTS and context["capabilities"]["drop"] == ["ALL"]
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == [ROOT, "/tmp"]
        assert container["resources"]["limits"] == {"memory": "512Mi"}
    node = agents.cluster.nodes[0]
    assert "Read-only" in agents.run(node, "sh", "-c", "touch /usr/x 2>&1 || true")
    account = "--as=system:serviceaccount:%s:kube-pcap-agent" % NAMESPACE
    may = agents.cluster.kubectl("auth", "can-i", "--list", account)
    assert not re.search(r"^(pods|nodes|secrets|\*)", may, re.MULTILINE), may


def test_the_same_again(agents: Agents) -> None:
    """Nothing is changed, and each agent is told; check mode says what would change, and changes nothing."""
    run = agents.bring()
    assert run.rc == 0 and changed(run) == {"localhost": 0}
    lines = report(run).splitlines()
    assert lines[0] == "3 agents of 3 nodes"
    assert [line.split()[::2] for line in lines[2:]] == [[name, "ready"] for name in agents.cluster.nodes]
    before = agents.pods()
    run = agents.bring("--check", resources={"limits": {"memory": "600Mi"}})
    assert run.rc == 0 and changed(run) == {"localhost": 1}
    assert report(run).splitlines()[0] == "check mode: nothing was changed; 3 agents now"
    assert {node: pod["metadata"]["uid"] for node, pod in agents.pods().items()} == {
        node: pod["metadata"]["uid"] for node, pod in before.items()
    }


@pytest.fixture
def bucket(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A bucket that agents and controller reach, whose signer may only create and read."""
    host = addresses.underlay(cluster.site.index, addresses.HOST).v4
    with scene.running(tmp_path_factory.mktemp("bucket"), host) as made:
        made.allow(made.account, *CREATE_ONLY)
        yield made


def in_bucket(bucket: Bucket, folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    """Copies of a bucket's segments, by the pod's name or the node's."""
    found: dict[str, list[pathlib.Path]] = {}
    for one in bucket.objects():
        if one.name.endswith(".pcap"):
            _prefix, _id, node, namespace, name, file = one.name.split("/")
            (folder / file).write_bytes(bucket.content(one.name))
            found.setdefault(node if namespace == "_node" else name, []).append(folder / file)
    return found


def in_spools(cluster: Cluster, id: str) -> dict[str, list[pathlib.Path]]:
    """A capture's segments in the nodes' spools, by the pod's name or the node's."""
    nodes = map(cluster.node, cluster.nodes)
    return {name or node.name: paths for node in nodes for name, paths in files(node, id).items()}


def delete_all(agents: Agents) -> None:
    """Deletes every agent; returns when none of them is there any more."""
    names = [pod["metadata"]["name"] for pod in agents.pods().values()]
    agents.cluster.kubectl("-n", NAMESPACE, "delete", "pod", *names, timeout=120)


def test_all_agents_are_deleted(agents: Agents, plays: ClusterPlays, bucket: Bucket, tmp_path: pathlib.Path) -> None:
    """KNT-1, KNT-11: the next ones go on with what was recorded of pods and of every node, after a gap that is told;
    they ship at once what they find, and hand over all files byte by byte."""
    cluster, shipping = agents.cluster, ClusterPlays(agents.cluster, agents.ansible)
    shipping.env.update(environment(bucket))
    nodes = [cluster.node(name) for name in cluster.nodes]
    (pod,) = [one for one in named(cluster, "shop", "app=web") if one.node.name == "node-b"]
    record = partial(shipping.capture, ["nodes *", pod.title], filter="udp port 9000", snaplen=0, compress=False)
    for run in side_by_side(partial(record, id="kept"), partial(record, id="shipped", sink=SINK)):
        assert run.rc == 0 and [row[2] for row in started(run)] == ["ready"] * 4, run.stdout + run.stderr
    large = {"address": "127.0.0.1", "count": 4000, "rate": 2000, "size": 1400}
    first = {**from_nodes(cluster, cluster.nodes), pod.name: Traffic(pod, [], large).wait().stream}
    bucket.front.down()
    before = {(node.name, id): recorder(node, id) for node in nodes for id in ("kept", "shipped")}
    delete_all(agents)
    assert in_bucket(bucket, tmp_path) == {}
    bucket.front.up()
    cluster.wait("next agents", lambda: len(agents.pods()) == 3 and all(map(agents.is_ready, cluster.nodes)))
    wait_for(lambda: all(records(cluster.node(name), id, old) for (name, id), old in before.items()), 60, "recorders")
    wait_for(lambda: all(has_shipped(node, "shipped") for node in nodes), 60, "the earlier files in the bucket")
    found = in_bucket(bucket, tmp_path)
    sent = {name: list(range(4000 if name == pod.name else 300)) for name in first}
    assert {name: numbers(found[name], stream) for name, stream in first.items()} == sent
    second = {**from_nodes(cluster, cluster.nodes), pod.name: pod.send(count=300).stream}
    status = shipping.run("status")
    assert status.rc == 0 and set(changed(status).values()) == {0}, status.stdout
    targets = [target for capture in told(status)["captures"] for target in capture["targets"]]
    assert [(one["phase"], one["gaps"], one["last_gap"]["reason"]) for one in targets] == [("ready", 1, ENDED)] * 8
    assert said(status).count(": 1 gap, from ") == said(status).count(ENDED) == 8
    assert shipping.run("stop", id="all").rc == 0
    kept = in_spools(cluster, "kept")
    for found in (kept, in_bucket(bucket, tmp_path)):
        assert {name: numbers(found[name], stream) for name, stream in first.items()} == sent
        assert all(numbers(found[name], stream) == list(range(300)) for name, stream in second.items())
    assert max(path.stat().st_size for path in kept[pod.name]) > BLOCK
    whole = {path.name: path.read_bytes() for paths in kept.values() for path in paths}
    assert plays.run("collect", id="kept", dest=str(tmp_path / "here")).rc == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "here").rglob("*.pcap")} == whole
    wait_for(lambda: not any(map(ended, nodes)), 60, "nobody who has ended and was not waited for")


def test_a_recorder_is_killed(agents: Agents, plays: ClusterPlays) -> None:
    """The next status starts it again; what is left of it is reaped by the container's runtime."""
    pod = ClusterPod(agents.cluster, "shop", "distroless")
    assert plays.capture(pod.title, id="killed", filter="udp port 9000").rc == 0
    pid = recorder(pod.node, "killed")
    pod.node.run(["kill", "-KILL", str(pid)])
    wait_for(lambda: pod.node.run(["ps", "-p", str(pid)], check=False).returncode == 1, 60, "its end")
    status = plays.run("status", id="killed")
    assert changed(status)[pod.node.name] == 1 and recorder(pod.node, "killed") != pid, status.stdout


def recorder(node: ClusterNode, id: str) -> int:
    """The process of a capture's recorder, as its node numbers it."""
    return int(state(node, id)["pid"])


def records(node: ClusterNode, id: str, old: int) -> bool:
    """Whether another recorder than the old one, whose last word stays until then, listens at all targets."""
    told = state(node, id)
    return told["pid"] != old and {target["phase"] for target in told["targets"]} == {"ready"}


def has_shipped(node: ClusterNode, id: str) -> bool:
    """Whether a sink has confirmed a capture's segments, of which there are some."""
    told = state(node, id)
    return bool(told["shipped"] == told["segments"] > 0)
