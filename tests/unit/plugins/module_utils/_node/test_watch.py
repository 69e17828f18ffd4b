# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target's watch, as far as it goes without a tap: what it takes over, and what it says."""

from __future__ import annotations

import errno

import pytest

from .told import POD, Told


@pytest.fixture
def told(tmp_path):
    """A capture of one pod."""
    return Told(tmp_path)


def test_a_new_watch(told):
    """Nothing was watched before, so nothing is missing."""
    watch = told.watch()
    assert (watch.phase, watch.reason, watch.tap, watch.ended) == ("starting", None, None, False)
    assert watch.ref == POD.ref
    watch.record_gaps()
    assert told.lines("gap") == []


@pytest.mark.parametrize("event, phase", [("ended", "done"), ("failed", "failed")])
def test_what_has_ended_stays_ended(told, event, phase):
    """A target that came to its end before a restart opens no tap, and is no gap."""
    told.run(1, captured=5, reason="because")
    told.record(event, reason="because")
    watch = told.watch()
    for now in (0.0, 1.0, 100.0):
        watch.tick(now, True)
    watch.record_gaps()
    assert (watch.phase, watch.reason, watch.ended) == (phase, "because", True)
    assert told.lines(event) == told.lines("ended", "failed") and len(told.lines("started")) == 1


def test_end_before_any_tap(told):
    """What has no tap has nothing to close; a second end changes nothing."""
    watch = told.watch()
    watch.end("deadline", 1.0)
    watch.end("stopped", 2.0)
    assert (watch.phase, watch.reason, watch.ended) == ("done", "deadline", True)
    assert [one["reason"] for one in told.lines("ended")] == ["deadline"]


def test_the_end_is_written_when_there_is_room(told, monkeypatch):
    """On a full disk a target has not ended: the line that says so is written with a later tick."""
    watch, record, full = told.watch(), told.journal.record, [True]

    def refuse(event, *args, **fields):
        if full and event == "ended":
            raise OSError(errno.ENOSPC, "No space left on device")
        record(event, *args, **fields)

    monkeypatch.setattr(told.journal, "record", refuse)
    with pytest.raises(OSError, match="No space"):
        watch.end("deadline", 1.0)
    with pytest.raises(OSError, match="No space"):
        watch.tick(1.0, True)
    assert not watch.ended
    full.clear()
    watch.tick(2.0, True)
    assert (watch.phase, watch.reason) == ("done", "deadline")
    assert [one["reason"] for one in told.lines("ended")] == ["deadline"]


def test_a_target_that_was_refused(told):
    """A target that gets no share has failed, with the reason."""
    watch = told.watch()
    watch.fail("keep: too many")
    assert (watch.phase, watch.reason) == ("failed", "keep: too many")
    assert [one["reason"] for one in told.lines("failed")] == ["keep: too many"]


def test_a_target_that_never_had_a_tap_fails_at_once(told):
    """A start that cannot be is told, and not tried for ever."""
    watch = told.watch()
    watch.tick(0.0, True)
    assert watch.phase == "failed" and watch.reason
    assert told.lines("started") == []


def test_the_rest_of_a_packet_count(told):
    """A restart does not record more than was asked for; it waits until what lies in files is counted."""
    told.run(1, captured=7, status=-9, reason="killed")
    told.segment(1, 1, 7, 100)
    watch = told.watch(packet_count=7)
    watch.tick(0.0, False)
    assert not watch.ended
    watch.tick(0.1, True)
    assert (watch.phase, watch.reason) == ("done", "packet count reached")
