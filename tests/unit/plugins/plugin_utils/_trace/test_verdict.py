# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a probe (row KP-8): each outcome, and that none is told without its evidence."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Sent
from ansible_collections.kube.pcap.plugins.plugin_utils._trace import verdict
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import Landing, Verdict

from .scenes import CART, DB, FROM_HERE, HERE, NODE_A, NODE_C, OUTSIDE, POD, SERVICE, WEB, hop, tapped

AT_DB = ("10.244.3.2", 15432)
REQUEST = [hop(CART, "Out"), hop(NODE_A, "In"), hop(NODE_A, "Out", to=AT_DB), hop(NODE_C, "In", to=AT_DB)]
ARRIVED = [*REQUEST, hop(NODE_C, "Out", to=AT_DB), hop(DB, "In", to=AT_DB)]
BACK = [hop(DB, "Out", "answer", AT_DB), hop(NODE_C, "In", "answer", AT_DB), hop(NODE_C, "Out", "answer", AT_DB)]
HOME = [hop(NODE_A, "In", "answer", AT_DB), hop(NODE_A, "Out", "answer"), hop(CART, "In", "answer")]
ALL = dict.fromkeys(range(6), ("in", "out"))


def judged(*hops, planned=SERVICE, taps=None, proven=None, sent=None):
    """The verdict of hops; every tap is there and proven unless it is told otherwise."""
    known = {index: tapped(index) for index in range(6)} if taps is None else taps
    evidence = verdict.Evidence(planned, known, ALL if proven is None else proven)
    return verdict.judge(evidence, hops, sent)


@pytest.mark.parametrize(
    "hops, outcome, leg, text",
    [
        (
            [*ARRIVED, *BACK, *HOME],
            "answered",
            "reply",
            "what pod shop/cart sent to service shop/db (10.96.0.12:5432) was answered by pod shop/db on node-c",
        ),
        ([], "unsent", "request", "did not leave: pod shop/cart on node-a did not see it"),
        (ARRIVED, "delivered", "request", "came to pod shop/db on node-c, and no answer left there"),
        (
            [*ARRIVED, *BACK, *HOME, hop(CART, "In", "later", leg="reply", flags="R.")],
            "reset",
            "reply",
            "was answered by pod shop/db on node-c, and the connection was reset after that",
        ),
        (
            [*ARRIVED, *(dataclasses.replace(one, flags="R.") for one in [*BACK, *HOME])],
            "refused",
            "reply",
            "was refused: a reset came back, first seen at eth0 of pod shop/db on node-c",
        ),
        (
            [*REQUEST, hop(CART, "In", "error", src="192.0.2.9", protocol="icmp", icmp="3/13")],
            "refused",
            "error",
            "192.0.2.9 said so by icmp 3/13",
        ),
        (
            [hop(CART, "Out"), hop(CART, "In", "answer")],
            "intercepted",
            "reply",
            "never came to its destination: the answer was first seen at eth0 of pod shop/cart on node-a",
        ),
        (
            [*ARRIVED, *HOME],
            "intercepted",
            "reply",
            "and was answered by another: the answer was first seen at eth0 of node node-a",
        ),
        (
            REQUEST,
            "lost",
            "request",
            "was lost inside node node-c or before pod shop/db on node-c: last seen coming in at eth0 of node node-c",
        ),
        (
            REQUEST[:3],
            "lost",
            "request",
            "was lost between node node-a and node node-c: last seen going out at eth0 of node node-a",
        ),
        (
            [*ARRIVED, *BACK],
            "lost",
            "reply",
            "the answer to what pod shop/cart sent to service shop/db (10.96.0.12:5432) was lost between node",
        ),
        ([*REQUEST, hop(NODE_C, "In", to=AT_DB, ttl=60)], "looped", "request", "its TTL fell from 64 to 60"),
    ],
)
def test_outcomes(hops, outcome, leg, text):
    """Each outcome, by hops that show it."""
    made = judged(*hops)
    assert (made.outcome, made.leg) == (outcome, leg), made
    assert text in made.text


def test_between():
    """A loss names the last namespace that saw it, and the next on its way."""
    assert judged(*REQUEST[:3]).between == ("node node-a", "node node-c")
    assert judged(*ARRIVED, *BACK[:1]).between == ("pod shop/db on node-c", "node node-c")


