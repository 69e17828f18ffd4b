# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Captures of real pods: what is in their files, what is not, and what becomes of the pods."""

from __future__ import annotations

import pytest

from tests.cluster.capturing import files, manifest, numbers
from tests.cluster.pods import ClusterPod, named
from tests.cluster.workloads import LONG_NAME
from tests.lab.playing import changed, started, told
from tests.lab.recording import wait_for
from tests.lab.traffic import Traffic

NAMES = ("client", "distroless", "debugged", "sidecar", "shared", "half", "crash", LONG_NAME, "static-node-b")


def test_a_pod_and_not_its_node(cluster, plays):
    """KD-1, KD-3, SN-1, SN-2: each file has its own target's packets, all of them, and nobody else's."""
    pods = [ClusterPod(cluster, "shop", name) for name in NAMES] + [ClusterPod(cluster, "other", "twin")]
    calm = [pod for pod in pods if pod.name not in ("half", "crash")]  # those are started again by the kubelet
    before = {pod.title: pod.untouched() for pod in calm}
    run = plays.capture([pod.title for pod in pods] + ["nodes *"], id="each", filter="udp port 9000")
    assert run.rc == 0 and {row[2] for row in started(run)} == {"ready"}, run.stdout
    assert len(started(run)) == len(pods) + len(cluster.nodes)
    sent = {pod.title: pod.send(count=300).stream for pod in pods}
    from_nodes = {name: _from_node(cluster, name) for name in cluster.nodes}
    assert {pod.title: pod.untouched() for pod in calm} == before
    assert plays.run("stop", id="each").rc == 0
    for pod in pods:
        own = files(pod.node, "each")[pod.name]
        assert numbers(own, sent[pod.title]) == list(range(300)), pod.title
        assert [title for title, stream in sent.items() if numbers(own, stream)] == [pod.title]
        assert not any(numbers(own, stream) for stream in from_nodes.values())
    for name, stream in from_nodes.items():
        own = files(cluster.node(name), "each")[None]
        assert numbers(own, stream) == list(range(300))
        assert not any(numbers(own, inside) for inside in sent.values())
    assert {pod.title: pod.untouched() for pod in calm} == before


def _from_node(cluster, name: str) -> int:
    """Sends numbers from a node itself to the next one."""
    beside = cluster.nodes[cluster.nodes.index(name) - 1]
    request = {"address": cluster.node(beside).address, "count": 300, "rate": 5000}
    return Traffic(cluster.node(name), [], request).wait().stream


def test_packets_that_cross_nodes(cluster, plays):
    """What one pod sends to another, over the overlay, is in both files, and in each only once."""
    one, *_rest, other = named(cluster, "shop", "app=web")
    assert one.node.name != other.node.name
    assert plays.capture("pods shop app=web", id="cross", filter="udp port 9000").rc == 0
    stream = one.send(other.object()["status"]["podIP"], count=1000).stream
    wait_for(lambda: _packets(plays, other.name) >= 1000, 60, "the packets at the other side")
    assert plays.run("stop", id="cross").rc == 0
    for pod in (one, other):
        assert numbers(files(pod.node, "cross")[pod.name], stream) == list(range(1000)), pod.title


def _packets(plays, name: str) -> int:
    captures = told(plays.run("status"))["captures"]
    return sum(one["packets"] for c in captures for one in c["targets"] if one["target"]["name"] == name)


@pytest.mark.parametrize("kind", ["deployment", "service", "statefulset", "daemonset"])
def test_workloads(cluster, plays, kind):
    """SN-1: a workload and a Service are their pods of now, on whichever nodes they are."""
    name = {"statefulset": "db", "daemonset": "agentless"}.get(kind, "web")
    run = plays.capture("%s shop/%s" % (kind, name), "--check")
    assert run.rc == 0, run.stdout
    assert [row[1] for row in started(run)] == [
        pod.name for pod in sorted(named(cluster, "shop", "app=" + name), key=lambda pod: (pod.node.name, pod.name))
    ]


def test_a_rollout(cluster, plays):
    """SN-15: what the old pods sent is shipped and their captures end with a reason; a second run adds the new pods."""
    old = named(cluster, "shop", "app=web")
    assert {pod.node.name for pod in old} == set(cluster.nodes)
    for pod in old:
        pod.node.run(["mkdir", "-p", "/srv/captures"])
    request = {"id": "rollout", "sink": "/srv/captures", "duration": "30m", "filter": "udp port 9000"}
    run = plays.capture("deployment shop/web", **request)
    assert run.rc == 0 and [row[2] for row in started(run)] == ["ready"] * 3, run.stdout
    streams = {pod.name: pod.send().stream for pod in old}
    cluster.kubectl("-n", "shop", "rollout", "restart", "deployment/web")
    cluster.kubectl("-n", "shop", "rollout", "status", "deployment/web", "--timeout=240s", timeout=250)
    gone = {pod.name for pod in old}
    cluster.wait("end of the old pods", lambda: not gone & {pod.name for pod in named(cluster, "shop", "app=web")})
    wait_for(lambda: _phases(plays, gone) == [("done", "the pod is gone")] * 3, 600, "the end of the old targets")
    assert all(_shipped(plays, name) for name in gone)
    again = plays.capture("deployment shop/web", **request)
    assert again.rc == 0 and set(changed(again).values()) == {1}, again.stdout
    new = named(cluster, "shop", "app=web")
    phases = {row[1]: row[2] for row in started(again)}
    assert {pod.name: phases[pod.name] for pod in new} == {pod.name: "ready" for pod in new}
    streams.update({pod.name: pod.send().stream for pod in new})
    assert plays.run("stop", id="rollout", wait="5m").rc == 0
    found: dict[str, list[int]] = {}
    for name in cluster.nodes:
        node = cluster.node(name)
        for event in manifest(node, "rollout"):
            if event["event"] == "stored":
                path = node.root / "srv/captures" / event["object"]
                own = event["target"]["name"]
                found.setdefault(own, []).extend(numbers([path], streams[own]))
        node.run(["rm", "-r", "/srv/captures"])
    assert found == {name: list(range(500)) for name in streams}


def _targets(plays):
    captures = told(plays.run("status"))["captures"]
    return [target for capture in captures for target in capture["targets"]]


def _phases(plays, names) -> list[tuple[str, str | None]]:
    return [(one["phase"], one["reason"]) for one in _targets(plays) if one["target"]["name"] in names]


def _shipped(plays, name: str) -> bool:
    (one,) = [one for one in _targets(plays) if one["target"]["name"] == name]
    return bool(one["segments"] and one["shipped"] == one["segments"])
