# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which ways canaries take, and what their coming proves. PRIVATE to the collection.

A canary goes the way of a packet: out of a place that is watched, into another. Where one was seen to come in before
the probes and another after them, the tap there saw what passed, and so it did in between.
"""

from __future__ import annotations

import collections
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._records import Target
from ...module_utils._trace_records import Canary, Mark, Sighting
from .records import CanaryWay, Place, Proof

_AFTER = 1 << 15
"""In the lower half of a canary's number: it was sent after the probes."""


def ways(places: Sequence[Place], source_node: int, entry: int | None = None) -> tuple[CanaryWay, ...]:
    """Return the ways: between each pod and its node, and between the source's node and every other, both ways.

    entry: the node that is asked and sends packets on, if any: between it and every other, too.
    """
    nodes = {place.node: index for index, place in enumerate(places) if place.target.kind == "node"}
    pairs: list[tuple[int, int]] = []
    for index, place in enumerate(places):
        if place.target.kind == "pod" and place.node in nodes:
            pairs.append((index, nodes[place.node]))
        elif place.target.kind == "node" and index != source_node:
            pairs.append((source_node, index))
            if entry not in (None, index, source_node):
                pairs.append((entry, index))
    both = [way for first, second in pairs for way in ((first, second), (second, first))]
    return tuple(CanaryWay(number, source, destination) for number, (source, destination) in enumerate(both))


def by_node(
    taken: Iterable[CanaryWay], targets: Sequence[Target], mark: Mark, after: bool = False
) -> dict[str, tuple[Canary, ...]]:
    """Return what each node sends, by its name; ``targets`` are those of the places, in their order.

    A target without an address of the mark's version gets none, and is not proved by any.
    """
    found: dict[str, list[Canary]] = collections.defaultdict(list)
    for way in taken:
        address = address_of(targets[way.destination], mark.version)
        source = targets[way.source]
        if address is not None and source.node is not None:
            found[source.node].append(Canary(way.number, source, address, mark.nonce, after))
    return {node: tuple(sent) for node, sent in found.items()}


def address_of(target: Target, version: int) -> str | None:
    """Return where canaries to a target go."""
    found = (one for one in target.addresses if ipaddress.ip_address(one).version == version)
    return next(found, None)


def proven(taken: Iterable[CanaryWay], seen: Mapping[int, Sequence[Sighting]]) -> dict[int, tuple[str, ...]]:
    """Return of each place in what manner it is proved to see, none where it is not.

    seen: each place's sightings of canaries. A place is proved by a way on which canaries came in there both before
    and after the probes; ``out`` is told where they were seen to leave.
    """
    told: dict[int, list[str]] = collections.defaultdict(list)
    for _way, place, direction, _sightings in _proofs(taken, seen):
        told[place].append(direction)
    return {place: tuple(dict.fromkeys(manners)) for place, manners in told.items()}


def proofs(
    taken: Iterable[CanaryWay],
    seen: Mapping[int, Sequence[Sighting]],
    places: Sequence[Place],
    interfaces: Mapping[int, Mapping[int, str]],
) -> dict[int, tuple[Proof, ...]]:
    """Return what is proved of each place, way by way; ``interfaces``: of each place, index to name."""
    told: dict[int, list[Proof]] = collections.defaultdict(list)
    for way, place, direction, sightings in _proofs(taken, seen):
        names = interfaces.get(place, {})
        nics = {names.get(one.ifindex or 0, str(one.ifindex)) for one in sightings if one.ifindex}
        kinds = {layer.type for one in sightings for layer in one.encapsulation}
        ends = places[way.source].title, places[way.destination].title
        told[place].append(Proof(direction, *ends, tuple(sorted(nics)), tuple(sorted(kinds))))
    return {place: tuple(found) for place, found in told.items()}


def _proofs(
    taken: Iterable[CanaryWay], seen: Mapping[int, Sequence[Sighting]]
) -> Iterator[tuple[CanaryWay, int, str, list[Sighting]]]:
    """Yield each way and a place at which its canaries were seen both times, in which direction, and the sightings."""
    for way in taken:
        for place, direction in ((way.destination, "In"), (way.source, "Out")):
            own = [
                one
                for one in seen.get(place, ())
                if one.number is not None and one.number >> 16 == way.number and one.direction == direction
            ]
            if {bool((one.number or 0) & _AFTER) for one in own} == {False, True}:
                yield way, place, direction.lower(), own