@pytest.mark.parametrize(
    "planned, taps, proven, missing",
    [
        (SERVICE, None, {**ALL, NODE_C: ()}, "canaries did not come to node node-c"),
        (SERVICE, None, {**ALL, NODE_A: ("out",)}, "canaries did not come to node node-a"),
        (SERVICE, {NODE_C: None}, None, "the tap in node node-c gave no answer"),
        (SERVICE, {NODE_C: tapped(NODE_C, dropped=3)}, None, "the tap in node node-c lost 3 packets"),
        (SERVICE, {NODE_C: tapped(NODE_C, problem="it ended")}, None, "the tap in node node-c: it ended"),
        (SERVICE, {NODE_C: tapped(NODE_C, left_out=1)}, None, "lost 1 packets"),
        (SERVICE, {WEB: None}, None, "the tap in pod shop/web on node-a gave no answer"),
        (SERVICE, {WEB: tapped(WEB, problem="it ended")}, None, "the tap in pod shop/web on node-a: it ended"),
        (
            dataclasses.replace(SERVICE, every_node=False, unwatched=("node-b",)),
            None,
            None,
            "nobody watched on node-b (trace_taps: all does)",
        ),
    ],
)
def test_no_loss_without_its_proof(planned, taps, proven, missing):
    """A tap that was not proven alive proves no loss, nor does one that lost packets, or a node that nobody watched."""
    known = {index: tapped(index) for index in range(5)}
    known.update(taps or {})
    made = judged(
        *REQUEST[:3],
        planned=planned,
        taps={index: one for index, one in known.items() if one is not None},
        proven=proven,
    )
    assert made.outcome == "inconclusive" and made.between == ()
    assert any(missing in one for one in made.missing) and missing in made.text


@pytest.mark.parametrize("index, sure", [(NODE_A, "likely"), (NODE_C, "likely"), (WEB, "proven")])
def test_programs_that_may_hide_packets(index, sure):
    """Where XDP or tc may have taken a packet, its loss is likely and not proven."""
    own = tapped(index)
    hooked = (dataclasses.replace(own.interfaces[0], programs=("xdp", "tc")), *own.interfaces[1:])
    taps = {**{one: tapped(one) for one in range(5)}, index: tapped(index, interfaces=hooked)}
    made = judged(*REQUEST[:3], taps=taps)
    assert (made.outcome, made.confidence) == ("lost", sure)
    assert ("; programs are attached that may hide packets from taps: xdp and tc at" in made.text) == (sure == "likely")


@pytest.mark.parametrize(
    "hops, index, outcome, missing",
    [
        (REQUEST[:3], NODE_C, "lost", 1),
        (ARRIVED, DB, "delivered", 0),
        ([], CART, "unsent", 0),
        (REQUEST[:3], WEB, "lost", 0),
    ],
)
@pytest.mark.parametrize("changed", [{"programs": ("tcx",)}, {"programs_unknown": "EPERM"}])
def test_programs_of_which_bpf_tells(changed, hops, index, outcome, missing):
    """Where tcx is, or it is not known whether it is, what a tap did not see is likely not there, and not proven."""
    own = tapped(index)
    hooked = (dataclasses.replace(own.interfaces[0], **changed), *own.interfaces[1:])
    made = judged(*hops, taps={**{one: tapped(one) for one in range(5)}, index: tapped(index, interfaces=hooked)})
    assert (made.outcome, made.confidence) == (outcome, "proven" if index == WEB else "likely")
    unknown = "programs_unknown" in changed
    said = "whether programs of tcx or netkit are attached is not known (EPERM at eth0)"
    said = said if unknown else "programs are attached that may hide packets from taps: tcx at eth0 of "
    assert (said in made.text) == (index != WEB)
    assert [said in one for one in made.missing] == [True] * (missing if unknown else 0)


def test_a_promiscuous_sight_is_no_arrival():
    """A packet that a flooding bridge shows to another pod came for somebody else."""
    flooded = [hop(CART, "Out"), hop(NODE_A, "In", to=AT_DB), hop(WEB, "P", to=AT_DB)]
    assert judged(*flooded).outcome == "lost"
    to_another = [hop(CART, "Out"), hop(NODE_A, "In", to=AT_DB), hop(WEB, "In", to=AT_DB)]
    assert judged(*to_another).outcome == "lost"


