# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request to trace becomes one record per node: what it watches, and what it sends. PRIVATE to the collection.

    plan_trace(request, answers, cluster, told, services, seed)

Nothing here asks a host, a file or the clock: with the same seed the same request gives the same plan.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...module_utils._command import own_words
from ...module_utils._dns_records import Resolution
from ...module_utils._errors import TargetError
from ...module_utils._records import Candidate, Target
from ...module_utils._trace_records import Mark, NodeInjection, NodeTap
from .._cluster.merging import Told, node_candidates
from .._cluster.services import Service
from .._plan import LeftOut, Places, settle
from .._play import Answer
from . import aiming, canaries, ends, probing
from .controller import NAME, Controller
from .ends import Ends
from .expression import to_text
from .records import EndpointProbe, Landing, NameQuestion, Place, Planned
from .request import SYN, TraceOptions, read
from .result import Result
from .tap_filter import tap_filter

_PREFIX = "trace_"
_TAP_SECONDS = 60

_Key = tuple[str, int]
"""(node, inode of a network namespace)."""


@dataclasses.dataclass(frozen=True)
class TracePlan:
    """What every host is to do, and what the report needs to know of it."""

    id: str
    taps: Mapping[str, NodeTap]
    """By host."""
    injections: Mapping[str, NodeInjection]
    """By host: canaries, and from the source's host the probes."""
    afterwards: Mapping[str, NodeInjection]
    """By host: the canaries that follow."""
    trace: Planned
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    earlier: Result | None = None
    """Of a second run: what the first one came to."""


def plan_trace(
    request: Mapping[str, Any],
    answers: Iterable[Answer],
    cluster: Sequence[Candidate],
    told: Told,
    services: Sequence[Service],
    seed: bytes,
    controller: Controller | None = None,
    resolved: Resolution | None = None,
) -> TracePlan:
    """Return the plan; raise PcapError for a bad value, and for an end that is not there or not on a host of the play.

    request: the role's options by their names. services: those to which the expression may lead. seed: at least 16
    random bytes. controller: where it is the source. resolved: where the destination is a name. The others as for
    ``plan_capture``.
    """
    options = read(request)
    places = settle(answers, cluster, told)
    try:
        found = ends.find(options.expression, places, services, controller, resolved)
    except TargetError as error:
        raise TargetError(own_words(str(error), _PREFIX)) from None
    if found.source.node == NAME:
        places = dataclasses.replace(places, hosts={**places.hosts, NAME: NAME})
    if options.each_endpoint:
        found = aiming.each_apart(options, found)
    aims = aiming.aims(options, found)
    watched = _watched(found, places, options.every_node)
    probes, marks = aiming.probes(options, found, aims, seed)
    trace = _planned(options, found, places, watched, (options.id or "t-%s" % seed.hex()[:10], marks), resolved)
    targets = tuple(watched.values())
    nonce = probing.canary_mark(seed, marks[-1].version)
    before = canaries.by_node(trace.ways, targets, nonce)
    after = canaries.by_node(trace.ways, targets, nonce, after=True)
    text, tagged = tap_filter((*marks, nonce)), tap_filter((*marks, nonce), tagged=True)
    taps, injections, afterwards = {}, {}, {}
    for node, host in places.hosts.items():
        here = tuple(target for target in targets if target.node == node)
        if here:
            asked = options.expression.filter
            taps[host] = NodeTap(trace.id, node, here, text, (*marks, nonce), asked, _TAP_SECONDS, tagged)
        if node == found.source.node:
            sent = before.get(node, ())
            wait, patience = options.interval_ms, options.timeout_ms
            lone = options.probe == SYN and aiming.translated(found, aims)
            injections[host] = NodeInjection(trace.id, found.source, probes, sent, wait, patience, options.uid, lone)
        elif node in before:
            injections[host] = NodeInjection(trace.id, here[0], canaries=before[node])
        if node in after:
            afterwards[host] = NodeInjection(trace.id, here[0], canaries=after[node])
    left_out = ["host %s is left out: %s" % (one.host, one.reason) for one in places.left_out]
    said = (*left_out, *places.disputes, *found.warnings, *aiming.routes(found, aims))
    warnings = tuple(own_words(one, _PREFIX) for one in said)
    return TracePlan(trace.id, taps, injections, afterwards, trace, places.left_out, warnings)


def second_run(plan: TracePlan, earlier: Result) -> TracePlan:
    """Return a plan as that of a second run; ``earlier``: what the first one came to. Nothing of it is said twice."""
    return dataclasses.replace(plan, trace=dataclasses.replace(plan.trace, run=2), warnings=(), earlier=earlier)


