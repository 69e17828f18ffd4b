# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By way of agents everything is as over SSH: what nodes tell, what is recorded, and what tools say."""

from __future__ import annotations

import base64
import collections
import pathlib
from functools import partial
from typing import Any

from tests.cluster.agents import AGENTS, SSH, Agents, Kubectl, infos, views
from tests.cluster.capturing import ClusterPlays, files, from_nodes, manifest, numbers, side_by_side
from tests.cluster.cluster import Cluster
from tests.cluster.executing import execute, results
from tests.cluster.pods import ClusterPod, named
from tests.gate.venvs import venv
from tests.lab.ansible_run import Ansible
from tests.lab.playing import changed, failed, started, told
from tests.lab.sequences import sequences
from tests.lab.tools import OURS, alive

ROOT = "/var/lib/kube-pcap"
LOOK = r"""ip -o addr; printf '\377\0'
own=kube-pcap-$$; rules() { case $(nft list ruleset 2>&1) in *"table inet $own {"*) echo there;; *) echo gone;; esac; }
nft add table inet $own && rules; nft delete table inet $own && rules; echo trouble >&2; exit 3"""
"""Of a shell, all that a result tells: output that is no text, another stream, and an exit code; and that a change of
rules is possible, which an agent needs NET_ADMIN for, and taken back."""
LINGERS = """import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
if os.fork():
    print("up", flush=True)
else:
    os.setsid()
time.sleep(765432)"""
"""Of Python, what does not heed SIGINT, and leaves its session; neither image nor node need have setsid(1)."""
INSIDE = "for kind in net mnt pid uts ipc; do readlink /proc/self/ns/$kind; done; hostname; cat /etc/passwd"
"""Of a shell of the pod, what it sees."""


def test_a_node_looks_as_over_ssh(agents: Agents, ansible: Ansible) -> None:
    """node_pods_info answers the same: names, uids, process ids, namespaces, labels, addresses."""
    for _attempt in range(5):  # pods that crash are in another state each time
        first, by_agents, last = views(ansible), views(agents.ansible), views(ansible)
        if first == last:
            break
    assert first == by_agents
    assert any(pod["labels"] for view in by_agents.values() for pod in view["pods"])


def scenario(cluster: Cluster, plays: ClusterPlays, id: str, dest: pathlib.Path) -> dict[str, Any]:
    """Captures pods and a node, sends numbers from each, looks at it, collects and stops; returns what was told."""
    web = named(cluster, "shop", "app=web")
    pods = [*web, *(ClusterPod(cluster, "shop", name) for name in ("distroless", "crash", "half", "static-node-b"))]
    before = {pod.title: pod.untouched() for pod in pods}
    request: dict[str, Any] = {"id": id, "filter": "udp port 9000"}
    run = plays.capture([pod.title for pod in pods] + ["node node-a"], **request)
    assert run.rc == 0, run.stdout + run.stderr
    sent = {pod.name: pod.send(count=300).stream for pod in pods}
    sent.update(from_nodes(cluster, ["node-a"]))
    again = plays.capture([pod.title for pod in pods] + ["node node-a"], **request)
    status = told(plays.run("status", id=id))
    assert {pod.title: pod.untouched() for pod in pods} == before
    stopped = plays.run("stop", id=id)
    assert stopped.rc == 0, stopped.stdout
    in_spool = {
        name or node.name: collections.Counter(n for stream in sent.values() for n in numbers(paths, stream))
        for node in map(cluster.node, cluster.nodes)
        for name, paths in files(node, id).items()
    }
    own = {
        name or node.name: numbers(paths, sent[name or node.name])
        for node in map(cluster.node, cluster.nodes)
        for name, paths in files(node, id).items()
    }
    collected = plays.run("collect", id=id, dest=str(dest))
    assert collected.rc == 0, collected.stdout
    assert {pod.title: pod.untouched() for pod in pods} == before
    here = [
        number for path in dest.rglob("*.pcap.gz") for stream in sent.values() for number in sequences(path, stream)
    ]
    return {
        "started": started(run),
        "again": (again.rc, changed(again)),
        "status": sorted((c["node"], c["phase"], len(c["targets"])) for c in status["captures"]),
        "stopped": sorted((c["node"], c["phase"], c["reason"]) for c in told(stopped)["captures"]),
        "own": own,
        "in spool": in_spool,
        "collected": sorted(here),
        "left": [event["event"] for node in cluster.nodes for event in left(cluster, node, id)],
    }


def left(cluster: Cluster, node: str, id: str) -> list[dict[str, Any]]:
    """Lines of a node's manifest that tell of trouble."""
    path = cluster.node(node).root / ROOT[1:] / id
    lines = manifest(cluster.node(node), id) if path.exists() else []
    return [line for line in lines if line["event"] in ("gap", "evicted", "discarded", "failed")]


