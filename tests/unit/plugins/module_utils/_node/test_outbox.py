# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Closed files on their way to the sink: each packet in one segment, whatever crashes, is full, or is gone."""

from __future__ import annotations

import os

import pytest

from .boxes import STEPS, Box, Crash, T, crash_at, fill, made

COMPRESS = pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])


@pytest.fixture
def boxes(tmp_path):
    """Makes boxes, and ends their workers."""
    yield from made(tmp_path)


@COMPRESS
def test_end_to_end(boxes, compress):
    """What taps closed lies in the sink under its target's folder, and nothing of it on the node."""
    box = boxes(compress=compress)
    fill(box)
    for run in (1, 2, 3):
        assert box.holdings.collect(box.files(run))
    box.drive()
    assert sorted(box.packets()) == list(range(100))
    assert box.spooled() == [] and os.listdir(box.spool.path("taps")) == []
    folder = os.path.join(str(box.sink), "c-1", "node-a", "shop")
    assert {name: len(os.listdir(os.path.join(folder, name))) for name in os.listdir(folder)} == {"web": 4, "cart": 1}
    ends = {os.path.splitext(name)[1] for name in box.shipped()}
    assert ends == {".gz" if compress else ".pcap"}


def test_manifest_tells_it(boxes):
    """Each segment has its line with what it holds, then the line that the sink confirmed it."""
    box = boxes()
    fill(box)
    for run in (1, 2, 3):
        box.holdings.collect(box.files(run))
    box.drive()
    told = box.events("segment", "stored")
    segments = [one for one in told if one["event"] == "segment"]
    stored = [one for one in told if one["event"] == "stored"]
    assert [(one["target"]["name"], one["seq"], one["packets"]) for one in segments] == [
        ("web", 1, 10),
        ("web", 2, 20),
        ("web", 3, 30),
        ("cart", 1, 30),
        ("web", 4, 10),
    ]
    assert segments[0]["interfaces"] == {"1": ["lo", "lo"], "2": ["eth0", "eth0"]}
    assert (segments[0]["first_ns"], segments[0]["last_ns"]) == (T * 10**9, (T + 9) * 10**9)
    assert sorted(one["object"].rpartition("/")[2] for one in stored) == sorted(one["file"] for one in segments)
    for one in stored:
        before = next(other for other in segments if (other["seq"], other["target"]) == (one["seq"], one["target"]))
        assert told.index(before) < told.index(one)
        assert os.path.exists(os.path.join(str(box.sink), one["object"]))


def test_names_sort_although_the_clock_stepped_back(boxes):
    """A target's segments sort in the order in which they were recorded, whatever the wall clock did."""
    box = boxes(sink=False)
    fill(box)
    for run in (1, 3):
        box.holdings.collect(box.files(run))
    box.drive()
    assert box.packets() == [*range(60), *range(90, 100)]


def test_without_a_sink(boxes):
    """Segments stay in the spool, and nothing waits for anything."""
    box = boxes(sink=False)
    fill(box)
    box.holdings.recover()
    box.drive()
    assert sorted(box.packets()) == list(range(100)) and len(box.spooled()) == 5
    assert (box.outbox.unshipped(), box.outbox.backlog_bytes(), box.holdings.unfinished) == (0, 0, False)
    assert box.holdings.closed_bytes() == 5 * 4096
    assert box.shipped() == []


def test_a_file_that_is_being_written_is_left_alone(boxes):
    """Only what tcpdump has closed is taken, and each file once."""
    box = boxes()
    fill(box, ended=False)
    tap = box.files(1, ended=False)
    assert box.holdings.collect(tap) and not box.holdings.collect(tap)
    box.drive()
    assert sorted(box.packets()) == list(range(30))
    assert os.listdir(box.spool.path("taps", "1")) == ["%d.pcap" % (T + 60)]
    box.write(1, "%d.pcap" % (T + 120), range(200, 203))
    assert box.holdings.collect(tap)
    box.drive()
    assert sorted(box.packets()) == list(range(60))


def test_a_run_in_work_is_known(boxes):
    """Whoever must know a run's count waits until none of its files is on the way."""
    box = boxes(sink=False)
    fill(box)
    box.holdings.collect(box.files(1))
    assert box.holdings.holds(1) and not box.holdings.holds(2) and box.holdings.unfinished
    box.outbox.tick(box.clock.now)
    assert box.holdings.holds(1)
    box.drive()
    assert not box.holdings.holds(1) and not box.holdings.unfinished


def test_the_oldest_ship_first(boxes):
    """A sink that was gone for a while gets the oldest segments first."""
    box = boxes()
    fill(box)
    os.rmdir(str(box.sink))
    box.holdings.recover()
    box.drive(lambda: not box.holdings.unfinished)
    box.sink.mkdir()
    box.drive()
    packets = {one["file"]: one["opened"] for one in box.events("segment")}
    opened = [packets[one["object"].rpartition("/")[2]] for one in box.events("stored")]
    assert len(opened) == 5 and opened == sorted(opened)


