# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Closed files on their way to the sink: each packet in one segment, whatever crashes, is full, or is gone."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.retention import Share

from .boxes import CART, WEB, Box

COMPRESS = pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
T = 1_795_248_902


@pytest.fixture
def boxes(tmp_path):
    """Makes boxes, and ends their workers."""
    made = []

    def make(**options):
        made.append(Box(tmp_path, **options))
        return made[-1]

    yield make
    for box in made:
        box.close()


def fill(box, ended=True):
    """Two taps have closed five files with 100 packets; one comes back with a step of the clock."""
    box.open()
    for run, target in ((1, WEB), (2, CART), (3, WEB)):
        box.start(run, target)
    box.write(1, "%d.pcap" % T, range(0, 10))
    box.write(1, "%d.pcap1" % T, range(10, 30))
    box.write(1, "%d.pcap" % (T + 60), range(30, 60))
    box.write(2, "%d.pcap" % (T + 30), range(60, 90))
    box.write(3, "%d.pcap" % (T + 20), range(90, 100))
    if ended:
        for run, target in ((1, WEB), (2, CART), (3, WEB)):
            box.stop(run, target)


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
    assert waits[0] <= 4 and waits == sorted(waits) and waits[-1] == waits[-2] == 60
    assert len(box.spooled()) == box.outbox.unshipped() == 5
    assert box.outbox.backlog_bytes() == box.holdings.closed_bytes() > 0
    box.sink.mkdir()
    box.drive()
    assert (box.outbox.last_error, box.outbox.unshipped(), box.outbox.backlog_bytes()) == (None, 0, 0)
    assert sorted(box.packets()) == list(range(100))


class Crash(BaseException):
    """The supervisor is killed here."""


STEPS = ("fsync", "unlink", "rename", "link", "rmdir", "truncate")


def crash_at(monkeypatch, step, when):
    """Ends this process's work at its n-th change of a file system; ``torn``: a line was on the disk by half."""
    ours, seen = os.getpid(), []
    for name in STEPS:
        real = getattr(os, name)

        def counted(*args, _name=name, _real=real, **kwargs):
            if os.getpid() != ours:
                return _real(*args, **kwargs)
            seen.append(_name)
            if len(seen) == step and when == "torn" and _name == "fsync":
                tear_last_line(args[0])
            if len(seen) == step and when != "after":
                raise Crash
            done = _real(*args, **kwargs)
            if len(seen) == step:
                raise Crash
            return done

        monkeypatch.setattr(os, name, counted)


def tear_last_line(descriptor):
    """Cuts the last line of a file in two."""
    with open("/proc/self/fd/%d" % descriptor, "rb") as file:
        last = file.read().splitlines(True)[-1]
        os.ftruncate(descriptor, file.tell() - len(last) // 2)


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


def watch_deletions(monkeypatch, box):
    """Notes for each deletion of a capture file which lines of the manifest there were."""
    real, seen = os.unlink, []

    def unlink(path, *args, **kwargs):
        if ".pcap" in str(path):
            seen.append((str(path), box.events("evicted")[-1:]))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "unlink", unlink)
    return seen