def test_a_bridges_port():
    """What comes in there is for another host in the kernel's eyes."""
    made = judged(hop(CART, "Out", to=AT_DB), hop(NODE_A, "P", to=AT_DB))
    assert "was lost inside node node-a or before node node-c: last seen coming in" in made.text


def test_a_retransmission_is_no_loop():
    """The same packet at the same place with the same TTL was sent again."""
    again = [dataclasses.replace(one, again=1) for one in REQUEST]
    assert judged(*REQUEST, *again).outcome == "lost"


def test_unsent_and_why():
    """What its socket says is told beside; without a tap that saw, nothing is known."""
    sent = Sent(1, stage="open", error="EADDRINUSE")
    assert "its socket says EADDRINUSE (open)" in judged(sent=sent).text
    assert judged(proven={}).confidence == "unproven"
    assert judged(taps={}).outcome == "inconclusive"


def test_an_answer_that_says_no_more():
    """The connection was made; that nothing came then is told, and is no other outcome."""
    sent = Sent(1, connected=True, stage="receive", error="ETIMEDOUT")
    made = judged(*ARRIVED, *BACK, *HOME, sent=sent)
    assert made.outcome == "answered" and "then its socket met ETIMEDOUT (receive)" in made.text


def test_delivered_where_the_tap_is_not_to_be_relied_upon():
    """No answer was seen to leave, by a tap that lost packets."""
    taps = {**{index: tapped(index) for index in range(5)}, DB: tapped(DB, dropped=1)}
    assert judged(*ARRIVED, taps=taps).outcome == "inconclusive"
    assert judged(*ARRIVED, proven={}).confidence == "unproven"


def test_an_answer_from_nobody_knows_where():
    """Where an endpoint's tap lost packets, the request may have come there."""
    taps = {**{index: tapped(index) for index in range(5)}, DB: tapped(DB, dropped=1)}
    assert judged(hop(CART, "Out"), hop(CART, "In", "answer"), taps=taps).outcome == "inconclusive"


def test_a_pod():
    """A destination of one place is on the way from the beginning."""
    assert judged(hop(CART, "Out", to=AT_DB), hop(NODE_A, "In", to=AT_DB), planned=POD).between == (
        "node node-a",
        "node node-c",
    )


def test_a_service_that_led_nowhere():
    """Where no tap has seen the translation, it was to go to one of the endpoints, and all of those must be proved."""
    came = hop(CART, "Out"), hop(NODE_A, "In")
    made = judged(*came)
    assert (made.outcome, made.between) == ("lost", ("node node-a", "pod shop/web on node-a or node node-c")), made
    assert "inside node node-a or before pod shop/web on node-a or node node-c" in made.text
    taps = {index: tapped(index) for index in range(5) if index != WEB}
    made = judged(*came, taps=taps)
    assert made.outcome == "inconclusive" and "the tap in pod shop/web on node-a gave no answer" in made.missing
    left = judged(hop(CART, "Out"), hop(NODE_A, "Out"))
    assert left.outcome == "inconclusive" and "which nothing had translated" in left.text
    elsewhere = dataclasses.replace(SERVICE.landings[0], place=None, node_place=None)
    made = judged(*came, planned=dataclasses.replace(SERVICE, landings=(*SERVICE.landings, elsewhere)))
    assert made.outcome == "inconclusive"


def test_outside():
    """Nobody watches there: an answer may come, and a loss is none that could be told."""
    to = ("192.0.2.1", 443)
    out = [hop(1, "Out", to=to), hop(0, "Out", to=to)]
    back = [hop(0, "In", "answer", to), hop(1, "In", "answer", to)]
    taps = {0: tapped(0), 1: tapped(1)}
    answered = judged(*out, *back, planned=OUTSIDE, taps=taps)
    assert (answered.outcome, answered.confidence) == ("answered", "likely")
    assert "answered from beyond what is watched: the answer was first seen at eth0 of node node-a" in answered.text
    redirected = judged(hop(1, "In", to=to), hop(1, "In", "answer", to), planned=OUTSIDE, taps=taps)
    assert redirected.outcome == "intercepted", "it was answered before it left what is watched"
    silent = judged(*out, planned=OUTSIDE, taps=taps)
    assert silent.outcome == "inconclusive" and "nobody watches what is behind it" in silent.text


def test_the_worst():
    """Of several probes, the worst tells."""
    verdicts = [Verdict(outcome, "") for outcome in reversed(verdict.OUTCOMES)]
    assert verdict.worst(verdicts).outcome == "lost"
    assert verdict.worst(verdicts[:2]).outcome == "intercepted"


