# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sightings in their order on the way. PRIVATE to the collection."""

from __future__ import annotations

import collections
import dataclasses
import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._trace_records import Interface, Layer, Sighting, Tapped
from .clock import Crossing, Offset
from .offloads import Segments
from .records import TIME, TOPOLOGY, Hop, Place

_DIRECTIONS = {"Out": 0, "In": 1}


@dataclasses.dataclass(frozen=True)
class Seen:
    """What one place has seen of the probes."""

    index: int
    """Of the place."""
    place: Place
    tapped: Tapped


def hops(seen: Sequence[Seen], offsets: Mapping[str, Offset], rank: Mapping[int, int]) -> tuple[Hop, ...]:
    """Return all packets of probes, in order.

    offsets: of each node. rank: how far each place is on the way of the request, by which packets are ordered whose
    times tell nothing.
    """
    owners = _owners(seen)
    rows = []
    for one in seen:
        offset = offsets[one.place.node]
        for sighting in one.tapped.sightings:
            if sighting.probe:
                rows.append(_Row(sighting, one, sighting.time_ns - offset.guess_ns, rank.get(one.index, 0)))
    ordered = _sorted(rows)
    found = []
    before: dict[tuple[object, ...], Hop] = {}
    times: collections.Counter[tuple[object, ...]] = collections.Counter()
    segments = Segments()
    for n, row in enumerate(ordered, 1):
        sighting = row.sighting
        spot = (row.seen.index, sighting.ifindex, sighting.direction, len(sighting.encapsulation))
        same = _same(sighting)
        again = times[same, spot]
        times[same, spot] += 1
        hop = _hop(n, row, owners, again)
        last = before.get((same, again))
        cut = segments.change(sighting, spot)
        changes = (*(_changes(last, hop) if last else ()), *([cut] if cut else ()))
        order = _order(ordered[n - 2], row, offsets) if n > 1 else TIME
        before[same, again] = hop = dataclasses.replace(hop, changes=changes, order=order)
        found.append(hop)
    return tuple(found)


def _order(before: _Row, now: _Row, offsets: Mapping[str, Offset]) -> str:
    """Say by what one row stands behind another: by time, or where the clocks' bounds overlap, by the topology."""
    nodes = before.seen.place.node, now.seen.place.node
    if nodes[0] == nodes[1]:
        return TIME
    unsure = [offsets[node].either_way_ns for node in nodes]
    known = [one for one in unsure if one is not None]
    apart = now.time_ns - before.time_ns
    return TIME if len(known) == len(unsure) and apart > sum(known) else TOPOLOGY


@dataclasses.dataclass(frozen=True)
class _Row:
    sighting: Sighting
    seen: Seen
    time_ns: int
    """By the clock of the source's node."""
    rank: int


def _sorted(rows: Iterable[_Row]) -> list[_Row]:
    """Return rows by time; the topology decides where two are of one moment."""

    def key(row: _Row) -> tuple[int, int, int]:
        forward = row.sighting.leg == "request"
        rank = row.rank if forward else -row.rank
        return row.time_ns, rank, _DIRECTIONS.get(row.sighting.direction or "", 2)

    return sorted(rows, key=key)


def _same(sighting: Sighting) -> tuple[object, ...]:
    """Return what is the same of one packet wherever it passes."""
    return (
        sighting.probe,
        sighting.leg,
        sighting.part,
        sighting.seq,
        sighting.ack,
        sighting.flags,
        sighting.payload,
        sighting.icmp_type,
        sighting.icmp_code,
    )


def crossings(seen: Sequence[Seen], rank: Mapping[int, int]) -> list[Crossing]:
    """Return the packets of probes that left one node and came to another further on their way.

    One that was sent again tells nothing, since which of them came is not known. rank: as for ``hops``.
    """
    left: dict[tuple[object, ...], dict[int, list[Sighting]]] = {}
    came: dict[tuple[object, ...], dict[int, list[Sighting]]] = {}
    nodes = {one.index: one.place.node for one in seen if one.place.target.kind != "pod"}
    for one in seen:
        for sighting in one.tapped.sightings if one.index in nodes else ():
            if sighting.probe and sighting.leg in ("request", "reply") and sighting.direction in _DIRECTIONS:
                passed = left if sighting.direction == "Out" else came
                passed.setdefault(_same(sighting), {}).setdefault(one.index, []).append(sighting)
    found = []
    for same, sources in left.items():
        for source, every in sources.items():
            out = _first_left(every, came.get(same, {}).get(source, ()))
            for destination, back in came.get(same, {}).items():
                further = rank[destination] - rank[source]
                if (further if out[0].leg == "request" else -further) > 0 and _once(every) and _once(back):
                    took = min(one.time_ns for one in back) - max(one.time_ns for one in out)
                    found.append(Crossing(nodes[source], nodes[destination], took))
    return found


