# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents on all nodes, and the playbooks by both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster import agent_image
from tests.cluster.agents import AGENTS, NAMESPACE, SSH, Agents
from tests.cluster.capturing import ClusterPlays, clear
from tests.cluster.cluster import Cluster
from tests.lab.ansible_run import Ansible

TAINT = "node-role.kubernetes.io/control-plane:NoSchedule"


@pytest.fixture(scope="package")
def brought(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agents]:
    """Agents on all nodes, of which one was tainted when they came; nothing of them is left afterwards."""
    cluster.load(agent_image.archive())
    cluster.kubectl("taint", "nodes", cluster.nodes[0], TAINT)
    made = Agents(cluster, tmp_path_factory.mktemp("agents"))
    run = made.bring()
    cluster.kubectl("taint", "nodes", cluster.nodes[0], TAINT + "-")
    assert run.rc == 0, run.stdout + run.stderr
    yield made
    run = made.playbook(state="absent", force=True)
    assert run.rc == 0, run.stdout + run.stderr
    cluster.wait("end of the namespace", lambda: not cluster.kubectl("get", "ns", NAMESPACE, check=False))
    assert made.plays.spool() == {}


@pytest.fixture
def agents(brought: Agents) -> Agents:
    """Agents on all nodes; brought again where the test before has removed them."""
    if not brought.pods():
        run = brought.bring()
        assert run.rc == 0, run.stdout + run.stderr
    return brought


@pytest.fixture
def ways(agents: Agents, ansible: Ansible) -> Iterator[dict[str, ClusterPlays]]:
    """The playbooks by way of the agents and over SSH; SSH clears up after both."""
    yield {AGENTS: agents.plays, SSH: ClusterPlays(agents.cluster, ansible)}
    clear(ansible)
    assert agents.plays.tcpdumps() == 0


@pytest.fixture
def plays(ways: dict[str, ClusterPlays]) -> ClusterPlays:
    """The playbooks by way of the agents."""
    return ways[AGENTS]
