# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of agents."""

from __future__ import annotations

import re

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._agents import report
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.pods import Pod, Wanted

READY = [Pod("node-a", "agent-1", True, "ready"), Pod("node-b", "agent-2", True, "ready")]
LATE = [READY[0], Pod("node-b", "agent-2", False, "ErrImagePull")]


def test_present():
    """One line for each node."""
    assert report.present(Wanted(2, 2, True), READY) == report.Told(
        (
            "2 agents of 2 nodes",
            "NODE    POD      STATE",
            "node-a  agent-1  ready",
            "node-b  agent-2  ready",
        )
    )


@pytest.mark.parametrize(
    "wanted, pods, said",
    [
        (Wanted(2, 2, True), LATE, r"no agent is ready on node-b \(ErrImagePull\)"),
        (Wanted(3, 2, True), READY, "1 node got no agent pod"),
        (Wanted(2, 1, True), READY, "1 agent of an earlier manifest"),
        (Wanted(0, 0, True), [], "agent_node_selector: no node"),
        (Wanted(2, 2, False), READY, "has not looked at"),
        (None, [], "has not looked at"),
    ],
)
def test_not_present(wanted, pods, said):
    """It is a failure that names the nodes."""
    assert re.search(said, report.present(wanted, pods).failure)


@pytest.mark.parametrize(
    "before, old, pods, left",
    [
        ([], None, READY, ()),
        (["node-a", "node-b"], "/srv/pcap", READY, ()),
        (["node-c", "node-a"], "/srv/pcap", READY, ("node-c",)),
        (["node-b"], "/srv/pcap", LATE, ()),
        (["node-b", "node-a"], "/srv/old", READY, ("node-a", "node-b")),
    ],
)
def test_who_is_left_behind(before, old, pods, left):
    """A node that is not chosen any more, and every node where the spool is another."""
    assert report.left_behind(before, old, pods, "/srv/pcap") == left


def test_captures_that_nobody_goes_on_with():
    """They are named with what was printed anyway, also where that is a failure."""
    line = (
        "no agent goes on with what was recorded on node-c, node-d: no capture there was stopped first, and what is not"
        " shipped stays there, in /srv/pcap"
    )
    given = {"left": ("node-c", "node-d"), "spool": "/srv/pcap"}
    assert report.present(Wanted(2, 2, True), READY, **given).lines[-1] == line
    told = report.present(Wanted(0, 0, True), [], **given)
    assert told.lines[-1] == line and told.failure


def test_what_is_waited_for():
    """Each node has its agent; no more than that can come where no node is to have one."""
    assert report.is_settled(Wanted(2, 2, True), READY) and report.is_settled(Wanted(0, 0, True), [])
    assert not report.is_settled(None, []) and not report.is_settled(Wanted(0, 0, False), [])
    assert not report.is_settled(Wanted(3, 3, True), READY) and not report.is_settled(Wanted(2, 1, True), READY)


@pytest.mark.parametrize("pods, words", [(READY, "2 agents now"), ([], "no agent now")])
def test_check_mode(pods, words):
    """It tells what is there, and nobody is left behind."""
    given = {"left": ("node-c",), "spool": "/srv/pcap", "check_mode": True}
    told = report.present(Wanted(0, 0, True), pods, **given)
    assert told.lines[0] == "check mode: nothing was changed; " + words and told.failure is None
    assert len(told.lines) == (1 + len(pods) + bool(pods))


def capture(**changes):
    """A capture that has ended on node-a, with all of it in its sink."""
    whole = {"id": "c", "host": "node-a", "phase": "done", "reason": "stopped", "sink": "gs://b", "backlog_bytes": 0}
    return {**whole, "segments": 2, "shipped": 2, "evicted": 0, **changes}


def result(*captures, unasked=()):
    """What the report of the play has that stopped them."""
    return {"captures": list(captures), "unasked": [{"host": host, "reason": "unreachable"} for host in unasked]}


