# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster and Ansible for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.cluster.capturing import ClusterPlays
from tests.cluster.cluster import Cluster
from tests.cluster.state import ClusterError
from tests.lab.ansible_run import Ansible

KEEP = "KUBE_PCAP_CLUSTER_KEEP"
"""In the environment, 1 uses the cluster that is up, or makes one that stays up."""


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