def test_a_node_that_is_its_services_endpoint():
    """It translates the address to its own, and no tap sees that; what it sends on has not arrived there."""
    landing = dataclasses.replace(SERVICE.landings[1], address="10.0.0.1", place=NODE_A, node_place=NODE_A)
    planned = dataclasses.replace(SERVICE, landings=(landing,))
    came = [hop(CART, "Out"), hop(NODE_A, "In")]
    home = [hop(NODE_A, "Out", "answer"), hop(CART, "In", "answer")]
    made = judged(*came, *home, planned=planned)
    assert (made.outcome, made.answered_by) == ("answered", "node node-a")
    assert judged(*came, planned=planned).outcome == "delivered"
    assert judged(*came, hop(NODE_A, "Out", to=("10.0.0.9", 1)), *home, planned=planned).outcome == "intercepted"


def test_a_node_that_was_not_on_the_way():
    """What came in there may be lost there; the next place on its way is not known then."""
    stray = dataclasses.replace(SERVICE.places[NODE_C], node="node-b", target=SERVICE.places[NODE_C].target)
    planned = dataclasses.replace(SERVICE, places=(*SERVICE.places, stray))
    made = judged(*REQUEST[:3], dataclasses.replace(hop(NODE_C, "In", to=AT_DB), tap=5), planned=planned)
    assert made.outcome == "inconclusive" and "which is not on its way" in made.text


def test_nodes_that_nobody_has_told():
    """Without a list of them, there may be one where nobody watched; no other advice is given then."""
    planned = dataclasses.replace(SERVICE, every_node=False, unwatched=("node-b",), listed=False)
    made = judged(*REQUEST[:3], planned=planned)
    assert made.outcome == "inconclusive" and "it is not known which nodes there are" in made.text
    assert "node-b" not in made.text


def test_what_leaves_the_cluster_and_is_not_seen_to():
    """Where its own node did not see it leave again, nothing is said of who watches outside."""
    inside = [hop(1, "Out", to=("192.0.2.1", 443)), hop(0, "In", to=("192.0.2.1", 443))]
    taps = {0: tapped(NODE_A), 1: tapped(CART)}
    made = judged(*inside, planned=OUTSIDE, taps=taps)
    assert made.outcome == "inconclusive" and made.text.endswith("node node-a was not seen to send it on")
    out = hop(0, "Out", to=("192.0.2.1", 443))
    assert judged(*inside, out, planned=OUTSIDE, taps=taps).text.endswith("nobody watches what is behind it")


def test_nodes_that_nobody_can_watch():
    """To watch all is no advice where one of them is no host of the play."""
    planned = dataclasses.replace(SERVICE, every_node=False, unwatched=("node-b", "node-d"), absent=("node-d",))
    made = judged(*REQUEST[:3], planned=planned)
    assert made.text.endswith("; nobody could watch on node-d: no host of the play that answers is that node")


def test_one_of_several_endpoints_on_the_sources_node():
    """Another may have got it; only where the answer went out of that node, and had not come in, was it there."""
    landing = dataclasses.replace(SERVICE.landings[1], address="10.0.0.1", place=NODE_A, node_place=NODE_A)
    planned = dataclasses.replace(SERVICE, landings=(landing, SERVICE.landings[0]))
    came, home = [hop(CART, "Out"), hop(NODE_A, "In")], [hop(NODE_A, "Out", "answer"), hop(CART, "In", "answer")]
    assert judged(*came, planned=planned).outcome == "inconclusive"
    assert judged(*came, *home, planned=planned).outcome == "answered"
    assert judged(*came, hop(NODE_A, "In", "answer"), *home, planned=planned).outcome == "intercepted"


def test_a_node_that_sends_it_on():
    """A node's port leads to a pod: the node is not the one that answers."""
    to_node, to_pod = ("10.0.0.3", 30080), ("10.244.9.9", 8080)
    landing = dataclasses.replace(
        SERVICE.landings[1], address=to_node[0], port=to_node[1], place=NODE_C, node_place=NODE_C
    )
    planned = dataclasses.replace(
        SERVICE, destination="node node-c", address=to_node[0], port=30080, landings=(landing,)
    )
    came = [hop(CART, "Out", to=to_node), hop(NODE_A, "Out", to=to_node), hop(NODE_C, "In", to=to_node)]
    assert judged(*came, planned=planned).outcome == "delivered"
    on = [*came, hop(NODE_C, "Out", to=to_pod)]
    assert judged(*on, planned=planned).outcome == "inconclusive"
    back = [
        hop(NODE_C, "In", "answer", to_pod),
        hop(NODE_C, "Out", "answer", to_node),
        hop(CART, "In", "answer", to_node),
    ]
    made = judged(*on, *back, planned=planned)
    assert made.outcome == "intercepted" and "was sent on by node node-c" in made.text


