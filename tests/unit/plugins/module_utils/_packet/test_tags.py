# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags that come back into a cooked capture."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect
from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Record
from ansible_collections.kube.pcap.plugins.module_utils._packet.tags import Frames, together

from ..packet_bytes import MACS, ethernet, ipv4, ipv6, linked, udp, vlan

NIC, OTHER = 3, 4
SNAPLEN = 256
PLAIN = ipv4(udp(bytes(range(32))))
LONG = ipv6(udp(bytes(1000)))


def cooked(inner=PLAIN, time_ns=1000, ifindex=NIC, snaplen=SNAPLEN):
    """A packet as on any: its source is what frames have behind the destination."""
    data = bytearray(linked(inner, 276, ifindex=ifindex).data)
    data[12:20] = MACS[6:12] + bytes(2)
    return Record(time_ns, None, 276, "<", len(data), bytes(data[:snaplen]))


def frame(inner=PLAIN, time_ns=1001, number=100, tag_type=0x8100, snaplen=SNAPLEN):
    """A frame with a tag, or without one."""
    data = (ethernet(inner) if number is None else ethernet(vlan(inner, number), tag_type)).data
    return Record(time_ns, None, 1, "<", len(data), data[:snaplen])


def around(records):
    """Of each packet its time, interface, direction, and what is around it."""
    told = [(record.time_ns, dissect(record)) for record in records]
    return [
        (time, one.ifindex, one.direction, [(layer.type, layer.id) for layer in one.encapsulation])
        for time, one in told
    ]


@pytest.mark.parametrize("inner", [PLAIN, LONG, ipv4(udp(b""))])
@pytest.mark.parametrize("tag_type", [0x8100, 0x88A8])
def test_a_tag_comes_back(inner, tag_type):
    """The packet keeps its time, interface and direction; only the tag is new, and its length."""
    (found,) = together([cooked(inner)], [Frames(NIC, [frame(inner, tag_type=tag_type)])])
    before, after = dissect(cooked(inner)), dissect(found)
    assert around([found]) == [(1000, NIC, "In", [("vlan", 100)])]
    assert after._replace(encapsulation=()) == before
    assert found.length == cooked(inner).length + 4


@pytest.mark.parametrize(
    "other",
    [
        frame(number=None),
        frame(ipv4(udp(bytes(range(1, 33))))),
        frame(ipv4(udp(bytes(range(32))), ttl=63)),
        frame()._replace(data=MACS[6:] + MACS[:6] + frame().data[12:]),
        frame()._replace(length=999),
        frame()._replace(data=frame().data[:17]),
        cooked(),
    ],
)
def test_another_packet(other):
    """What differs tells nothing of this one, and is no packet more: on any it was not."""
    assert together([cooked()], [Frames(NIC, [other])]) == [cooked()]


def test_another_interface():
    """A tag is at the interface at which it was seen."""
    packets = [cooked(ifindex=OTHER), cooked()]
    assert together(packets, [Frames(OTHER, [frame()])]) == [
        together([packets[0]], [Frames(OTHER, [frame()])])[0],
        packets[1],
    ]


def test_each_once():
    """Packets that are all the same have each a tag of their own, by their order; who has none has none."""
    packets = [cooked(time_ns=time) for time in (1000, 2000, 3000)]
    frames = [frame(time_ns=1001, number=5), frame(time_ns=2001, number=6)]
    found = around(together(packets, [Frames(NIC, frames)]))
    assert [one[3] for one in found] == [[("vlan", 5)], [("vlan", 6)], []]


def test_the_nearest_in_time():
    """The same bytes without a tag shortly before are another packet."""
    packets = [cooked(time_ns=time) for time in (1000, 50_000, 90_000)]
    found = around(together(packets, [Frames(NIC, [frame(time_ns=50_100)])]))
    assert [one[3] for one in found] == [[], [("vlan", 100)], []]


def test_what_left_with_a_tag_in_it():
    """It is one more, in its place by time; what else there is stays as it is."""
    packets = [cooked(time_ns=1000), cooked(time_ns=3000, ifindex=OTHER)]
    found = together(packets, [Frames(NIC, [frame(LONG, time_ns=2000)], leaving=True), Frames(OTHER, [])])
    assert around(found) == [(1000, NIC, "In", []), (2000, NIC, "Out", [("vlan", 100)]), (3000, OTHER, "In", [])]
    assert dissect(found[1])._replace(encapsulation=(), ifindex=None, direction=None) == LONG.packet
    assert found[1].length == frame(LONG).length - 14 + 20


def test_the_order_is_the_files():
    """Processors hand over what they have in no order; it is not changed without need."""
    packets = [cooked(time_ns=2000), cooked(LONG, time_ns=1000)]
    assert [one.time_ns for one in together(packets, [Frames(NIC, [frame(LONG)])])] == [2000, 1000]


def test_damage():
    """Cut anywhere, a record is left as it is, and nothing is raised."""
    whole, other = cooked(), frame()
    for size in range(len(whole.data)):
        cut = whole._replace(data=whole.data[:size])
        assert len(together([cut], [Frames(NIC, [other])])) == 1
    for size in range(len(other.data)):
        assert len(together([whole], [Frames(NIC, [other._replace(data=other.data[:size])])])) == 1
