# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is added up of interfaces that come, go, and cannot be read."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError
from ansible_collections.kube.pcap.plugins.module_utils._node import links
from ansible_collections.kube.pcap.plugins.module_utils._node.interfaces import Interfaces

REFUSED = NodeError("the kernel does not list the network interfaces: No buffer space available")


def link(index, name, dropped):
    """An interface that has dropped so much since it was made."""
    return links.Link(index, name, "veth", None, 1500, True, 0, dropped, 0)


@pytest.fixture
def read(monkeypatch):
    """What the kernel answers, one answer for each question."""
    answers = []

    def read_links(_socket):
        answer = answers.pop(0)
        if isinstance(answer, NodeError):
            raise answer
        return answer

    monkeypatch.setattr(links, "read_links", read_links)
    return answers


def dropped(interfaces, answers, *given):
    """What is told after each of these answers."""
    answers.extend(given)
    return [interfaces.dropped() for _one in given]


@pytest.mark.parametrize("watched, told", [("any", [0, 90, 90, 95, 98]), ("eth0", [0, 90, 90, 90, 93])])
def test_what_was_dropped_only_grows(read, watched, told):
    """One that goes takes nothing away, one that comes is counted, and what is not watched is not."""
    eth0, other = link(2, "eth0", 7), link(3, "veth1", 100)
    read.append([eth0, other])
    found = dropped(
        Interfaces(watched),
        read,
        [eth0, other],
        [link(2, "eth0", 97)],
        [link(2, "eth0", 97)],
        [link(2, "eth0", 97), link(4, "veth2", 5)],
        [link(2, "eth0", 100), link(4, "veth2", 5)],
    )
    assert found == told


def test_a_refused_reading_leaves_the_last(read):
    """Names and figures stay as last read, and go on from there."""
    read.append([link(2, "eth0", 7)])
    interfaces = Interfaces("any")
    assert dropped(interfaces, read, [link(2, "eth0", 9)], REFUSED, [link(2, "eth0", 12)]) == [2, 2, 5]
    read.append(REFUSED)
    assert interfaces.names() == {"2": "eth0"}


def test_without_a_first_reading_nothing_is_known(read):
    """What was there before cannot be told from what came since."""
    read.append(REFUSED)
    interfaces = Interfaces("any")
    assert dropped(interfaces, read, [link(2, "eth0", 9)], [link(2, "eth0", 12)]) == [None, None]
    read.append([link(2, "eth0", 12)])
    assert interfaces.names() == {"2": "eth0"}