TO_PORT = ("192.0.2.1", 30432)


def test_a_source_that_nobody_watched():
    """What others saw is told, and what is missing; a tap that is proven is no reason."""
    taps = {index: tapped(index) for index in range(5) if index != CART}
    made = judged(hop(NODE_A, "In"), taps=taps)
    assert made.outcome == "inconclusive" and made.missing == ("the tap in pod shop/cart on node-a gave no answer",)
    assert "was seen at eth0 of node node-a" in made.text and "where it was sent" not in made.text
    untranslated = [hop(CART, "Out"), hop(NODE_A, "In"), hop(NODE_C, "In"), hop(DB, "In")]
    one = dataclasses.replace(SERVICE, landings=SERVICE.landings[1:])
    made = judged(*untranslated, planned=one)
    assert made.text.endswith("last seen coming in at eth0 of pod shop/db on node-c, and went no further")


def test_a_node_port():
    """From the controller to the asked node, then to the endpoint that it chose: each is the next on the way."""
    left, came = hop(HERE, "Out", to=TO_PORT), hop(NODE_A, "In", to=TO_PORT)
    on = [
        hop(NODE_A, "Out", to=AT_DB),
        hop(NODE_C, "In", to=AT_DB),
        hop(NODE_C, "Out", to=AT_DB),
        hop(DB, "In", to=AT_DB),
    ]
    assert judged(left, planned=FROM_HERE).between == ("the controller", "node node-a")
    endpoints = "pod shop/web on node-a or node node-c"
    assert judged(left, came, planned=FROM_HERE).between == ("node node-a", endpoints)
    assert judged(left, came, on[0], planned=FROM_HERE).between == ("node node-a", "node node-c")
    assert judged(left, came, *on[:3], planned=FROM_HERE).between == ("node node-c", "pod shop/db on node-c")
    home = [
        hop(DB, "Out", "answer", AT_DB),
        hop(NODE_C, "Out", "answer", AT_DB),
        hop(NODE_A, "In", "answer", AT_DB),
        hop(NODE_A, "Out", "answer", TO_PORT),
        hop(HERE, "In", "answer", TO_PORT),
    ]
    made = judged(left, came, *on, *home, planned=FROM_HERE)
    assert (made.outcome, made.answered_by) == ("answered", "pod shop/db on node-c")
    assert judged(left, came, *on, *home[:2], planned=FROM_HERE).between == ("node node-c", "node node-a")
    assert judged(left, came, *on, *home[:4], planned=FROM_HERE).between == ("node node-a", "the controller")
    assert "nothing had translated" in judged(left, came, hop(NODE_A, "Out", to=TO_PORT), planned=FROM_HERE).text


TO_WEB = ("10.244.1.3", 15432)
BACK_HOME = dataclasses.replace(
    SERVICE, destination="node node-c", address=TO_PORT[0], port=TO_PORT[1], entry_place=NODE_C
)
"""From a pod to a node port of another node, which sends it back to an endpoint on the source's node."""
SENT_BACK = [
    hop(CART, "Out", to=TO_PORT),
    hop(NODE_A, "In", to=TO_PORT),
    hop(NODE_A, "Out", to=TO_PORT),
    hop(NODE_C, "In", to=TO_PORT),
    hop(NODE_C, "Out", to=TO_WEB),
    hop(NODE_A, "In", to=TO_WEB, interface="eth1"),
]
"""Its request, as far as the source's node again."""


@pytest.mark.parametrize(
    "hops, between, at",
    [
        (SENT_BACK, ("node node-a", "pod shop/web on node-a"), "eth1 of node node-a"),
        (SENT_BACK[:5], ("node node-c", "node node-a"), "eth0 of node node-c"),
        (SENT_BACK[:4], ("node node-c", "node node-a"), "eth0 of node node-c"),
        (SENT_BACK[:3], ("node node-a", "node node-c"), "eth0 of node node-a"),
    ],
)
def test_a_way_that_comes_back(hops, between, at):
    """A place may be on the way twice: what was last seen there is told, and what is next from there."""
    planned = dataclasses.replace(BACK_HOME, landings=SERVICE.landings[:1])
    made = judged(*hops, planned=planned)
    assert (made.outcome, made.between, made.at) == ("lost", between, at), made


