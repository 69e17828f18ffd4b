# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller as a source: what its kernel says of the ways, and what it is called."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.controller import Controller, is_source, look


def test_ways():
    """The kernel tells the own address; where it has no route there is no way. Nothing is sent."""
    found = look(["127.0.0.2", "::1", "127.0.0.2", "not an address"])
    assert dict(found.ways) == {"127.0.0.2": "127.0.0.1", "::1": "::1"} or dict(found.ways) == {
        "127.0.0.2": "127.0.0.1"
    }
    assert found.netns == os.stat("/proc/self/ns/net").st_ino


def test_its_own_addresses():
    """What it takes to itself is its own; on the way to others it has an address of its own."""
    found = Controller(1, {"192.0.2.1": "192.0.2.1", "192.0.2.2": "192.0.2.1"})
    assert found.has(["192.0.2.2", "192.0.2.1"]) and not found.has(["192.0.2.2"]) and not found.has(["192.0.2.9"])


def test_as_a_target():
    """What leads to most comes first; it has no name that a node could have."""
    ways = {"192.0.2.1": "10.8.0.2", "192.0.2.2": "192.0.2.9", "192.0.2.3": "192.0.2.9"}
    target = Controller(7, ways).target
    assert (target.title, target.node, target.netns) == ("the controller", "(here)", 7)
    assert target.addresses == ("192.0.2.9", "10.8.0.2")


@pytest.mark.parametrize(
    "expression, expected",
    [("from here to node node-a and icmp", True), ("from node here to node node-a and icmp", False)],
)
def test_whether_it_is_the_source(expression, expected):
    """A node may have that name."""
    assert is_source(expression) is expected


def test_a_controller_without_namespaces(monkeypatch):
    """A sentence, where it is no Linux."""

    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "stat", missing)
    with pytest.raises(OptionError, match="run Ansible on Linux"):
        look([])
