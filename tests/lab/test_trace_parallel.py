# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten traces at once beside 20,000 packets a second: no hop of one is in another, and none is missing."""

from __future__ import annotations

import collections
import contextlib
import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.lab.ansible_run import Ansible, Run
from tests.lab.background import Counted, Counters, flooded
from tests.lab.lab import Lab
from tests.lab.meeting import Meeting
from tests.lab.tracing import Hop, Traces, serving, way

RUNS, RATE = 10, 20_000
EXPRESSIONS = (
    "from pod shop/cart to pod shop/db-0 and tcp port 8080",
    "from pod shop/cart to service shop/db and tcp port 5432",
)
ENDS_ALONE = ("--limit", "node-a,node-c")
"""The third node is on no way, and each task of ten runs takes the longer for it: taps live no more than 60 s."""
WATCH, SEND, READ = "Watch", "Send", "Read what was seen"
"""Tasks of the role: before each of them all runs wait for one another."""
TAP_NS = 60_000_000_000
"""So long taps live, of which they tell the end."""
ACKNOWLEDGES = (".", 0)
"""Flags and payload of what says nothing else. TCP may make one of two (RFC 9293, 3.8.6.3): their number is its own."""

Kind = tuple[str, str, str | None, int | None]


def packets(result: dict[str, Any]) -> dict[Kind, collections.Counter[Hop]]:
    """How many packets of each kind were at which interface, in which direction, without what was sent again.

    A kind is (leg, part, flags, bytes of payload); what is counted are its hops, as ``way`` tells them.
    """
    found: dict[Kind, collections.Counter[Hop]] = collections.defaultdict(collections.Counter)
    for hop in result["hops"]:
        if not hop["again"]:
            spot = (hop["node"], hop["pod"], hop["interface"], hop["direction"] == "Out")
            found[hop["leg"], hop["part"], hop["flags"], hop["payload"]][spot] += 1
    return found


def conversation(result: dict[str, Any], there: list[Hop]) -> dict[Kind, int]:
    """How many packets of each kind there were, each of them at every interface on its way, and nowhere else."""
    spots = {"request": set(there), "reply": {(*spot[:3], not spot[3]) for spot in there}}
    numbers = {}
    for kind, counter in packets(result).items():
        assert set(counter) == spots[kind[0]], (kind, counter)
        assert len(set(counter.values())) == 1, (kind, counter)
        numbers[kind] = min(counter.values())
    return numbers


def said(numbers: dict[Kind, int]) -> dict[Kind, int]:
    """The same without what only acknowledges."""
    return {kind: number for kind, number in numbers.items() if kind[1:] != ("later", *ACKNOWLEDGES)}


def check_evidence(result: dict[str, Any]) -> None:
    """It was answered, each tap is proved to see and has lost nothing, and each hop has the probe's own source port."""
    verdict, (probe,) = result["verdict"], result["probes"]
    assert (verdict["outcome"], verdict["confidence"]) == ("answered", "proven"), verdict
    for tap in result["taps"]:
        assert (tap["dropped"], tap["left_out"], tap["problem"], tap["changed"]) == (0, 0, None, []), tap
        assert "in" in {proof["direction"] for proof in tap["proven"]}, tap
    own = probe["sent"]["source"], probe["sent"]["source_port"]
    assert own[1] in probe["mark"]["source_ports"]
    for hop in result["hops"]:
        assert own == ((hop["src"], hop["sport"]) if hop["leg"] == "request" else (hop["dst"], hop["dport"])), hop


def identities(result: dict[str, Any]) -> set[tuple[object, ...]]:
    """What tells each hop from every other: all taps have a packet's time from the kernel, to the microsecond."""
    keys = ("node", "pod", "interface", "direction", "time_ns", "flags", "src", "sport", "dst", "dport")
    return {tuple(hop[key] for key in keys) for hop in result["hops"]}


def counted(lab: Lab, result: dict[str, Any]) -> list[Counted]:
    """The counters of each interface that the probe passed."""
    found = []
    for hop in result["hops"]:
        if hop["part"] == "first":
            tap = result["taps"][hop["tap"]]
            title = "%s of %s" % (hop["interface"], tap["pod"] or tap["node"])
            pid = lab.pod(tap["namespace"], tap["pod"]).pids()[0] if tap["pod"] else lab.node(tap["node"]).pid
            assert pid is not None
            found.append(Counted(title, pid, hop["interface"], hop["direction"] == "Out"))
    return found


def check_overlap(runs: list[Run], results: list[dict[str, Any]], meeting: Meeting) -> tuple[int, int]:
    """Every probe began and ended while all taps of all traces watched; when the first tap and the last probe did."""
    ends = [task.result["until_ns"] for run in runs for task in run.tasks if "until_ns" in task.result]
    assert len(ends) == 2 * RUNS, "each trace has taps on two nodes"
    sent = [probe["sent"] for result in results for probe in result["probes"]]
    first, last = min(one["started_ns"] for one in sent), max(one["ended_ns"] for one in sent)
    read = meeting.begun_ns(READ)
    assert len(read) == RUNS
    assert max(ends) - TAP_NS < first and last < min(*read, *ends)
    return min(ends) - TAP_NS, last


def check_rates(counters: Counters, since_ns: int, until_ns: int) -> None:
    """So many packets passed every interface while the traces ran."""
    rates = counters.rates(since_ns, until_ns)
    least, most = min(rates.values()), max(rates.values())
    seconds = (until_ns - since_ns) / 1e9
    print("%d interfaces, %.1f s: %.0f to %.0f packets a second on each" % (len(rates), seconds, least, most))
    assert least > 0.95 * RATE, rates


@pytest.mark.alone  # as much as two cores can do
def test_ten_at_once(lab: Lab, ansible: Ansible, tmp_path: pathlib.Path) -> None:
    """Half of them to a Service; each has every packet of its conversation at every interface, and no other's."""
    cart, db = lab.pod("shop", "cart"), lab.pod("shop", "db-0")
    meeting = Meeting(tmp_path / "meeting", RUNS, (WATCH, SEND, READ))
    known = {"snapshot": str(lab.snapshot), "request": "http GET /"}
    traces, busy = Traces(ansible, tmp_path, **known), Traces(ansible, tmp_path, meeting.env, **known)
    with contextlib.ExitStack() as stack:
        for port in (8080, 5432):
            stack.enter_context(serving(db, "line", port))
        quiet = [traces.result(expression) for expression in EXPRESSIONS]
        there = way(quiet[0])
        assert len(set(there)) == 10 and way(quiet[1]) == there
        counters = stack.enter_context(flooded(cart, db, RATE, counted(lab, quiet[0])))
        with ThreadPoolExecutor(RUNS) as pool:
            runs = list(pool.map(lambda number: busy.run(EXPRESSIONS[number % 2], *ENDS_ALONE), range(RUNS)))
        results = [busy.told(run) for run in runs]
        check_rates(counters, *check_overlap(runs, results, meeting))
    for number, result in enumerate(results):
        check_evidence(result)
        assert said(conversation(result, there)) == said(conversation(quiet[number % 2], there))
        assert way(result) == there
        assert way(result, "answer") == [(*hop[:3], not hop[3]) for hop in reversed(there)]
    assert len({result["id"] for result in results}) == RUNS
    assert len({result["probes"][0]["mark"]["sequence"] for result in results}) == RUNS
    found = [identities(result) for result in results]
    assert sum(map(len, found)) == len(set().union(*found)), "a packet is in two traces"
    for node in lab.nodes:
        assert node.run(["pgrep", "-c", "tcpdump"], check=False).stdout == "0\n"
