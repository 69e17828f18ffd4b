# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second run with every node watched: when there is one, and what both come to."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Sent, Sighting
from ansible_collections.kube.pcap.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.kube.pcap.plugins.plugin_utils._report.traces import result_text
from ansible_collections.kube.pcap.plugins.plugin_utils._report.tracing import report_trace
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.answers import Told
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.assembling import assemble
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import NameQuestion
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.result import read_earlier, read_result
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.runs import (
    fallen,
    joined,
    lacks_nodes,
    once_more,
)

from .scenes import CART, DB, NODE_A, NODE_C, POD, WEB, tapped

NOW = 1_700_000_000_000_000_000
AUTO = dataclasses.replace(POD, every_node=False, unwatched=("node-b",), again=True)
SECOND = dataclasses.replace(POD, run=2)
CANARY = {"leg": "request", "joined": "mark", "part": "canary"}


def seen(after_us, direction, **more):
    """A sighting of what the pod cart sent to the pod db."""
    told = {"leg": "request", "joined": "mark", "part": "first", "protocol": "tcp", "flags": "S", "ttl": 64}
    told.update({"src": "10.244.1.2", "sport": 20001, "dst": "10.244.3.2", "dport": 15432}, **more)
    return Sighting(1, NOW + after_us * 1000, direction=direction, **told)


def canaries(number, direction):
    """A canary of a way, before the probes and after them."""
    return [Sighting(0, NOW, direction=direction, number=number << 16 | late, **CANARY) for late in (0, 0x8000)]


def answers(db=(), proven=True):
    """What hosts told: the probe came to node-c, and to db by its tap's word; both nodes are proven."""
    node_a = [seen(20, "In"), seen(30, "Out"), *canaries(1, "In")]
    node_c = [seen(40, "In"), *(canaries(2, "In") if proven else ())]
    pod = [*db, *canaries(3, "In")]
    return Told(
        {
            "node-a": [
                tapped(NODE_A, sightings=tuple(node_a)),
                tapped(CART, sightings=(seen(10, "Out"),)),
                tapped(WEB),
            ],
            "node-c": [tapped(NODE_C, sightings=tuple(node_c)), tapped(DB, sightings=tuple(pod))],
        },
        (Sent(1, started_ns=NOW),) if db else (Sent(1, started_ns=NOW, stage="connect", error="ETIMEDOUT"),),
        {},
    )


def answered():
    """What hosts told: the probe came to db, and db's answer to cart."""
    back = {"leg": "reply", "part": "answer", "flags": "S."}
    back.update({"src": "10.244.3.2", "sport": 15432, "dst": "10.244.1.2", "dport": 20001})
    told = answers([seen(50, "In"), seen(60, "Out", **back)])
    cart = tapped(CART, sightings=(seen(10, "Out"), seen(90, "In", **back)))
    return dataclasses.replace(told, tapped={**told.tapped, "node-a": [told.tapped["node-a"][0], cart, tapped(WEB)]})


def with_way(planned):
    """A plan with canaries from its node to the pod db."""
    way = dataclasses.replace(planned.ways[0], number=3, source=NODE_C, destination=DB)
    return dataclasses.replace(planned, ways=(*planned.ways, way))


FIRST = assemble(with_way(AUTO), answers().tapped, answers().sent, {})


def assembled(planned, told):
    """What a run comes to."""
    return assemble(with_way(planned), told.tapped, told.sent, told.problems)


def test_a_loss_that_cannot_be_called():
    """Nothing but the other nodes' taps was missing: the second run is for them, and the first is kept as it was."""
    earlier = lacks_nodes(with_way(AUTO), answers())
    assert earlier == FIRST and earlier.verdict.outcome == "inconclusive"
    assert "nobody watched on node-b" in earlier.verdict.text


@pytest.mark.parametrize(
    "planned, told",
    [
        pytest.param(dataclasses.replace(AUTO, again=False), answers(), id="path"),
        pytest.param(dataclasses.replace(AUTO, every_node=True), answers(), id="all"),
        pytest.param(AUTO, answers(proven=False), id="something else is missing, too"),
        pytest.param(AUTO, answers([seen(50, "In")]), id="it came"),
        pytest.param(AUTO, dataclasses.replace(answers(), sent=None), id="nothing was sent"),
    ],
)
def test_no_second_run(planned, told):
    """Where it was not asked for, or would tell no more."""
    assert lacks_nodes(with_way(planned), told) is None


