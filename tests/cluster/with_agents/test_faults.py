# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What breaks in a cluster while captures run, started over SSH and by agents: they go on, and a play ends in time."""

from __future__ import annotations

import pathlib
import subprocess
import time
from functools import partial
from typing import Any

import pytest

from tests.cluster.agents import AGENTS, SSH
from tests.cluster.capturing import ClusterPlays, files, numbers, side_by_side
from tests.cluster.cluster import Cluster
from tests.cluster.executing import results
from tests.cluster.pods import ClusterPod, named
from tests.lab.ansible_run import Run
from tests.lab.playing import started, told
from tests.lab.recording import wait_for

REACHED = ["node-a", "node-b"]
SILENCE = "it did not answer within 60 s"
Ways = dict[str, ClusterPlays]


@pytest.fixture
def web(cluster: Cluster, ways: Ways) -> list[ClusterPod]:
    """The pods of deployment web, one a node, recorded by a capture of each way."""
    request = {"duration": "30m", "filter": "udp port 9000"}
    for run in side_by_side(
        *(partial(plays.capture, "pods shop app=web", id=way, **request) for way, plays in ways.items())
    ):
        assert run.rc == 0 and len(started(run)) == 3, run.stdout + run.stderr
    return named(cluster, "shop", "app=web")


def healthy(plays: ClusterPlays) -> None:
    """Every target of both captures is recorded, without a gap."""
    run = plays.run("status")
    captures = [one for one in told(run)["captures"] if one["id"] in (AGENTS, SSH)]
    assert run.rc == 0 and [one["phase"] for one in captures] == ["ready"] * 6, run.stdout
    assert [target["gaps"] for one in captures for target in one["targets"]] == [0] * 6


def stop(ways: Ways) -> None:
    """Stops both captures."""
    for run in side_by_side(*(partial(plays.run, "stop", id=way) for way, plays in ways.items())):
        assert run.rc == 0, run.stdout


def whole(pod: ClusterPod, id: str, stream: int, count: int) -> None:
    """A capture has every number of a sender once."""
    assert numbers(files(pod.node, id)[pod.name], stream) == list(range(count)), (pod.title, id)


def wait_ready(cluster: Cluster) -> None:
    """Returns when the API has every node ready."""

    def all_ready() -> bool:
        conditions = [node["status"]["conditions"] for node in cluster.objects("nodes")]
        return all(c["status"] == "True" for some in conditions for c in some if c["type"] == "Ready")

    cluster.wait("API", lambda: cluster.kubectl("get", "--raw", "/readyz", check=False) == "ok")
    cluster.wait("nodes that are ready", all_ready)


def test_what_a_node_needs_is_restarted_or_down(cluster: Cluster, ways: Ways, web: list[ClusterPod]) -> None:
    """Kubelet, containerd, the API server: no packet is lost; every playbook works without the API over SSH."""
    running = [pod.start_traffic(count=6000, rate=600) for pod in web]
    for service in ("kubelet", "containerd"):
        for name in cluster.nodes:
            cluster.node(name).restart(service)
    first = [traffic.wait().stream for traffic in running]
    healthy(ways[SSH])
    control = cluster.node(cluster.nodes[0])
    control.stop("kube-apiserver")
    try:
        second = [pod.send(count=1000).stream for pod in web]
        healthy(ways[SSH])
        again = ways[SSH].capture("pods shop app=web", id="blind")
        assert again.rc == 0 and sorted(row[1] for row in started(again)) == [pod.name for pod in web], again.stdout
        warnings = [line for line in (again.stdout + again.stderr).splitlines() if line.startswith("[WARNING]")]
        assert len(warnings) == 1 and "API" in warnings[0], warnings
    finally:
        control.start("kube-apiserver")
        wait_ready(cluster)
    healthy(ways[AGENTS])
    stop(ways)
    for pod, *streams in zip(web, first, second, strict=True):
        for id in ways:
            whole(pod, id, streams[0], 6000)
            whole(pod, id, streams[1], 1000)


def timed(plays: ClusterPlays, playbook: str, **variables: Any) -> tuple[Run, float]:
    """Runs a playbook, and takes its time; ansible-core itself speaks of tracebacks that it could show."""
    began = time.monotonic()
    return plays.playbook("kube.pcap." + playbook, extra_vars=variables), time.monotonic() - began


def test_a_node_is_cut_off(cluster: Cluster, ways: Ways, web: list[ClusterPod], tmp_path: pathlib.Path) -> None:
    """KNT-15: every play ends, has what the others told, and names the node; its pod's packets are in its files."""
    lost, over_ssh, by_agents = cluster.node("node-c"), ways[SSH], ways[AGENTS]
    healthy(over_ssh)  # it leaves a persistent connection, which will say nothing
    running = [pod.start_traffic(count=5000, rate=200) for pod in web]
    lost.set_link(False)
    try:
        status, stopped, collected, ran, asked = side_by_side(
            partial(timed, over_ssh, "status", capture_id=SSH),
            partial(timed, over_ssh, "stop", capture_id=AGENTS),
            partial(timed, over_ssh, "collect", capture_id=SSH, capture_dest=str(tmp_path)),
            partial(timed, over_ssh, "exec", exec_targets="pods shop app=web", exec_argv=["true"]),
            partial(timed, by_agents, "status", capture_id=SSH),
        )
        assert subprocess.run(["pgrep", "-f", "%s.* exec" % cluster.kubeconfig], check=False).returncode == 1
    finally:
        lost.set_link(True)
    for run, seconds in (status, stopped, collected, ran, asked):
        (unasked,) = told(run)["unasked"]
        assert run.rc == 2 and unasked["host"] == lost.name and seconds < 600, run.stdout
        assert "node-c gave no result: " + unasked["reason"] in run.stdout
        by_api = "dial tcp %s:10250: i/o timeout" % lost.address  # the API server reaches the agents for kubectl
        assert unasked["reason"].endswith(by_api if run is asked[0] else SILENCE), unasked
    for run, _seconds in (status, stopped, collected, asked):
        assert [capture["node"] for capture in told(run)["captures"]] == REACHED, run.stdout
    assert [one["phase"] for one in told(stopped[0])["captures"]] == ["done", "done"]
    assert sorted(one["host"] for one in results(ran[0]).values()) == REACHED
    streams = [traffic.wait().stream for traffic in running]
    wait_for(lambda: over_ssh.run("status").rc == 0, 600, "an answer of every node")
    wait_ready(cluster)
    states = {(one["id"], one["node"]): one for one in told(by_agents.run("status"))["captures"]}
    assert {key for key, one in states.items() if one["phase"] != "ready"} == {(AGENTS, name) for name in REACHED}
    assert not any(target["gaps"] for one in states.values() for target in one["targets"])
    stop(ways)
    for pod, stream in zip(web, streams, strict=True):
        whole(pod, SSH, stream, 5000)
        if pod.node.name == lost.name:
            whole(pod, AGENTS, stream, 5000)
