# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster and Ansible for tests."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.cluster.capturing import ClusterPlays
from tests.cluster.cluster import Cluster, sweep
from tests.cluster.footprint import footprint, left
from tests.cluster.state import ClusterError
from tests.lab import turns
from tests.lab.ansible_run import Ansible

KEEP = "KUBE_PCAP_CLUSTER_KEEP"
"""In the environment, 1 uses the cluster that is up, or makes one that stays up."""


def pytest_configure(config: pytest.Config) -> None:
    """With several workers, tests wait for their turn."""
    turns.register(config, sweep)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, which are those with agents, after what is alone: so all workers end together."""
    items.sort(key=lambda item: (not turns.is_alone(item), "/with_agents/" not in item.nodeid))


def _kept() -> Cluster:
    try:
        return Cluster.attach()
    except ClusterError:
        return Cluster.up(tell=print)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster with its workloads, up for the whole run; beside those that are up already."""
    if os.environ.get(KEEP) == "1":
        yield _kept()
        return
    made = Cluster.up(None, os.getpid(), print)
    try:
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def ansible(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Ansible:
    """``ansible.playbook(...)`` and ``ansible.adhoc(...)`` on the cluster's nodes, as root over SSH."""
    return Ansible(cluster.inventory, tmp_path_factory.mktemp("ansible"))


@pytest.fixture
def plays(cluster: Cluster, ansible: Ansible) -> Iterator[ClusterPlays]:
    """The playbooks on the cluster; nothing of them is left on the nodes afterwards."""
    made = ClusterPlays(cluster, ansible)
    yield made
    made.clean()


@pytest.fixture
def unchanged(cluster: Cluster) -> Iterator[None]:
    """Nodes have no process and no file afterwards that they had not before."""
    nodes = [cluster.node(name) for name in cluster.nodes]
    before = footprint(nodes)
    yield
    until = time.monotonic() + 60  # what the cluster starts by itself, such as a container that crashes, ends by itself
    while (found := left(before, nodes)) and time.monotonic() < until:
        time.sleep(0.2)
    assert not found
