# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who asks at one moment shares one pass over /proc."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import processes
from ansible_collections.kube.pcap.plugins.module_utils._node.cgroups import Member
from ansible_collections.kube.pcap.plugins.module_utils._node.presence import Search
from ansible_collections.kube.pcap.plugins.module_utils._records import Target

UIDS = ["0f3c8f4e-6d0b-4c2e-9d5c-3a4f9f6f0b1%d" % number for number in range(3)]


@pytest.fixture
def passes(monkeypatch):
    """Counts passes over a /proc in which the first pod has process 7, in namespace 70."""
    made = []

    def read(_proc_root):
        made.append(1)
        return processes.Scan({UIDS[0]: [processes.Process(7, 1, "web", 70, Member(UIDS[0], "a" * 64))]}, ())

    monkeypatch.setattr(processes, "read_processes", read)
    return made


def pod(number):
    """A pod whose process has ended."""
    return Target("pod", "shop", "web-%d" % number, UIDS[number], "node-a", pid=5, netns=50)


def test_one_pass_for_all_that_ask_at_one_moment(passes):
    """...and another for who asks later."""
    search = Search()
    found = [search.find(pod(number), 10.0) for number in range(3)]
    assert [one and (one.pid, one.netns) for one in found] == [(7, 70), None, None] and len(passes) == 1
    search.find(pod(1), 10.25)
    assert len(passes) == 2


def test_a_node_takes_no_pass(passes):
    """It is where its first process is."""
    node = Search().find(Target("node", name="node-a", node="node-a"), 10.0)
    assert (node.pid, passes) == (1, [])
