# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a namespace's interfaces that come, go, and become others."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import links, surroundings
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Interface

LO, ETH = Interface(1, "lo", mtu=65536), Interface(2, "eth0", "veth", 7, 1450, "02:00:0a:01:00:02", ("10.0.0.2",))
OTHER = Interface(3, "eth1", "veth", 8, 1450)


def test_interfaces_have_their_addresses():
    """Each has its own, of every scope."""
    found = [
        links.Link(1, "lo", None, None, 65536, True, 0, 0, 0),
        links.Link(2, "eth0", "veth", 7, 1450, True, 5, 0, 0, "02:00:0a:01:00:02"),
    ]
    addresses = [links.Address(2, "10.0.0.2", 24, 0), links.Address(2, "fe80::1", 64, 253)]
    assert surroundings.interfaces(found, addresses) == (
        LO,
        Interface(2, "eth0", "veth", 7, 1450, "02:00:0a:01:00:02", ("10.0.0.2", "fe80::1")),
    )


def test_interfaces_have_their_programs():
    """Each has its own, and what is not known of them is told of it alone."""
    found = [links.Link(n, "eth%d" % n, None, None, 1500, True, 0, 0, 0, xdp=n == 1) for n in (1, 2, 3)]
    programs = {1: surroundings.Attached(("tcx",)), 2: surroundings.Attached((), "EPERM")}
    told = surroundings.interfaces(found, [], {1}, programs)
    assert [(one.programs, one.programs_unknown) for one in told] == [
        (("xdp", "tc", "tcx"), None),
        ((), "EPERM"),
        ((), None),
    ]


@pytest.mark.parametrize(
    "after, names",
    [
        ((LO, ETH), ()),
        ((ETH, LO), ()),
        ((LO,), ("eth0",)),
        ((LO, ETH, OTHER), ("eth1",)),
        ((LO, Interface(2, "net1", "veth", 7, 1450, "02:00:0a:01:00:02", ("10.0.0.2",))), ("eth0", "net1")),
        ((LO, Interface(2, "eth0", "veth", 7, 1450, "02:00:0a:01:00:02", ("10.0.0.3",))), ("eth0",)),
        ((LO, Interface(2, "eth0", "veth", 9, 1450, "02:00:0a:01:00:02", ("10.0.0.2",))), ("eth0",)),
        ((OTHER,), ("eth0", "eth1", "lo")),
    ],
)
def test_what_changed(after, names):
    """Whatever is another than it was is named, once."""
    assert surroundings.changed((LO, ETH), after) == names


def test_together():
    """As they were, and those that came."""
    moved = Interface(2, "net1")
    assert surroundings.together((LO, ETH), (LO, moved, OTHER)) == (LO, ETH, OTHER)
    assert surroundings.together((LO, ETH), ()) == (LO, ETH)
    first, then = Interface(2, "eth0", programs=("xdp",)), Interface(2, "eth0", programs=("tcx",))
    doubtful = Interface(2, "eth0", programs=("xdp",), programs_unknown="EPERM")
    assert surroundings.together((first,), (then,)) == (Interface(2, "eth0", programs=("xdp", "tcx")),)
    assert surroundings.together((first,), (doubtful,)) == surroundings.together((doubtful,), (first,)) == (doubtful,)
