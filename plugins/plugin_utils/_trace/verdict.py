# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a probe, never more than its hops and canaries show. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._trace_records import Sent, Tapped
from .hops import end
from .passage import Passage
from .records import OUTCOMES, Hop, Place, Planned, Verdict

LOST, LOOPED, RESET, REFUSED, UNSENT, DELIVERED, INCONCLUSIVE, INTERCEPTED, ANSWERED = OUTCOMES
PROVEN, LIKELY, UNPROVEN = "proven", "likely", "unproven"
_TTL_ENDED = (("icmp", "11/0"), ("icmpv6", "3/0"))
"""Time exceeded in transit (RFC 792, RFC 4443)."""


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
    return min(verdicts, key=severity)


def severity(one: Verdict) -> int:
    """Return a number that is the less, the worse a verdict is."""
    return OUTCOMES.index(one.outcome)


def judge(evidence: Evidence, hops: Sequence[Hop], sent: Sent | None) -> Verdict:
    """Return what became of one probe; ``hops`` are its own, in order, and ``sent`` what its socket knows."""
    made = _heard(_Case(evidence, hops, sent).verdict(), sent)
    nodes = {hop.node for hop in hops}
    unsure = sorted(nodes & evidence.unknown_clocks) if len(nodes) > 1 else []
    if not unsure:
        return made
    missing = "how far the clocks are apart is not known of %s, and so the order of hops" % ", ".join(unsure)
    confidence = LIKELY if made.confidence == PROVEN else made.confidence
    return dataclasses.replace(made, confidence=confidence, missing=(*made.missing, missing))


def _heard(made: Verdict, sent: Sent | None) -> Verdict:
    """Return a verdict that does not contradict the source's own socket, which may have an answer that no tap saw."""
    if sent is None or made.outcome not in (LOST, DELIVERED, UNSENT):
        return made
    if not (sent.connected or sent.received_bytes or (sent.started_ns and sent.stage is None and sent.error is None)):
        return made
    missing = "its socket got an answer that no tap saw"
    text = "%s; yet %s" % (made.text, missing)
    return dataclasses.replace(
        made, outcome=INCONCLUSIVE, text=text, between=(), confidence=UNPROVEN, missing=(*made.missing, missing)
    )


