# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sink that is another, does not answer or is taken, and files that cannot be finished: told, and never for ever."""

from __future__ import annotations

import errno
import os
import signal

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import segments

from .boxes import CART, WEB, T, fill, made

BAD = "%d.pcap1" % T


@pytest.fixture
def boxes(tmp_path):
    """Makes boxes, and ends their workers."""
    yield from made(tmp_path)


def fail_on(monkeypatch, name):
    """The disk cannot read one of the files, ever."""
    real = segments.finish

    def finish(raw, final, compress):
        if os.path.basename(raw) == name:
            raise OSError(errno.EIO, "Input/output error")
        return real(raw, final, compress)

    monkeypatch.setattr(segments, "finish", finish)


def test_the_sink_is_looked_at_once(boxes):
    """Where its file system is mounted is in the manifest before anything is stored, and stays."""
    box = boxes()
    fill(box)
    box.holdings.recover()
    box.drive()
    box.close()
    box.open().recover()
    box.drive()
    (sink,) = box.events("sink")
    assert (sink["sink"], os.path.ismount(sink["mount"])) == (str(box.sink), True)
    assert [one["event"] for one in box.events("sink", "stored")] == ["sink"] + 5 * ["stored"]


def test_a_sink_whose_mount_is_gone(boxes):
    """A restart does not make the folder below the sink: segments wait, and the reason is told."""
    box = boxes()
    fill(box)
    box.journal.record("sink", sink=str(box.sink), mount="/mnt/nfs")
    box.close()
    box.open().recover()
    box.drive(lambda: box.outbox.last_error is not None)
    assert "is its mount gone?" in box.outbox.last_error
    box.drive(lambda: not box.holdings.unfinished)
    assert box.outbox.unshipped() == 5 and os.listdir(str(box.sink)) == []


def test_a_sink_that_does_not_answer(boxes):
    """A hung mount gives no error: that it is silent is one after a minute."""
    box = boxes()
    fill(box)
    pid = box.outbox.workers[1].pid
    os.kill(pid, signal.SIGSTOP)
    box.holdings.recover()
    box.drive(lambda: not box.holdings.unfinished)
    box.clock.now += 60
    assert box.outbox.last_error is None
    box.clock.now += 5
    assert box.outbox.last_error == "the sink %s has not answered for 65 s" % box.sink
    os.kill(pid, signal.SIGCONT)
    box.drive()
    assert box.outbox.last_error is None
    box.clock.now += 600
    assert box.outbox.last_error is None


def test_a_name_that_is_taken_in_the_sink(boxes):
    """Another's file is not replaced, and those behind the segment are shipped; it goes once its name is free."""
    box = boxes(compress=False)
    fill(box)
    name = "node-a--shop--web--any--20261121T081502Z--00000001.pcap"
    other = box.sink / "c-1" / "node-a" / "shop" / "web" / name
    other.parent.mkdir(parents=True)
    other.write_bytes(b"another's")
    box.holdings.recover()
    box.drive(lambda: len(box.events("stored")) == 4 and box.outbox.last_error is not None)
    assert "another file of that name" in box.outbox.last_error
    assert (box.spooled(), other.read_bytes()) == ([name], b"another's")
    other.unlink()
    box.drive()
    assert sorted(box.packets()) == list(range(100)) and box.outbox.last_error is None


def test_a_segment_that_is_damaged_in_the_spool(boxes):
    """It does not pass for what was counted, and holds up no other."""
    box = boxes(compress=False)
    fill(box)
    box.drive(lambda: box.events("sink"))
    os.rmdir(str(box.sink))
    box.holdings.recover()
    box.drive(lambda: not box.holdings.unfinished)
    name = min(box.events("segment"), key=lambda one: one["opened"])["file"]
    with open(box.spool.path("segments", name), "r+b") as file:
        file.write(b"damage")
    box.sink.mkdir()
    box.drive(lambda: len(box.events("stored")) == 4 and box.outbox.last_error is not None)
    assert "checksum differs" in box.outbox.last_error
    assert box.spooled() == [name] and name not in box.shipped()