def node_addresses(answers: Iterable[Answer]) -> tuple[str, ...]:
    """Return of each node that answered the address of each IP version to which its canaries go."""
    found = (node_candidates(one.result)[0].target for one in answers if one.result is not None)
    every = (canaries.address_of(node, version) for node in found for version in (4, 6))
    return tuple(address for address in every if address is not None)


def not_watching(answers: Iterable[Answer]) -> tuple[LeftOut, ...]:
    """Return the hosts whose taps do not listen: where there is any, nothing is sent, since it would not be seen."""
    return tuple(LeftOut(one.host, None, one.problem or "") for one in answers if one.result is None)


def _watched(found: Ends, places: Places, every_node: bool) -> dict[_Key, Target]:
    """Return what is watched: both ends and their nodes, or every node."""
    nodes = _nodes(places)
    led = [(found.entry, found.landings), *((one.entry, one.landings) for one in found.questions)]
    ways = [target for entry, landings in led for target in (entry, *(one.target for one in landings))]
    own = [found.source, *(one for one in ways if one is not None)]
    wanted = list(nodes) if every_node else [target.node or "" for target in own]
    # A pod on its node's network is in the node's namespace, which goes by the node's name.
    kept: dict[_Key, Target] = {}
    for target in (*(nodes[node] for node in wanted if node in nodes), *own):
        if target.node is not None and target.node in places.hosts and target.netns is not None:
            kept.setdefault((target.node, target.netns), target)
    return kept


def _nodes(places: Places) -> dict[str, Target]:
    """Return the nodes that are hosts of the play."""
    found = {c.target.node or "": c.target for c in places.candidates if c.target.kind == "node"}
    return {node: target for node, target in found.items() if node in places.hosts and target.netns is not None}


def _planned(
    options: TraceOptions,
    found: Ends,
    places: Places,
    watched: Mapping[_Key, Target],
    own: tuple[str, tuple[Mark, ...]],
    resolved: Resolution | None,
) -> Planned:
    nodes, index = _nodes(places), {key: number for number, key in enumerate(watched)}

    def place(target: Target | None) -> int | None:
        return None if target is None else index.get((target.node or "", target.netns or 0))

    def landing(one: ends.Landing) -> Landing:
        node = nodes.get(one.target.node or "") if one.target is not None else None
        return Landing(one.address, one.port, one.title, place(one.target), place(node))

    def question(number: int, one: ends.Asked) -> NameQuestion:
        asked, landings = one.question, tuple(map(landing, one.landings))
        return NameQuestion(number, asked.name, asked.type, asked.server, landings, place(one.entry))

    made = [Place(places.hosts[node], node, target.ref, netns) for (node, netns), target in watched.items()]
    source = place(found.source)
    source_node = place(nodes.get(found.source.node or "", found.source))
    known = {c.target.name for c in places.candidates if c.target.kind == "node"}
    unwatched = sorted(name for name in known - {one.node for one in made} if name is not None)
    # A host that is left out may be no node, and may be one that only the cluster could tell of.
    listed = any(ref.kind == "node" for ref in places.listed)
    return Planned(
        id=own[0],
        expression=to_text(options.expression),
        protocol=own[1][-1].protocol,
        source=found.source.title,
        source_place=source or 0,
        source_node_place=source_node or 0,
        destination=options.expression.destination.title,
        address=found.address,
        port=found.wanted.dport,
        places=tuple(made),
        landings=tuple(map(landing, found.landings)),
        marks=own[1],
        ways=canaries.ways(made, source_node or 0, place(found.entry)),
        every_node=listed and not unwatched,
        unwatched=tuple(unwatched),
        absent=tuple(name for name in unwatched if name not in nodes),
        listed=listed,
        entry_place=place(found.entry),
        lone=options.probe == SYN,
        again=options.again,
        questions=tuple(question(number, one) for number, one in enumerate(found.questions, 1)),
        resolution=resolved,
        problem=found.problem,
        each=_each(options, tuple(map(landing, found.landings)), len(found.questions)),
        ttl=options.ttl,
    )


def _each(options: TraceOptions, landings: tuple[Landing, ...], before: int) -> tuple[EndpointProbe, ...]:
    """Return which probe goes to which endpoint, in the order in which they are sent."""
    asked = landings * options.count if options.each_endpoint else ()
    return tuple(EndpointProbe(number, one) for number, one in enumerate(asked, before + 1))
