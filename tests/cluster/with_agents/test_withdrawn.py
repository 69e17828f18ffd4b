# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents that cannot start, that are chosen, and that are removed (KNT-15)."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

import pytest

from tests.cluster.agents import NAMESPACE, Agents, report
from tests.cluster.capturing import ClusterPlays, manifest
from tests.cluster.cluster import Cluster
from tests.cluster.pods import ClusterPod
from tests.lab.ansible_run import Ansible
from tests.lab.playing import changed, failed

KEPT = "kube-pcap.test/kept"
"""A taint."""


def test_an_image_that_nobody_has(agents: Agents) -> None:
    """It fails, and names the nodes with the kubelet's reason; the right one mends it."""
    run = agents.bring(image="kube-pcap.test/nobody:1", wait="15s")
    (said,) = failed(run)
    assert run.rc == 2 and re.match(r"no agent is ready on node-\w \(ErrImageNeverPull: ", said), said
    assert "Traceback" not in run.stdout + run.stderr
    run = agents.bring()
    assert run.rc == 0 and changed(run) == {"localhost": 1}


@pytest.fixture
def pool(cluster: Cluster) -> Iterator[dict[str, str]]:
    """The label of node-b and node-c, of which the latter takes no pod that does not tolerate its taint."""
    cluster.kubectl("label", "nodes", "node-b", "node-c", "pool=edge")
    cluster.kubectl("taint", "nodes", "node-c", KEPT + "=edge:NoSchedule")
    yield {"pool": "edge"}
    cluster.kubectl("label", "nodes", "node-b", "node-c", "pool-")
    cluster.kubectl("taint", "nodes", "node-c", KEPT + "-")


def test_chosen_nodes(agents: Agents, pool: dict[str, str]) -> None:
    """KNT-15: a choice that fits no node is refused; labels choose nodes, of which a tainted one gets an agent only
    where its taint is tolerated."""
    run = agents.bring(node_selector={"pool": "nowhere"}, wait="5s")
    assert (
        failed(run) == ["agent_node_selector: no node has these labels; see kubectl get nodes --show-labels"]
        and not agents.pods()
    )
    run = agents.bring(node_selector=pool, tolerations=[])
    assert run.rc == 0 and report(run).startswith("1 agent of 1 node\n") and list(agents.pods()) == ["node-b"]
    run = agents.bring(node_selector=pool, tolerations=[{"key": KEPT, "operator": "Equal", "value": "edge"}])
    assert run.rc == 0 and report(run).startswith("2 agents of 2 nodes\n"), run.stdout
    assert sorted(agents.pods()) == ["node-b", "node-c"]
    run = agents.bring()
    assert run.rc == 0 and report(run).startswith("3 agents of 3 nodes\n"), run.stdout


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
    assert report(would) == "check mode: nothing was changed; 3 agents would be removed"
    run = agents.playbook(state="absent")
    assert run.rc == 0, run.stdout
    assert "files of captures stay on node-a, in /var/lib/kube-pcap\n" in run.stdout
    assert report(run) == "3 agents removed"
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
