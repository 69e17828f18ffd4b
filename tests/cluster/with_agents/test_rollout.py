# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollout in the middle of captures, over SSH into a sink and by agents into the spool (SN-15)."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from functools import partial

import pytest

from tests.cluster.agents import AGENTS, SSH
from tests.cluster.capturing import ClusterPlays, manifest, numbers, side_by_side, state
from tests.cluster.cluster import Cluster
from tests.cluster.pods import ClusterPod, named
from tests.lab.ansible_run import Run
from tests.lab.playing import changed, said, started, told
from tests.lab.recording import wait_for

SINK = "srv/captures"
GONE = ("done", "the pod is gone")


@pytest.fixture
def sinks(cluster: Cluster) -> Iterator[dict[str, pathlib.Path]]:
    """A folder on each node."""
    folders = {name: cluster.node(name).root / SINK for name in cluster.nodes}
    for name in folders:
        cluster.node(name).run(["mkdir", "-p", "/" + SINK])
    yield folders
    for name in folders:
        cluster.node(name).run(["rm", "-r", "/" + SINK])


def capture(ways: dict[str, ClusterPlays]) -> dict[str, Run]:
    """Records the deployment, by each way."""
    more = {SSH: {"sink": "/" + SINK}, AGENTS: {}}
    request = {"duration": "30m", "filter": "udp port 9000"}
    calls = [
        partial(plays.capture, "deployment shop/web", id=way, **request, **more[way]) for way, plays in ways.items()
    ]
    runs = dict(zip(ways, side_by_side(*calls), strict=True))
    assert [run.rc for run in runs.values()] == [0, 0], runs
    return runs


def ends(cluster: Cluster, gone: set[str]) -> list[tuple[str, str | None]]:
    """Phase and reason of the pods that have gone, by the last words of both captures' recorders."""
    states = [state(cluster.node(name), way) for name in cluster.nodes for way in (AGENTS, SSH)]
    old = [target for one in states for target in one["targets"] if target["target"]["name"] in gone]
    return [(target["phase"], target["reason"]) for target in old]


def looks(plays: ClusterPlays, gone: set[str]) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Phase and reason of both captures' targets as status tells them, and in a line why a pod is not recorded."""
    run = plays.run("status")
    assert run.rc == 0, run.stdout
    assert all(said(run).count("pod shop/%s: %s" % (name, GONE[1])) == 2 for name in gone), run.stdout
    return {
        (capture["id"], target["target"]["name"]): (target["phase"], target["reason"])
        for capture in told(run)["captures"]
        for target in capture["targets"]
    }


def stored(sinks: dict[str, pathlib.Path], cluster: Cluster) -> dict[str, list[pathlib.Path]]:
    """The files of each pod in the sinks."""
    found: dict[str, list[pathlib.Path]] = {}
    for name, folder in sinks.items():
        for event in manifest(cluster.node(name), SSH):
            if event["event"] == "stored":
                found.setdefault(event["target"]["name"], []).append(folder / event["object"])
    return found


def sent(pods: list[ClusterPod]) -> dict[str, int]:
    """Sends numbers from pods, and returns the stream of each."""
    return {pod.name: pod.send().stream for pod in pods}


def test_a_rollout(
    cluster: Cluster, ways: dict[str, ClusterPlays], sinks: dict[str, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    """What the old pods sent is kept, and their captures end with a reason; a second run adds the new pods; and status
    tells both, by each way."""
    old = named(cluster, "shop", "app=web")
    assert {pod.node.name for pod in old} == set(cluster.nodes)
    for run in capture(ways).values():
        assert [row[2] for row in started(run)] == ["ready"] * 3, run.stdout
    streams = sent(old)
    cluster.kubectl("-n", "shop", "rollout", "restart", "deployment/web")
    cluster.kubectl("-n", "shop", "rollout", "status", "deployment/web", "--timeout=240s", timeout=250)
    gone = {pod.name for pod in old}
    cluster.wait("end of the old pods", lambda: not gone & {pod.name for pod in named(cluster, "shop", "app=web")})
    wait_for(lambda: ends(cluster, gone) == [GONE] * 6, 600, "the end of the old targets")
    wait_for(lambda: gone <= set(stored(sinks, cluster)), 600, "the old pods' files in the sinks")
    new = named(cluster, "shop", "app=web")
    for run in capture(ways).values():
        assert set(changed(run).values()) == {1}, run.stdout
        assert {row[2] for row in started(run) if row[1] not in gone} == {"ready"}, run.stdout
    # A pod that was still on its way out may have been found, and waited for, once more.
    wait_for(lambda: ends(cluster, gone) == [GONE] * 6, 600, "the end of the old targets, told again")
    expected = {**dict.fromkeys(gone, GONE), **{pod.name: ("ready", None) for pod in new}}
    for seen in side_by_side(*(partial(looks, plays, gone) for plays in ways.values())):
        assert seen == {(id, name): expected[name] for id in ways for name in expected}
    streams.update(sent(new))
    for run in side_by_side(*(partial(plays.run, "stop", id=way, wait="5m") for way, plays in ways.items())):
        assert run.rc == 0, run.stdout
    in_sinks = {name: numbers(paths, streams[name]) for name, paths in stored(sinks, cluster).items()}
    assert in_sinks == {name: list(range(500)) for name in streams}
    assert ways[AGENTS].run("collect", id=AGENTS, dest=str(tmp_path)).rc == 0
    here = list(tmp_path.rglob("*.pcap.gz"))
    for name, stream in streams.items():
        assert numbers([path for path in here if name in path.name], stream) == list(range(500)), name
