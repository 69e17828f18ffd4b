# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a supervisor of taps makes of its record."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import trace_supervisor
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import NodeTap


def target(name, netns):
    """A node in that network namespace."""
    return Target("node", name=name, pid=1, netns=netns)


def test_one_tap_for_a_namespace():
    """The first target of each gives its name, in their order."""
    targets = (target("b", 2), target("a", 1), target("c", 2), target("d", 3), target("e", 1))
    found = trace_supervisor.namespaces(NodeTap("t-1", "node-a", targets, "udp", ()))
    assert [one.name for one in found] == ["b", "a", "d"]


@pytest.mark.parametrize("taps, mebibytes", [(0, 8), (1, 8), (4, 8), (5, 6.4), (16, 2), (64, 0.5), (99, 0.5)])
def test_files_share_the_memory(taps, mebibytes):
    """All of them together have a bound, and each has one."""
    assert trace_supervisor.file_bytes(taps) == int(mebibytes * (1 << 20))