def test_captures(ways: dict[str, ClusterPlays], cluster: Cluster, tmp_path: pathlib.Path) -> None:
    """Each target's file has its own packets, all of them, and nobody else's; what is told is the same, also by
    capture_info of both captures; and the pods are as they were before, in the end, too."""
    by_agents, over_ssh = side_by_side(
        *(partial(scenario, cluster, plays, way, tmp_path / way) for way, plays in ways.items())
    )
    assert by_agents == over_ssh
    assert by_agents["own"] == {name: list(range(300)) for name in by_agents["own"]} and len(by_agents["own"]) == 8
    assert all(sum(found.values()) == 300 for found in by_agents["in spool"].values())
    assert len(by_agents["collected"]) == 8 * 300 and not by_agents["left"]
    look, same = side_by_side(*(partial(infos, plays.ansible) for plays in ways.values()))
    assert look == same and list(look) == cluster.nodes
    for captures in look.values():
        assert [(one["id"], one["phase"]) for one in captures] == [(id, "done") for id in sorted(ways)]
        listed = [(segment["packets"], segment["sha256"]) for one in captures for segment in one["segment_list"]]
        assert len(listed) == sum(one["segments"] for one in captures) > 0


def tools(plays: ClusterPlays) -> list[Any]:
    """Runs tools, well and badly; returns what was told, without what two runs cannot have in common."""
    many = ["deployment shop/web", "pod shop/distroless", "pod shop/half", "pod shop/static-node-b", "node node-a"]
    shell = ["/bin/sh", "-c"]  # by its path: where the node has it and where the image does is theirs
    runs = [
        execute(plays, many, argv=[*shell, LOOK], encoding="base64"),
        execute(plays, many[:3], argv=[*shell, INSIDE], namespaces=["net", "mount", "pid", "uts", "ipc"]),
        execute(plays, many[0], argv=["/usr/bin/python3", "-c", LINGERS], timeout="3s"),
    ]
    return [(run.rc, sorted(failed(run)), {name: _told(one) for name, one in results(run).items()}) for run in runs]


def _told(one: dict[str, Any]) -> dict[str, Any]:
    target = {name: one["target"][name] for name in ("uid", "node", "netns", "labels", "addresses")}
    return {**{name: value for name, value in one.items() if name != "seconds"}, "target": target}


def test_tools(ways: dict[str, ClusterPlays], cluster: Cluster) -> None:
    """SN-4, SN-5, PT-9, PT-10, PT-12: output, codes, sentences; what was stopped by its time has left nothing."""
    by_agents, over_ssh = side_by_side(*(partial(tools, plays) for plays in ways.values()))
    for one, other in zip(by_agents, over_ssh, strict=True):
        assert one == other
    look, inside, late = by_agents
    pod = named(cluster, "shop", "app=web")[0]
    said = {name: base64.b64decode(one["stdout"]) for name, one in look[2].items()}
    assert said["shop/" + pod.name].startswith(pod.run(["ip", "-o", "addr"]).stdout.encode() + b"\377\0")
    assert "None/node-a" in said and all(text.endswith(b"\377\0there\ngone\n") for text in said.values())
    assert {(one["rc"], one["stderr"]) for one in look[2].values()} == {(3, base64.b64encode(b"trouble\n").decode())}
    assert inside[2]["shop/" + pod.name]["stdout"].splitlines()[5] == pod.name
    assert "container web of pod shop/distroless has no program /bin/sh" in inside[2]["shop/distroless"]["error"]
    assert [(one["timed_out"], one["rc"], one["stdout"]) for one in late[2].values()] == [(True, -9, "up\n")] * 3
    for name in cluster.nodes:
        assert alive(cluster.node(name), OURS + "|765432") == []


def record(plays: ClusterPlays, pods: list[ClusterPod], id: str) -> None:
    """Captures pods, and finds what they sent in the segments of each."""
    run = plays.capture("pods shop app=web", id=id, filter="udp port 9000", api="never")
    assert run.rc == 0 and len(started(run)) == len(pods), run.stdout + run.stderr
    streams = [pod.send(count=300).stream for pod in pods]
    assert plays.run("stop", id=id).rc == 0
    for pod, stream in zip(pods, streams, strict=True):
        assert numbers(files(pod.node, id)[pod.name], stream) == list(range(300))


def test_with_the_oldest_core(agents: Agents, ways: dict[str, ClusterPlays], tmp_path: pathlib.Path) -> None:
    """ansible-core 2.16 records over SSH and by agents, which an inventory of one's own lists."""
    cluster, python = agents.cluster, str(venv("core-2.16") / "python")
    by_agents = Kubectl(agents.listed(tmp_path / "agents.yml"), tmp_path / AGENTS, cluster.kubeconfig, python)
    over_ssh = Ansible(cluster.inventory, tmp_path / SSH, python)
    over_ssh.folder.mkdir()
    pods = named(cluster, "shop", "app=web")
    old = {AGENTS: by_agents, SSH: over_ssh}
    side_by_side(*(partial(record, ClusterPlays(cluster, ansible), pods, way) for way, ansible in old.items()))