def test_bound_on_segments(boxes, monkeypatch):
    """The oldest segments are given up for the bound, as many as must, each told before it is deleted."""
    box = boxes(sink=False, compress=False)
    fill(box)
    box.holdings.recover()
    box.drive()
    seen = watch_deletions(monkeypatch, box)
    sizes = {one["file"]: one["bytes"] for one in box.events("segment")}
    opened = sorted((one["opened"], one["file"]) for one in box.events("segment"))
    bound = box.holdings.disk_bytes() - 4098
    assert box.keep_bounds([Share(512, (box.options.keep_bytes - bound) // 2)])
    gone = [one["file"] for one in box.events("evicted")]
    assert gone == [name for _opened, name in opened[:2]]
    assert [os.path.basename(path) for path, _lines in seen] == gone
    assert all(lines[0]["file"] == os.path.basename(path) for path, lines in seen)
    assert sorted(sizes) == sorted(gone + box.spooled())
    assert box.holdings.closed_bytes() == 3 * 4096
    assert sum(one["packets"] for one in box.events("evicted")) + len(box.packets()) == 100


def test_bound_on_files_that_are_no_segments_yet(boxes, monkeypatch):
    """Where compression does not keep up, files go before they are segments, and their packets are counted."""
    box = boxes(keep_bytes=600)
    fill(box)
    box.holdings.recover()
    seen = watch_deletions(monkeypatch, box)
    assert box.keep_bounds([])
    assert [lines[0]["raw"] for _path, lines in seen] == [one["raw"] for one in box.events("evicted")]
    assert [one["raw"] for one in box.events("evicted")] == [
        "1/%d.pcap" % T,
        "1/%d.pcap1" % T,
        "3/%d.pcap" % (T + 20),
        "2/%d.pcap" % (T + 30),
        "1/%d.pcap" % (T + 60),
    ]
    assert [one["packets"] for one in box.events("evicted")] == [10, 20, 10, 30, 30]
    assert (box.holdings.unfinished, box.holdings.closed_bytes()) == (False, 0)
    account = box.journal.ledger.account(WEB)
    assert (account.evicted_packets, account.evicted_segments, account.captured) == (70, 4, 70)


def test_open_files_are_reserved_for(boxes):
    """The more the running taps may write, the less closed files may stay."""
    box = boxes(sink=False, compress=False, keep_bytes=40_000)
    fill(box)
    box.holdings.recover()
    box.drive()
    assert box.keep_bounds([]) and len(box.spooled()) == 5
    assert box.keep_bounds([Share(512, 8000)]) and 0 < len(box.spooled()) < 5
    assert box.holdings.closed_bytes() <= 24_000
    assert box.keep_bounds([Share(512, 20_000)]) and box.spooled() == []


def test_what_is_really_on_the_disk(boxes):
    """Small files take whole blocks, and the manifest counts: the bound is on both."""
    box = boxes(sink=False, keep_bytes=40_000)
    fill(box)
    box.holdings.recover()
    box.drive()
    paths = [box.spool.path("segments", name) for name in box.spooled()] + [box.spool.path("manifest.jsonl")]
    assert box.holdings.disk_bytes() == sum(-(-os.path.getsize(path) // 4096) * 4096 for path in paths)
    assert box.keep_bounds([]) and len(box.spooled()) == 5
    for _line in range(200):
        box.journal.record("clock_stepped", by_ns=10**9)
    box.keep_bounds([])
    assert 0 < len(box.spooled()) < 5 and box.holdings.disk_bytes() <= 40_000


def test_a_file_system_without_room(boxes):
    """Everything that may go goes for the file system's bound, and the answer says that it was not enough."""
    box = boxes(sink=False, min_free_bytes=1 << 60)
    fill(box)
    box.holdings.recover()
    box.drive()
    assert not box.keep_bounds([])
    assert {one["reason"] for one in box.events("evicted")} == {"min_free"}
    assert box.spooled() == [] and len(box.events("evicted")) == 5
    assert not box.keep_bounds([])


def test_what_is_on_its_way_is_not_given_up(boxes):
    """A segment that is being copied stays until the sink has answered."""
    box = boxes()
    fill(box)
    box.drive(lambda: box.events("sink"))
    os.rmdir(str(box.sink))
    box.holdings.recover()
    box.drive(lambda: not box.holdings.unfinished and bool(box.outbox.workers[1].busy))
    box.keep_bounds([Share(512, box.options.keep_bytes)])
    assert len(box.events("evicted")) == 4 and len(box.spooled()) == 1


def test_the_manifest_goes_to_the_sink(boxes):
    """In the end the sink has the manifest too, as it is."""
    box = boxes()
    fill(box)
    box.holdings.recover()
    box.drive()
    assert not box.outbox.manifest_stored
    box.outbox.store_manifest(box.clock.now)
    box.drive(lambda: box.outbox.manifest_stored)
    with open(box.spool.path("manifest.jsonl"), "rb") as ours:
        assert (box.sink / "c-1" / "node-a" / "manifest.jsonl").read_bytes() == ours.read()
