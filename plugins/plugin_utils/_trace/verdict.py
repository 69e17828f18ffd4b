# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a probe, never more than its hops and canaries show. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._trace_records import Sent, Tapped
from .hops import end
from .records import OUTCOMES, Hop, Landing, Place, Planned, Verdict

LOST, LOOPED, RESET, REFUSED, UNSENT, DELIVERED, INCONCLUSIVE, INTERCEPTED, ANSWERED = OUTCOMES
PROVEN, LIKELY, UNPROVEN = "proven", "likely", "unproven"


@dataclasses.dataclass(frozen=True)
class Evidence:
    """What there is to judge by."""

    planned: Planned
    taps: Mapping[int, Tapped]
    """By place; one that did not answer is missing."""
    proven: Mapping[int, tuple[str, ...]]
    """By place, as ``canaries.proven`` returns it."""
    unknown_clocks: frozenset[str] = frozenset()
    """Nodes whose clocks canaries have not bounded, so that the order of hops there and elsewhere is not known."""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of the probes' verdicts."""
    return min(verdicts, key=lambda one: OUTCOMES.index(one.outcome))


def judge(evidence: Evidence, hops: Sequence[Hop], sent: Sent | None) -> Verdict:
    """Return what became of one probe; ``hops`` are its own, in order, and ``sent`` what its socket knows."""
    made = _Case(evidence, hops, sent).verdict()
    nodes = {hop.node for hop in hops}
    unsure = sorted(nodes & evidence.unknown_clocks) if len(nodes) > 1 else []
    if not unsure:
        return made
    missing = "how far the clocks are apart is not known of %s, and so the order of hops" % ", ".join(unsure)
    confidence = LIKELY if made.confidence == PROVEN else made.confidence
    return dataclasses.replace(made, confidence=confidence, missing=(*made.missing, missing))


