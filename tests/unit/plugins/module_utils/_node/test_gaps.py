# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which gaps a manifest tells: what was not watched, and what tcpdump had read and no file holds."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.journal import Journal

from .boxes import START
from .told import SECOND, Told


@pytest.fixture
def told(tmp_path):
    """A capture of one pod."""
    return Told(tmp_path)


def test_a_gap_after_a_killed_supervisor(told):
    """From the last packet that is there, until the end: nobody knows of a tap that listened again."""
    told.run(1, captured=9, status=-2, reason="the recorder was killed")
    told.segment(1, 1, 9, 100)
    watch = told.watch()
    watch.gaps.write()
    assert told.lines("gap") == []
    watch.end("deadline", 1.0)
    watch.gaps.write()
    watch.gaps.write()
    (gap,) = told.lines("gap")
    assert (gap["reason"], gap["from_ns"], gap["until_ns"]) == ("the recorder was killed", 100 * SECOND, None)


@pytest.mark.parametrize(
    "captured, status, segments, missing",
    [
        (10, 0, [(10, 100, None)], None),
        (10, 0, [(6, 100, None), (4, 200, None)], None),
        (10, 0, [(6, 100, None), (3, 200, "the file ends inside record 4")], (1, 200)),
        (10, 0, [(2, 100, "the file ends inside record 3"), (3, 200, None)], (5, 100)),
        (0, 0, [(0, 0, None)], None),
        (10, -9, [(9, 100, "the file ends inside record 10")], (1, 100)),
        (10, -9, [(6, 100, None), (2, 200, "the file ends inside record 3")], (2, 200)),
        (10, -9, [(2, 100, "the file ends inside record 3"), (3, 200, None)], (5, 100)),
        (10, -9, [(12, 100, "the file ends inside record 13")], (None, 100)),
        (10, -9, [(10, 100, None)], (None, 100)),
        (10, 1, [(9, 100, None)], (1, 100)),
    ],
)
def test_what_tcpdump_read_and_no_file_holds(told, captured, status, segments, missing):
    """A full disk's holes are a gap with their count, from the first damage on; so is what a killed tcpdump had read.

    Of that the count is what is known, and where nothing is, there is a gap all the same.
    """
    told.run(1, captured=captured, status=status)
    for seq, (packets, last, damage) in enumerate(segments, 1):
        told.segment(1, seq, packets, last, damage)
    told.record("ended", reason="stopped")
    watch = told.watch()
    for _tick in range(3):
        watch.gaps.write()
    found = [(one["packets"], one["from_ns"] // SECOND) for one in told.lines("gap")]
    assert found == ([missing] if missing else [])


def test_a_gap_is_told_once(told):
    """The next supervisor reads that a gap was told, and does not tell it again."""
    told.run(1, captured=5)
    told.segment(1, 1, 3, 100, "the file ends inside record 4")
    told.record("ended", reason="stopped")
    for _supervisor in range(2):
        told.journal = Journal(told.spool, told.clock)
        told.watch().gaps.write()
    assert len(told.lines("gap")) == 1


def discard(told, run, raw):
    """A file of a run held nothing whole."""
    told.record("discarded", run=run, raw=raw, bytes=0, reason="the file is empty")


def test_packets_that_never_left_tcpdumps_memory(told):
    """A quiet tcpdump that is killed leaves an empty file: the gap begins when it listened, with what it had read."""
    told.run(1, captured=5, status=-9)
    discard(told, 1, "1/1.pcap")
    watch = told.watch()
    watch.gaps.write()
    assert told.lines("gap") == []
    watch.gaps.end(told.clock.wall_ns() + 7 * SECOND)
    for _tick in range(2):
        watch.gaps.write()
    (gap,) = told.lines("gap")
    assert (gap["packets"], gap["from_ns"], gap["until_ns"]) == (5, (START + 1) * SECOND, (START + 8) * SECOND)


def test_a_discarded_file_is_before_what_came_later(told):
    """The gap of a run that lost a file in its midst begins before that file."""
    told.run(1, captured=10, status=-9)
    told.segment(1, 1, 4, 100)
    discard(told, 1, "1/2.pcap")
    told.segment(1, 3, 4, 300)
    told.record("ended", reason="stopped")
    told.watch().gaps.write()
    assert [(one["packets"], one["from_ns"]) for one in told.lines("gap")] == [(2, 100 * SECOND)]


def test_killed_when_it_should_have_ended(told):
    """A tcpdump that does not end at a stop is killed: that, and nothing else, is why packets are missing."""
    told.run(1, captured=5, status=-9, reason="stopped")
    told.segment(1, 1, 3, 100, "the file ends inside record 4")
    told.record("ended", reason="stopped")
    told.watch().gaps.write()
    (gap,) = told.lines("gap")
    assert (gap["reason"], gap["packets"]) == ("tcpdump was killed by signal 9", 2)
    assert (gap["from_ns"], gap["until_ns"]) == (100 * SECOND, told.clock.wall_ns())


def test_a_tap_that_never_listened_leaves_no_gap(told):
    """Nobody relied on it."""
    told.run(1, ready=False, captured=0, status=1)
    told.record("failed", reason="tcpdump: no")
    told.watch().gaps.write()
    assert told.lines("gap") == []


def test_a_gap_begins_with_the_last_tap_that_listened(told):
    """A supervisor that was killed before its tap listened does not shorten the gap."""
    told.run(1, captured=4, status=None, reason="the recorder was killed")
    told.segment(1, 1, 4, 100)
    told.run(2, ready=False, captured=0, status=None, reason="the recorder was killed")
    watch = told.watch()
    watch.gaps.end(told.clock.wall_ns())
    watch.gaps.write()
    assert [(one["run"], one["from_ns"]) for one in told.lines("gap")] == [(1, 100 * SECOND)]


def test_what_was_lost_is_counted_once(told):
    """A tcpdump that was killed as its supervisor ended: the next one tells the time, and not the packets again."""
    told.run(1, captured=5, status=-9, reason="the recorder was told to end")
    told.record("gap", run=1, reason="tcpdump was killed by signal 9", from_ns=1, until_ns=2, packets=5)
    watch = told.watch()
    watch.gaps.end(told.clock.wall_ns())
    watch.gaps.write()
    assert [one["packets"] for one in told.lines("gap")] == [5, None]
