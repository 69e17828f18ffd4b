# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Request and targets become one record per node: the only place where anything is chosen. PRIVATE to the collection.

    plan_capture(request, answers, cluster)    what every host of the play is to record

Nothing here asks a host, a file or the clock, so that the same request gives the same plan on every controller.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..module_utils._errors import TargetError, shown
from ..module_utils._matching import (
    choose,
    explain,
    listed,
    matches,
    runtime_problems,
    state,
    undecided,
    usable,
    waits,
)
from ..module_utils._options import NAMES, capture_id, capture_options
from ..module_utils._records import Candidate, NodeCapture, Selection, Target, TargetRef
from ..module_utils._selection import to_text
from ._cluster.merging import API, SNAPSHOT, Told, merge, node_candidates, settle_claims, settle_node
from ._cluster.requests import CUT
from ._play import Answer
from ._request import ID, TARGETS, UNMATCHED, check_names, lenient, selections

_REQUEST = (TARGETS, ID, UNMATCHED, *("capture_" + name for name in NAMES))
_SNAPSHOT = Told()


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """A host of the play that cannot be used, and why."""

    host: str
    node: str | None
    """The node that it is, where that is known."""
    reason: str


@dataclasses.dataclass(frozen=True)
class Places:
    """Which host is which node."""

    hosts: Mapping[str, str]
    """Node to host."""
    candidates: tuple[Candidate, ...]
    """Every node and pod that is known, those of nodes outside the play too."""
    left_out: tuple[LeftOut, ...]
    disputes: tuple[str, ...]
    """What nodes say of pods that cannot be theirs, and of those that two say to have."""
    told: Told
    """Who told of the cluster."""
    listed: frozenset[TargetRef]
    """What the cluster knows."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What every host is to record."""

    id: str
    records: Mapping[str, NodeCapture]
    """By host; one without targets has none."""
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]


def plan_capture(
    request: Mapping[str, Any], answers: Iterable[Answer], cluster: Sequence[Candidate] = (), told: Told = _SNAPSHOT
) -> Plan:
    """Return the plan of a capture; raise PcapError for a bad value, and where a selection matches nothing.

    request: the role's options by their names. answers: each host's to node_pods_info. cluster: what is known of it,
    and ``told`` by whom.
    """
    check_names(request, _REQUEST)
    selected = selections(request)
    options = capture_options({name: request.get("capture_" + name) for name in NAMES}, "capture_")
    id = capture_id(ID, request.get(ID), selected, options)
    places = settle(answers, cluster, told)
    targets, warnings = choose_targets(TARGETS, selected, places, lenient(request))
    records = {}
    for node, host in places.hosts.items():
        own = tuple(target for target in targets if target.node == node)
        if own:
            records[host] = NodeCapture(id, node, selected, options, own)
    left_out = ["host %s is left out: %s" % (one.host, one.reason) for one in places.left_out]
    return Plan(id, records, places.left_out, (*left_out, *places.disputes, *warnings))


def settle(answers: Iterable[Answer], cluster: Sequence[Candidate] = (), told: Told = _SNAPSHOT) -> Places:
    """Tie each host to its node, and join what the nodes and the cluster know.

    A host that the cluster does not know, and two that are one node, are left out: reported, never guessed.
    """
    found: dict[str, list[tuple[str, tuple[Candidate, ...]]]] = {}
    left_out = []
    for answer in answers:
        settled = _settle(answer, cluster, told)
        if isinstance(settled, LeftOut):
            left_out.append(settled)
        else:
            found.setdefault(settled[0].target.name or "", []).append((answer.host, settled))
    hosts: dict[str, str] = {}
    known: list[Candidate] = []
    for node, claims in found.items():
        if len(claims) == 1:
            hosts[node] = claims[0][0]
            known.extend(claims[0][1])
            continue
        every = " and ".join(host for host, _candidates in claims)
        text = "the hosts %s are all node %s; keep one of them, or set kube_node_name" % (every, node)
        left_out += [LeftOut(host, node, text) for host, _candidates in claims]
    counted, disputes = settle_claims(known, cluster, told.source)
    told = told if cluster or told.problem else Told(None)
    in_cluster = frozenset(candidate.target.ref for candidate in cluster)
    return Places(hosts, merge(counted, cluster), tuple(left_out), disputes, told, in_cluster)


def _settle(answer: Answer, cluster: Sequence[Candidate], told: Told) -> tuple[Candidate, ...] | LeftOut:
    """Return what one host tells, under the name of the node that it is, which comes first."""
    given = answer.kube_node_name
    if answer.result is None:
        return LeftOut(answer.host, given, answer.problem or "it was not asked")
    own = node_candidates(answer.result)
    name = own[0].target.name
    if given and name != given:
        return LeftOut(answer.host, given, "it answers as node %s, and its kube_node_name is %s" % (name, given))
    nodes = {candidate.target.name for candidate in cluster if candidate.target.kind == "node"}
    settled: tuple[Candidate, ...] | None = own if name else None
    if nodes:  # where it was said which node it is, an address is no reason to think otherwise
        settled = (own if name in nodes else None) if given else settle_node(own, cluster)
    return settled or LeftOut(answer.host, None, _unknown(own[0].target, told))


def _unknown(node: Target, told: Told) -> str:
    if node.name is None:
        return "its node's name is not known; set kube_node_name"
    return "the %s has no node %s, nor one with its addresses; set kube_node_name" % (told.source, shown(node.name))