class _Case:
    """One probe."""

    def __init__(self, evidence: Evidence, hops: Sequence[Hop], sent: Sent | None) -> None:
        self._evidence, self._planned, self._sent = evidence, evidence.planned, sent
        self._request = [hop for hop in hops if hop.part == "first"]
        self._answer = [hop for hop in hops if hop.part == "answer"]
        self._errors = [hop for hop in hops if hop.part == "error"]
        self._later = [hop for hop in hops if hop.part == "later"]
        self._landing = self._found_landing()

    def verdict(self) -> Verdict:
        """Return the verdict."""
        source = self._planned.source_place
        if not any(hop.tap == source for hop in self._request):
            return self._unseen()
        loop = self._loop()
        if loop is not None:
            text = "%s went in circles: its TTL fell from %d to %d at %s"
            told = text % (self._what, *loop, self._at(self._request[-1]))
            return Verdict(LOOPED, told, "request", self._at(self._request[-1]), confidence=PROVEN)
        if any(self._is_home(hop) for hop in self._answer):
            return self._answered()
        if any(self._is_home(hop) for hop in self._errors):
            return self._refused(next(hop for hop in self._errors if self._is_home(hop)))
        arrival = self._arrival()
        if self._errors or (self._answer and arrival is None):
            first = (self._errors or self._answer)[0]
            text = "%s was answered or refused by somebody, first seen at %s; that did not come back to %s"
            told = text % (self._what, self._at(first), self._place(source).title)
            return Verdict(INCONCLUSIVE, told, "error" if self._errors else "reply", self._at(first))
        if arrival is not None:
            return self._unanswered(arrival)
        return self._stopped("request", self._request, self._way())

    def _is_home(self, hop: Hop) -> bool:
        return hop.tap == self._planned.source_place and hop.direction == "In"

    @property
    def _what(self) -> str:
        planned = self._planned
        return "what %s sent to %s" % (planned.source, self._destination)

    @property
    def _destination(self) -> str:
        planned = self._planned
        return "%s (%s)" % (planned.destination, end(planned.address, planned.port))

    def _place(self, index: int) -> Place:
        return self._planned.places[index]

    def _at(self, hop: Hop) -> str:
        """Return where a hop is, for messages: ``eth0 of node node-a``."""
        return "%s of %s" % (hop.interface or "an interface", self._place(hop.tap).title)

    def _found_landing(self) -> Landing | None:
        """Return where the request was led to, as far as some tap has seen it."""
        led = {(hop.dst, hop.dport) for hop in self._request}
        found = [one for one in self._planned.landings if (one.address, one.port) in led]
        return found[0] if found else self._planned.landings[0] if len(self._planned.landings) == 1 else None

    def _arrival(self) -> Hop | None:
        """Return the hop by which the request came into the destination's namespace."""
        for hop in self._request:
            for one in self._planned.landings:
                here = hop.tap == one.place and hop.direction == "In"
                if here and (hop.dst, hop.dport) == (one.address, one.port) and not self._is_sent_on(hop):
                    return hop
        return self._translated_arrival()

    def _is_sent_on(self, came: Hop) -> bool:
        """Say whether a node gave what came to it another destination, and sent it there."""
        after = self._request[self._request.index(came) + 1 :]
        ends = (came.dst, came.dport)
        return any(hop.tap == came.tap and hop.direction == "Out" and (hop.dst, hop.dport) != ends for hop in after)

    def _translated_arrival(self) -> Hop | None:
        """Return the hop by which the request came to a node that translated it to itself, which no tap sees."""
        last = self._request[-1]
        asked = (last.dst, last.dport) == (self._planned.address, self._planned.port)
        nodes = [one.place for one in self._planned.landings if one.place is not None and one.place == one.node_place]
        if not asked or last.direction != "In" or last.tap not in nodes:
            return None
        # Of several endpoints, another may have got it on a way that no tap saw.
        return last if len(self._planned.landings) == 1 or self._is_born_in(last.tap) else None

    def _is_born_in(self, place: int) -> bool:
        """Say whether the answer went out of a place into which it had not come."""
        own = [hop for hop in self._answer if hop.tap == place]
        return bool(own) and not self._comes_in(own[0])

    def _left_again(self, arrival: Hop) -> bool:
        """Say whether the answer left the namespace in which the request arrived."""
        if arrival.tap == self._planned.source_place:  # on loopback a packet is seen once, coming in
            return True
        return self._is_born_in(arrival.tap)

    def _loop(self) -> tuple[int, int] | None:
        seen: dict[tuple[object, ...], int] = {}
        for hop in self._request:
            spot = (hop.tap, hop.interface, hop.direction, len(hop.encapsulation))
            if hop.ttl is not None and hop.ttl < seen.get(spot, 0):
                return seen[spot], hop.ttl
            seen.setdefault(spot, hop.ttl or 0)
        return None

    def _unseen(self) -> Verdict:
        source = self._planned.source_place
        why = "; its socket says %s" % self._trouble if self._trouble else ""
        if self._request:
            text = "%s was seen at %s, and not in %s, where it was sent"
            told = text % (self._what, self._at(self._request[0]), self._place(source).title)
            return Verdict(INCONCLUSIVE, told, "request", self._at(self._request[0]))
        if self._is_sound(source):
            text = "%s did not leave: %s did not see it%s"
            text %= (self._what, self._place(source).title, why)
            return Verdict(UNSENT, text, "request", confidence=self._confidence([source]))
        return self._inconclusive("it is not known whether %s left%s" % (self._what, why), [source], "request")

    @property
    def _trouble(self) -> str | None:
        """What its socket met: ``ECONNREFUSED (connect)``."""
        if self._sent is None or self._sent.error is None:
            return None
        return "%s (%s)" % (self._sent.error, self._sent.stage)

    def _answered(self) -> Verdict:
        reset = [hop for hop in self._answer if "R" in (hop.flags or "")]
        made = [hop for hop in self._answer if hop not in reset]
        born = self._at(self._answer[0])
        arrival = self._arrival()
        if reset and not made:
            text = "%s was refused: a reset came back, first seen at %s" % (self._what, self._at(reset[0]))
            return Verdict(
                REFUSED, text, "reply", self._at(reset[0]), answered_by=self._at(reset[0]), confidence=PROVEN
            )
        if arrival is None:
            return self._answered_elsewhere(born)
        if not self._left_again(arrival):
            text = "%s came to %s, and was answered by another: the answer was first seen at %s"
            text %= (self._what, self._place(arrival.tap).title, born)
            return Verdict(INTERCEPTED, text, "reply", born, answered_by=born, confidence=LIKELY)
        by = self._place(arrival.tap).title
        broken = reset + [hop for hop in self._later if "R" in (hop.flags or "") and hop.leg == "reply"]
        if broken:
            text = "%s was answered by %s, and the connection was reset after that; the reset was first seen at %s"
            return Verdict(
                RESET, text % (self._what, by, self._at(broken[0])), "reply", self._at(broken[0]), (), by, PROVEN
            )
        text = "%s was answered by %s" % (self._what, by)
        if self._sent is None or not self._trouble:
            return Verdict(ANSWERED, text, "reply", by, answered_by=by, confidence=PROVEN)
        if self._planned.protocol != "tcp" or self._sent.connected:  # what was said then got no reply
            text += "; then its socket met %s" % self._trouble
            return Verdict(ANSWERED, text, "reply", by, answered_by=by, confidence=PROVEN)
        text += ", and its socket did not take the answer, but met %s" % self._trouble
        return Verdict(ANSWERED, text, "reply", by, answered_by=by, confidence=LIKELY)

    def _answered_elsewhere(self, born: str) -> Verdict:
        landing, sent_on = self._landing, [hop for hop in self._request if self._is_sent_on(hop)]
        if landing is not None and landing.place is None and self._has_left():
            text = "%s was answered from beyond what is watched: the answer was first seen at %s"
            return Verdict(ANSWERED, text % (self._what, born), "reply", born, answered_by=born, confidence=LIKELY)
        if landing is not None and landing.place is None:
            text = "%s was answered, and was not seen to leave what is watched: the answer was first seen at %s"
            return Verdict(INTERCEPTED, text % (self._what, born), "reply", born, answered_by=born, confidence=LIKELY)
        if sent_on and landing is not None and sent_on[-1].tap == landing.place:
            text = "%s was sent on by %s, and answered by another: the answer was first seen at %s"
            told = text % (self._what, self._place(sent_on[-1].tap).title, born)
            return Verdict(INTERCEPTED, told, "reply", born, answered_by=born, confidence=LIKELY)
        unsure = [
            one.place for one in self._planned.landings if one.place is not None and not self._is_sound(one.place)
        ]
        if unsure:
            said = "%s was answered, and it is not known by whom: the answer was first seen at %s"
            return self._inconclusive(said % (self._what, born), unsure, "reply")
        text = "%s was answered, and never came to %s: the answer was first seen at %s"
        to = "its destination" if landing is None else landing.title or landing.address
        return Verdict(INTERCEPTED, text % (self._what, to, born), "reply", born, answered_by=born, confidence=LIKELY)

    def _has_left(self) -> bool:
        """Say whether the request went out of what is watched, and the answer came in from there."""
        return self._request[-1].direction == "Out" and self._comes_in(self._answer[0])

    def _refused(self, error: Hop) -> Verdict:
        text = "%s was refused: %s said so by %s %s, first seen at %s"
        first = self._at(self._errors[0])
        told = text % (self._what, error.src, error.protocol, error.icmp, first)
        return Verdict(REFUSED, told, "error", first, answered_by=error.src, confidence=PROVEN)

    def _unanswered(self, arrival: Hop) -> Verdict:
        if self._answer:
            return self._stopped("reply", self._answer, tuple(reversed(self._way())))
        by = self._place(arrival.tap).title
        if not self._is_sound(arrival.tap):
            said = "%s came to %s; it is not known whether an answer left there" % (self._what, by)
            return self._inconclusive(said, [arrival.tap], "request")
        text = "%s came to %s, and no answer left there" % (self._what, by)
        return Verdict(DELIVERED, text, "request", self._at(arrival), confidence=self._confidence([arrival.tap]))

    def _way(self) -> tuple[int, ...]:
        """Return the places on the way of a request, each once; without a landing it is known to the first node."""
        planned, landing = self._planned, self._landing
        way: list[int | None] = [planned.source_place, planned.source_node_place]
        if landing is not None:
            way += [landing.node_place, landing.place]
        return tuple(dict.fromkeys(place for place in way if place is not None))

    def _stopped(self, leg: str, seen: Sequence[Hop], way: Sequence[int]) -> Verdict:
        """Judge what was seen up to some place of the way, and not in the next."""
        reached = [place for place in way if any(hop.tap == place for hop in seen)]
        last = reached[-1] if reached else seen[-1].tap
        here = [hop for hop in seen if hop.tap == last][-1]
        follows = list(way[way.index(last) + 1 :]) if last in way else []
        what = self._what if leg == "request" else "the answer to %s" % self._what
        title = self._place(last).title
        strayed = self._strayed(leg, seen, way, here)
        if strayed:
            text = "%s was last seen %s at %s; %s" % (what, self._moving(here), self._at(here), strayed)
            return Verdict(INCONCLUSIVE, text, leg, self._at(here), missing=(strayed,))
        if not follows:
            if self._landing is None or self._landing.place is None or here.direction == "Out":
                beyond = "nobody watches what is behind it"
                text = "%s was last seen %s at %s, and %s" % (what, self._moving(here), self._at(here), beyond)
                return Verdict(INCONCLUSIVE, text, leg, self._at(here), missing=(beyond,))
            text = "%s was last seen %s at %s, and went no further" % (what, self._moving(here), self._at(here))
            return self._inconclusive(text, [last], leg, self._at(here))
        following = self._place(follows[0]).title
        where = "inside %s or before %s" if self._comes_in(here) else "between %s and %s"
        unsure = [place for place in (last, follows[0]) if not self._is_proven(place)]
        if unsure or not self._planned.every_node:
            text = "%s was last seen %s at %s, and not in %s" % (what, self._moving(here), self._at(here), following)
            return self._inconclusive(text, unsure, leg, self._at(here))
        text = "%s was lost %s: last seen %s at %s"
        text %= (what, where % (title, following), self._moving(here), self._at(here))
        both = (last, follows[0])
        text += self._hidden(both)
        return Verdict(LOST, text, leg, self._at(here), (title, following), confidence=self._confidence(both))

    def _strayed(self, leg: str, seen: Sequence[Hop], way: Sequence[int], here: Hop) -> str | None:
        """Return in what the packet did not take the way that is known, so that the next place is not known either."""
        others = [hop for hop in seen if hop.tap not in way and self._place(hop.tap).target.kind == "node"]
        if others and others[-1].direction == "In":
            return "it came in at %s, which is not on its way" % self._at(others[-1])
        landing = self._landing
        if leg == "reply" or landing is None or here.direction != "Out" or here.tap != self._planned.source_node_place:
            return None
        ends = (here.dst, here.dport)
        # The source's node translates a Service's address, if any does.
        if ends == (landing.address, landing.port):
            return None
        return "it left for %s, which nothing had translated" % end(*ends)

    def _is_sound(self, place: int) -> bool:
        """Say whether a tap is there that lost nothing, as far as it knows."""
        tapped = self._evidence.taps.get(place)
        return tapped is not None and tapped.problem is None and not tapped.dropped and not tapped.left_out

    def _is_proven(self, place: int) -> bool:
        return self._is_sound(place) and "in" in self._evidence.proven.get(place, ())

    def _confidence(self, places: Iterable[int]) -> str:
        """Return how sure it is that what these places' taps did not see was not there."""
        known = list(places)
        if not all(map(self._is_proven, known)):
            return UNPROVEN
        return LIKELY if self._hidden(known) else PROVEN

    def _hidden(self, places: Iterable[int]) -> str:
        """Say which programs there may have taken packets before a tap could see them."""
        found = [
            "%s at %s of %s" % (" and ".join(link.programs), link.name, self._place(place).title)
            for place in places
            for link in self._evidence.taps[place].interfaces
            if link.programs
        ]
        return "; programs are attached that may hide packets from taps: %s" % ", ".join(found) if found else ""

    def _inconclusive(self, text: str, unsure: Iterable[int], leg: str, at: str | None = None) -> Verdict:
        missing = [self._why(place) for place in unsure]
        if self._planned.unwatched:
            nodes = ", ".join(self._planned.unwatched)
            missing.append("nobody watched on %s (trace_taps: all does)" % nodes)
        elif not self._planned.every_node:
            missing.append("it is not known which nodes there are (the API or trace_snapshot tells)")
        told = "%s; %s" % (text, "; ".join(missing)) if missing else text
        return Verdict(INCONCLUSIVE, told, leg, at, missing=tuple(missing))

    def _why(self, place: int) -> str:
        """Return why a place is not to be relied upon."""
        tapped, title = self._evidence.taps.get(place), self._place(place).title
        if tapped is None:
            return "the tap in %s gave no answer" % title
        if tapped.problem is not None:
            return "the tap in %s: %s" % (title, tapped.problem)
        if tapped.dropped or tapped.left_out:
            return "the tap in %s lost %d packets" % (title, tapped.dropped + tapped.left_out)
        return "no canaries came to %s, so that its tap is not proven to see" % title

    def _comes_in(self, hop: Hop) -> bool:
        """Say whether a hop is on its way in: what a bridge's port takes is for another host, in the kernel's eyes."""
        return hop.direction == "In" or hop.direction == "P" and self._place(hop.tap).target.kind == "node"

    def _moving(self, hop: Hop) -> str:
        return "coming in" if self._comes_in(hop) else "going out" if hop.direction == "Out" else "passing"
