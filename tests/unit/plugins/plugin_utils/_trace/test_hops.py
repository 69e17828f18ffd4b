# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sightings in their order, with whose interface each was at and what changed (rows KP-5, KP-9)."""

from __future__ import annotations

from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Layer, Sighting
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.clock import Crossing, Offset
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.hops import Seen, crossings, end, hops, timestamp

from .scenes import CART, DB, NODE_A, NODE_C, place, tapped

RANK = {CART: 0, NODE_A: 1, NODE_C: 3, DB: 4}
NOW = 1_700_000_000_000_000_000
SAME = {"node-a": Offset("node-a", 0, 0), "node-c": Offset("node-c", 0, 0)}


def sighting(time_ns, ifindex, direction, **changed):
    """A sighting of the first packet."""
    told = {"probe": 1, "leg": "request", "joined": "mark", "part": "first", "src": "10.244.1.2", "sport": 20001}
    told.update({"dst": "10.96.0.12", "dport": 5432, "protocol": "tcp", "flags": "S", "seq": 5, "ttl": 64}, **changed)
    return Sighting(time_ns=NOW + time_ns, ifindex=ifindex, direction=direction, **told)


def seen(index, *sightings):
    """What a place has seen."""
    return Seen(index, place(index), tapped(index, sightings=sightings))


TO_POD = {"dst": "10.244.3.2", "dport": 15432, "ttl": 63}
WRAPPED = {**TO_POD, "encapsulation": (Layer("vxlan", 1, "10.0.0.1", "10.0.0.3"),)}


def test_a_way():
    """From the pod over both nodes: names, owners, and at each hop what changed."""
    found = hops(
        [
            seen(NODE_A, sighting(200, 7, "In"), sighting(300, 9, "Out", **TO_POD), sighting(400, 2, "Out", **WRAPPED)),
            seen(NODE_C, sighting(500, 2, "In", **WRAPPED), sighting(700, 8, "Out", **{**TO_POD, "ttl": 62})),
            seen(CART, sighting(100, 3, "Out")),
            seen(DB, sighting(800, 4, "In", **{**TO_POD, "ttl": 62})),
        ],
        SAME,
        RANK,
    )
    assert [(hop.n, hop.node, hop.pod, hop.interface, hop.direction) for hop in found] == [
        (1, "node-a", "shop/cart", "eth0", "Out"),
        (2, "node-a", "shop/cart", "veth1", "In"),
        (3, "node-a", None, "vxlan.1", "Out"),
        (4, "node-a", None, "eth0", "Out"),
        (5, "node-c", None, "eth0", "In"),
        (6, "node-c", "shop/db", "veth2", "Out"),
        (7, "node-c", "shop/db", "eth0", "In"),
    ]
    assert [hop.changes for hop in found] == [
        (),
        (),
        ("dst 10.96.0.12:5432 -> 10.244.3.2:15432", "ttl 64 -> 63"),
        ("+vxlan 1",),
        (),
        ("ttl 63 -> 62", "-vxlan 1"),
        (),
    ]


def test_a_tag_comes_and_goes():
    """At a trunk the packet has a tag, which the interface that stands on it sets and takes out."""
    tag = {**TO_POD, "encapsulation": (Layer("vlan", 100),)}
    found = hops(
        [
            seen(NODE_A, sighting(100, 7, "In"), sighting(200, 9, "Out", **TO_POD), sighting(300, 2, "Out", **tag)),
            seen(NODE_C, sighting(500, 2, "In", **tag), sighting(600, 9, "In", **TO_POD)),
        ],
        SAME,
        RANK,
    )
    assert [hop.changes[-1:] for hop in found] == [(), ("ttl 64 -> 63",), ("+vlan 100",), (), ("-vlan 100",)]


def test_clocks():
    """Times are told by the clock of the source's node; the node's own is kept."""
    ahead = {**SAME, "node-c": Offset("node-c", 999_000, 1_001_000, 1_000_000)}
    found = hops([seen(DB, sighting(1_000_500, 4, "In")), seen(CART, sighting(100, 3, "Out"))], ahead, RANK)
    assert [hop.node for hop in found] == ["node-a", "node-c"]
    assert found[1].time_ns == NOW + 1_000_500 and found[1].timestamp == "2023-11-14T22:13:20.000000Z"