def choose_targets(
    option: str, selected: Sequence[Selection], places: Places, only_warn: bool
) -> tuple[tuple[Target, ...], list[str]]:
    """Return the targets on hosts of the play, and what is to be said of those elsewhere; raise TargetError.

    option: by which the targets were selected. only_warn: a selection without a target there is no error.
    """
    places = dataclasses.replace(places, candidates=tuple(_counted(selected, places)))
    inside = [c for c in places.candidates if c.target.node in places.hosts]
    outside = [c for c in places.candidates if c.target.node not in places.hosts]
    matching, warnings = [], []
    for selection in selected:
        if any(matches(selection, candidate) and usable(candidate) for candidate in inside):
            matching.append(selection)
            warnings += _elsewhere(selection, outside, places) + _blind(selection, inside)
            warnings += _later(selection, places)
        elif only_warn:
            warnings.append("%s: %s" % (option, _nothing(selection, outside, places)))
        else:
            raise TargetError("%s: %s" % (option, _nothing(selection, outside, places)))
    return choose(matching, inside, option), warnings


def _counted(selected: Sequence[Selection], places: Places) -> Iterator[Candidate]:
    """Yield the candidates that count, which are all but some that only a node tells of.

    Where the API was asked for what is selected, such a pod counts only by its name: what the API does not return for
    labels does not have them now, and the labels that a node knows are those of the pod's start.
    """
    named = {(one.namespace, one.name) for one in selected if one.kind == "pod"}
    for candidate in places.candidates:
        target = candidate.target
        told = target.kind == "node" or target.ref in places.listed or (target.namespace, target.name) in named
        if told or not places.told.whole:
            yield candidate


def _nothing(selection: Selection, outside: Sequence[Candidate], places: Places) -> str:
    """Say why a selection has no target on any host of the play."""
    elsewhere = _elsewhere(selection, outside, places)
    if elsewhere:
        return "; ".join([*elsewhere, *_later(selection, places), _looked(places)])
    text = explain(selection, places.candidates)
    known = any(matches(selection, candidate) for candidate in places.candidates)
    if not known and not undecided(selection, places.candidates):
        text += "; " + _looked(places)
    if places.told.cut:
        text += "; " + CUT
    if places.told.problem:
        text += "; the API was of no help: " + places.told.problem
    if places.left_out:
        unasked = ", ".join("%s (%s)" % (one.host, one.reason) for one in places.left_out)
        text += "; what is on these hosts is not known: %s" % unasked
    return "; ".join([text, *places.disputes])


def _looked(places: Places) -> str:
    """Say where the play has looked, which ``--limit`` and the pattern of its hosts decide."""
    hosts = listed(sorted(places.hosts.values())) or "none can be used"
    beside = {SNAPSHOT: " (and in the snapshot)", API: " (and asked the API)"}.get(places.told.source or "", "")
    return "looked on the hosts of this play: %s%s" % (hosts, beside)


def _elsewhere(selection: Selection, outside: Sequence[Candidate], places: Places) -> list[str]:
    """Say what a selection matches on nodes that are no hosts of the play, node by node."""
    found: dict[str, list[str]] = {}
    for candidate in outside:
        if matches(selection, candidate) and usable(candidate):
            found.setdefault(candidate.target.node or "an unknown node", []).append(candidate.target.title)
    return [_outside(titles, node, places) for node, titles in sorted(found.items())]


def _outside(titles: Sequence[str], node: str, places: Places) -> str:
    subject = titles[0] if len(titles) == 1 else "%s and %d more" % (titles[0], len(titles) - 1)
    where = "is on " + node if not subject.startswith("node ") else "exists"
    for one in places.left_out:
        if one.node == node:
            return "%s %s, whose host %s is left out (%s)" % (subject, where, one.host, one.reason)
    text = "%s %s, and no host of this play is that node; add it to the inventory or to --limit, or set kube_node_name"
    return text % (subject, where)


def _later(selection: Selection, places: Places) -> list[str]:
    """Say what a selection matches that cannot be a target now and may be one later, as far as is known."""
    found: dict[str, list[str]] = {}
    for candidate in places.candidates:
        if matches(selection, candidate) and waits(candidate):
            found.setdefault(state(candidate), []).append(candidate.target.title)
    return [_not_now(to_text(selection), titles, why) for why, titles in found.items()]


def _not_now(asked: str, titles: Sequence[str], why: str) -> str:
    if len(titles) == 1:
        return "%s: %s %s; make the same request again once it runs" % (asked, titles[0], why)
    text = "%s: each of %d pods %s; make the same request again once they run (%s)"
    return text % (asked, len(titles), why, listed(titles))


def _blind(selection: Selection, inside: Sequence[Candidate]) -> list[str]:
    """Say where it is not known whether a selection matches more."""
    nodes = sorted({c.target.node or "an unknown node" for c in undecided(selection, inside) if usable(c)})
    if not nodes:
        return []
    text = "%s: what it matches on %s is not known, since those nodes do not know what it asks for; "
    text += "set capture_snapshot, or let the API be asked (K8S_AUTH_KUBECONFIG, or capture_api: always)"
    problems = runtime_problems(inside, nodes) if selection.kind == "pods" else ""
    return [text % (to_text(selection), ", ".join(nodes)) + (" (%s)" % problems if problems else "")]
