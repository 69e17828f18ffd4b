# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For what a tap may be blind, as its node tells."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Interface
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.blind import attached, blind

LO, ETH = Interface(1, "lo"), Interface(2, "eth0", programs=("xdp", "tcx"))
UNKNOWN = [Interface(number, "if%d" % number, programs_unknown="EPERM") for number in (3, 4, 5)]
PEER = Interface(6, "nk0", "netkit", programs=("tc",), programs_unknown="EACCES")
DOUBT = "whether programs of tcx or netkit are attached is not known (%s)"


@pytest.mark.parametrize(
    "interfaces, told",
    [
        ([], ()),
        ([LO], ()),
        ([LO, ETH], ("xdp and tcx at eth0",)),
        (UNKNOWN[:1], (DOUBT % "EPERM at if3",)),
        ([ETH, *UNKNOWN, PEER], ("xdp and tcx at eth0", "tc at nk0", DOUBT % "EPERM at if3 and 2 more, EACCES at nk0")),
    ],
)
def test_blind(interfaces, told):
    """What is attached, and what is not known, which is not the same as nothing."""
    assert blind(interfaces) == told


def test_messages_name_one_of_many():
    """A node may have hundreds of interfaces with the same programs."""
    many = [Interface(number, "lxc%d" % number, programs=("tcx",)) for number in range(7, 10)]
    assert attached([LO, ETH, *many]) == ("xdp and tcx at eth0", "tcx at lxc7 and 2 more")
    assert blind(many) == ("tcx at lxc7", "tcx at lxc8", "tcx at lxc9")
