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


def written(told, ticks=2):
    """The gaps of the manifest, once the next supervisor has counted all files; it asks with each tick."""
    told.journal = Journal(told.spool, told.clock)
    watch = told.watch()
    for _tick in range(ticks):
        watch.record_gaps()
    return told.lines("gap")


def spans(told):
    """The gaps as (run, seconds from, seconds until, packets)."""
    return [
        (one["run"], one["from_ns"] / SECOND, one["until_ns"] and one["until_ns"] / SECOND, one["packets"])
        for one in written(told)
    ]


def listens(told, number, second):
    """A tap listens at that second."""
    told.clock.wall = (second - 1) * SECOND  # it takes one
    told.run(number)


def end(told, reason, event="ended"):
    """No tap will be opened any more."""
    told.record(event, reason=reason)


def test_a_gap_after_a_killed_supervisor(told):
    """From the last packet that is there, until the end: nobody knows of a tap that listened again."""
    told.run(1, captured=9, status=None, reason="the recorder was killed")
    told.segment(1, 1, 9, 100)
    assert written(told) == []
    end(told, "deadline")
    (gap,) = written(told)
    assert (gap["reason"], gap["from_ns"], gap["until_ns"]) == ("the recorder was killed", 100 * SECOND, None)


def test_a_gap_ends_when_a_tap_listens_again(told):
    """A tap that was started and did not listen ends none, and shortens none."""
    told.run(1, captured=4, status=None, reason="the recorder was killed")
    told.segment(1, 1, 4, 100)
    told.run(2, ready=False, captured=0, status=None, reason="the recorder was killed")
    assert written(told) == []
    listens(told, 3, 200)
    assert spans(told) == [(1, 100, 200, None)]


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
    end(told, "stopped")
    assert spans(told) == ([(1, missing[1], START + 1, missing[0])] if missing else [])


def test_a_gap_is_told_once(told):
    """The next supervisor reads that a gap was told, and does not tell it again."""
    told.run(1, captured=5)
    told.segment(1, 1, 3, 100, "the file ends inside record 4")
    end(told, "stopped")
    for _supervisor in range(2):
        assert len(written(told)) == 1


def test_packets_that_never_left_tcpdumps_memory(told):
    """A quiet tcpdump that is killed leaves an empty file: the gap begins when it listened, with what it had read."""
    told.run(1, captured=5, status=-9, reason="tcpdump was killed by signal 9")
    told.record("discarded", run=1, raw="1/1.pcap", bytes=0, reason="the file is empty")
    assert written(told) == []
    listens(told, 2, START + 7)
    assert spans(told) == [(1, START + 1, START + 7, 5)]


def test_a_discarded_file_is_before_what_came_later(told):
    """The gap of a run that lost a file in its midst begins before that file."""
    told.run(1, captured=10, status=-9)
    told.segment(1, 1, 4, 100)
    told.record("discarded", run=1, raw="1/2.pcap", bytes=0, reason="the file is empty")
    told.segment(1, 3, 4, 300)
    end(told, "stopped")
    assert spans(told) == [(1, 100, START + 1, 2)]


def test_killed_when_it_should_have_ended(told):
    """A tcpdump that does not end at a stop is killed: that, and nothing else, is why packets are missing."""
    told.run(1, captured=5, status=-9, reason="stopped", complaint="tcpdump was killed by signal 9")
    told.segment(1, 1, 3, 100, "the file ends inside record 4")
    end(told, "stopped")
    (gap,) = written(told)
    assert (gap["reason"], gap["packets"]) == ("tcpdump was killed by signal 9", 2)
    assert (gap["from_ns"], gap["until_ns"]) == (100 * SECOND, (START + 1) * SECOND)


def test_what_was_not_read_in_time(told):
    """A tcpdump that had not read everything when it had to end drops it: from its last packet on nothing is known."""
    told.run(1, captured=3, behind=True)
    told.segment(1, 1, 3, 100)
    end(told, "stopped")
    assert spans(told) == [(1, 100, START + 1, None)]
    assert written(told)[0]["reason"] == "tcpdump may not have read everything when it ended"


@pytest.mark.parametrize("reason", ["stopped", "deadline", "packet count reached", "the pod is gone"])
def test_what_ended_as_it_should_has_no_gap(told, reason):
    """Whoever asked for the end has everything up to then."""
    told.run(1, captured=3, reason=reason)
    told.segment(1, 1, 3, 100)
    end(told, reason)
    assert written(told) == []


