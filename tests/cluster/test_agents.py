# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents: brought, used as SSH is, deleted, and removed (rows KNT-1, KNT-11, KNT-15, PT-13)."""

from __future__ import annotations

import collections
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import agent_image
from tests.cluster.agents import NAMESPACE, Agents, views
from tests.cluster.capturing import ClusterPlays, files, manifest, numbers
from tests.cluster.cluster import Cluster
from tests.cluster.pods import ClusterPod, named
from tests.lab.ansible_run import Ansible, Run
from tests.lab.playing import changed, failed, started, told
from tests.lab.recording import wait_for
from tests.lab.sequences import sequences
from tests.lab.traffic import Traffic

RIGHTS = {"NET_RAW", "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "DAC_READ_SEARCH", "SETGID"}
ROOT = "/var/lib/kube-pcap"
TAINT = "node-role.kubernetes.io/control-plane:NoSchedule"


@pytest.fixture(scope="module")
def agents(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    """Agents on all nodes; nothing of them is left afterwards."""
    cluster.load(agent_image.archive())
    cluster.kubectl("taint", "nodes", cluster.nodes[0], TAINT)
    made = Agents(cluster, tmp_path_factory.mktemp("agents"))
    run = made.bring()
    assert run.rc == 0, run.stdout + run.stderr
    yield made
    cluster.kubectl("taint", "nodes", cluster.nodes[0], TAINT + "-")
    run = made.playbook(state="absent", force=True)
    assert run.rc == 0, run.stdout + run.stderr
    cluster.wait("end of the namespace", lambda: not cluster.kubectl("get", "ns", NAMESPACE, check=False))
    assert made.plays.spool() == {}


@pytest.fixture
def plays(agents: Agents, ansible: Ansible) -> Iterator[ClusterPlays]:
    """The playbooks by way of the agents; SSH clears up after them."""
    yield agents.plays
    clear(ansible)
    assert agents.plays.tcpdumps() == 0


def clear(ansible: Ansible) -> None:
    """Removes every capture."""
    run = ansible.adhoc("all", "kube.pcap.capture", params={"state": "absent", "id": "all", "force": True})
    assert run.rc == 0, run.stdout + run.stderr


def report(run: Run) -> str:
    """What the role printed last."""
    return [str(task.result["text"]) for task in run.tasks if "text" in task.result and task.host == "localhost"][-1]


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
    assert {node: pod["metadata"]["uid"] for node, pod in agents.pods().items()} == {
        node: pod["metadata"]["uid"] for node, pod in before.items()
    }


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
    pods = [*web, *(ClusterPod(cluster, "shop", name) for name in ("distroless", "crash", "static-node-b"))]
    before = {pod.title: pod.untouched() for pod in pods if pod.name != "crash"}
    request: dict[str, Any] = {"id": id, "filter": "udp port 9000"}
    run = plays.capture([pod.title for pod in pods] + ["node node-a"], **request)
    assert run.rc == 0, run.stdout + run.stderr
    sent = {pod.name: pod.send(count=300).stream for pod in pods}
    address = {"address": cluster.node("node-b").address, "count": 300, "rate": 5000}
    sent["node-a"] = Traffic(cluster.node("node-a"), [], address).wait().stream
    again = plays.capture([pod.title for pod in pods] + ["node node-a"], **request)
    status = told(plays.run("status", id=id))
    assert {pod.title: pod.untouched() for pod in pods if pod.name != "crash"} == before
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


def test_the_same_as_over_ssh(agents: Agents, ansible: Ansible, plays: ClusterPlays, tmp_path: pathlib.Path) -> None:
    """Each target's file has its own packets, all of them, and nobody else's; and what is told is the same."""
    by_agents = scenario(agents.cluster, plays, "both", tmp_path / "agents")
    clear(ansible)
    by_ssh = scenario(agents.cluster, ClusterPlays(agents.cluster, ansible), "both", tmp_path / "ssh")
    assert by_agents == by_ssh
    assert by_agents["own"] == {name: list(range(300)) for name in by_agents["own"]} and len(by_agents["own"]) == 7
    assert all(sum(found.values()) == 300 for found in by_agents["in spool"].values())
    assert len(by_agents["collected"]) == 7 * 300 and not by_agents["left"]


def test_an_agent_is_deleted(agents: Agents, plays: ClusterPlays) -> None:
    """KNT-1, KNT-11: the next one goes on with its captures; the time between is a gap, and no packet is lost twice."""
    cluster = agents.cluster
    (pod,) = [one for one in named(cluster, "shop", "app=web") if one.node.name == "node-b"]
    assert plays.capture(pod.title, id="deleted", filter="udp port 9000").rc == 0
    first = pod.send(count=200).stream
    old = agents.pods()["node-b"]["metadata"]
    cluster.kubectl("-n", NAMESPACE, "delete", "pod", old["name"], timeout=120)
    cluster.wait("next agent", lambda: agents.pods().get("node-b", old) != old and ready(agents, "node-b"))
    wait_for(lambda: phases(pod, "deleted") == ["ready"], 60, "the capture's recorder")
    second = pod.send(count=200).stream
    status = plays.run("status", id="deleted")
    assert status.rc == 0 and set(changed(status).values()) == {0}, status.stdout
    assert "1 gap" in status.stdout and "the recorder was told to end" in status.stdout
    assert plays.run("stop", id="deleted").rc == 0
    found = files(pod.node, "deleted")[pod.name]
    assert numbers(found, first) == numbers(found, second) == list(range(200))
    assert pod.node.run(["sh", "-c", "ps -eo stat | grep -c ^Z"], check=False).stdout == "0\n"


def test_a_recorder_is_killed(agents: Agents, plays: ClusterPlays) -> None:
    """The next status starts it again; what is left of it is reaped by the container's runtime."""
    pod = ClusterPod(agents.cluster, "shop", "distroless")
    assert plays.capture(pod.title, id="killed", filter="udp port 9000").rc == 0
    pid = recorder(pod, "killed")
    pod.node.run(["kill", "-KILL", str(pid)])
    wait_for(lambda: pod.node.run(["ps", "-p", str(pid)], check=False).returncode == 1, 60, "its end")
    status = plays.run("status", id="killed")
    assert changed(status)[pod.node.name] == 1 and recorder(pod, "killed") != pid, status.stdout


def recorder(pod: ClusterPod, id: str) -> int:
    """The process of a capture's recorder, as its node numbers it."""
    return int(json.loads((pod.node.root / ROOT[1:] / id / "state.json").read_text())["pid"])


def phases(pod: ClusterPod, id: str) -> list[str]:
    """The phases of a capture's targets, by its recorder's last word."""
    state = json.loads((pod.node.root / ROOT[1:] / id / "state.json").read_text())
    return [target["phase"] for target in state["targets"]]


def ready(agents: Agents, node: str) -> bool:
    """Whether a node's agent is ready."""
    conditions = agents.pods()[node]["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def test_chosen_nodes(agents: Agents) -> None:
    """KNT-15: labels choose nodes, and a choice that fits none is refused."""
    run = agents.bring(node_selector={"kubernetes.io/hostname": "node-b"})
    assert run.rc == 0 and report(run).startswith("1 agent of 1 node\n") and list(agents.pods()) == ["node-b"]
    run = agents.bring(node_selector={"pool": "nowhere"}, wait="5s")
    assert (
        failed(run) == ["agent_node_selector: no node has these labels; see kubectl get nodes --show-labels"]
        and not agents.pods()
    )


def test_an_image_that_nobody_has(agents: Agents) -> None:
    """It fails, and names the nodes with the kubelet's reason; the right one mends it."""
    run = agents.bring(image="kube-pcap.test/nobody:1", wait="15s")
    (said,) = failed(run)
    assert run.rc == 2 and re.match(r"no agent is ready on node-\w \(ErrImageNeverPull: ", said), said
    assert "Traceback" not in run.stdout + run.stderr
    run = agents.bring()
    assert run.rc == 0 and changed(run) == {"localhost": 1}


def test_removed(agents: Agents, plays: ClusterPlays) -> None:
    """Captures end first; agents stay while a sink has not got everything, and what has no sink stays on the nodes."""
    cluster = agents.cluster
    pod = ClusterPod(cluster, "shop", "static-node-b")
    agents.run("node-b", "mkdir", "/tmp/sink")
    assert plays.capture(pod.title, id="shipped", sink="/tmp/sink", filter="udp port 9000").rc == 0
    assert plays.capture("node node-a", id="kept", filter="udp port 9000").rc == 0
    pod.send()
    agents.run("node-b", "mv", "/tmp/sink", "/tmp/gone")
    run = agents.playbook(state="absent", wait="5s")
    assert run.rc == 2 and "left of shipped on node-b" in failed(run)[-1], run.stdout
    assert sorted(agents.pods()) == cluster.nodes
    agents.run("node-b", "mv", "/tmp/gone", "/tmp/sink")
    would = agents.playbook("--check", state="absent", wait="60s")
    assert would.rc == 0 and changed(would)["localhost"] and sorted(agents.pods()) == cluster.nodes
    run = agents.playbook(state="absent")
    assert run.rc == 0, run.stdout
    assert report(run) == "files of captures stay on node-a, in /var/lib/kube-pcap"
    assert plays.tcpdumps() == 0 and plays.spool()["node-a"] == ["kept"]
    cluster.wait("end of the namespace", lambda: not cluster.kubectl("get", "ns", NAMESPACE, check=False))
    assert [line["event"] for line in manifest(pod.node, "shipped") if line["event"] == "stored"]
    nothing = agents.playbook(state="absent")
    assert nothing.rc == 0 and set(changed(nothing).values()) == {0} and report(nothing) == "there are no agents"


def test_without_the_collection(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    """A sentence says what is missing, before anything is asked of the cluster."""
    run = Ansible(cluster.inventory, tmp_path).playbook("kube.pcap.agent", extra_vars={"agent_image": "x"})
    assert failed(run) == [
        "the collection kubernetes.core is missing; install it with ansible-galaxy collection install kubernetes.core"
    ]
