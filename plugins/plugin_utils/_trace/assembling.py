# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts answered becomes the result of a trace. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ...module_utils._trace_records import Sent, Tapped
from . import blind, canaries, clock, verdict
from .hops import Seen, crossings, hops, timestamp
from .names import DNS_PORT
from .passage import Passage
from .records import DNS, Hop, Landing, NameQuestion, Planned, Proof, Verdict
from .result import SCHEMA, Destination, Endpoints, Probed, Result, Tap


def assemble(
    planned: Planned, tapped: Mapping[str, Sequence[Tapped]], sent: Sequence[Sent], problems: Mapping[str, str]
) -> Result:
    """Return the result.

    tapped: what each host's taps saw. sent: what became of the probes. problems: why a host did not answer.
    """
    seen = _seen(planned, tapped)
    came = {one.index: [sighting for sighting in one.tapped.sightings if not sighting.probe] for one in seen}
    proven = canaries.proven(planned.ways, came)
    names = {one.index: {link.index: link.name for link in one.tapped.interfaces} for one in seen}
    proofs = canaries.proofs(planned.ways, came, planned.places, names)
    rank = _rank(planned)
    offsets = clock.offsets(planned.places, planned.ways, came, planned.source_node_place, crossings(seen, rank))
    found = hops(seen, offsets, rank)
    unknown = frozenset(node for node, offset in offsets.items() if offset.either_way_ns is None)
    told = {one.number: one for one in sent}
    questions = {one.probe: one for one in planned.questions}
    each = {one.probe: one.landing for one in planned.each}
    probes, arrived = [], []
    for mark in planned.marks:
        own = [hop for hop in found if hop.probe == mark.probe]
        question = questions.get(mark.probe)
        endpoint = each.get(mark.probe)
        aim = planned if question is None else _about(planned, question)
        aim = aim if endpoint is None else _alone(planned, endpoint)
        evidence = verdict.Evidence(aim, {one.index: one.tapped for one in seen}, proven, unknown)
        socket = told.get(mark.probe)
        judged = verdict.judge(evidence, own, socket)
        if question is None:
            arrived.append(Passage(aim, evidence.taps, proven, own, socket).arrived())
        probes.append(Probed(mark.probe, mark, socket, judged, question, _title(endpoint), planned.run))
    return Result(
        schema=SCHEMA,
        id=planned.id,
        expression=planned.expression,
        started=_started(sent, found),
        source=planned.source,
        destination=Destination(planned.destination, planned.address, planned.port),
        endpoints=_endpoints(planned, arrived),
        probes=tuple(probes),
        taps=tuple(_tap(planned, index, seen, proofs, problems) for index in range(len(planned.places))),
        hops=tuple(dataclasses.replace(hop, leg=DNS) if hop.probe in questions else hop for hop in found),
        clock=clock.with_kernels(offsets.values(), {one.place.node: one.tapped.clock for one in seen}, planned.run),
        verdict=_whole(planned, probes),
        resolution=planned.resolution,
    )


def _about(planned: Planned, question: NameQuestion) -> Planned:
    """Return a trace of a question alone, to the server that it is for."""
    return dataclasses.replace(
        planned,
        protocol="udp",
        destination="the server of DNS",
        address=question.server,
        port=DNS_PORT,
        landings=question.landings,
        entry_place=question.entry_place,
        ttl=None,
    )


def _alone(planned: Planned, endpoint: Landing) -> Planned:
    """Return a trace to one endpoint by itself."""
    return dataclasses.replace(
        planned,
        destination=_title(endpoint) or "",
        address=endpoint.address,
        port=endpoint.port,
        landings=(endpoint,),
        entry_place=None,
    )


def _title(endpoint: Landing | None) -> str | None:
    return None if endpoint is None else endpoint.title or endpoint.address


def _whole(planned: Planned, probes: Sequence[Probed]) -> Verdict:
    """Return what the trace comes to: the worst of its probes, or, without an address, of its questions."""
    own = [probe.verdict for probe in probes if probe.question is None]
    if own:
        return verdict.worst(own)
    # Of several servers one answer will do, as it does for the resolver.
    best: dict[tuple[str, str], Verdict] = {}
    for probe in probes:
        if probe.question is not None:
            asked = probe.question.name, probe.question.type
            best[asked] = max(best.get(asked, probe.verdict), probe.verdict, key=verdict.severity)
    worst = verdict.worst(best.values())
    if worst.outcome in (verdict.ANSWERED, verdict.INTERCEPTED):
        text = "nothing was sent to %s, since it has no address: %s" % (planned.destination, planned.problem)
        return Verdict(verdict.UNSENT, text, DNS, worst.at, confidence=worst.confidence)
    text = "%s has no address (%s): %s" % (planned.destination, planned.problem, worst.text)
    return dataclasses.replace(worst, leg=DNS, text=text)


def _seen(planned: Planned, tapped: Mapping[str, Sequence[Tapped]]) -> list[Seen]:
    """Return what each place has seen, in the places' order."""
    return [
        Seen(index, place, one)
        for index, place in enumerate(planned.places)
        for one in tapped.get(place.host, ())
        if one.netns == place.netns
    ]


def _rank(planned: Planned) -> dict[int, int]:
    """Return how far each place is on the way of a request; what is on none is in the middle."""
    rank = {planned.source_place: 0}
    rank.setdefault(planned.source_node_place, 1)
    if planned.entry_place is not None:
        rank.setdefault(planned.entry_place, 2)
    for landing in planned.landings:
        for place, far in ((landing.node_place, 3), (landing.place, 4)):
            if place is not None:
                rank.setdefault(place, far)
    return {index: rank.get(index, 2) for index in range(len(planned.places))}


def _started(sent: Sequence[Sent], found: Sequence[Hop]) -> str | None:
    times = [one.started_ns for one in sent if one.started_ns] or [hop.time_ns for hop in found]
    return timestamp(min(times)) if times else None


def _endpoints(planned: Planned, arrived: Sequence[Landing | None]) -> Endpoints:
    seen = [one for one in planned.landings if one in arrived]
    return Endpoints(len(seen), len(planned.landings), tuple(one.title or one.address for one in seen))


def _tap(
    planned: Planned,
    index: int,
    seen: Sequence[Seen],
    proofs: Mapping[int, tuple[Proof, ...]],
    problems: Mapping[str, str],
) -> Tap:
    place, proven = planned.places[index], proofs.get(index, ())
    pod = place.target.name if place.target.kind == "pod" else None
    one = next((one.tapped for one in seen if one.index == index), None)
    if one is None:
        problem = problems.get(place.host, "it gave no answer")
        return Tap(index, place.node, place.target.namespace, pod, proven, problem=problem, run=planned.run)
    return Tap(
        index,
        place.node,
        place.target.namespace,
        pod,
        proven,
        {str(link.index): link.name for link in one.interfaces},
        one.changed,
        one.packets,
        one.received,
        one.dropped,
        one.left_out,
        one.problem,
        planned.run,
        blind.blind(one.interfaces),
    )
