# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target's watch, as far as it goes without a tap: what it takes over, what it says, and which gaps it tells."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.journal import Journal
from ansible_collections.kube.pcap.plugins.module_utils._node.retention import Share
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, read_manifest
from ansible_collections.kube.pcap.plugins.module_utils._node.watch import Watch
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions, Target

from .boxes import Hands

NOBODY = 2**22 + 5
"""No process has this number: it is above the greatest that Linux gives (pid_max)."""
POD = Target("pod", "shop", "web", "0f3c8f4e-6d0b-4c2e-9d5c-3a4f9f6f0b11", "node-a", pid=NOBODY, netns=1)
SECOND = 10**9


class Told:
    """A capture's folder whose manifest tells of earlier supervisors."""

    def __init__(self, folder):
        self.spool, self.clock = Spool(str(folder), "c-1"), Hands()
        self.spool.make()
        self.journal = Journal(self.spool, self.clock)

    def record(self, event, **fields):
        """Adds a line."""
        self.journal.record(event, POD.ref, **fields)

    def run(self, number, ready=True, captured=None, status=0, reason="stopped"):
        """A tcpdump was started, and has ended where its count is given."""
        self.record("started", run=number, interface="any", interfaces={}, boot="b", pid=1)
        if ready:
            self.record("ready", run=number)
        if captured is not None:
            figures = {"captured": captured, "received": captured, "dropped_kernel": 0, "dropped_interface": 0}
            self.record("stopped", run=number, status=status, reason=reason, **(figures if ready else {}))

    def segment(self, run, seq, packets, last_s, damage=None):
        """A file of a run became a segment."""
        fields = {"raw": "%d/%d" % (run, seq), "file": "f%d" % seq, "opened": seq, "interfaces": {}, "bytes": 24}
        fields.update(first_ns=1, last_ns=last_s * SECOND, dropped_between=0, dropped_total=0, sha256="", md5="")
        self.record("segment", run=run, seq=seq, packets=packets, damage=damage, **fields)

    def watch(self, **options):
        """The next supervisor's watch."""
        share = Share(512, 1_000_000)
        return Watch(POD, CaptureOptions(**options), share, self.spool, self.journal, self.clock)

    def lines(self, *kinds):
        """The manifest's lines of these kinds."""
        return [one for one in read_manifest(self.spool.path("manifest.jsonl")) if one["event"] in kinds]


@pytest.fixture
def told(tmp_path):
    """A capture of one pod."""
    return Told(tmp_path)


def test_a_new_watch(told):
    """Nothing was watched before, so nothing is missing."""
    watch = told.watch()
    assert (watch.phase, watch.reason, watch.tap, watch.ended, watch.gaps) == ("starting", None, None, False, [])
    assert watch.ref == POD.ref
    watch.write_gaps(True)
    assert told.lines("gap") == []


@pytest.mark.parametrize("event, phase", [("ended", "done"), ("failed", "failed")])
def test_what_has_ended_stays_ended(told, event, phase):
    """A target that came to its end before a restart opens no tap, and is no gap."""
    told.run(1, captured=5)
    told.record(event, reason="because")
    watch = told.watch()
    for now in (0.0, 1.0, 100.0):
        watch.tick(now, True)
    watch.write_gaps(True)
    assert (watch.phase, watch.reason, watch.ended) == (phase, "because", True)
    assert told.lines(event) == told.lines("ended", "failed") and len(told.lines("started")) == 1


def test_end_before_any_tap(told):
    """What has no tap has nothing to close; a second end changes nothing."""
    watch = told.watch()
    watch.end("deadline", 1.0)
    watch.end("stopped", 2.0)
    assert (watch.phase, watch.reason, watch.ended) == ("done", "deadline", True)
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


def test_a_gap_after_a_killed_supervisor(told):
    """From the last packet that is there, until the end: nobody knows of a tap that listened again."""
    told.run(1, captured=9, status=-2, reason="the recorder was killed")
    told.segment(1, 1, 9, 100)
    watch = told.watch()
    watch.write_gaps(True)
    assert told.lines("gap") == []
    watch.end("deadline", 1.0)
    watch.write_gaps(False)
    assert told.lines("gap") == []
    watch.write_gaps(True)
    watch.write_gaps(True)
    (gap,) = told.lines("gap")
    assert (gap["reason"], gap["from_ns"], gap["until_ns"]) == ("the recorder was killed", 100 * SECOND, None)


@pytest.mark.parametrize(
    "captured, status, segments, missing",
    [
        (10, 0, [(10, 100, None)], None),
        (10, 0, [(6, 100, None), (4, 200, None)], None),
        (10, 0, [(6, 100, None), (3, 200, "the file ends inside record 4")], (1, 200)),
        (10, 0, [(2, 100, "the file ends inside record 3"), (3, 200, None)], (5, 100)),
        (10, -9, [(9, 100, "the file ends inside record 10")], None),
        (0, 0, [(0, 0, None)], None),
    ],
)
def test_what_tcpdump_read_and_no_file_holds(told, captured, status, segments, missing):
    """A full disk's holes are a gap with their count, from the first damage on; a killed tcpdump's is not exact."""
    told.run(1, captured=captured, status=status)
    for seq, (packets, last, damage) in enumerate(segments, 1):
        told.segment(1, seq, packets, last, damage)
    told.record("ended", reason="stopped")
    watch = told.watch()
    watch.write_gaps(False)
    assert told.lines("gap") == []
    for _tick in range(3):
        watch.write_gaps(True)
    found = [(one["packets"], one["from_ns"] // SECOND) for one in told.lines("gap")]
    assert found == ([missing] if missing else [])


def test_a_gap_is_told_once(told):
    """The next supervisor reads that a gap was told, and does not tell it again."""
    told.run(1, captured=5)
    told.segment(1, 1, 3, 100, "the file ends inside record 4")
    told.record("ended", reason="stopped")
    for _supervisor in range(2):
        told.journal = Journal(told.spool, told.clock)
        told.watch().write_gaps(True)
    assert len(told.lines("gap")) == 1