def test_order():
    """Between nodes nearer than the clocks' bounds, or without any, by the topology; on one node by time."""
    near = {**SAME, "node-c": Offset("node-c", -100, 100)}
    where = [seen(NODE_A, sighting(0, 7, "In"), sighting(50, 2, "Out")), seen(NODE_C, sighting(150, 2, "In"))]
    assert [hop.order for hop in hops(where, near, RANK)] == ["time", "time", "topology"]
    assert [hop.order for hop in hops(where, SAME, RANK)] == ["time", "time", "time"]
    far = [where[0], seen(NODE_C, sighting(151, 2, "In"))]
    assert [hop.order for hop in hops(far, near, RANK)] == ["time", "time", "time"]
    unknown = {**SAME, "node-c": Offset("node-c", None, 100)}
    assert [hop.order for hop in hops(far, unknown, RANK)] == ["time", "time", "topology"]


def test_frames_and_segments():
    """Who sent the frame, and what became of a large segment of the connection."""
    data = {"part": "later", "flags": "P.", "payload": 2000}
    pieces = [{**data, "payload": 1000, "seq": seq, "mac": "02:00:00:00:00:02"} for seq in (6, 1006)]
    where = seen(NODE_A, *(sighting(100 + n, 2, "Out", **piece) for n, piece in enumerate(pieces)))
    found = hops([seen(CART, sighting(0, 3, "Out", seq=6, mac="02:00:00:00:00:01", **data)), where], SAME, RANK)
    assert [hop.changes for hop in found] == [(), ("split from 2000 bytes",), ("split from 2000 bytes",)]
    first = [seen(CART, sighting(0, 3, "Out", mac="02:00:00:00:00:01"))]
    (_out, came) = hops([*first, seen(NODE_A, sighting(9, 7, "In", mac="02:00:00:00:00:02"))], SAME, RANK)
    assert (came.mac, came.changes) == ("02:00:00:00:00:02", ("mac 02:00:00:00:00:01 -> 02:00:00:00:00:02",))


def test_crossings():
    """From one node to another further on the way, there and back; what was sent again is left out."""
    back = {"leg": "reply", "part": "answer", "flags": "S.", "seq": 9, "ack": 6}
    there = [
        seen(NODE_A, sighting(100, 7, "In"), sighting(200, 9, "Out"), sighting(300, 2, "Out", **WRAPPED)),
        seen(NODE_C, sighting(900, 2, "In", **WRAPPED), sighting(950, 9, "In"), sighting(990, 8, "Out")),
        seen(DB, sighting(999, 4, "In")),
    ]
    assert crossings(there, RANK) == [Crossing("node-a", "node-c", 600)]
    home = [
        seen(NODE_A, sighting(500, 2, "In", **back), sighting(600, 7, "Out", **back)),
        seen(NODE_C, sighting(800, 8, "In", **back), sighting(850, 2, "Out", **back)),
    ]
    assert crossings(home, RANK) == [Crossing("node-c", "node-a", -350)]
    returned = [
        seen(NODE_A, *there[0].tapped.sightings, sighting(950, 2, "In", **TO_POD), sighting(990, 7, "Out", **TO_POD)),
        there[1],
    ]
    assert crossings(returned, RANK) == [Crossing("node-a", "node-c", 600)]
    again = [there[0], seen(NODE_C, sighting(900, 2, "In", **WRAPPED), sighting(950, 2, "In", **WRAPPED))]
    assert crossings(again, RANK) == []


def test_one_moment():
    """Where times are the same, the way decides; of an answer it is the other way round."""
    every = [seen(index, sighting(0, 2, "In")) for index in (DB, NODE_C, NODE_A, CART)]
    assert [hop.tap for hop in hops(every, SAME, RANK)] == [CART, NODE_A, NODE_C, DB]
    back = [seen(index, sighting(0, 2, "In", leg="reply", part="answer")) for index in (CART, DB, NODE_A)]
    assert [hop.tap for hop in hops(back, SAME, RANK)] == [DB, NODE_A, CART]


def test_again():
    """A packet that was there before is counted, and compared with its own hops."""
    found = hops([seen(CART, sighting(0, 3, "Out"), sighting(9, 3, "Out"), sighting(20, 3, "Out"))], SAME, RANK)
    assert [hop.again for hop in found] == [0, 1, 2] and not any(hop.changes for hop in found)


def test_what_is_no_hop():
    """A canary is none; an interface that is not known has its number."""
    found = hops([seen(CART, sighting(0, 3, "Out", probe=0), sighting(1, 99, "In"))], SAME, RANK)
    assert [hop.interface for hop in found] == ["99"]


def test_texts():
    """Times with microseconds, and ends."""
    assert timestamp(1_700_000_000_000_001_999) == "2023-11-14T22:13:20.000001Z"
    assert [end("10.0.0.1", 80), end("fd00::1", 80), end("fd00::1", None)] == ["10.0.0.1:80", "[fd00::1]:80", "fd00::1"]
