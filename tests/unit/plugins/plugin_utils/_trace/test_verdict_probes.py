# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a lone SYN, and of a probe whose TTL ended on the way (row KP-8)."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Sent
from ansible_collections.kube.pcap.plugins.plugin_utils._trace import verdict

from .scenes import CART, DB, NODE_A, NODE_C, POD, hop, tapped

AT_DB = ("10.244.3.2", 15432)
LONE = dataclasses.replace(POD, lone=True)
REQUEST = [
    *(hop(CART, "Out", to=AT_DB), hop(NODE_A, "In", to=AT_DB), hop(NODE_A, "Out", to=AT_DB)),
    *(hop(NODE_C, "In", to=AT_DB), hop(NODE_C, "Out", to=AT_DB), hop(DB, "In", to=AT_DB)),
]
ANSWER = [
    *(hop(DB, "Out", "answer", AT_DB), hop(NODE_C, "In", "answer", AT_DB), hop(NODE_C, "Out", "answer", AT_DB)),
    *(hop(NODE_A, "In", "answer", AT_DB), hop(NODE_A, "Out", "answer", AT_DB), hop(CART, "In", "answer", AT_DB)),
]
OURS = "; the reset from pod shop/cart is ours, since its kernel knows of no connection"
OWN_RESET = [hop(CART, "Out", "later", flags="R"), hop(NODE_A, "In", "later", flags="R")]


def judged(*hops, planned=LONE, sent=None):
    """The verdict of hops, where every tap is there and proven."""
    taps = {index: tapped(index) for index in range(5)}
    return verdict.judge(verdict.Evidence(planned, taps, dict.fromkeys(taps, ("in", "out"))), hops, sent)


def test_the_reset_of_the_sources_kernel():
    """It is told as ours, and is no `reset`; where the source's tap did not see it, it is not told."""
    made = judged(*REQUEST, *ANSWER, *OWN_RESET, sent=Sent(1))
    assert (made.outcome, made.confidence, made.answered_by) == ("answered", "proven", "pod shop/db on node-c")
    assert made.text.endswith(OURS)
    assert "reset" not in judged(*REQUEST, *ANSWER).text
    assert "reset" not in judged(*REQUEST, *ANSWER, OWN_RESET[1]).text
    assert "ours" not in judged(*REQUEST, *ANSWER, *OWN_RESET, planned=POD).text, "a connection has reasons of its own"


def test_a_reset_of_the_other_side():
    """It is one after an answer, and a refusal without one."""
    reset = [dataclasses.replace(one, flags="R.") for one in ANSWER]
    broken = judged(*REQUEST, *ANSWER, *reset, *OWN_RESET)
    assert broken.outcome == "reset" and broken.text.endswith("first seen at eth0 of pod shop/db on node-c" + OURS)
    made = judged(*REQUEST, *reset, sent=Sent(1, stage="receive", error="ECONNREFUSED"))
    assert made.outcome == "refused" and "ours" not in made.text


def test_another_that_answers():
    """The kernel resets that, too."""
    made = judged(REQUEST[0], ANSWER[-1], *OWN_RESET)
    assert made.outcome == "intercepted" and made.text.endswith(OURS)


def test_an_answer_that_was_not_heard():
    """It came to the source's namespace, and neither socket nor kernel took it: something dropped it."""
    made = judged(*REQUEST, *ANSWER, sent=Sent(1, stage="receive", error="ETIMEDOUT"))
    assert (made.outcome, made.confidence) == ("answered", "likely")
    assert "its socket did not take the answer" in made.text


@pytest.mark.parametrize(
    "protocol, icmp, why",
    [
        ("icmp", "11/0", "its TTL ended at 192.0.2.9, which said so by icmp 11/0"),
        ("icmpv6", "3/0", "its TTL ended at 192.0.2.9, which said so by icmpv6 3/0"),
        ("icmp", "11/1", "192.0.2.9 said so by icmp 11/1"),
        ("icmpv6", "1/0", "192.0.2.9 said so by icmpv6 1/0"),
        ("icmp", "3/0", "192.0.2.9 said so by icmp 3/0"),
    ],
)
def test_a_ttl_that_ended(protocol, icmp, why):
    """It is a refusal, of which the text tells where; fragments that came too late (11/1) are another matter."""
    error = hop(CART, "In", "error", src="192.0.2.9", protocol=protocol, icmp=icmp)
    made = judged(*REQUEST[:4], error, planned=POD)
    assert (made.outcome, made.leg, made.answered_by) == ("refused", "error", "192.0.2.9")
    assert "was refused: %s, first seen at eth0 of pod shop/cart on node-a" % why in made.text


@pytest.mark.parametrize("hops, outcome", [(REQUEST[:3], "lost"), (REQUEST, "delivered"), ([], "unsent")])
def test_a_ttl_of_which_nobody_speaks(hops, outcome):
    """Where no error came back the text tells which TTL was sent, and without one nothing of it."""
    made = judged(*hops, planned=dataclasses.replace(POD, ttl=2))
    assert made.outcome == outcome and "what pod shop/cart sent with TTL 2 to pod shop/db (10.244.3.2" in made.text
    assert "TTL" not in judged(*hops, planned=POD).text