def test_the_manifest_is_shipped_again(boxes):
    """A longer manifest replaces the one that an earlier supervisor shipped, and not another capture's."""
    box = boxes()
    fill(box)
    box.holdings.recover()
    box.drive()
    stored = box.sink / "c-1" / "node-a" / "manifest.jsonl"
    for _supervisor in range(2):
        box.outbox.shipper.store_manifest(box.clock.now)
        box.drive(lambda: box.outbox.shipper.manifest_stored)
        box.journal.record("clock_stepped", by_ns=1)
        box.outbox.shipper.manifest_stored = False
    stored.write_bytes(b"another's")
    box.outbox.shipper.store_manifest(box.clock.now)
    box.drive(lambda: box.outbox.last_error is not None)
    assert not box.outbox.shipper.manifest_stored and stored.read_bytes() == b"another's"


def test_a_file_that_cannot_be_finished_holds_up_no_other(boxes, monkeypatch):
    """After five tries it waits behind all others."""
    fail_on(monkeypatch, BAD)
    box = boxes(sink=False)
    fill(box)
    box.holdings.recover()
    box.drive(lambda: len(box.events("segment")) == 4)
    assert box.holdings.unfinished and box.holdings.holds(1) and not box.holdings.holds(2)
    assert box.clock.now < 200 and box.events("discarded") == []


@pytest.mark.parametrize("grace", [0, 600])
def test_a_file_that_cannot_be_finished_is_given_up(boxes, monkeypatch, grace):
    """After as long as may be waited it is given up, with the reason: a capture ends."""
    fail_on(monkeypatch, BAD)
    box = boxes(sink=False, grace_seconds=grace)
    fill(box)
    box.holdings.recover()
    begun = box.clock.now
    box.drive()
    (gone,) = box.events("discarded")
    assert (gone["raw"], gone["target"]["name"]) == ("1/" + BAD, "web") and "Input/output error" in gone["reason"]
    assert grace <= box.clock.now - begun < grace + 200
    assert os.listdir(box.spool.path("taps")) == []
    assert sorted(box.packets()) == [*range(10), *range(30, 100)]


def test_a_file_that_cannot_be_read_is_given_up_for_a_bound(boxes, monkeypatch):
    """...and the supervisor does not end by it."""
    real = segments.count

    def count(path):
        if os.path.basename(path) == BAD:
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    monkeypatch.setattr(segments, "count", count)
    box = boxes(sink=False, keep_bytes=600)
    fill(box)
    box.holdings.recover()
    assert box.keep_bounds([])
    assert sum(one["packets"] for one in box.events("evicted")) == 80
    assert os.listdir(box.spool.path("taps")) == []


def test_no_room_for_the_line_that_a_file_is_gone(boxes, monkeypatch):
    """It is told when there is room again; until then it is not forgotten."""
    box = boxes(sink=False)
    fill(box)
    box.holdings.recover()
    os.unlink(box.spool.path("taps", "1", "%d.pcap" % T))
    real = box.journal.record
    full = [True]

    def record(event, *args, **fields):
        if event == "discarded" and full:
            raise OSError(full.pop() and errno.ENOSPC, "No space left on device")
        real(event, *args, **fields)

    monkeypatch.setattr(box.journal, "record", record)
    with pytest.raises(OSError, match="No space"):
        box.drive()
    assert box.holdings.holds(1)
    box.drive()
    assert len(box.events("discarded")) == 1 and not box.holdings.unfinished


def test_what_is_shipped_is_forgotten(boxes):
    """Names of files that are no more are kept nowhere, neither as they go nor by the next supervisor."""
    box = boxes()
    fill(box, ended=False)
    taps = [box.files(run, ended=False) for run in (1, 2, 3)]
    for tap in taps:
        box.holdings.collect(tap)
    box.drive()
    assert box.journal.ledger.taken == set()
    box.write(1, "%d.pcap" % (T + 90), range(100, 101))
    box.holdings.collect(taps[0])
    assert taps[0].queued == {"%d.pcap" % (T + 60)}
    for run, target in ((1, WEB), (2, CART), (3, WEB)):
        box.stop(run, target)
    box.close()
    box.open().recover()
    assert box.journal.ledger.taken == set()
    box.drive()
    assert sorted(box.packets()) == list(range(101))
