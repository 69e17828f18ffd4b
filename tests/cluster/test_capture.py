# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Captures of real pods: what is in their files, what is not, and what becomes of the pods."""

from __future__ import annotations

from tests.cluster.capturing import files, from_nodes, numbers
from tests.cluster.pods import ClusterPod, named
from tests.cluster.workloads import LONG_NAME
from tests.lab.playing import started
from tests.lab.traffic import Traffic

NAMES = ("client", "distroless", "debugged", "sidecar", "shared", "half", "crash", LONG_NAME, "static-node-b")


def test_a_pod_and_not_its_node(cluster, plays):
    """KD-1, KD-3, SN-1, SN-2: each file has its own target's packets, all of them, and nobody else's."""
    pods = [ClusterPod(cluster, "shop", name) for name in NAMES] + [ClusterPod(cluster, "other", "twin")]
    before = {pod.title: pod.untouched() for pod in pods}
    run = plays.capture([pod.title for pod in pods] + ["nodes *"], id="each", filter="udp port 9000")
    assert run.rc == 0 and {row[2] for row in started(run)} == {"ready"}, run.stdout
    assert len(started(run)) == len(pods) + len(cluster.nodes)
    sent = {pod.title: pod.send(count=300).stream for pod in pods}
    sent_by_nodes = from_nodes(cluster, cluster.nodes)
    assert {pod.title: pod.untouched() for pod in pods} == before
    assert plays.run("stop", id="each").rc == 0
    for pod in pods:
        own = files(pod.node, "each")[pod.name]
        assert numbers(own, sent[pod.title]) == list(range(300)), pod.title
        assert [title for title, stream in sent.items() if numbers(own, stream)] == [pod.title]
        assert not any(numbers(own, stream) for stream in sent_by_nodes.values())
    for name, stream in sent_by_nodes.items():
        own = files(cluster.node(name), "each")[None]
        assert numbers(own, stream) == list(range(300))
        assert not any(numbers(own, inside) for inside in sent.values())
    assert {pod.title: pod.untouched() for pod in pods} == before


def test_each_kind_of_container(plays):
    """KD-2: an init, an ephemeral and an ordinary container are taken by their names; by default it is the first."""
    named = {"debugged[debugger]": "debugger", "sidecar[setup]": "setup", "sidecar[probe]": "probe", "shared": "web"}
    for selection, container in named.items():
        run = plays.capture("pod shop/" + selection, "--check", id="chosen")
        assert run.rc == 0, run.stdout
        assert " shop/%s  %s " % (selection.partition("[")[0], container) in run.stdout, run.stdout


def test_packets_that_cross_nodes(cluster, plays):
    """What one pod sends to another, over the overlay, is in both files, and in each only once."""
    one, *_rest, other = named(cluster, "shop", "app=web")
    assert one.node.name != other.node.name
    assert plays.capture("pods shop app=web", id="cross", filter="udp port 9000").rc == 0
    request = {"address": other.object()["status"]["podIP"], "count": 1000, "rate": 5000}
    result = Traffic(one, [other], request).wait()
    assert result.received == 1000
    assert plays.run("stop", id="cross").rc == 0
    for pod in (one, other):
        assert numbers(files(pod.node, "cross")[pod.name], result.stream) == list(range(1000)), pod.title


def test_workloads(cluster, plays):
    """SN-1: workloads and a Service are their pods of now, on whichever nodes they are."""
    run = plays.capture(["service shop/web", "statefulset shop/db", "daemonset shop/agentless"], "--check")
    assert run.rc == 0 and run.stderr == "", run.stdout + run.stderr
    pods = named(cluster, "shop", "app in (web,db,agentless)")
    assert [row[1] for row in started(run)] == [
        pod.name for pod in sorted(pods, key=lambda pod: (pod.node.name, pod.name))
    ]
