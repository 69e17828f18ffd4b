# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interfaces are trunks, and how many of them are watched."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import links, trunks

ETH0 = links.Link(2, "eth0", None, None, 1500, True, 0, 0, 0)
ETH1 = dataclasses.replace(ETH0, index=3, name="eth1")
VLAN = dataclasses.replace(ETH0, index=4, name="eth0.100", kind="vlan", parent=2)


@pytest.mark.parametrize(
    "found, names",
    [
        ((ETH0, ETH1), ()),
        ((ETH0, ETH1, VLAN), ("eth0",)),
        ((ETH0, ETH1, VLAN, dataclasses.replace(VLAN, index=5, name="storage")), ("eth0",)),
        ((ETH0, ETH1, VLAN, dataclasses.replace(VLAN, index=5, parent=3)), ("eth0", "eth1")),
        ((ETH0, VLAN, dataclasses.replace(VLAN, index=5, name="inner", parent=4)), ("eth0", "eth0.100")),
        ((ETH0, dataclasses.replace(VLAN, kind="macvlan")), ()),
        ((ETH0, dataclasses.replace(VLAN, kind="veth")), ()),
        ((ETH0, dataclasses.replace(VLAN, parent_elsewhere=True)), ()),
        ((dataclasses.replace(ETH0, up=False), VLAN), ()),
        ((ETH1, VLAN), ()),
    ],
)
def test_which_are_trunks(found, names):
    """What a VLAN's interface stands on, in this namespace, and carries something."""
    assert tuple(one.name for one in trunks.trunks(found)) == names


@pytest.mark.parametrize(
    "wanted, spare, given",
    [
        ([], 64, []),
        ([0, 1, 0], 61, [0, 1, 0]),
        ([9, 8], 62, [8, 8]),
        ([8, 8, 8, 8, 8], 59, [8, 8, 8, 5, 0]),
        ([3, 3], 7, [3, 0]),
        ([1], 1, [0]),
        ([1], 0, [0]),
    ],
)
def test_shares(wanted, spare, given):
    """Each namespace has what it wants, up to a bound, as long as there are some."""
    assert trunks.shares(wanted, spare) == given


def test_what_is_said():
    """Those that are left out are named."""
    assert trunks.left_out([]) is None
    assert trunks.left_out(["eth0", "eth1"]).startswith("VLAN tags at eth0 and eth1 are not told: ")
    assert trunks.doubt("eth0", "it ended") == "VLAN tags at eth0 may be missing: it ended"
