# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What breaks in a cluster while captures run: they go on, and a play tells what it can and ends."""

from __future__ import annotations

import time

import pytest

from tests.cluster.capturing import files, numbers
from tests.cluster.pods import ClusterPod, named
from tests.lab.playing import started, told
from tests.lab.recording import wait_for

NODES = ["node-a", "node-b", "node-c"]


@pytest.fixture
def web(cluster, plays) -> list[ClusterPod]:
    """The pods of deployment web, one a node, recorded by the capture ``web``."""
    run = plays.capture("pods shop app=web", id="web", duration="30m", filter="udp port 9000")
    assert run.rc == 0 and len(started(run)) == 3, run.stdout
    return named(cluster, "shop", "app=web")


def whole(pods: list[ClusterPod], plays, streams: dict[str, int], count: int) -> None:
    """Stops, and finds every number once."""
    assert plays.run("stop", id="web").rc == 0
    for pod in pods:
        assert numbers(files(pod.node, "web")[pod.name], streams[pod.name]) == list(range(count)), pod.title


@pytest.mark.parametrize("service", ["kubelet", "containerd"])
def test_a_service_of_the_node_is_restarted(cluster, plays, web, service):
    """Captures go on: no packet is lost, and status knows nothing of it."""
    running = {pod.name: pod.start_traffic(count=6000, rate=1000) for pod in web}
    for name in NODES:
        cluster.node(name).restart(service)
    streams = {name: traffic.wait().stream for name, traffic in running.items()}
    status = told(plays.run("status"))
    assert [capture["phase"] for capture in status["captures"]] == ["ready"] * 3
    assert [t["gaps"] for capture in status["captures"] for t in capture["targets"]] == [0, 0, 0]
    whole(web, plays, streams, 6000)
    cluster.wait("nodes that are ready", lambda: _ready(cluster))


def _ready(cluster) -> bool:
    conditions = [node["status"]["conditions"] for node in cluster.objects("nodes")]
    return all(c["status"] == "True" for some in conditions for c in some if c["type"] == "Ready")


def test_the_api_server_is_down(cluster, plays, web):
    """Captures go on, and every playbook works without it; pods by label resolve from the nodes."""
    control = cluster.node("node-a")
    control.stop("kube-apiserver")
    try:
        streams = {pod.name: pod.send(count=1000).stream for pod in web}
        status = told(plays.run("status"))
        assert [capture["phase"] for capture in status["captures"]] == ["ready"] * 3
        whole(web, plays, streams, 1000)
        again = plays.capture("pods shop app=web", id="blind")
        assert again.rc == 0 and sorted(row[1] for row in started(again)) == [pod.name for pod in web], again.stdout
        warnings = [line for line in (again.stdout + again.stderr).splitlines() if line.startswith("[WARNING]")]
        assert len(warnings) == 1 and "API" in warnings[0], warnings
    finally:
        control.start("kube-apiserver")
        cluster.wait("API", lambda: cluster.kubectl("get", "--raw", "/readyz", check=False) == "ok")
        cluster.wait("nodes that are ready", lambda: _ready(cluster))


def test_a_node_is_cut_off(cluster, plays, web):
    """KNT-15: the others are told and it is named, the play ends; what its pod sent meanwhile is in its file."""
    lost = cluster.node("node-c")
    assert plays.run("status").rc == 0  # it leaves a persistent connection, which will say nothing
    running = [(pod, pod.start_traffic(count=5000, rate=200)) for pod in web]
    lost.set_link(False)
    try:
        began = time.monotonic()
        run = plays.playbook("kube.pcap.status")  # ansible-core itself speaks of tracebacks that it could show
        assert run.rc == 2 and time.monotonic() - began < 600
        assert [capture["node"] for capture in told(run)["captures"]] == ["node-a", "node-b"]
        (unasked,) = told(run)["unasked"]
        assert unasked == {"host": "node-c", "reason": "it did not answer within 60 s"}
        assert "node-c gave no result: it did not answer within 60 s" in run.stdout
    finally:
        lost.set_link(True)
    streams = {pod.name: traffic.wait().stream for pod, traffic in running}
    wait_for(lambda: plays.run("status").rc == 0, 600, "an answer of every node")
    status = told(plays.run("status"))
    assert [t["gaps"] for capture in status["captures"] for t in capture["targets"]] == [0, 0, 0]
    whole(web, plays, streams, 5000)