def test_backoff(boxes):
    """A sink that fails is asked again after a second, then less and less often, and at once after it was reached."""
    box = boxes()
    fill(box)
    os.rmdir(str(box.sink))
    box.holdings.recover()
    box.drive(lambda: not box.holdings.unfinished)
    shipper, waits = box.outbox.workers[1], []
    for _attempt in range(9):
        box.drive(lambda: bool(shipper.busy))
        box.drive(lambda: not shipper.busy)
        assert "is gone" in box.outbox.last_error
        before = box.clock.now
        box.drive(lambda: bool(shipper.busy))
        waits.append(box.clock.now - before)
    assert waits[0] <= 5 and sorted(waits[:5:2]) == waits[:5:2] and all(45 <= one <= 76 for one in waits[-2:])
    assert len(box.spooled()) == box.outbox.unshipped() == 5
    assert box.outbox.backlog_bytes() == box.holdings.closed_bytes() > 0
    box.sink.mkdir()
    box.drive()
    assert (box.outbox.last_error, box.outbox.unshipped(), box.outbox.backlog_bytes()) == (None, 0, 0)
    assert sorted(box.packets()) == list(range(100))


@COMPRESS
@pytest.mark.parametrize("sink", [True, False], ids=["sink", "no sink"])
@pytest.mark.parametrize("when", ["before", "torn", "after"])
def test_a_crash_at_every_step(tmp_path, monkeypatch, compress, sink, when):
    """Wherever a supervisor is killed, the next one brings each packet into exactly one segment."""
    for step in range(1, 200):
        folder = tmp_path / str(step)
        folder.mkdir()
        box = Box(folder, sink=sink, compress=compress)
        fill(box)
        box.holdings.recover()
        with monkeypatch.context() as patched:
            crash_at(patched, step, when)
            try:
                box.drive()
                crashed = False
            except Crash:
                crashed = True
        box.close()
        box.open().recover()
        box.drive()
        box.close()
        assert sorted(box.packets()) == list(range(100)), "step %d" % step
        assert len(box.spooled()) == (0 if sink else 5) and os.listdir(box.spool.path("taps")) == []
        assert len({(one["target"]["name"], one["seq"]) for one in box.events("segment")}) == 5
        if not crashed:
            break
    assert (24 if sink else 14) <= step < 199


def kill_worker_at(monkeypatch, step, flag):
    """Ends the first worker that comes to its n-th change of a file system."""
    ours, seen = os.getpid(), []
    for name in STEPS:
        real = getattr(os, name)

        def counted(*args, _real=real, **kwargs):
            if os.getpid() != ours and not flag.exists():
                seen.append(1)
                if len(seen) == step:
                    flag.touch()
                    os._exit(9)
            return _real(*args, **kwargs)

        monkeypatch.setattr(os, name, counted)


@COMPRESS
def test_a_crash_of_a_worker_at_every_step(tmp_path, monkeypatch, compress):
    """Wherever a worker is killed, its job is done again, and nothing is there twice."""
    for step in range(1, 30):
        folder = tmp_path / str(step)
        folder.mkdir()
        with monkeypatch.context() as patched:
            kill_worker_at(patched, step, folder / "killed")
            box = Box(folder, compress=compress)
            fill(box)
            box.holdings.recover()
            box.drive()
            box.close()
        assert sorted(box.packets()) == list(range(100)) and box.spooled() == []
        assert len(box.events("segment")) == len(box.events("stored")) == 5
        if not (folder / "killed").exists():
            break
    assert 10 <= step < 29


def test_what_a_crash_left_in_the_segments_goes(boxes):
    """A half written segment, and one whose line was never written, is no segment; its raw file still is there."""
    box = boxes(sink=False)
    fill(box)
    for name in ("x.pcap.gz.part", "x.pcap.gz"):
        with open(box.spool.path("segments", name), "wb") as file:
            file.write(b"half")
    box.holdings.recover()
    box.drive()
    assert len(box.spooled()) == 5 and sorted(box.packets()) == list(range(100))


def test_a_recovered_file_has_one_reading_of_its_interfaces(boxes):
    """Nobody looked when it was closed: the manifest does not say more than was seen."""
    box = boxes(sink=False)
    fill(box)
    box.holdings.recover()
    box.drive()
    assert box.events("segment")[0]["interfaces"] == {"1": ["lo", None], "2": ["eth0", None]}


@pytest.mark.parametrize("status", [0, -9, None])
def test_a_cut_file(boxes, status):
    """Of a file that ends inside a record the whole records are a segment, which says what is wrong with it."""
    box = boxes(sink=False)
    box.open()
    box.start(1)
    box.write(1, "%d.pcap" % T, range(10), cut=5)
    box.stop(1, status=status)
    box.holdings.recover()
    box.drive()
    (segment,) = box.events("segment")
    assert (segment["packets"], segment["damage"]) == (9, "the file ends inside record 10")
    assert box.packets() == list(range(9))


@pytest.mark.parametrize("size", [0, 10])
def test_nothing_to_keep(boxes, size):
    """A file without a whole header becomes no segment, and does not come back."""
    box = boxes()
    box.open()
    box.start(1)
    with open(box.spool.path("taps", "1", "%d.pcap" % T), "wb") as file:
        file.write(b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0"[:size])
    box.stop(1, status=-9)
    box.holdings.recover()
    box.drive()
    assert len(box.events("discarded")) == 1 and box.events("segment", "stored") == []
    assert os.listdir(box.spool.path("taps")) == [] and box.spooled() == [] and box.shipped() == []


def test_the_manifest_goes_to_the_sink(boxes):
    """In the end the sink has the manifest too, as it is."""
    box = boxes()
    fill(box)
    box.holdings.recover()
    box.drive()
    assert not box.outbox.shipper.manifest_stored
    box.outbox.shipper.store_manifest(box.clock.now)
    box.drive(lambda: box.outbox.shipper.manifest_stored)
    with open(box.spool.path("manifest.jsonl"), "rb") as ours:
        assert (box.sink / "c-1" / "node-a" / "manifest.jsonl").read_bytes() == ours.read()