@pytest.mark.parametrize("ended", ["tcpdump: eth0: the interface was removed", "deadline"])
def test_what_failed_was_not_watched_any_more(told, ended):
    """A target that failed, and one that came to its deadline without a tap, have a gap without an end."""
    why = "tcpdump: eth0: the interface was removed"
    told.run(1, captured=3, status=1, reason=why)
    told.segment(1, 1, 3, 100)
    end(told, ended, "failed" if ended == why else "ended")
    assert spans(told) == [(1, 100, None, None)]


@pytest.mark.parametrize("how", [{}, {"behind": True}, {"status": -9, "complaint": "tcpdump was killed by signal 9"}])
def test_the_cause_of_a_gap_is_why_nobody_watched(told, how):
    """How the tap ended is of less weight than why no other followed at once."""
    told.run(1, captured=3, reason="the pod is gone", **how)
    told.segment(1, 1, 3, 100)
    listens(told, 2, 200)
    assert [one["reason"] for one in written(told)] == ["the pod is gone"]


def test_a_count_that_a_full_disk_cut(told):
    """tcpdump read as many as were asked for, but the file has fewer: these are a gap."""
    told.run(1, captured=10, reason="packet count reached")
    told.segment(1, 1, 6, 100, "the file ends inside record 7")
    end(told, "packet count reached")
    (gap,) = written(told)
    assert gap["reason"] == "4 packets that tcpdump had read are in no file" and gap["packets"] == 4
    assert (gap["from_ns"], gap["until_ns"]) == (100 * SECOND, (START + 1) * SECOND)


def test_a_count_that_is_complete_has_no_gap(told):
    """A recorder that is killed when all that was asked for is in files leaves none."""
    told.run(1, captured=3, status=None, reason="the recorder was killed")
    told.segment(1, 1, 3, 100)
    end(told, "packet count reached")
    assert written(told) == []


def test_a_pod_that_was_back_and_not_watched(told):
    """Gone, back without a tap that listened, and gone again: nobody knows what it did."""
    told.run(1, captured=3, reason="the pod is gone")
    told.segment(1, 1, 3, 100)
    told.run(2, ready=False, captured=0, reason="the pod is gone")
    end(told, "the pod is gone")
    assert spans(told) == [(1, 100, None, None)]


def test_a_pod_that_comes_back_after_a_loss_was_told(told):
    """What its last tap lost ends with that; the time until the next one is a gap of its own."""
    told.run(1, captured=5, reason="the pod is gone", behind=True)
    told.segment(1, 1, 3, 100)
    end(told, "the pod is gone")
    assert spans(told) == [(1, 100, START + 1, 2)]
    told.record("returned")
    listens(told, 2, START + 60)
    assert spans(told) == [(1, 100, START + 1, 2), (1, START + 1, START + 60, None)]


def test_a_gap_without_an_end_ends_with_the_next_tap(told):
    """It is in the manifest already: when a tap listens after all, that is its end."""
    told.run(1, captured=3, status=1, reason="tcpdump: the interface disappeared")
    told.segment(1, 1, 3, 100)
    end(told, "the pod is gone")
    assert spans(told) == [(1, 100, None, None)]
    told.record("returned")
    listens(told, 2, 200)
    assert spans(told) == [(1, 100, None, None)]
    assert told.watch().account.last_gap["until_ns"] == 200 * SECOND


def test_a_file_that_could_not_be_read_is_before_what_came_later(told):
    """Given up uncounted, it is where the gap begins."""
    told.run(1, captured=10)
    told.segment(1, 1, 4, 100)
    told.record("evicted", run=1, raw="1/2.pcap", seq=None, file=None, bytes=900, packets=0, reason="keep")
    told.segment(1, 3, 4, 300)
    end(told, "stopped")
    assert spans(told) == [(1, 100, START + 1, 2)]


def test_a_pod_that_comes_back(told):
    """What it did while nobody knew where it was is a gap, also after its end had been told."""
    told.run(1, captured=3, reason="the pod is gone")
    told.segment(1, 1, 3, 100)
    end(told, "the pod is gone")
    assert written(told) == []
    told.record("returned")
    listens(told, 2, 200)
    assert spans(told) == [(1, 100, 200, None)]


def test_the_clock_is_set_back(told):
    """A gap begins with the last packet in the file, not with the latest by a clock that was set back since."""
    told.run(1, captured=3, status=-9, reason="tcpdump was killed by signal 9")
    told.segment(1, 1, 3, 110, end_s=98)
    listens(told, 2, 99)
    assert spans(told) == [(1, 98, 99, None)]


def test_a_tap_that_never_listened_leaves_no_gap(told):
    """Nobody relied on it."""
    told.run(1, ready=False, captured=0, status=1)
    end(told, "tcpdump: no", "failed")
    assert written(told) == []
