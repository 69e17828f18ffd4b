# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far the nodes' clocks are apart, by canaries between them. PRIVATE to the collection.

A canary that leaves at one node's time and comes at another's took no negative time. So each one bounds the difference
of the two clocks from one side, and the fastest in either direction are the narrowest bounds (Cristian 1989). Ways that
differ in length stay inside them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._trace_records import Sighting
from .records import CanaryWay, Place


@dataclasses.dataclass(frozen=True)
class Offset:
    """How far a node's clock is ahead of the source's node's."""

    node: str
    low_ns: int | None
    """None where nothing bounds it from below."""
    high_ns: int | None

    @property
    def middle_ns(self) -> int:
        """The best guess: one bound where there is no other; 0 without any, or where they contradict each other."""
        if self.low_ns is None or self.high_ns is None:
            return self.low_ns or self.high_ns or 0
        return 0 if self.low_ns > self.high_ns else (self.low_ns + self.high_ns) // 2

    @property
    def either_way_ns(self) -> int | None:
        """How far off the guess may be; None where nobody knows."""
        if self.low_ns is None or self.high_ns is None or self.low_ns > self.high_ns:
            return None
        return (self.high_ns - self.low_ns + 1) // 2


def offsets(
    places: Sequence[Place], ways: Iterable[CanaryWay], seen: Mapping[int, Sequence[Sighting]], source_node: int
) -> dict[str, Offset]:
    """Return the offset of every node that is watched; ``seen``: each place's sightings of canaries."""
    own = places[source_node].node
    low: dict[str, int] = {}
    high: dict[str, int] = {}
    for way in ways:
        source, destination = places[way.source].node, places[way.destination].node
        if (source == own) == (destination == own):
            continue
        shortest = _shortest(way, seen)
        if shortest is None:
            continue
        if source == own:
            high[destination] = min(shortest, high.get(destination, shortest))
        else:
            low[source] = max(-shortest, low.get(source, -shortest))
    nodes = dict.fromkeys(place.node for place in places)
    return {node: Offset(node, 0, 0) if node == own else Offset(node, low.get(node), high.get(node)) for node in nodes}


def _shortest(way: CanaryWay, seen: Mapping[int, Sequence[Sighting]]) -> int | None:
    """Return the least of what canaries of a way took, in nanoseconds, as two clocks have it."""
    left = {one.number: one.time_ns for one in seen.get(way.source, ()) if _is_of(one, way, "Out")}
    took = [
        one.time_ns - left[one.number]
        for one in seen.get(way.destination, ())
        if _is_of(one, way, "In") and one.number in left
    ]
    return min(took, default=None)


def _is_of(one: Sighting, way: CanaryWay, direction: str) -> bool:
    return one.number is not None and one.number >> 16 == way.number and one.direction == direction
