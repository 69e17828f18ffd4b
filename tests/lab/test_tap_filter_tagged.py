# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a trace's filter for frames with a VLAN's tag in them lets through, as the real tcpdump judges it."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._trace.tap_filter import tap_filter
from tests.lab.test_tap_filter import everywhere, judged, known, marks, unknown
from tests.unit.plugins.module_utils.packet_bytes import Made, ethernet, vlan

ETHERNET = 1
CUSTOMER, SERVICE = 0x8100, 0x88A8
"""EtherTypes of IEEE 802.1Q and 802.1ad."""


@pytest.mark.parametrize("tag_type", [CUSTOMER, SERVICE])
@pytest.mark.parametrize("versions", [(4,), (6,), (4, 6)])
def test_exactly_the_probes(versions: tuple[int, ...], tag_type: int) -> None:
    """Each packet with a mark passes, in every tunnel; no other does, none without a tag, and none with two."""
    text = tap_filter([mark for version in versions for mark in marks(version).values()], tagged=True)
    wanted: dict[str, Made] = {}
    others: dict[str, Made] = {}
    for version in (4, 6):
        for kind, packets in known(version).items():
            named = everywhere(version, {"%s %s" % (kind, name): packet for name, packet in packets.items()})
            (wanted if version in versions else others).update(named)
        others.update(everywhere(version, unknown(version)))
    tagged = {name: ethernet(vlan(packet), tag_type) for name, packet in wanted.items()}
    refused = {"a tag, %s" % name: ethernet(vlan(packet), tag_type) for name, packet in others.items()}
    refused.update({"no tag, %s" % name: ethernet(packet) for name, packet in wanted.items()})
    refused.update({"two tags, %s" % name: ethernet(vlan(vlan(packet)), tag_type) for name, packet in wanted.items()})
    passed = judged(text, {**tagged, **refused}, ETHERNET)
    assert sorted(tagged.keys() - passed) == []
    assert sorted(passed - tagged.keys()) == []
