# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that fails is tried again less and less often."""

from __future__ import annotations

from ansible_collections.kube.pcap.plugins.module_utils._node.attempts import Attempts


def test_waits():
    """Each failure has the next attempt wait longer, up to a minute; a success begins anew."""
    one, now, waits = Attempts(), 100.0, []
    assert one.is_due(0.0)
    for _failure in range(9):
        one.wait(now)
        waits.append(next(tenths / 10 for tenths in range(1000) if one.is_due(now + tenths / 10)))
        now += 1000
    for waited, planned in zip(waits, [1, 2, 4, 8, 15, 30, 60, 60, 60]):
        assert 0.75 * planned <= waited <= 1.25 * planned + 0.1
    one.error = "no"
    one.succeed()
    one.wait(now)
    assert one.error is None and one.is_due(now + 1.3) and not one.is_due(now + 0.7)


def test_many_nodes_do_not_come_back_at_once():
    """Waits after the same failure differ."""
    waits = set()
    for _node in range(20):
        one = Attempts()
        one.wait(0.0)
        waits.add(next(hundredths for hundredths in range(200) if one.is_due(hundredths / 100)))
    assert len(waits) > 5


def test_a_server_may_ask_for_more():
    """The wait is at least what the server asks for."""
    one = Attempts()
    one.wait(0.0, at_least=7.0)
    assert not one.is_due(6.9) and one.is_due(7.0)


def test_the_longest_wait_of_several_counts():
    """What a server asks for holds, also where another failure came first."""
    one = Attempts()
    one.wait(0.0)
    one.wait(0.0, at_least=9.0)
    assert not one.is_due(8.9) and one.is_due(9.0)


def test_failures_at_once_count_once():
    """Four uploads that fail in the same outage make one step of the backoff."""
    one = Attempts()
    for _upload in range(4):
        one.wait(100.0)
    assert one.is_due(101.3)


def test_hastened():
    """Where the cause may be gone, nothing waits, and the backoff begins anew."""
    one = Attempts()
    for now in (0.0, 1000.0, 2000.0):
        one.wait(now)
    one.hasten()
    assert one.is_due(2000.0)
    one.wait(2000.0)
    assert one.is_due(2001.3)
