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

from ...module_utils._trace_records import KernelClock, Sighting
from .records import CanaryWay, Place


@dataclasses.dataclass(frozen=True)
class Offset:
    """How far a node's clock is ahead of the source's node's."""

    node: str
    low_ns: int | None
    """None where nothing bounds it from below."""
    high_ns: int | None
    guess_ns: int = 0
    """By which times are corrected: between the bounds, and as the packets that crossed between nodes allow."""
    run: int = 1
    """In which it was measured."""
    kernel: KernelClock | None = None
    """What the node's own kernel says of it, by which nothing is corrected; None where it does not tell."""

    @property
    def either_way_ns(self) -> int | None:
        """How far off the middle of the bounds may be; None where nobody knows."""
        if self.low_ns is None or self.high_ns is None or self.low_ns > self.high_ns:
            return None
        return (self.high_ns - self.low_ns + 1) // 2


@dataclasses.dataclass(frozen=True)
class Crossing:
    """A packet that left one node and came to another."""

    source: str
    destination: str
    took_ns: int
    """As the two clocks have it."""


def offsets(
    places: Sequence[Place],
    ways: Iterable[CanaryWay],
    seen: Mapping[int, Sequence[Sighting]],
    source_node: int,
    crossings: Sequence[Crossing] = (),
) -> dict[str, Offset]:
    """Return the offset of every node that is watched, the source's first.

    seen: each place's sightings of canaries, which give the bounds. crossings: of the probes' own packets; whether they
    came that way is known by the topology alone, so that they bound nothing, and the guess yields to them.
    """
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
    found = {own: Offset(own, 0, 0)}
    for node in dict.fromkeys(place.node for place in places):
        if node != own:
            bounds = low.get(node), high.get(node)
            found[node] = Offset(node, *bounds, _guess(node, bounds, crossings, found))
    return found


def with_kernels(found: Iterable[Offset], told: Mapping[str, KernelClock | None], run: int) -> tuple[Offset, ...]:
    """Return the offsets of a run with what each node's own kernel says of its clock."""
    return tuple(dataclasses.replace(one, kernel=told.get(one.node), run=run) for one in found)


def _guess(
    node: str, bounds: tuple[int | None, int | None], crossings: Iterable[Crossing], known: Mapping[str, Offset]
) -> int:
    """Return the middle of what bounds and crossings leave; of the bounds alone where that is nothing."""
    lows, highs = ([] if one is None else [one] for one in bounds)
    middle = _middle(lows, highs)
    for one in crossings:
        if one.destination == node and one.source in known:
            highs.append(known[one.source].guess_ns + one.took_ns)
        elif one.source == node and one.destination in known:
            lows.append(known[one.destination].guess_ns - one.took_ns)
    narrowed = _middle(lows, highs)
    return narrowed if narrowed is not None else middle or 0


def _middle(lows: Sequence[int], highs: Sequence[int]) -> int | None:
    """Return a number between them: one bound where there is no other; None where they contradict each other."""
    if lows and highs:
        return None if max(lows) > min(highs) else (max(lows) + min(highs)) // 2
    return max(lows) if lows else min(highs) if highs else 0


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