def test_an_answer_that_only_passes_the_source():
    """Of a node that sends, what comes in for another address or port is not its answer."""
    planned = dataclasses.replace(BACK_HOME, source="node node-a", source_place=NODE_A, landings=SERVICE.landings[:1])
    there = [
        hop(NODE_A, "Out", to=TO_PORT, src="192.0.2.9"),
        hop(NODE_C, "In", to=TO_PORT, src="192.0.2.9"),
        hop(NODE_C, "Out", to=TO_WEB, src="192.0.2.3", sport=7),
        hop(NODE_A, "In", to=TO_WEB, src="192.0.2.3", sport=7),
        hop(NODE_A, "Out", to=TO_WEB, src="192.0.2.3", sport=7, interface="veth2"),
        hop(WEB, "In", to=TO_WEB, src="192.0.2.3", sport=7),
    ]
    back = [
        hop(WEB, "Out", "answer", TO_WEB, dst="192.0.2.3", dport=7),
        hop(NODE_A, "In", "answer", TO_WEB, dst="192.0.2.3", dport=7),
    ]
    made = judged(*there, *back, planned=planned)
    assert (made.outcome, made.leg) == ("lost", "reply") and made.between[0] == "node node-a", made
    reset = [dataclasses.replace(one, flags="R.") for one in back]
    assert judged(*there, *reset, planned=planned).outcome != "refused"
    home = hop(NODE_A, "In", "answer", TO_PORT, dst="192.0.2.9")
    assert judged(*there, *back, home, planned=planned).outcome == "answered"


def test_an_answer_that_a_bridge_shows_translated_back():
    """A node gives what it sends to its own pod another source before a tap sees it; the answer is for its socket."""
    planned = dataclasses.replace(SERVICE, source="node node-a", source_place=NODE_A, landings=SERVICE.landings[:1])
    masked: dict[str, Any] = {"to": TO_WEB, "src": "10.244.1.1", "sport": 1047}
    there = [hop(NODE_A, "Out", interface="cni0", **masked), hop(WEB, "In", **masked)]
    back = [
        hop(WEB, "Out", "answer", TO_WEB, dst="10.244.1.1", dport=1047),
        hop(NODE_A, "P", "answer", TO_WEB, dst="10.244.1.1", dport=1047, interface="veth1"),
        hop(NODE_A, "In", "answer", TO_WEB, dst="192.0.2.9", dport=25568, interface="cni0"),
    ]
    sent = Sent(1, 1, source="192.0.2.9", source_port=25568, connected=True)
    made = judged(*there, *back, planned=planned, sent=sent)
    assert (made.outcome, made.confidence, made.answered_by) == ("answered", "proven", "pod shop/web on node-a"), made
    others = dataclasses.replace(sent, source_port=25569, connected=False, error="ETIMEDOUT", stage="connect")
    assert judged(*there, *back, planned=planned, sent=others).outcome == "inconclusive"
    error = hop(NODE_A, "In", "error", dst="192.0.2.9", protocol="icmp", icmp="3/3", interface="cni0")
    assert judged(*there, error, planned=planned, sent=sent).outcome == "refused"


def test_an_endpoint_on_the_sources_node_behind_another():
    """What comes in at the source's node, on its way to the node that is asked, has not arrived."""
    landing = dataclasses.replace(SERVICE.landings[0], place=NODE_A, node_place=NODE_A)
    planned = dataclasses.replace(BACK_HOME, landings=(landing,))
    made = judged(hop(CART, "Out", to=TO_PORT), hop(NODE_A, "In", to=TO_PORT), planned=planned)
    assert (made.outcome, made.between) == ("lost", ("node node-a", "node node-c")), made


def test_a_port_that_the_sources_node_translates():
    """The node that is asked is not on the way of what left for an endpoint already."""
    planned = dataclasses.replace(BACK_HOME, entry_place=WEB)
    left = [hop(CART, "Out", to=TO_PORT), hop(NODE_A, "In", to=TO_PORT), hop(NODE_A, "Out", to=AT_DB)]
    assert judged(*left, planned=planned).between == ("node node-a", "node node-c")