def test_why_no_node_is_chosen():
    """Where a taint may keep agents away, labels alone are not blamed."""
    said = report.present(Wanted(0, 0, True), [], any_taint=False).failure
    assert said.startswith(
        "agent_node_selector, agent_tolerations: no node has these labels and tolerated taints alone"
    )


@pytest.mark.parametrize(
    "given, lines, said",
    [
        (result(), 0, None),
        (result(capture()), 0, None),
        (result(capture(sink=None, shipped=0)), 1, None),
        (result(capture(phase="draining", shipped=1, backlog_bytes=9)), 1, "left of c on node-a"),
        (result(capture(reason="unshipped: 1", shipped=1, backlog_bytes=9)), 1, "left of c on node-a"),
        (result(unasked=["node-b"]), 0, r"not known what agents record \(node-b: unreachable\)"),
        (None, 0, "node-a: nothing was heard of it; node-b: nothing was heard of it"),
    ],
)
def test_removal(given, lines, said):
    """Agents stay while a sink is to get more, or where nobody knows; files without a sink stay on the node."""
    told = report.removal(given, READY, "/srv/pcap", force=False)
    assert len(told.lines) == lines and (told.failure is None if said is None else re.search(said, told.failure))
    assert not lines or told.lines[0] == "files of captures stay on node-a, in /srv/pcap"
    for forced in ({"force": True}, {"force": False, "check_mode": True}):
        assert report.removal(given, READY, "/srv/pcap", **forced) == report.Told(told.lines)


def test_an_agent_that_is_not_ready_does_not_hold_up_the_others():
    """What its captures do is not known, and that is said."""
    silent = "the captures on node-b were not asked (%s): what they have not shipped stays there, in /srv/pcap"
    leaving = [Pod("node-b", "agent-0", False, "its agent is being deleted")]
    for pods, left, why in (
        (LATE, [], "ErrImagePull"),
        (LATE, leaving, "ErrImagePull"),
        (READY[:1], leaving, leaving[0].reason),
    ):
        told = report.removal(result(), pods, "/srv/pcap", force=False, leaving=left)
        assert told == report.Told((silent % why,))
    assert report.removal(result(), READY, "/srv/pcap", force=False, leaving=leaving) == report.Told(())
    unplaced = [READY[0], Pod(None, "agent-3", False, "0/3 nodes are available")]
    assert report.removal(result(), unplaced, "/srv/pcap", force=False) == report.Told(())


def test_nothing_to_remove():
    """Without agents nothing is asked."""
    assert report.removal({}, [], None, force=False) == report.Told(("there are no agents",))


@pytest.mark.parametrize(
    "left, seconds, over",
    [
        ([], 0, True),
        (LATE[1:], 0, False),
        (LATE[1:], report.OTHERS_SECONDS, True),
        (LATE, report.OTHERS_SECONDS, False),
    ],
)
def test_is_gone(left, seconds, over):
    """One that was ready is waited for; any other only as long as a kubelet that answers takes."""
    assert report.is_gone(left, {"agent-1"}, seconds) is over


def test_gone():
    """Each that is left is named; one that was ready is a failure, unless forced."""
    assert report.gone(2, [], {"agent-1"}, False) == report.Told(("2 agents removed",))
    lines = ("the agent on node-b (agent-2) is still there: its node's kubelet has not ended it",)
    assert report.gone(2, LATE[1:], {"agent-1"}, False) == report.Told((*lines, "1 agent removed"))
    assert report.would_go(2) == "check mode: nothing was changed; 2 agents would be removed"
    failure = "the agents on node-a have not ended; wait longer (agent_wait), or use agent_force"
    made = report.gone(2, LATE, {"agent-1"}, False)
    assert made.lines[1:] == (*lines, "0 agents removed") and made.failure == failure
    assert report.gone(2, LATE, {"agent-1"}, True) == report.Told(made.lines)
