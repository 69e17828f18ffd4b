# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster keeps its word: real nodes, the workloads, Services and DNS, and nothing stays behind."""

from __future__ import annotations

from tests.cluster import workloads


def test_the_workloads_are_there(cluster):
    """Every kind of pod is there, in its state."""
    assert workloads.amiss(cluster.objects("pods", "-A")) == []