def _first_left(left: Sequence[Sighting], came: Sequence[Sighting]) -> Sequence[Sighting]:
    """Return when a packet left a place for the first time: it may have come back, and left again."""
    began = min(one.time_ns for one in left)
    back = min((one.time_ns for one in came if one.time_ns > began), default=None)
    return [one for one in left if back is None or one.time_ns < back]


def _once(seen: Sequence[Sighting]) -> bool:
    """Say whether one packet was seen, once at each interface and in each wrapping."""
    return len({(one.ifindex, len(one.encapsulation)) for one in seen}) == len(seen)


def _owners(seen: Iterable[Seen]) -> dict[tuple[str, int], str]:
    """Return whose a node's ends of veths are: {(node, index): NAMESPACE/NAME}.

    Each end of a veth has the other's index, in the other's namespace (IFLA_LINK in rtnetlink(7)).
    """
    found, nodes = {}, {}
    every = list(seen)
    for one in every:
        if one.place.target.kind == "node":
            nodes[one.place.node] = {link.index: link for link in one.tapped.interfaces}
    for one in every:
        if one.place.target.kind != "pod":
            continue
        for link in one.tapped.interfaces:
            other = nodes.get(one.place.node, {}).get(link.parent or 0)
            if link.kind == "veth" and other is not None and other.parent == link.index:
                found[one.place.node, other.index] = _pod(one.place)
    return found


def _pod(place: Place) -> str:
    return "%s/%s" % (place.target.namespace, place.target.name)


def _hop(n: int, row: _Row, owners: Mapping[tuple[str, int], str], again: int) -> Hop:
    one, place = row.sighting, row.seen.place
    names: dict[int, Interface] = {link.index: link for link in row.seen.tapped.interfaces}
    link = names.get(one.ifindex or 0)
    inside = place.target.kind == "pod"
    icmp = None if one.icmp_type is None else "%d/%d" % (one.icmp_type, one.icmp_code or 0)
    return Hop(
        n=n,
        probe=one.probe,
        time_ns=one.time_ns,
        timestamp=timestamp(row.time_ns),
        node=place.node,
        pod=_pod(place) if inside else owners.get((place.node, one.ifindex or 0)),
        tap=row.seen.index,
        interface=link.name if link is not None else str(one.ifindex) if one.ifindex else None,
        direction=one.direction,
        src=one.src,
        dst=one.dst,
        sport=one.sport,
        dport=one.dport,
        protocol=one.protocol,
        flags=one.flags,
        leg=one.leg,
        part=one.part,
        joined=one.joined,
        again=again,
        ttl=one.ttl,
        length=one.length,
        payload=one.payload,
        encapsulation=one.encapsulation,
        changes=(),
        icmp=icmp,
        mac=one.mac,
    )


def timestamp(time_ns: int) -> str:
    """Return a time in UTC with microseconds, as RFC 3339 has it."""
    seconds, rest = divmod(time_ns, 1_000_000_000)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return "%s.%06dZ" % (moment.strftime("%Y-%m-%dT%H:%M:%S"), rest // 1000)


def _changes(before: Hop, now: Hop) -> Iterator[str]:
    """Yield what a packet's headers have become since its hop before."""
    for name, port in (("src", "sport"), ("dst", "dport")):
        was, became = ((getattr(hop, name), getattr(hop, port)) for hop in (before, now))
        if was != became:
            yield "%s %s -> %s" % (name, end(*was), end(*became))
    if before.mac is not None and now.mac is not None and before.mac != now.mac:
        yield "mac %s -> %s" % (before.mac, now.mac)
    if before.ttl is not None and now.ttl is not None and before.ttl != now.ttl:
        yield "ttl %d -> %d" % (before.ttl, now.ttl)
    gone = [layer for layer in before.encapsulation if _name(layer) not in map(_name, now.encapsulation)]
    come = [layer for layer in now.encapsulation if _name(layer) not in map(_name, before.encapsulation)]
    yield from ("-%s" % _name(layer) for layer in gone)
    yield from ("+%s" % _name(layer) for layer in come)


def _name(layer: Layer) -> str:
    return layer.type if layer.id is None else "%s %d" % (layer.type, layer.id)


def end(address: str | None, port: int | None) -> str:
    """Return an address with its port, as messages write it."""
    if port is None:
        return str(address)
    return "[%s]:%d" % (address, port) if ":" in (address or "") else "%s:%d" % (address, port)
