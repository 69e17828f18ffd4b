# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a play says of its trace: the plan that it reads, a source that falls silent, and very many hops."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Sighting
from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer
from ansible_collections.kube.pcap.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.kube.pcap.plugins.plugin_utils._report.tracing import report_trace, show_trace
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.answers import read_planned, told

from .._trace.scenes import CART, DB, NODE_A, NODE_C, POD, SERVICE, tapped

NOW = 1_700_000_000_000_000_000
PLANNED = to_result(SERVICE)
UNREACHABLE = {"unreachable": True, "msg": "no route to host"}
TIMED_OUT = {"failed": True, "msg": "Timed out", "timedout": {"frame": "x", "period": 90}}
HOME = {"src": "10.244.3.2", "sport": 15432, "dst": "10.244.1.2", "dport": 20001}
ANSWER = {"leg": "reply", "part": "answer", "flags": "S.", **HOME}


def seen(after_us, direction, **more):
    """A sighting of what the pod cart sent to the pod db."""
    fields = {"leg": "request", "joined": "mark", "part": "first", "protocol": "tcp", "flags": "S", "ttl": 64}
    fields.update({"src": "10.244.1.2", "sport": 20001, "dst": "10.244.3.2", "dport": 15432}, **more)
    return Sighting(1, NOW + after_us * 1000, direction=direction, **fields)


def read(host, sightings):
    """What a host answered when its taps were read; ``sightings`` by place."""
    return Answer(host, None, {"taps": [to_result(tapped(place, sightings=own)) for place, own in sightings.items()]})


REQUEST = {CART: (seen(10, "Out"),), NODE_A: (seen(20, "In"), seen(30, "Out"))}
HALFWAY = [read("node-a", REQUEST), read("node-c", {NODE_C: (seen(40, "In"),), DB: ()})]
ANSWERED = [
    read("node-a", {**REQUEST, CART: (*REQUEST[CART], seen(90, "In", **ANSWER))}),
    read("node-c", {NODE_C: (seen(40, "In"),), DB: (seen(50, "In"), seen(60, "Out", **ANSWER))}),
]
NOTHING = [read("node-a", {NODE_A: (), CART: ()}), read("node-c", {NODE_C: (), DB: ()})]


def test_a_plan_that_is_read():
    """What the plan returned is what the report goes by."""
    assert read_planned({"trace": PLANNED, "taps": {}}, "plan") == SERVICE


@pytest.mark.parametrize(
    "result, said",
    [
        (None, "it is no mapping"),
        ("trace__plan", "it is no mapping"),
        ({}, "it is no mapping"),
        ({"skipped": True}, "it is no mapping"),
        ({"trace": None}, "it is no mapping"),
        ({"trace": {}}, "id is missing"),
        ({"trace": {**PLANNED, "places": None}}, "places is no list"),
        ({"trace": {**PLANNED, "every_node": "yes"}}, "every_node is neither true nor false"),
        ({"trace": {**PLANNED, "landings": [{"address": 1}]}}, "landings[0].address is no text"),
    ],
)
def test_a_plan_that_cannot_be_read(result, said):
    """One sentence: what is wrong with it, and what to name instead."""
    with pytest.raises(OptionError) as caught:
        read_planned(result, "plan")
    right = "name the variable that registered kube.pcap.plan for a trace"
    assert str(caught.value) == "plan: it is not the result of one (%s); %s" % (said, right)


@pytest.mark.parametrize("silent", [UNREACHABLE, TIMED_OUT, {"changed": True}, {"sent": [{"number": "1"}]}])
@pytest.mark.parametrize(
    "answers, outcome, confidence, said",
    [
        (ANSWERED, "answered", "likely", "was answered by pod shop/db on node-c"),
        (HALFWAY, "inconclusive", "unproven", "last seen coming in at an interface of node node-c"),
        (NOTHING, "unsent", "unproven", "pod shop/cart on node-a did not see it"),
    ],
)
def test_a_source_that_falls_silent(silent, answers, outcome, confidence, said):
    """It may have sent all: what the taps saw is judged, by no more than that, and nothing is said of the socket."""
    made = report_trace(POD, told(POD, answers, silent), None, 100)
    verdict = made.trace["verdict"]
    assert (verdict["outcome"], verdict["confidence"], made.failure) == (outcome, confidence, None), verdict
    assert said in made.text and "socket" not in made.text
    assert [probe["sent"] for probe in made.trace["probes"]] == [None]


def test_a_source_of_which_nothing_is_known():
    """Where its own taps are silent as well, it is not known whether anything was sent that nobody else saw."""
    gone = Answer("node-a", None, problem="unreachable: no route to host")
    made = report_trace(POD, told(POD, [gone, HALFWAY[1]], UNREACHABLE), None, 100)
    assert made.trace["verdict"]["outcome"] == "inconclusive"
    assert "pod shop/cart on node-a: unreachable: no route to host" in made.text.splitlines()
    nothing = report_trace(POD, told(POD, [gone, NOTHING[1]], UNREACHABLE), None, 100)
    assert nothing.trace["verdict"]["outcome"] == "inconclusive"
    assert "it is not known whether what pod shop/cart sent to pod shop/db (10.244.3.2:15432) left" in nothing.text


@pytest.mark.parametrize(
    "sent, why",
    [
        (None, "its host was not asked"),
        ({"changed": False, "skipped": True}, "its host was not asked"),
        ({"failed": True, "msg": "no such user"}, "node-a: no such user"),
    ],
)
def test_a_source_that_sent_nothing(sent, why):
    """A task that failed by its own word has no result, whatever taps say."""
    made = report_trace(POD, told(POD, NOTHING, sent), None, 100)
    assert (made.trace, made.text, made.failure) == (None, "", "trace t-1: nothing was sent; " + why)


@pytest.mark.parametrize("number, more", [(1000, None), (1001, "1 hop more: in trace.json"), (1203, "203 hops more")])
def test_very_many_hops(number, more):
    """The first thousand are printed, data and Markdown have all; in order, though the tap told the last first."""
    own = tuple(seen(number - after, "Out") for after in range(number))
    made = report_trace(POD, told(POD, [read("node-a", {NODE_A: (), CART: own}), NOTHING[1]], {"sent": []}), None, 100)
    times = [hop["timestamp"] for hop in made.trace["hops"]]
    assert [hop["n"] for hop in made.trace["hops"]] == list(range(1, number + 1))
    assert times == sorted(times) and len(set(times)) == number
    lines = made.text.splitlines()
    heading = next(place for place, line in enumerate(lines) if line.startswith("TIMESTAMP"))
    rows = lines[heading + 1 : lines.index("", heading)]
    assert [row.split()[0] for row in rows[:1000]] == times[:1000]
    assert rows[1000].startswith("the same again in rows 2-1000, first at ")
    assert len(rows) == 1001 + (more is not None) and (more is None or rows[1001].startswith(more))
    assert show_trace(made.trace, 100).text == made.text
    written = markdown(made.trace).splitlines()
    assert [line.split(" | ")[0][2:] for line in written if line.startswith("| 2023")] == times
