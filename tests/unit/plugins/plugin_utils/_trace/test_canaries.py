# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which ways canaries take, what they prove, and how far clocks are apart by them."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import Target, TargetRef
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Layer, Mark, Sighting
from ansible_collections.kube.pcap.plugins.plugin_utils._trace import canaries
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.clock import Crossing, Offset, offsets
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import CanaryWay, Proof

from .scenes import CART, DB, NODE_A, NODE_C, SERVICE, WEB

MARK = Mark(0, "udp", 4, nonce="00" * 8)
ACROSS = (CanaryWay(0, NODE_A, NODE_C), CanaryWay(1, NODE_C, NODE_A))


def canary(way, direction, time_ns=0, turn=0, after=False, **more):
    """A canary that a tap has seen."""
    number = way << 16 | (0x8000 if after else 0) | turn
    return Sighting(0, time_ns, "request", "mark", "canary", direction=direction, number=number, **more)


def test_ways():
    """Between each pod and its node, and between the source's node and every other, both ways."""
    found = canaries.ways(SERVICE.places, NODE_A)
    pairs = {frozenset((way.source, way.destination)) for way in found}
    assert pairs == {frozenset(pair) for pair in [(NODE_A, NODE_C), (CART, NODE_A), (WEB, NODE_A), (DB, NODE_C)]}
    assert len(found) == 8 and [way.number for way in found] == list(range(8))


def test_ways_of_a_node_that_sends_on():
    """Between it and every other node, too: what it sends on goes there."""
    nodes = dataclasses.replace(
        SERVICE.places[NODE_C], node="node-d", target=TargetRef("node", None, "node-d", None, "node-d")
    )
    places = (*SERVICE.places, nodes)
    found = {frozenset((way.source, way.destination)) for way in canaries.ways(places, NODE_A, NODE_C)}
    assert found - {frozenset((way.source, way.destination)) for way in canaries.ways(places, NODE_A)} == {
        frozenset((NODE_C, len(SERVICE.places)))
    }
    assert canaries.ways(places, NODE_A, NODE_A) == canaries.ways(places, NODE_A)


def test_by_node():
    """Each node sends what begins there; who has no address of the version gets none."""
    addresses = [("10.0.0.1",), ("fd00::3", "10.0.0.3"), ("10.244.1.2",), ("fd00::9",), ("10.244.3.2",)]
    targets = [
        Target(one.target.kind, name=one.target.name, node=one.node, addresses=own)
        for one, own in zip(SERVICE.places, addresses, strict=True)
    ]
    found = canaries.by_node(canaries.ways(SERVICE.places, NODE_A), targets, MARK)
    assert {node: sorted(one.destination for one in sent) for node, sent in found.items()} == {
        "node-a": ["10.0.0.1", "10.0.0.1", "10.0.0.3", "10.244.1.2"],
        "node-c": ["10.0.0.1", "10.0.0.3", "10.244.3.2"],
    }
    later = canaries.by_node(ACROSS, targets, MARK, after=True)
    assert all(one.after for sent in later.values() for one in sent)


@pytest.mark.parametrize(
    "seen, proven",
    [
        ({NODE_C: [canary(0, "In"), canary(0, "In", after=True)]}, {NODE_C: ("in",)}),
        ({NODE_A: [canary(0, "Out"), canary(0, "Out", after=True)]}, {NODE_A: ("out",)}),
        ({NODE_C: [canary(0, "In")]}, {}),
        ({NODE_C: [canary(0, "In", after=True)]}, {}),
        ({NODE_C: [canary(0, "P"), canary(0, "P", after=True)]}, {}),
        ({NODE_C: [canary(0, "In"), canary(1, "In", after=True)]}, {}),
    ],
)
def test_proven(seen, proven):
    """A tap is proved by one way, both before and after the probes."""
    assert canaries.proven(ACROSS, seen) == proven


def test_proofs():
    """Between which two, where they were seen, and wrapped in what; an interface without a name has its number."""
    wrapped = [canary(0, "In", ifindex=9, encapsulation=(Layer("vxlan", 1),))]
    seen = {
        NODE_C: [canary(0, "In", ifindex=2), canary(0, "In", after=True, ifindex=2), *wrapped],
        NODE_A: [canary(0, "Out", ifindex=7), canary(0, "Out", after=True)],
    }
    found = canaries.proofs(ACROSS, seen, SERVICE.places, {NODE_C: {2: "eth0", 9: "vxlan.1"}})
    assert found == {
        NODE_C: (Proof("in", "node node-a", "node node-c", ("eth0", "vxlan.1"), ("vxlan",)),),
        NODE_A: (Proof("out", "node node-a", "node node-c", ("7",)),),
    }


def test_clocks():
    """node-c is 1 ms ahead; canaries took 40 to 90 us."""
    took = [40_000, 90_000]
    seen = {
        NODE_A: [*(canary(0, "Out", 0, turn) for turn in (0, 1)), *(canary(1, "In", t, n) for n, t in enumerate(took))],
        NODE_C: [
            *(canary(0, "In", 1_000_000 + t, turn) for turn, t in enumerate(took)),
            *(canary(1, "Out", 1_000_000, turn) for turn in (0, 1)),
        ],
    }
    found = offsets(SERVICE.places, ACROSS, seen, NODE_A)
    assert found["node-a"] == Offset("node-a", 0, 0)
    assert found["node-c"] == Offset("node-c", 960_000, 1_040_000, 1_000_000)
    assert found["node-c"].either_way_ns == 40_000


@pytest.mark.parametrize(
    "crossings, guess",
    [
        ([Crossing("node-a", "node-c", 970_000)], 965_000),
        ([Crossing("node-c", "node-a", -1_030_000)], 1_035_000),
        ([Crossing("node-a", "node-c", 970_000), Crossing("node-c", "node-a", -962_000)], 966_000),
        ([Crossing("node-a", "node-c", 950_000)], 1_000_000),
        ([Crossing("node-b", "node-c", 970_000)], 1_000_000),
    ],
)
def test_packets_that_crossed(crossings, guess):
    """The guess yields to them where canaries allow it; the bounds are the canaries' alone."""
    seen = {
        NODE_A: [canary(0, "Out", 0), canary(1, "In", 40_000)],
        NODE_C: [canary(0, "In", 1_040_000), canary(1, "Out", 1_000_000)],
    }
    found = offsets(SERVICE.places, ACROSS, seen, NODE_A, crossings)["node-c"]
    assert found == Offset("node-c", 960_000, 1_040_000, guess)


def test_clocks_that_nobody_knows():
    """Nothing came, or one way alone: no guess."""
    assert offsets(SERVICE.places, ACROSS, {}, NODE_A)["node-c"] == Offset("node-c", None, None)
    one_way = {NODE_A: [canary(0, "Out")], NODE_C: [canary(0, "In", 50)]}
    found = offsets(SERVICE.places, ACROSS, one_way, NODE_A)["node-c"]
    assert (found.high_ns, found.guess_ns, found.either_way_ns) == (50, 50, None)
    assert Offset("x", 5, 3).either_way_ns is None
