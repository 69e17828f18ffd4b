# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace by way of agents takes the same way as one over SSH, and leaves nothing in them."""

from __future__ import annotations

import pathlib

from tests.cluster.agents import Agents
from tests.cluster.cluster import Cluster
from tests.cluster.pods import ClusterPod, named
from tests.lab.ansible_run import Ansible
from tests.lab.tracing import Traces, way


def test_the_same_way(agents: Agents, ansible: Ansible, cluster: Cluster, tmp_path: pathlib.Path) -> None:
    """From a pod over the overlay to another, there and back, by both; agents may choose a sequence number."""
    client = ClusterPod(cluster, "shop", "client")
    pod = next(one for one in named(cluster, "shop", "app=web") if one.node.name != client.node.name)
    expression = "from pod shop/client to pod shop/%s and tcp port 8080" % pod.name
    env = {"K8S_AUTH_KUBECONFIG": str(cluster.kubeconfig)}
    results = [Traces(one, tmp_path, env).result(expression, request="http GET /") for one in (ansible, agents.ansible)]
    assert {result["verdict"]["outcome"] for result in results} == {"answered"}
    assert {result["verdict"]["confidence"] for result in results} == {"proven"}
    over_ssh, by_agents = results
    for part in ("first", "answer"):
        assert way(over_ssh, part) == way(by_agents, part)
    assert all(tap["problem"] is None and tap["proven"] for tap in by_agents["taps"])
    for node in agents.pods():
        assert "kube-pcap" not in agents.run(node, "ls", "-A", "/dev/shm").split()
    assert agents.plays.tcpdumps() == 0
