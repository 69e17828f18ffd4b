# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What breaks in a cluster while captures run, started over SSH and by agents: they go on, and a play ends in time."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.cluster.agents import AGENTS, SSH, Agents, Kubectl
from tests.cluster.capturing import ClusterPlays, files, numbers, side_by_side
from tests.cluster.cluster import Cluster
from tests.cluster.executing import SLEEPS, STUBBORN, execute, results
from tests.cluster.pods import ClusterPod, named
from tests.lab.ansible_run import Run
from tests.lab.playing import said, started, told
from tests.lab.recording import wait_for
from tests.lab.tools import Tools, alive, kill_all, kill_controller, wait_gone

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


def answered(plays: ClusterPlays, playbook: str, **options: str) -> Run:
    """A run in which every node answered: while an API server catches up, agents may not be ready in its eyes."""

    def whole_run() -> Run | None:
        run = plays.run(playbook, **options)
        return run if run.rc == 0 else None

    done: Run = wait_for(whole_run, 600, "an answer of every node")
    return done


def healthy(run: Run) -> None:
    """Every target of both captures is recorded, without a gap, as a run of status has it."""
    captures = [one for one in told(run)["captures"] if one["id"] in (AGENTS, SSH)]
    assert run.rc == 0 and [one["phase"] for one in captures] == ["ready"] * 6, run.stdout
    assert [target["gaps"] for one in captures for target in one["targets"]] == [0] * 6


def stop(ways: Ways) -> None:
    """Stops both captures."""
    side_by_side(*(partial(answered, plays, "stop", id=way) for way, plays in ways.items()))


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


def without_the_api(over_ssh: ClusterPlays, dest: pathlib.Path) -> None:
    """A whole capture of pods that the nodes know, and a tool; the API's silence is one warning where it is asked."""
    run = over_ssh.capture("pods shop app=web", id="blind")
    assert run.rc == 0 and len(started(run)) == 3, run.stdout
    tool, stopped = side_by_side(
        partial(execute, over_ssh, "pods shop app=web", argv=["true"]), partial(over_ssh.run, "stop", id="blind")
    )
    collected = over_ssh.run("collect", id="blind", dest=str(dest))
    assert [one.rc for one in (tool, stopped, collected)] == [0, 0, 0], (tool, stopped, collected)
    assert len(results(tool)) == len(list(dest.rglob("*.pcap.gz"))) == 3
    warned = [line for one in (run, tool) for line in said(one).split("[WARNING]: ")[1:]]
    assert len(warned) == 2 and all("cannot be reached: Connection refused" in line for line in warned), warned
    assert "[WARNING]" not in said(stopped) + said(collected)


def test_what_a_node_needs_is_restarted_or_down(
    cluster: Cluster, ways: Ways, web: list[ClusterPod], agents: Agents, tmp_path: pathlib.Path
) -> None:
    """Kubelet, containerd, the API server: no packet is lost; without the API every playbook of captures and tools
    works over SSH, and by agents a play ends with the reason."""
    by_name = ClusterPlays(cluster, Kubectl(agents.listed(tmp_path / "agents.yml"), tmp_path, cluster.kubeconfig))
    running = [pod.start_traffic(count=6000, rate=600) for pod in web]
    for service in ("kubelet", "containerd"):
        for name in cluster.nodes:
            cluster.node(name).restart(service)
    first = [traffic.wait().stream for traffic in running]
    healthy(ways[SSH].run("status"))
    control = cluster.node(cluster.nodes[0])
    control.stop("kube-apiserver")
    try:
        second = [pod.send(count=1000).stream for pod in web]
        healthy(ways[SSH].run("status"))
        without_the_api(ways[SSH], tmp_path / "blind")
        by_plugin, listed = side_by_side(*(partial(plays.run, "status") for plays in (ways[AGENTS], by_name)))
        assert "cannot be reached: Connection refused" in said(by_plugin) and "no hosts matched" in by_plugin.stdout
        reasons = {task.host: task.result["stderr"] for task in listed.tasks if task.status == "failed"}
        assert listed.rc == 2 and set(reasons) == set(cluster.nodes), listed.stdout
        assert all("was refused - did you specify" in reason for reason in reasons.values()), reasons
    finally:
        control.start("kube-apiserver")
        wait_ready(cluster)
    # What the API server says at first is of before: a kubelet may find its agent late, and ready again, after that.
    healthy(answered(ways[AGENTS], "status"))
    stop(ways)
    for pod, *streams in zip(web, first, second, strict=True):
        for id in ways:
            whole(pod, id, streams[0], 6000)
            whole(pod, id, streams[1], 1000)