def test_a_question_that_is_lost():
    """Where the probe itself was answered, none is sent again for what one of the name's servers did not say."""
    asked = NameQuestion(1, "db.shop", "A", "10.244.3.2", POD.landings)
    marks = (AUTO.marks[0], dataclasses.replace(AUTO.marks[0], probe=2))
    planned = with_way(dataclasses.replace(AUTO, questions=(asked,), marks=marks))
    lost, told = answers(), answered()
    together = {
        host: [
            dataclasses.replace(
                one,
                sightings=(
                    *other.sightings,
                    *(dataclasses.replace(each, probe=2) for each in one.sightings if each.probe),
                ),
            )
            for one, other in zip(told.tapped[host], lost.tapped[host], strict=True)
        ]
        for host in told.tapped
    }
    both = Told(together, (*lost.sent, dataclasses.replace(told.sent[0], number=2)), {})
    everywhere = assembled(dataclasses.replace(planned, every_node=True), both)
    assert [probe.verdict.outcome for probe in everywhere.probes] == ["lost", "answered"]
    assert everywhere.verdict.outcome == "answered" and lacks_nodes(planned, both) is None


def test_hosts_that_have_failed():
    """They would not watch a second time, and what they registered is the first run's; the controller is no host."""
    assert fallen(["node-a", "node-b", "(here)"], ["node-a", "node-b", "node-c"]) is None
    assert fallen(["node-a", "node-b", "(here)"], ["node-c"]) == "node-a and node-b failed in the first run"


def test_what_is_asked_once_more():
    """The same request under the same name, with every node watched."""
    request = {"trace_expression": "x", "trace_id": "", "trace_taps": "auto", "trace_ttl": 3}
    assert once_more(request, AUTO) == {**request, "trace_id": "t-1", "trace_taps": "all"}


def test_both_runs():
    """Everything of the first stays, what the second has goes on behind it, and the loss is what both come to."""
    second = assembled(SECOND, answers())
    both = joined(FIRST, second)
    assert both.verdict.outcome == "lost" and both.verdict.between == second.verdict.between
    assert both.verdict.text.endswith(
        "; this is of a second run, with every node watched, and the first was inconclusive"
    )
    assert both.probes[0] == FIRST.probes[0] and both.hops[: len(FIRST.hops)] == FIRST.hops
    assert both.taps[: len(FIRST.taps)] == FIRST.taps and both.clock[: len(FIRST.clock)] == FIRST.clock
    last = both.probes[1]
    assert (last.n, last.mark.probe, last.sent.number, last.run, last.verdict.outcome) == (2, 2, 2, 2, "lost")
    assert [hop.n for hop in both.hops] == list(range(1, len(both.hops) + 1))
    assert [tap.id for tap in both.taps] == list(range(len(both.taps)))
    for hop in both.hops[len(FIRST.hops) :]:
        assert hop.probe == 2 and both.taps[hop.tap].run == 2 and both.taps[hop.tap].node == hop.node
    assert {one.run for one in both.clock} == {1, 2}
    assert read_result(json.loads(json.dumps(to_result(both)))) == both


def test_a_second_run_that_went_well():
    """What was seen of the first stands: the trace is no better than its worst run."""
    second = assembled(SECOND, answered())
    assert second.verdict.outcome == "answered"
    both = joined(FIRST, second)
    assert both.verdict.outcome == "inconclusive" and both.verdict.text.startswith(FIRST.verdict.text)
    assert "; a second run, with every node watched, was answered: what pod shop/cart sent" in both.verdict.text
    assert (both.endpoints.seen, both.endpoints.of, both.endpoints.names) == (1, 1, ("pod shop/db",))


def test_both_runs_as_text():
    """Each run has its table and its taps, under a line that says which it is."""
    both = joined(FIRST, assembled(SECOND, answers()))
    lines = result_text(both, 200).splitlines()
    assert lines[1] == "sent twice: inconclusive, then lost"
    assert [line for line in lines if line.startswith("Run ")] == ["Run 1:", "Run 2, with every node watched:"]
    assert len([line for line in lines if line.startswith("TIMESTAMP")]) == 2
    assert "### Run 2, with every node watched" in markdown(to_result(both)).splitlines()
    assert not any(line.startswith("Run ") for line in result_text(FIRST, 200).splitlines())


def test_a_second_run_that_was_not_sent():
    """The first one's result is told and kept; that the second was not sent is why the play fails."""
    told = Told({}, None, {"node-b": "tcpdump ended"})
    made = report_trace(SECOND, told, None, 100, FIRST)
    assert made.trace == to_result(FIRST) and made.text == result_text(FIRST, 100)
    why = "trace t-1: it was not sent a second time; node-b: tcpdump ended"
    assert made.failure == why
    unmet = report_trace(SECOND, told, "answered", 100, FIRST).failure
    assert unmet.startswith(why + "; trace t-1: answered was expected, and it was inconclusive: what ")


def test_an_earlier_result():
    """It comes with the plan of a second run alone."""
    assert read_earlier({"earlier": None}) is None
    assert read_earlier({"earlier": to_result(FIRST)}) == FIRST
