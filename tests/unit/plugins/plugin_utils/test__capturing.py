# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which calls a host gets, and what of their answers the task tells."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._capturing import run_capture

from .test__signing import RECORD
from .test__uploads import need, uploads

HERE = {"id": "c-1", "spool": "/s"}


class Host:
    """Answers one call after another, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, arguments):
        """The next answer."""
        self.asked.append(dict(arguments))
        return dict(self.answers.pop(0))

    @property
    def states(self):
        """What was asked, in order."""
        return [one.get("state") for one in self.asked]


def run(host, given, check_mode=False, made=None):
    """The task's result."""
    return run_capture(given, host, made or uploads(), "node-a", check_mode)


def test_a_host_without_a_part():
    """It is not asked."""
    assert run(Host(), {"record": None}) == {"changed": False, "capture": None}


def test_a_start():
    """One call, with the policy that the record's bucket takes."""
    host = Host({"changed": True, "capture": {}})
    assert run(host, {"record": RECORD}) == {"changed": True, "capture": {}}
    assert len(host.asked) == 1 and "policies" in host.asked[0] and host.asked[0]["record"] == RECORD


def test_a_start_that_nobody_can_sign_for():
    """The host is not asked, and the reason is the task's."""
    told = run(Host(), {"record": RECORD}, made=uploads(broken=["sign"]))
    assert told == {"failed": True, "changed": False, "msg": "nobody can sign"}


def test_a_start_tells_no_needs():
    """What a host adds to the answer of a start is not heeded."""
    host = Host({"changed": True, "uploads": [need()]})
    assert run(host, {"targets": "node node-a"}) == {"changed": True} and len(host.asked) == 1


@pytest.mark.parametrize(
    "state, states", [("refreshed", ["refreshed"] * 2), ("stopped", ["stopped", "refreshed", "stopped"])]
)
def test_what_a_host_needs_is_handed_over(state, states):
    """By a refresh; a stop waits once more. The last answer counts, and what any of them said or changed."""
    answers = [{"changed": True, "msg": "a", "uploads": [need(unconfirmed=[])]}]
    answers += [{"changed": False, "msg": "b\x1b[2J"}] * 2
    host = Host(*answers[: len(states)])
    assert run(host, {**HERE, "state": state}) == {"changed": True, "msg": "a; b?[2J"}
    assert host.states == states and all(one["id"] == "c-1" for one in host.asked)
    assert ["policies" in one for one in host.asked] == [False, True, False][: len(states)]


def test_nothing_is_needed():
    """Then one call is all."""
    host = Host({"changed": False, "uploads": []})
    assert run(host, {**HERE, "state": "stopped"}) == {"changed": False} and host.states == ["stopped"]


def test_a_hand_over_that_fails_is_told():
    """The stop's good answer does not hide it."""
    host = Host({"changed": True, "uploads": [need(unconfirmed=[])]}, {"failed": True, "msg": "no room"})
    told = run(host, {**HERE, "state": "stopped"})
    assert told == {"changed": True, "failed": True, "msg": "no room"} and host.states == ["stopped", "refreshed"]


def test_problems_are_told():
    """A host that cannot be given what it needs is still told of."""
    host = Host({"changed": False, "uploads": [need(unconfirmed=[])]})
    told = run(host, {**HERE, "state": "refreshed"}, made=uploads(broken=["sign"]))
    assert told == {"changed": False, "msg": "capture c-1 has no new upload policy: nobody can sign"}


@pytest.mark.parametrize("renew", [True, False])
def test_check_mode(renew):
    """Nothing is handed over, and whether it would be is predicted."""
    host = Host({"changed": False, "uploads": [need(renew=renew)]})
    assert run(host, {**HERE, "state": "refreshed"}, check_mode=True) == {"changed": renew}
    assert len(host.asked) == 1


def test_a_warning_of_the_signer():
    """It stands beside the module's own."""
    host = Host({"changed": True, "warnings": ["a"]})
    told = run(host, {"record": RECORD}, made=uploads(deletes=True))
    assert told["warnings"][0] == "a" and "may delete objects" in told["warnings"][1]
