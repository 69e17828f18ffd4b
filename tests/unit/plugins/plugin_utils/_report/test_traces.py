# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands below the table of a trace: what its rows do not tell, and by what the outcome is proven."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._report.markdown import markdown
from ansible_collections.kube.pcap.plugins.plugin_utils._report.traces import result_text
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.assembling import assemble
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import Proof, Verdict

from .._trace.scenes import CART, NODE_A, POD, hop

NOTHING = assemble(POD, {}, (), {})
PROOF = Proof("in", "node node-a", "pod shop/cart on node-a", ("eth0",))


def lines(hops, width=100):
    """The table's lines, and those below it up to the next empty one."""
    timed = tuple(dataclasses.replace(one, timestamp="T%d" % n) for n, one in enumerate(hops, 1))
    text = result_text(dataclasses.replace(NOTHING, hops=timed), width).splitlines()
    return text[3 : text.index("", 3)]


def test_resets_and_errors_of_narrow_tables():
    """They look as answers do there; rows are counted as they are printed, and a wide table tells it in its row."""
    request, answer = hop(CART, "Out"), hop(NODE_A, "In", "answer", flags="S.")
    reset = hop(NODE_A, "In", "answer", flags="R.")
    late = hop(CART, "In", "later", leg="reply", flags="R")
    said = hop(CART, "Out", "later", flags=".")
    error = hop(CART, "In", "error", protocol="icmp", icmp="3/3", flags=None)
    echo = hop(CART, "Out", protocol="icmp", icmp="8/0", flags=None)
    hops = [request, answer, reset, reset, said, late, error, reset]
    told = ["a reset in rows 3-5, 7, first at T3", "icmp 3/3 in row 6, first at T7"]
    assert lines(hops)[7:9] == told
    assert len(lines(hops)) == 10, "and what was left out"
    assert not any(" in row" in line for line in lines(hops, 200))
    assert len(lines([request, answer, echo])) == 3


@pytest.mark.parametrize(
    "outcome, leg, confidence, proven, said",
    [
        ("answered", "reply", "proven", 0, "0 of 5 taps%s; the outcome is proven by packets that were seen, which "),
        ("refused", "error", "proven", 4, "4 of 5 taps%s; the outcome is proven by packets that were seen, which "),
        ("lost", "request", "proven", 2, "2 of 5 taps%s; those on whose silence the outcome rests are among them"),
        ("unsent", "request", "proven", 1, "1 of 5 taps%s; those on whose silence the outcome rests are among them"),
        ("unsent", "dns", "proven", 1, "1 of 5 taps%s\n"),
        ("answered", "reply", "proven", 5, "5 of 5 taps%s\n"),
        ("answered", "reply", "likely", 0, "0 of 5 taps%s\n"),
    ],
)
def test_by_what_an_outcome_is_proven(outcome, leg, confidence, proven, said):
    """Where not all taps are, the line about them agrees with the word behind the outcome."""
    taps = [
        dataclasses.replace(tap, problem=None, proven=(PROOF,) if number < proven else ())
        for number, tap in enumerate(NOTHING.taps)
    ]
    made = dataclasses.replace(NOTHING, taps=tuple(taps), verdict=Verdict(outcome, "x", leg, confidence=confidence))
    line = said % " proven by canaries to see what passes"
    assert line in result_text(made, 100) + "\n" and "\n" + line.rstrip() in markdown(to_result(made))


def test_several_probes_that_came_to_different_ends():
    """The sentence is one of them; lines below it have the ends of all, and rows the probe's number."""
    probes = [
        dataclasses.replace(
            NOTHING.probes[0], n=number, verdict=Verdict("answered", "x", "reply", by, (), by, "proven")
        )
        for number, by in enumerate(("pod a", "pod b", "pod a"), 1)
    ]
    lost = Verdict("lost", "x", "request", "eth0", ("node a", "pod b"))
    probes.append(dataclasses.replace(NOTHING.probes[0], n=4, verdict=lost))
    hops = tuple(hop(CART, "Out", probe=number, timestamp="T") for number in (1, 2))
    made = dataclasses.replace(NOTHING, probes=tuple(probes), hops=hops)
    told = result_text(made, 200).splitlines()
    assert told[1:5] == [
        "of 4 probes: 3 answered, 1 lost",
        "  2 answered by pod a",
        "  1 answered by pod b",
        "  1 lost between node a and pod b",
    ]
    assert [line.rpartition("  ")[2] for line in told if line.startswith("T ")] == [
        "probe 1; request",
        "probe 2; request",
    ]


def test_the_same_again():
    """A packet that was sent again is no further hop, which the narrow table alone does not tell."""
    told = lines([hop(CART, "Out"), hop(CART, "Out", again=1), hop(CART, "Out", again=2)])
    assert told[-1] == "the same again in rows 2-3, first at T2"
