# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When counters are asked for and read."""

from __future__ import annotations

from ansible_collections.kube.pcap.plugins.module_utils._node.poll import Poll

from .boxes import START, Hands


class Asked:
    """A watch with a tap that notes what it is asked, and answers at once, or never."""

    def __init__(self, answers=True):
        self.done = []
        self.tap = self
        self.asked = False
        self._answers = answers

    def ask_counters(self):
        """The tap's."""
        self.done.append("asked")
        self.asked = not self._answers

    def read_counters(self):
        """The watch's."""
        self.done.append("read")


def test_asked_now_and_then_and_read_a_moment_later():
    """At once, then every ten seconds; between question and answer somebody waits for it."""
    poll, watch = Poll(Hands()), Asked()
    told = [(poll.tick([watch], now), poll.asked) for now in (100.0, 100.01, 105.0, 110.0, 110.25)]
    assert told == [(False, True), (True, False), (False, False), (False, True), (True, False)]
    assert watch.done == ["asked", "read"] * 2 and poll.read_ns == START * 10**9


def test_who_hastens_without_end_keeps_no_answer_from_being_read():
    """A file that is closed every 20 ms has the next question wait for the answers to the last one."""
    poll, watch = Poll(Hands()), Asked()
    for turn in range(100):
        poll.hasten()
        poll.tick([watch], 100.0 + turn * 0.02)
    assert watch.done == ["asked", "read"] * 50


def test_figures_are_as_old_as_their_question():
    """Who wanted fresh ones after it was put waits for the answers to the next."""
    clock = Hands()
    poll, read = Poll(clock), []
    for now in (100.0, 100.1, 100.2, 100.3):
        clock.wall = int(now * 10**9)
        poll.hasten()
        poll.tick([Asked()], now)
        read.append(poll.read_ns)
    assert read == [0, 100 * 10**9, 100 * 10**9, int(100.2 * 10**9)]


def test_fresh_figures():
    """Who wants them does not wait for the next turn; a tap that is gone is not asked."""
    poll, watch, gone = Poll(Hands()), Asked(), Asked()
    gone.tap = None
    for now in (100.0, 100.1):
        poll.tick([watch, gone], now)
    poll.hasten()
    assert [poll.tick([watch, gone], now) for now in (100.2, 100.3)] == [False, True]
    assert watch.done == ["asked", "read"] * 2 and gone.done == ["read"] * 2


def test_figures_of_one_that_does_not_answer_are_not_called_fresh():
    """The others' are read when its time is over, but whoever waits for fresh ones goes on to wait."""
    clock, watch, deaf = Hands(), Asked(), Asked(answers=False)
    poll, both = Poll(clock), [watch, deaf]
    assert [poll.tick(both, now) for now in (100.0, 100.5, 101.0)] == [False, False, True]
    assert watch.done == deaf.done == ["asked", "read"] and poll.read_ns == 0
    poll.hasten()
    clock.wall = 200 * 10**9
    assert not poll.tick(both, 102.0)
    deaf.asked = False
    assert poll.tick(both, 102.1) and poll.read_ns == 200 * 10**9