@pytest.mark.parametrize("killed", ["controller", "connection"])
def test_nobody_hears_of_a_tool_any_more(cluster: Cluster, agents: Agents, killed: str) -> None:
    """PT-12: its timeout bounds a tool by an agent also then; nothing of it is left in the pod or beside it."""
    pod, tools = ClusterPod(cluster, "shop", "client"), Tools(agents.ansible)
    before, mark = pod.untouched(), "mark-%d" % os.getpid()
    request = {"argv": ["sh", "-c", STUBBORN, mark], "timeout": "10s", "namespaces": ["net", "mount", "pid"]}
    wait = tools.begin(pod.node.name, pod="shop/client", **request)
    wait_for(lambda: alive(pod.node, "sleep 876543$") and alive(pod.node, "sleep 876542"), what="the tool")
    if killed == "controller":
        kill_controller(mark)
    else:
        kill_all("kubectl .*%s " % agents.pods()[pod.node.name]["metadata"]["name"])
    assert wait().rc == (-signal.SIGKILL if killed == "controller" else 2)
    wait_gone(pod.node, SLEEPS, 120)
    assert pod.untouched() == before


def timed(plays: ClusterPlays, playbook: str, **variables: Any) -> tuple[Run, float]:
    """Runs a playbook, and takes its time; ansible-core itself speaks of tracebacks that it could show."""
    began = time.monotonic()
    return plays.playbook("kube.pcap." + playbook, extra_vars=variables), time.monotonic() - began


def asking(plays: ClusterPlays, dest: pathlib.Path) -> list[Callable[[], tuple[Run, float]]]:
    """A run of each playbook of captures and tools; both ways stop the capture that was started by agents."""
    late = "late-" + dest.name
    return [
        partial(timed, plays, "status", capture_id=SSH),
        partial(timed, plays, "capture", capture_id=late, capture_targets="pods shop app=web"),
        partial(timed, plays, "stop", capture_id=AGENTS),
        partial(timed, plays, "collect", capture_id=SSH, capture_dest=str(dest)),
        partial(timed, plays, "exec", exec_targets="pods shop app=web", exec_argv=["true"]),
    ]


def test_a_node_is_cut_off(cluster: Cluster, ways: Ways, web: list[ClusterPod], tmp_path: pathlib.Path) -> None:
    """KNT-15: every play, over SSH and by agents, ends, has what the others told, and names the node; its pod's packets
    are in its files."""
    lost, over_ssh, by_agents = cluster.node("node-c"), ways[SSH], ways[AGENTS]
    healthy(over_ssh.run("status"))  # it leaves a persistent connection, which will say nothing
    running = [pod.start_traffic(count=5000, rate=200) for pod in web]
    lost.set_link(False)
    try:
        done = side_by_side(*asking(over_ssh, tmp_path / SSH), *asking(by_agents, tmp_path / AGENTS))
        assert subprocess.run(["pgrep", "-f", "%s.* exec" % cluster.kubeconfig], check=False).returncode == 1
    finally:
        lost.set_link(True)
    each = len(done) // 2
    by_api = "dial tcp %s:10250: i/o timeout" % lost.address  # the API server reaches the agents for kubectl
    for runs, reason in ((done[:each], SILENCE), (done[each:], by_api)):
        for run, seconds in runs:
            (unasked,) = told(run)["unasked"]
            assert run.rc == 2 and unasked["host"] == lost.name and seconds < 600, run.stdout
            assert unasked["reason"].endswith(reason), unasked
            assert "node-c gave no result: " + unasked["reason"] in run.stdout
        status, begun, stopped, collected, ran = (run for run, _seconds in runs)
        for run in (status, stopped, collected):
            assert [capture["node"] for capture in told(run)["captures"]] == REACHED, run.stdout
        assert [one["phase"] for one in told(stopped)["captures"]] == ["done", "done"]
        assert [row[::2] for row in started(begun)] == [(name, "ready") for name in REACHED]
        assert sorted(one["host"] for one in results(ran).values()) == REACHED
    streams = [traffic.wait().stream for traffic in running]
    answered(over_ssh, "status")
    wait_ready(cluster)
    states = {(one["id"], one["node"]): one for one in told(answered(by_agents, "status"))["captures"]}
    assert {key for key, one in states.items() if one["phase"] != "ready"} == {(AGENTS, name) for name in REACHED}
    assert not any(target["gaps"] for one in states.values() for target in one["targets"])
    stop(ways)
    for pod, stream in zip(web, streams, strict=True):
        whole(pod, SSH, stream, 5000)
        if pod.node.name == lost.name:
            whole(pod, AGENTS, stream, 5000)
