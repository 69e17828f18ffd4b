# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where one probe's packets passed, and whose taps are to be relied upon in that. PRIVATE to the collection."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._records import CONTROLLER
from ...module_utils._trace_records import Sent, Tapped
from . import blind
from .records import Hop, Landing, Planned

_LOOPBACK = "lo"


class Passage:
    """One probe's, as its hops and the taps show it; nothing is judged here."""

    def __init__(
        self,
        planned: Planned,
        taps: Mapping[int, Tapped],
        proven: Mapping[int, tuple[str, ...]],
        hops: Sequence[Hop],
        sent: Sent | None,
    ) -> None:
        """hops: the probe's own, in order. taps, proven: by place, as ``verdict.Evidence`` has them. sent: the probe's,
        as its socket told it.
        """
        self._planned, self._taps, self._proven, self._sent = planned, taps, proven, sent
        self.request = [hop for hop in hops if hop.part == "first"]
        self.answer = [hop for hop in hops if hop.part == "answer"]
        self.errors = [hop for hop in hops if hop.part == "error"]
        self.later = [hop for hop in hops if hop.part == "later"]
        self.landing = self._found_landing()
        """Where the request was led to, as far as some tap has seen it."""

    def _found_landing(self) -> Landing | None:
        led = {(hop.dst, hop.dport) for hop in self.request}
        found = [one for one in self._planned.landings if (one.address, one.port) in led]
        return found[0] if found else self._planned.landings[0] if len(self._planned.landings) == 1 else None

    def way(self) -> tuple[int, ...]:
        """Return the places on the way of a request; without a landing it is not known to its end.

        A place may be on it twice: a node that was asked may send a packet back to an endpoint on the source's node.
        """
        planned, landing = self._planned, self.landing
        way: list[int | None] = [planned.source_place, planned.source_node_place]
        if not self._is_past_entry():
            way.append(planned.entry_place)
        if landing is not None:
            way += [landing.node_place, landing.place]
        return tuple(place for place, _same in itertools.groupby(one for one in way if one is not None))

    def _is_past_entry(self) -> bool:
        """Say whether the request left the source's node for an endpoint, so that no other node is to translate it."""
        planned = self._planned
        if any(hop.tap == planned.entry_place for hop in self.request):
            return False
        own = (planned.source_place, planned.source_node_place)
        ends = {(one.address, one.port) for one in planned.landings}
        return any(hop.tap in own and hop.direction == "Out" and (hop.dst, hop.dport) in ends for hop in self.request)

    def moving(self, seen: Sequence[Hop], way: Sequence[int]) -> list[Hop]:
        """Return the hops that tell how far a packet came: the first time, and not what pods see of others' packets."""
        nodes = {index for index, place in enumerate(self._planned.places) if place.target.kind != "pod"}
        own = [hop for hop in seen if hop.tap in nodes or (hop.tap in way and hop.direction != "P")]
        return [hop for hop in own if not hop.again] or list(seen[-1:])

    def progress(self, moving: Sequence[Hop], way: Sequence[int]) -> int | None:
        """Return which of the way's places was the furthest; None where none of them has seen the packet."""
        reached = None
        for hop in moving:
            further = range(reached or 0, len(way))
            reached = next((index for index in further if way[index] == hop.tap), reached)
        return reached

    def following(self, leg: str, reached: int, way: Sequence[int]) -> tuple[int, ...]:
        """Return to which place a packet goes on from the furthest on its way; none where that is not known.

        Several, where it is to go to one of several endpoints, and which of them it is was not seen.
        """
        last, follows, planned = way[reached], way[reached + 1 :], self._planned
        if leg == "reply":
            return tuple(follows[:1])
        if planned.entry_place is None and last == planned.source_place and self._is_outside(last):
            on_node = self.landing is not None and self.landing.place == self.landing.node_place
            return tuple(follows[:1]) if on_node else ()
        if follows or self.landing is not None:
            return tuple(follows[:1])
        places = [one.place if one.node_place == last else one.node_place for one in planned.landings]
        # What a node translates to itself no tap sees once more.
        known = tuple(dict.fromkeys(one for one in places if one not in (None, last)))
        return known if len(known) == len(set(places)) else ()

    def _is_outside(self, place: int) -> bool:
        """Say whether a place is no part of the cluster, whose network does not lead from there to pods."""
        return self._planned.places[place].target.kind == CONTROLLER

    def is_led(self, hop: Hop) -> bool:
        """Say whether a packet leaves for where it may arrive, or for what the asked node is to translate."""
        ends, planned = (hop.dst, hop.dport), self._planned
        if planned.entry_place not in (None, hop.tap) and ends == (planned.address, planned.port):
            return True
        return ends in {(one.address, one.port) for one in planned.landings}

    def arrival(self) -> Hop | None:
        """Return the hop by which the request came into the destination's namespace."""
        for hop in self.request:
            for one in self._planned.landings:
                here = hop.tap == one.place and hop.direction == "In"
                if here and (hop.dst, hop.dport) == (one.address, one.port) and not self.is_sent_on(hop):
                    return hop
        return self._translated_arrival()

    def missing_nodes(self) -> list[str]:
        """Return what kept a loss from being called because of nodes that are not watched; nothing where all are."""
        planned = self._planned
        if planned.every_node:
            return []
        if not planned.listed:
            return ["it is not known which nodes there are (the API or trace_snapshot tells)"]
        if planned.absent:
            text = "nobody could watch on %s: no host of the play that answers is that node"
            return [text % ", ".join(planned.absent)]
        return ["nobody watched on %s (trace_taps: all does)" % ", ".join(planned.unwatched)]

    def beyond(self, last: Hop) -> str:
        """Return why it is not known what became of a packet for which no further place of its way is watched."""
        if self.comes_in(last) and self.is_sound(last.tap):
            return "%s was not seen to send it on" % self._planned.places[last.tap].title
        return "nobody watches what is behind it"

    def arrived(self) -> Landing | None:
        """Return the landing to which the request came; None where it came to none."""
        came = self.arrival() if self.request else None
        if came is None:
            return None
        own = [one for one in self._planned.landings if one.place == came.tap]
        return next((one for one in own if (one.address, one.port) == (came.dst, came.dport)), own[0])

    def _translated_arrival(self) -> Hop | None:
        """Return the hop by which the request came to a node that translated it to itself, which no tap sees."""
        last = self.request[-1]
        asked = (last.dst, last.dport) == (self._planned.address, self._planned.port)
        nodes = [one.place for one in self._planned.landings if one.place is not None and one.place == one.node_place]
        if not asked or last.direction != "In" or last.tap not in nodes:
            return None
        if self._planned.entry_place not in (None, last.tap):  # it may be on its way to the node that is asked
            return None
        # Of several endpoints, another may have got it on a way that no tap saw.
        return last if len(self._planned.landings) == 1 or self._is_born_in(last.tap) else None

    def is_sent_on(self, came: Hop) -> bool:
        """Say whether a node gave what came to it another destination, and sent it there."""
        after = self.request[self.request.index(came) + 1 :]
        ends = (came.dst, came.dport)
        return any(hop.tap == came.tap and hop.direction == "Out" and (hop.dst, hop.dport) != ends for hop in after)

    def left_again(self, arrival: Hop) -> bool:
        """Say whether the answer left the namespace in which the request arrived."""
        if arrival.tap == self._planned.source_place and arrival.interface == _LOOPBACK:  # it is seen once there
            return True
        return self._is_born_in(arrival.tap)

    def _is_born_in(self, place: int) -> bool:
        """Say whether the answer went out of a place into which it had not come."""
        own = [hop for hop in self.answer if hop.tap == place]
        return bool(own) and not self.comes_in(own[0])

    def has_left(self) -> bool:
        """Say whether the request went out of what is watched, and the answer came in from there."""
        return self.request[-1].direction == "Out" and self.comes_in(self.answer[0])

    def is_home(self, hop: Hop) -> bool:
        """Say whether a hop is of what came in at the source, for one of its own ends."""
        if hop.tap != self._planned.source_place or hop.direction != "In":
            return False
        ends = self._own_ends()
        return (hop.dst, hop.dport) in ends if hop.part == "answer" else hop.dst in {address for address, _port in ends}

    def _own_ends(self) -> set[tuple[str | None, int | None]]:
        """Return the source's addresses and ports: what else comes back to a node may be on its way elsewhere."""
        left: set[tuple[str | None, int | None]] = set()
        for hop in self.request:
            if hop.tap == self._planned.source_place:
                if left and hop.direction == "In" and hop.interface != _LOOPBACK:
                    break
                left.add((hop.src, hop.sport))
        # A node may have translated them before any tap saw the request. Where a bridge's packets pass the firewall,
        # the answer is at the bridge itself already for the socket's own.
        sent = self._sent
        return left if sent is None or sent.source is None else left | {(sent.source, sent.source_port)}

    def loop(self) -> tuple[int, int] | None:
        """Return the TTLs before and after the request went in a circle; None where it was not seen to."""
        seen: dict[tuple[object, ...], int] = {}
        for hop in self.request:
            spot = (hop.tap, hop.interface, hop.direction, len(hop.encapsulation))
            if hop.ttl is not None and hop.ttl < seen.get(spot, 0):
                return seen[spot], hop.ttl
            seen.setdefault(spot, hop.ttl or 0)
        return None

    def comes_in(self, hop: Hop) -> bool:
        """Say whether a hop is on its way in: what a bridge's port takes is for another host, in the kernel's eyes."""
        return hop.direction == "In" or hop.direction == "P" and self._planned.places[hop.tap].target.kind == "node"

    def is_sound(self, place: int) -> bool:
        """Say whether a tap is there that lost nothing, as far as it knows."""
        tapped = self._taps.get(place)
        return tapped is not None and tapped.problem is None and not tapped.dropped and not tapped.left_out

    def is_proven(self, place: int) -> bool:
        """Say whether a sound tap is there that canaries proved to see what comes in."""
        return self.is_sound(place) and "in" in self._proven.get(place, ())

    def doubt(self, place: int) -> str:
        """Return why a place is not to be relied upon."""
        tapped, title = self._taps.get(place), self._planned.places[place].title
        if tapped is None:
            return "the tap in %s gave no answer" % title
        if tapped.problem is not None:
            return "the tap in %s: %s" % (title, tapped.problem)
        if tapped.dropped or tapped.left_out:
            return "the tap in %s lost %d packets" % (title, tapped.dropped + tapped.left_out)
        return "canaries did not come to %s both before and after, so that its tap is not proven to see" % title

    def hiding(self, places: Iterable[int]) -> tuple[str, ...]:
        """Return which programs may have taken packets before taps could see them; the taps there have answered."""
        return tuple(
            "%s of %s" % (one, self._planned.places[place].title)
            for place in places
            for one in blind.attached(self._taps[place].interfaces)
        )

    def unread(self, places: Iterable[int]) -> tuple[str, ...]:
        """Return of which places it is not known whether such programs are there; the taps there have answered."""
        told = ((self._planned.places[place].title, blind.unknown(self._taps[place].interfaces)) for place in places)
        return tuple("%s: %s" % (title, doubt) for title, doubt in told if doubt is not None)
