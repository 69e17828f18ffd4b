# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller found elsewhere goes from the node, and whoever asks is told so, also when all has ended."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import confirmations, reading
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Wanted
from ansible_collections.kube.pcap.plugins.module_utils._records import NodeCapture, Selection, Target, to_result

from ..pcap_bytes import START
from .boxes import WEB, Box

HOME = "controller:/home/ann/captures"


@pytest.fixture
def box(tmp_path):
    """Three segments in the spool, and no supervisor."""
    made = Box(tmp_path, compress=False)
    made.open()
    made.start(1)
    for number in range(3):
        made.write(1, "%d.pcap" % (START + number), [number])
    made.stop(1)
    made.sink.rmdir()
    made.holdings.recover()
    made.drive(lambda: not made.holdings.unfinished)
    made.outbox.close()
    made.journal.close()
    target = Target("pod", "shop", "web", "uid-1", "node-a")
    capture = NodeCapture("c-1", "node-a", (Selection("pods", "shop", "*"),), made.options, (target,))
    made.spool.write_wanted(Wanted(capture, START * 10**9, START * 10**9))
    one = {"target": to_result(target), "phase": "done", "reason": "deadline", "shipped": 0}
    last = {"phase": "done", "reason": "deadline; unshipped: 3", "targets": [one], "unconfirmed": 1, "shipped": 0}
    made.spool.write_state({**last, "last_error": "no route", "backlog_bytes": 9, "disk_bytes": 9})
    return made


def confirm(box, *files):
    """The controller has found these."""
    given = [{"file": file, "sink": HOME, "object": "x/" + file, "generation": None, "crc32c": None} for file in files]
    confirmations.bring(box.spool, given)


def test_what_is_left_is_told_without_a_supervisor(box):
    """Each file goes after its line; figures and reason are what they are now, and the rest stays."""
    names = box.spooled()
    confirm(box, names[0])
    told = reading.describe(box.spool)
    assert box.spooled() == names[1:] and (told["shipped"], told["stored_in"]) == (1, {HOME: 1})
    assert (told["reason"], told["last_error"], told["backlog_bytes"]) == ("deadline; unshipped: 2", "no route", 8192)
    confirm(box, *names, "manifest.jsonl")
    told = reading.describe(box.spool)
    assert box.spooled() == [] and told["targets"][0]["shipped"] == 3 and told["stored_in"] == {HOME: 3}
    assert (told["reason"], told["last_error"], told["backlog_bytes"]) == ("deadline", None, 0)
    assert told["disk_bytes"] == 4096 and told["unconfirmed"] == 0
    assert [one["sink"] for one in reading.segment_list(box.spool)] == [HOME] * 3
    assert len(box.events("stored")) == 3


def test_no_other_is_confirmed(box):
    """A name that is no segment of the spool changes nothing."""
    before, state = box.spooled(), box.spool.read_state()
    confirm(box, "../capture.json", "manifest.jsonl")
    assert box.spooled() == before and os.path.exists(box.spool.path("capture.json"))
    assert box.spool.read_state()["reason"] == state["reason"] and box.events("stored") == []


def test_a_copy_that_failed_since_is_no_loss(box):
    """A segment that went while it was on its way to the sink is stored, and not told as given up."""
    box.open()
    (closed, *_others) = box.journal.ledger.closed()
    box.journal.record("stored", WEB, seq=closed.seq, sink=HOME)
    box.holdings.delete_segment(closed)
    assert box.holdings.note_if_lost(closed) and box.events("evicted") == []