@pytest.mark.parametrize("hops", [[], REQUEST, ARRIVED])
@pytest.mark.parametrize(
    "sent", [Sent(1, 1, connected=True), Sent(1, 1, received_bytes=3, error="ETIMEDOUT", stage="receive"), Sent(1, 1)]
)
def test_what_the_socket_knows(hops, sent):
    """An answer that no tap saw: nothing was lost, unsent or left without one."""
    made = judged(*hops, sent=sent)
    assert (made.outcome, made.between) == ("inconclusive", ()), made
    assert "its socket got an answer that no tap saw" in made.missing
    assert judged(*hops, sent=Sent(1, 1, error="ETIMEDOUT", stage="connect")).outcome != "inconclusive"


def test_the_way_from_the_controller_that_nobody_knows():
    """To a pod, or an address outside: who takes a packet to the first node is not known; to a node's own it is."""
    planned = dataclasses.replace(
        FROM_HERE, destination="pod shop/db", address=AT_DB[0], port=AT_DB[1], landings=POD.landings, entry_place=None
    )
    made = judged(hop(HERE, "Out", to=AT_DB), planned=planned)
    assert made.outcome == "inconclusive" and made.text.endswith("nobody watches what is behind it")
    came = [hop(HERE, "Out", to=AT_DB), hop(NODE_C, "In", to=AT_DB)]
    assert judged(*came, planned=planned).between == ("node node-c", "pod shop/db on node-c")
    node = Landing(*TO_PORT, "node node-a", NODE_A, NODE_A)
    planned = dataclasses.replace(FROM_HERE, landings=(node,), entry_place=None)
    assert judged(hop(HERE, "Out", to=TO_PORT), planned=planned).between == ("the controller", "node node-a")


def test_a_reset_after_the_handshake():
    """It acknowledges what the answer did, and is no refusal."""
    reset = [dataclasses.replace(one, flags="R.") for one in [*BACK, *HOME]]
    assert judged(*ARRIVED, *BACK, *HOME, *reset).outcome == "reset"


def test_an_error_that_went_out():
    """What the source's own node tells others is no word to the source; nor is a redirect."""
    out = hop(CART, "Out", "error", protocol="icmp", icmp="3/10")
    assert judged(*REQUEST, out).outcome == "inconclusive"
    notice = hop(CART, "In", "notice", leg="error", protocol="icmp", icmp="5/1")
    assert judged(*REQUEST, notice).outcome == "lost"


@pytest.mark.parametrize("seen", [hop(NODE_C, "Out", "error"), hop(NODE_C, "Out", "answer", flags="R.")])
def test_an_answer_that_did_not_come_home(seen):
    """It was not lost where it was answered."""
    made = judged(*REQUEST, seen)
    assert made.outcome == "inconclusive" and "that did not come back to pod shop/cart" in made.text


def test_a_service_that_nobody_translates():
    """It leaves the source's node for the Service's own address, which is on no way to the endpoint's node."""
    planned = dataclasses.replace(SERVICE, landings=SERVICE.landings[1:])
    made = judged(hop(CART, "Out"), hop(NODE_A, "In"), hop(NODE_A, "Out"), planned=planned)
    assert made.outcome == "inconclusive" and "it left for 10.96.0.12:5432, which nothing had translated" in made.text


def test_seen_but_not_at_the_source():
    """It was sent, whatever the source's own tap has seen."""
    assert judged(*REQUEST[1:]).outcome == "inconclusive"


def test_a_socket_that_took_no_answer():
    """An answer came; that the connection was made is not said."""
    made = judged(*ARRIVED, *BACK, *HOME, sent=Sent(1, stage="connect", error="ETIMEDOUT"))
    assert (made.outcome, made.confidence) == ("answered", "likely")
    assert "its socket did not take the answer" in made.text


def test_clocks_that_are_not_known():
    """The order of hops on several nodes is not known then."""
    evidence = verdict.Evidence(SERVICE, {index: tapped(index) for index in range(5)}, ALL, frozenset(["node-c"]))
    made = verdict.judge(evidence, [*ARRIVED, *BACK, *HOME], None)
    assert (made.outcome, made.confidence) == ("answered", "likely")
    assert "how far the clocks are apart is not known of node-c" in made.missing[-1]
