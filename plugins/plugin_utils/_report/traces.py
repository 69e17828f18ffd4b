# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's result as text: the verdict as a sentence, then the table of its hops. PRIVATE to the collection."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...module_utils._matching import listed
from ...module_utils._trace_records import Layer
from .._trace.controller import NAME
from .._trace.names import every_question
from .._trace.records import DNS, TOPOLOGY, Hop, Verdict
from .._trace.result import Probed, Result, Tap, read_result
from .._trace.verdict import ANSWERED, DELIVERED, LOOPED, LOST, PROVEN, REFUSED, RESET, UNSENT, worst
from .parts import count
from .text import clean, table

EIGHT = ("TIMESTAMP", "NODE", "POD", "NIC", "SRC IP", "DST IP", "SRC PORT", "DST PORT")
"""The columns that come first, in every width."""
HEADINGS = (*EIGHT, "DIR", "PROTOCOL", "TTL", "WHAT")
WIDE = 159
"""Columns for text, from which on all of the table's are shown: Ansible leaves one of a terminal's 160 free."""
_HOPS = 1000
"""Most hops that are printed; all of them are in the data."""
_SEEN, _MISSED = (LOOPED, RESET, REFUSED, ANSWERED), (LOST, UNSENT, DELIVERED)
"""Outcomes that rest on what taps saw, and on what they did not."""
_PARTS = {"first": "request", "answer": "answer", "error": "error", "notice": "notice"}


def trace_text(result: Mapping[str, Any], wide: bool, later: bool = False) -> str:
    """Return the sentence and the table of a result; raise FileError for what is no result.

    wide: with all columns. later: with what a connection says once it is made; else that is only counted.
    """
    return "\n".join(_lines(read_result(result), wide, later))


def result_text(result: Result, width: int) -> str:
    """Return the sentence and the table of a result, for a terminal of so many columns."""
    return "\n".join(_lines(result, width >= WIDE, False))


def _lines(result: Result, wide: bool, later: bool) -> list[str]:
    verdict = result.verdict
    sentence = "trace %s: %s (%s): %s" % (result.id, verdict.outcome, verdict.confidence, verdict.text)
    lines = [clean(sentence), *beneath(result)]
    for run in runs(result):
        ill = (clean("%s: %s" % (tap_title(one), one.problem)) for one in run.taps if one.problem is not None)
        lines += ["", *([run.title + ":"] if run.title else [])]
        lines += [*_table(run.hops, wide, later), "", run.proof, *ill]
    return [*lines, *clocks(result)]


@dataclasses.dataclass(frozen=True)
class Run:
    """What belongs to one run of a trace."""

    title: str | None
    """None where it is the only one."""
    hops: tuple[Hop, ...]
    taps: tuple[Tap, ...]
    proof: str
    """How many of the taps are proven, and by what an outcome is where not all are."""


def runs(result: Result) -> list[Run]:
    """Return the hops and taps of each run, in order."""
    numbers = sorted({tap.run for tap in result.taps} | {1})
    of_tap = {tap.id: tap.run for tap in result.taps}
    found = []
    for number in numbers:
        title = "Run %d%s" % (number, ", with every node watched" if number > 1 else "")
        hops = tuple(hop for hop in result.hops if of_tap.get(hop.tap, 1) == number)
        taps = tuple(tap for tap in result.taps if tap.run == number)
        own = [probe.verdict for probe in result.probes if probe.run == number and probe.question is None]
        verdict = worst(own) if len(numbers) > 1 and own else result.verdict
        found.append(Run(title if len(numbers) > 1 else None, hops, taps, _proof(verdict, taps)))
    return found


def beneath(result: Result) -> list[str]:
    """Return what is told below the sentence: of the destination's name, and of several probes."""
    return [*_name(result), *_probes(result)]


def clocks(result: Result) -> list[str]:
    """Return what is to be said of clocks: what they do not tell, and which their kernels do not call synchronised."""
    return [*_order(result), *_loose(result)]