class _Case:
    """One probe."""

    def __init__(self, evidence: Evidence, hops: Sequence[Hop], sent: Sent | None) -> None:
        self._planned, self._sent = evidence.planned, sent
        self._passage = Passage(evidence.planned, evidence.taps, evidence.proven, hops, sent)

    def verdict(self) -> Verdict:
        """Return the verdict."""
        source, passage = self._planned.source_place, self._passage
        if not any(hop.tap == source for hop in passage.request):
            return self._unseen()
        loop = passage.loop()
        if loop is not None:
            text = "%s went in circles: its TTL fell from %d to %d at %s"
            told = text % (self._what, *loop, self._at(passage.request[-1]))
            return Verdict(LOOPED, told, "request", self._at(passage.request[-1]), confidence=PROVEN)
        if any(passage.is_home(hop) for hop in passage.answer):
            made = self._answered()
            return dataclasses.replace(made, text=made.text + self._own_reset())
        if any(passage.is_home(hop) for hop in passage.errors):
            return self._refused(next(hop for hop in passage.errors if passage.is_home(hop)))
        arrival = passage.arrival()
        if passage.errors or (passage.answer and arrival is None):
            first = (passage.errors or passage.answer)[0]
            text = "%s was answered or refused by somebody, first seen at %s; that did not come back to %s"
            told = text % (self._what, self._at(first), self._place(source).title)
            return Verdict(INCONCLUSIVE, told, "error" if passage.errors else "reply", self._at(first))
        if arrival is not None:
            return self._unanswered(arrival)
        return self._stopped("request", passage.request, passage.way())

    @property
    def _what(self) -> str:
        planned, where = self._planned, end(self._planned.address, self._planned.port)
        ttl = "" if planned.ttl is None else " with TTL %d" % planned.ttl
        return "what %s sent%s to %s (%s)" % (planned.source, ttl, planned.destination, where)

    def _place(self, index: int) -> Place:
        return self._planned.places[index]

    def _at(self, hop: Hop) -> str:
        """Return where a hop is, for messages: ``eth0 of node node-a``."""
        return "%s of %s" % (hop.interface or "an interface", self._place(hop.tap).title)

    def _unseen(self) -> Verdict:
        source = self._planned.source_place
        why = "; its socket says %s" % self._trouble if self._trouble else ""
        if self._passage.request:
            at = self._at(self._passage.request[0])
            if not self._passage.is_sound(source):
                return self._inconclusive("%s was seen at %s" % (self._what, at), [source], "request", at)
            told = "%s was seen at %s, and not in %s, where it was sent" % (self._what, at, self._place(source).title)
            return Verdict(INCONCLUSIVE, told, "request", at)
        if self._passage.is_sound(source):
            text = "%s did not leave: %s did not see it%s"
            text = text % (self._what, self._place(source).title, why) + self._hidden([source])
            return Verdict(UNSENT, text, "request", confidence=self._confidence([source]))
        return self._inconclusive("it is not known whether %s left%s" % (self._what, why), [source], "request")

    @property
    def _trouble(self) -> str | None:
        """What its socket met: ``ECONNREFUSED (connect)``."""
        if self._sent is None or self._sent.error is None:
            return None
        return "%s (%s)" % (self._sent.error, self._sent.stage)

    def _answered(self) -> Verdict:
        passage = self._passage
        reset = [hop for hop in passage.answer if "R" in (hop.flags or "")]
        made = [hop for hop in passage.answer if hop not in reset]
        born = self._at(passage.answer[0])
        arrival = passage.arrival()
        if reset and not made:
            text = "%s was refused: a reset came back, first seen at %s" % (self._what, self._at(reset[0]))
            return Verdict(
                REFUSED, text, "reply", self._at(reset[0]), answered_by=self._at(reset[0]), confidence=PROVEN
            )
        if arrival is None:
            return self._answered_elsewhere(born)
        if not passage.left_again(arrival):
            text = "%s came to %s, and was answered by another: the answer was first seen at %s"
            text %= (self._what, self._place(arrival.tap).title, born)
            return Verdict(INTERCEPTED, text, "reply", born, answered_by=born, confidence=LIKELY)
        by = self._place(arrival.tap).title
        broken = reset + [hop for hop in passage.later if "R" in (hop.flags or "") and hop.leg == "reply"]
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

    def _own_reset(self) -> str:
        """Say of a lone SYN that the source's kernel has reset what answered it."""
        resets = [hop for hop in self._passage.later if hop.leg == "request" and "R" in (hop.flags or "")]
        if not self._planned.lone or not any(hop.tap == self._planned.source_place for hop in resets):
            return ""
        return "; the reset from %s is ours, since its kernel knows of no connection" % self._planned.source

    def _answered_elsewhere(self, born: str) -> Verdict:
        passage, landing = self._passage, self._passage.landing
        sent_on = [hop for hop in passage.request if passage.is_sent_on(hop)]
        if landing is not None and landing.place is None and passage.has_left():
            text = "%s was answered from beyond what is watched: the answer was first seen at %s"
            return Verdict(ANSWERED, text % (self._what, born), "reply", born, answered_by=born, confidence=LIKELY)
        if landing is not None and landing.place is None and passage.request[-1].direction == "Out":
            told = "%s left what is watched, and was answered; the answer was not seen to come in from there, but at %s"
            return Verdict(INCONCLUSIVE, told % (self._what, born), "reply", born)
        if landing is not None and landing.place is None:
            text = "%s was answered, and was not seen to leave what is watched: the answer was first seen at %s"
            return Verdict(INTERCEPTED, text % (self._what, born), "reply", born, answered_by=born, confidence=LIKELY)
        if sent_on and landing is not None and sent_on[-1].tap == landing.place:
            text = "%s was sent on by %s, and answered by another: the answer was first seen at %s"
            told = text % (self._what, self._place(sent_on[-1].tap).title, born)
            return Verdict(INTERCEPTED, told, "reply", born, answered_by=born, confidence=LIKELY)
        unsure = [
            one.place for one in self._planned.landings if one.place is not None and not passage.is_sound(one.place)
        ]
        if unsure:
            said = "%s was answered, and it is not known by whom: the answer was first seen at %s"
            return self._inconclusive(said % (self._what, born), unsure, "reply")
        text = "%s was answered, and never came to %s: the answer was first seen at %s"
        to = "its destination" if landing is None else landing.title or landing.address
        return Verdict(INTERCEPTED, text % (self._what, to, born), "reply", born, answered_by=born, confidence=LIKELY)

    def _refused(self, error: Hop) -> Verdict:
        ended = (error.protocol, error.icmp) in _TTL_ENDED
        text = "its TTL ended at %s, which said so by %s %s" if ended else "%s said so by %s %s"
        first = self._at(self._passage.errors[0])
        why = text % (error.src, error.protocol, error.icmp)
        told = "%s was refused: %s, first seen at %s" % (self._what, why, first)
        return Verdict(REFUSED, told, "error", first, answered_by=error.src, confidence=PROVEN)

    def _unanswered(self, arrival: Hop) -> Verdict:
        if self._passage.answer:
            return self._stopped("reply", self._passage.answer, tuple(reversed(self._passage.way())))
        by = self._place(arrival.tap).title
        if not self._passage.is_sound(arrival.tap):
            said = "%s came to %s; it is not known whether an answer left there" % (self._what, by)
            return self._inconclusive(said, [arrival.tap], "request")
        text = "%s came to %s, and no answer left there%s" % (self._what, by, self._hidden([arrival.tap]))
        return Verdict(DELIVERED, text, "request", self._at(arrival), confidence=self._confidence([arrival.tap]))

    def _stopped(self, leg: str, seen: Sequence[Hop], way: Sequence[int]) -> Verdict:
        """Judge what was seen up to some place of the way, and not in the next."""
        moving = self._passage.moving(seen, way)
        reached, here = self._passage.progress(moving, way), moving[-1]
        last = here.tap
        follows = () if reached is None else self._passage.following(leg, reached, way)
        what = self._what if leg == "request" else "the answer to %s" % self._what
        title = self._place(last).title
        strayed = self._strayed(leg, moving, way)
        if not strayed and (reached is None or way[reached] != last):
            strayed = "that is not where its way leads"
        if strayed:
            text = "%s was last seen %s at %s; %s" % (what, self._moving(here), self._at(here), strayed)
            return Verdict(INCONCLUSIVE, text, leg, self._at(here), missing=(strayed,))
        if not follows:
            landing = self._passage.landing
            if landing is None or landing.place is None or here.direction == "Out":
                beyond = self._passage.beyond(here)
                text = "%s was last seen %s at %s, and %s" % (what, self._moving(here), self._at(here), beyond)
                return Verdict(INCONCLUSIVE, text, leg, self._at(here), missing=(beyond,))
            text = "%s was last seen %s at %s, and went no further" % (what, self._moving(here), self._at(here))
            unsure = [] if self._passage.is_proven(last) else [last]
            return self._inconclusive(text, unsure, leg, self._at(here))
        following = " or ".join(self._place(place).title for place in follows)
        where = "inside %s or before %s" if self._passage.comes_in(here) else "between %s and %s"
        both = (last, *follows)
        unsure = [place for place in both if not self._passage.is_proven(place)]
        # It may have come in where a tap has not told all: that place was not watched.
        others = (place for place in range(len(self._planned.places)) if place not in both)
        unsure += [place for place in others if not self._passage.is_sound(place)]
        if unsure or not self._planned.every_node:
            text = "%s was last seen %s at %s, and not in %s" % (what, self._moving(here), self._at(here), following)
            return self._inconclusive(text, unsure, leg, self._at(here))
        text = "%s was lost %s: last seen %s at %s"
        text %= (what, where % (title, following), self._moving(here), self._at(here))
        text += self._hidden(both)
        sure, missing = self._confidence(both), self._passage.unread(both)
        return Verdict(LOST, text, leg, self._at(here), (title, following), confidence=sure, missing=missing)

    def _strayed(self, leg: str, moving: Sequence[Hop], way: Sequence[int]) -> str | None:
        """Return in what the packet did not take the way that is known, so that the next place is not known either."""
        here = moving[-1]
        others = [hop for hop in moving if hop.tap not in way]
        if others and others[-1].direction == "In":
            return "it came in at %s, which is not on its way" % self._at(others[-1])
        # The source's node translates a Service's address, if any does; the asked one its own.
        translating = (self._planned.source_node_place, self._planned.entry_place)
        if leg == "reply" or here.direction != "Out" or here.tap not in translating or self._passage.is_led(here):
            return None
        return "it left for %s, which nothing had translated" % end(here.dst, here.dport)

    def _confidence(self, places: Iterable[int]) -> str:
        """Return how sure it is that what these places' taps did not see was not there."""
        known = list(places)
        if not all(map(self._passage.is_proven, known)):
            return UNPROVEN
        return LIKELY if self._hidden(known) else PROVEN

    def _hidden(self, places: Sequence[int]) -> str:
        """Say which programs there may have taken packets before a tap could see them, and where that is not known."""
        found = ", ".join(self._passage.hiding(places))
        told = ["programs are attached that may hide packets from taps: %s" % found] if found else []
        return "".join("; %s" % one for one in (*told, *self._passage.unread(places)))

    def _inconclusive(self, text: str, unsure: Iterable[int], leg: str, at: str | None = None) -> Verdict:
        missing = [*(self._passage.doubt(place) for place in unsure), *self._passage.missing_nodes()]
        told = "%s; %s" % (text, "; ".join(missing)) if missing else text
        return Verdict(INCONCLUSIVE, told, leg, at, missing=tuple(missing))

    def _moving(self, hop: Hop) -> str:
        return "coming in" if self._passage.comes_in(hop) else "going out" if hop.direction == "Out" else "passing"