def _order(result: Result) -> list[str]:
    """Return how many hops stand behind one of another node by the topology; nothing where the clocks tell all."""
    number = sum(hop.order == TOPOLOGY for hop in result.hops)
    if not number:
        return []
    bounds = [one.either_way_ns for one in result.clock]
    within = [-(-bound // 1000) for bound in bounds if bound is not None]
    known = "clocks are known no better than to %d us" % max(within) if len(within) == len(bounds) else ""
    stand = "1 hop stands" if number == 1 else "%d hops stand" % number
    text = "%s behind one of another node by the topology, since %s"
    return [text % (stand, known or "it is not known of all clocks how far they are apart")]


def _loose(result: Result) -> list[str]:
    """Return in a line which clocks are not synchronised, as their own kernels have it; nothing where all are."""
    told = [one.node for one in result.clock if one.kernel is not None and not one.kernel.synchronised]
    loose = list(dict.fromkeys(told))
    titles = ", ".join("the controller" if node == NAME else "node %s" % node for node in loose)
    text = "clocks that are not synchronised, as their kernels say: %s; hops are ordered by canaries all the same"
    return [clean(text % titles)] if loose else []


def _probes(result: Result) -> list[str]:
    """Return how many probes came to what, of several: the sentence is the worst one's."""
    own = [probe for probe in result.probes if probe.question is None]
    told = ["of %d probes: %s" % (len(own), _counted(own))] if len(own) > 1 else []
    if any(probe.run > 1 for probe in own):
        told = ["sent twice: %s" % ", then ".join(probe.verdict.outcome for probe in own)]
    ways = collections.Counter(_end(probe.verdict) for probe in own if probe.endpoint is None)
    if len(ways) > 1:
        told += [clean("  %d %s" % (number, end)) for end, number in ways.most_common()]
    by_endpoint: dict[str, list[Probed]] = {}
    for probe in own:
        if probe.endpoint is not None:
            by_endpoint.setdefault(probe.endpoint, []).append(probe)
    return told + [clean("  %s: %s" % (title, _counted(probes))) for title, probes in by_endpoint.items()]


def _end(verdict: Verdict) -> str:
    """Return what became of a probe in a few words, by which probes differ: ``answered by pod shop/web on node-b``."""
    if verdict.between:
        return "%s between %s" % (verdict.outcome, " and ".join(verdict.between))
    where = " by %s" % verdict.answered_by if verdict.answered_by else " at %s" % verdict.at if verdict.at else ""
    return verdict.outcome + where


def _counted(probes: Sequence[Probed]) -> str:
    outcomes = collections.Counter(probe.verdict.outcome for probe in probes)
    return ", ".join("%d %s" % (number, outcome) for outcome, number in outcomes.most_common())


def _name(result: Result) -> list[str]:
    """Return what the destination's name was told to be, and what became of its questions while the taps watched."""
    told = result.resolution
    if told is None:
        return []
    addresses = "is " + ", ".join(told.addresses) if told.addresses else "has no address"
    name = told.name if told.canonical in (None, told.name) else "%s (%s)" % (told.name, told.canonical)
    if told.hosts_file:
        return [clean("%s %s, by its hosts file" % (name, addresses))]
    asked = [probe for probe in result.probes if probe.question is not None]
    if not asked:
        return [clean("%s %s" % (name, addresses))]
    every = len(every_question(told))
    number = count(len(asked), "question") + (", the others not followed" if every > len(asked) else "")
    lines = ["%s %s; of %s: %s" % (name, addresses, number, _counted(asked))]
    bad = (probe for probe in asked if probe.verdict.outcome != ANSWERED)
    lines += ["  %s %s: %s" % (one.question.type, one.question.name, one.verdict.text) for one in bad if one.question]
    return list(map(clean, lines))


def _table(hops: Sequence[Hop], wide: bool, later: bool) -> list[str]:
    headings = HEADINGS if wide else EIGHT
    chosen = [hop for hop in hops if later or hop.part != "later" or "R" in (hop.flags or "")]
    several = len({hop.probe for hop in hops}) > 1
    rows = [row(hop, several)[: len(headings)] for hop in chosen[:_HOPS]]
    lines = table(headings, rows, right=("SRC PORT", "DST PORT", "TTL"))
    if not wide:
        lines += _refusals(chosen[:_HOPS])
    if len(chosen) > _HOPS:
        lines.append("%s more: in trace.json" % count(len(chosen) - _HOPS, "hop"))
    if len(hops) > len(chosen):
        left = count(len(hops) - len(chosen), "hop")
        lines.append("%s of what followed in the same connection: in trace.json" % left)
    return lines


def _refusals(printed: Sequence[Hop]) -> list[str]:
    """Return which rows are of resets, ICMP errors and repeats, which the eight columns alone do not tell."""
    found: dict[str, list[int]] = {}
    for number, hop in enumerate(printed, 1):
        if "R" in (hop.flags or ""):
            found.setdefault("a reset", []).append(number)
        elif hop.part in ("error", "notice") and hop.icmp:
            found.setdefault("%s %s" % (hop.protocol, hop.icmp), []).append(number)
        if hop.again:
            found.setdefault("the same again", []).append(number)
    text = "%s in row%s %s, first at %s"
    return [
        clean(text % (kind, "" if len(rows) == 1 else "s", _spans(rows), printed[rows[0] - 1].timestamp))
        for kind, rows in found.items()
    ]


def _spans(numbers: Sequence[int]) -> str:
    """Return rising numbers as text: ``3, 7-12``."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    return listed("-".join(map(str, span)) for span in spans)


def row(hop: Hop, several: bool) -> tuple[object, ...]:
    """Return a hop's cells, in the order of HEADINGS; ``several``: of several probes, whose numbers are told."""
    eight = (hop.timestamp, hop.node, hop.pod, hop.interface, hop.src, hop.dst, hop.sport, hop.dport)
    flags = "[%s]" % hop.flags if hop.flags else None
    protocol = " ".join(one for one in (hop.protocol, flags, hop.icmp) if one)
    number = ["probe %d" % hop.probe] if several else []
    return (*eight, hop.direction, protocol, hop.ttl, "; ".join([*number, *_what(hop)]))


def _what(hop: Hop) -> Iterable[str]:
    """Yield what a hop is, and what changed on the way to it."""
    if hop.leg == DNS:
        yield "dns"
    yield _PARTS.get(hop.part) or ("%s, %d bytes" % (hop.leg, hop.payload) if hop.payload else hop.leg)
    if hop.again:
        yield "again (%d)" % hop.again
    if hop.encapsulation:
        yield "in %s" % " in ".join(_layer(one) for one in reversed(hop.encapsulation))
    yield from (change for change in hop.changes if not change.startswith("mac "))  # every router's own


def _layer(layer: Layer) -> str:
    return layer.type if layer.id is None else "%s %d" % (layer.type, layer.id)


def tap_title(tap: Tap) -> str:
    """Return how texts call a tap: ``node node-a``, ``pod shop/cart on node-a``."""
    if tap.node == NAME:
        return "the controller"
    return "pod %s/%s on %s" % (tap.namespace, tap.pod, tap.node) if tap.pod else "node %s" % tap.node


def manners(tap: Tap) -> tuple[str, ...]:
    """Return in what directions canaries were seen there: ``in``, ``out``, both or none."""
    return tuple(dict.fromkeys(proof.direction for proof in tap.proven))


def _proof(verdict: Verdict, taps: Sequence[Tap]) -> str:
    """Return how many taps are proven, and, where not all are, by what a proven outcome is."""
    proven = [one for one in taps if "in" in manners(one) and one.problem is None]
    told = "%d of %s proven by canaries to see what passes" % (len(proven), count(len(taps), "tap"))
    if verdict.confidence != PROVEN or len(proven) == len(taps):
        return told
    if verdict.outcome in _SEEN:
        return told + "; the outcome is proven by packets that were seen, which takes no canary"
    if verdict.outcome in _MISSED and verdict.leg != DNS:
        return told + "; those on whose silence the outcome rests are among them"
    return told
