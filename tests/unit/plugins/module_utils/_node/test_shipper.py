# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Segments on their way to a bucket: several at a time, oldest first, gone from here only once they are there."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import signal

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import confirmations, reading
from ansible_collections.kube.pcap.plugins.module_utils._node.retention import Share
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Wanted
from ansible_collections.kube.pcap.plugins.module_utils._records import NodeCapture, Selection, Target, TargetRef

from .boxes import Box, Crash, T, crash_at, fill, made, packets_in
from .buckets import PREFIX, SECRET, serving
from .forks import until

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.fixture
def boxes(tmp_path):
    """Makes boxes, and ends their workers."""
    yield from made(tmp_path)


@pytest.fixture
def bucket(monkeypatch):
    """A bucket on this machine, which no proxy stands before."""
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with serving() as served:
        yield served


def full(boxes, bucket, **options):
    """Five segments in the spool, and none of them on its way."""
    box = boxes(bucket=bucket, **options)
    fill(box)
    box.holdings.recover()
    tick, box.outbox.shipper.tick = box.outbox.shipper.tick, lambda _now: None
    box.drive(lambda: not box.holdings.unfinished)
    box.outbox.shipper.tick = tick
    return box


def drive(box):
    """Lets all ship that may."""
    unconfirmed = box.journal.ledger.unconfirmed
    box.drive(
        lambda: (
            not box.holdings.unfinished
            and not any(worker.busy for worker in box.outbox.workers)
            and all(one.file in unconfirmed for one in box.journal.ledger.closed())
        )
    )


def failing(box):
    """One attempt that goes wrong: until no worker is busy and there is an error."""
    shipper = box.outbox.shipper
    box.drive(lambda: any(worker.busy for worker in shipper.workers))
    box.drive(lambda: not any(worker.busy for worker in shipper.workers))


def test_each_object_once(boxes, bucket):
    """Everything is in the bucket byte for byte under its target's folder, told with its MD5, and gone from here."""
    box = full(boxes, bucket)
    digests = {one.file: one.md5.hex() for one in box.journal.ledger.closed()}
    box.drive()
    assert {name.rpartition("/")[2]: hashlib.md5(data).hexdigest() for name, data in bucket.objects.items()} == digests
    assert sorted(number for data in bucket.objects.values() for number in packets_in(data)) == list(range(100))
    assert {name.rpartition("/")[0] for name in bucket.objects} == {PREFIX + "shop/web", PREFIX + "shop/cart"}
    assert set(bucket.types.values()) == {"application/gzip"}
    assert {one["object"] for one in box.events("stored")} == set(bucket.objects) and box.spooled() == []
    assert box.journal.ledger.stored_in == {"gs://captures/p": 5}


def test_three_at_a_time_and_oldest_first(boxes, bucket):
    """The three oldest are on their way together, the fourth waits, and no file is sent twice."""
    box = full(boxes, bucket)
    opened = [one.file for one in box.journal.ledger.closed()]
    with bucket.held():
        box.outbox.tick(box.clock.now)
        until(lambda: bucket.inside == 3)
        assert box.outbox.shipper.storing == set(opened[:3])
        box.outbox.tick(box.clock.now)
        assert bucket.inside == 3
    box.drive()
    assert bucket.most_inside == 3 and sorted(bucket.names()) == sorted(opened) and len(bucket.order) == 5


@pytest.mark.parametrize("options, faults", [({"upload_rate": 1_000_000}, []), ({}, ["down"] * 9)])
def test_one_at_a_time(boxes, bucket, options, faults):
    """With a rate to keep, and while a bucket fails, one is on its way: the oldest."""
    box = full(boxes, bucket, **options)
    opened = [one.file for one in box.journal.ledger.closed()]
    bucket.faults = faults
    if faults:
        failing(box)
        bucket.most_inside = 0
        while bucket.faults:
            failing(box)
            assert bucket.most_inside == 1
        with bucket.held():
            box.drive(lambda: any(worker.busy for worker in box.outbox.shipper.workers))
            box.outbox.tick(box.clock.now)
            assert box.outbox.shipper.storing == {opened[0]}
    box.drive()
    assert bucket.names()[0] == opened[0] and len(bucket.order) == 5
    if options:
        assert bucket.most_inside == 1 and bucket.names() == opened


def test_the_server_says_when(boxes, bucket):
    """It is asked again when it said, not before, and what was asked of it is told."""
    box = full(boxes, bucket, upload_rate=1_000_000)
    bucket.faults = ["wait 300"]
    failing(box)
    assert "503" in box.outbox.last_error and box.outbox.unshipped() == 5
    before = box.clock.now
    box.drive(lambda: bool(box.outbox.shipper.storing))
    assert 300 <= box.clock.now - before <= 301
    box.drive()
    assert box.outbox.last_error is None


def test_another_policy_may_do(boxes, bucket):
    """A refused signature is told as one that another policy mends, until an upload goes well; no secret is told."""
    box = full(boxes, bucket)
    bucket.faults = ["refused"] * 4
    failing(box)
    assert box.outbox.shipper.refused and "SignatureDoesNotMatch" in box.outbox.last_error
    assert SECRET not in box.outbox.last_error
    box.drive()
    assert not box.outbox.shipper.refused and len(bucket.order) == 5


def test_without_a_policy(boxes, bucket):
    """Where no policy is, and where it has ended, that is the reason; a new one is used at once."""
    box = full(boxes, bucket)
    os.unlink(box.spool.path("upload.json"))
    failing(box)
    assert "there is no upload policy" in box.outbox.last_error
    box.spool.write_upload(bucket.way(seconds=-1), {})
    failing(box)
    assert "the upload policy expired at " in box.outbox.last_error
    box.spool.write_upload(bucket.way(), {})
    box.outbox.shipper.hasten()
    before = box.clock.now
    box.drive(lambda: bool(box.outbox.shipper.storing))
    assert box.clock.now == before
    box.drive()
    assert len(bucket.order) == 5


@pytest.mark.parametrize("fault", ["lost", "mute"])
def test_a_lost_answer(boxes, bucket, fault):
    """What may be there is kept, left alone and counted, while others ship; the manifest tells under which name."""
    box = full(boxes, bucket)
    first = next(box.journal.ledger.closed())
    box.outbox.shipper.workers[1:], others = [], box.outbox.shipper.workers[1:]
    bucket.faults = [fault]
    box.drive(lambda: len(bucket.order) > 0)
    box.outbox.shipper.workers += others
    drive(box)
    assert box.spooled() == [first.file] and len(bucket.order) == 5
    (told,) = box.events("unconfirmed")
    assert told["seq"] == first.seq and told["object"] in bucket.objects
    assert (box.outbox.shipper.unconfirmed, box.outbox.unshipped(), box.outbox.backlog_bytes()) == (1, 1, 4096)
    assert box.outbox.last_error is None
    for _tick in range(5):
        box.clock.now += 100
        box.outbox.tick(box.clock.now)
    assert not any(worker.busy for worker in box.outbox.shipper.workers)
    box.close()
    box.open()
    assert box.journal.ledger.unconfirmed == {first.file: told["object"]}
    assert box.keep_bounds([Share(512, box.options.keep_bytes)])
    assert box.spooled() == [] and box.outbox.shipper.unconfirmed == 0
    assert [one["file"] for one in box.events("evicted")] == [first.file]


def test_other_content_in_the_answer(boxes, bucket):
    """An answer with another MD5 confirms nothing: the file stays, others go on, it is tried again as the last."""
    box = full(boxes, bucket, upload_rate=1_000_000)
    first = next(box.journal.ledger.closed())
    bucket.faults = ["other"]
    failing(box)
    assert "another MD5" in box.outbox.last_error and len(box.spooled()) == 5
    drive(box)
    assert box.spooled() == [first.file] and bucket.names()[-1] != first.file and len(box.events("stored")) == 4
    assert first.file in box.journal.ledger.unconfirmed


def test_a_worker_that_dies(boxes, bucket):
    """Its job is done again; what it had brought there in the meantime is not taken for sure."""
    box = full(boxes, bucket)
    with bucket.held():
        box.outbox.tick(box.clock.now)
        until(lambda: bucket.inside == 3)
        victim = box.outbox.shipper.workers[0]
        first = victim.busy["closed"].file
        os.kill(victim.pid, signal.SIGKILL)
        box.drive(lambda: "died" in (box.outbox.last_error or ""))
    drive(box)
    assert len(bucket.order) == len(set(bucket.order)) == 5
    assert [os.path.basename(one["object"]) for one in box.events("unconfirmed")] == box.spooled() == [first]
    assert len(box.events("stored")) == 4


def test_bounds_leave_what_is_on_its_way(boxes, bucket):
    """Of five segments that a bound would take, the three that are being sent stay until the bucket has answered."""
    box = full(boxes, bucket)
    with bucket.held():
        box.outbox.tick(box.clock.now)
        until(lambda: bucket.inside == 3)
        box.keep_bounds([Share(512, box.options.keep_bytes)])
        assert set(box.spooled()) == box.outbox.shipper.storing and len(box.spooled()) == 3
    box.drive()
    assert len(box.events("stored")) == 3 and len(box.events("evicted")) == 2
    assert (
        sum(one["packets"] for one in box.events("evicted"))
        + sum(len(packets_in(data)) for data in bucket.objects.values())
        == 100
    )


def test_no_room_for_a_line(boxes, bucket, monkeypatch):
    """On a full disk nothing is sent again: what the bucket has confirmed is told once there is room, and goes then."""
    box, full_disk = full(boxes, bucket), [True]
    real = box.journal.record

    def record(*args, **fields):
        if full_disk:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*args, **fields)

    monkeypatch.setattr(box.journal, "record", record)
    with pytest.raises(OSError, match="No space"):
        box.drive()
    for _tick in range(5):
        with pytest.raises(OSError, match="No space"):
            box.outbox.tick(box.clock.now)
    until(lambda: not bucket.inside)
    assert len(bucket.order) <= 4 and len(box.spooled()) == 5
    full_disk.clear()
    box.drive()
    assert len(box.events("stored")) == len(bucket.order) == 5 and box.events("unconfirmed") == []


def test_confirmed_elsewhere_meanwhile(boxes, bucket):
    """What was collected while it was on its way has one line, whatever the bucket answers then."""
    box = full(boxes, bucket)
    bucket.faults = ["", "mute", "down", ""]
    with bucket.held():
        box.outbox.tick(box.clock.now)
        until(lambda: bucket.inside == 3)
        for closed in list(box.journal.ledger.closed())[:4]:
            box.journal.record("stored", closed.ref, seq=closed.seq, sink="controller:/home/ann", object="x")
            box.holdings.delete_segment(closed)
    drive(box)
    assert len(box.events("stored")) == 5 and box.events("unconfirmed", "evicted") == [] and box.spooled() == []
    assert box.outbox.last_error is None
    assert box.journal.ledger.stored_in == {"controller:/home/ann": 4, "gs://captures/p": 1}


def with_manifest(boxes, bucket, faults):
    """All segments are in the bucket, and the manifest was sent once."""
    box = full(boxes, bucket)
    box.drive()
    bucket.faults = list(faults)
    shipper = box.outbox.shipper

    def send(until_sent=None):
        def done():
            shipper.store_manifest(box.clock.now)
            return shipper.manifest_stored if until_sent is None else until_sent()

        box.drive(done)

    return box, shipper, send


def test_the_manifest_is_the_last(boxes, bucket):
    """It goes when everything else is there, as it is then."""
    box, shipper, send = with_manifest(boxes, bucket, ["down"])
    assert not shipper.manifest_stored
    send()
    assert bucket.order[-1] == PREFIX + "manifest.jsonl" and len(bucket.order) == 6
    with open(box.spool.path("manifest.jsonl"), "rb") as file:
        assert bucket.objects[bucket.order[-1]] == file.read()
    assert bucket.types[bucket.order[-1]] == "application/jsonl"
    assert (shipper.unconfirmed, shipper.last_error) == (0, None)


def test_a_manifest_that_may_be_there(boxes, bucket):
    """It stays unconfirmed whatever fails afterwards, and is no more once the controller has found it."""
    box, shipper, send = with_manifest(boxes, bucket, ["lost", "", "down"])
    send(lambda: shipper.unconfirmed)
    assert "has an object of that name" in shipper.last_error and not shipper.manifest_stored
    send(lambda: not bucket.faults and not shipper.workers[0].busy)
    assert shipper.unconfirmed == 1
    shipper.manifest_stored = True  # as the supervisor does by confirmed.json
    assert (shipper.unconfirmed, shipper.last_error) == (0, None)


def accept(box):
    """The capture is one that a status can read."""
    target = Target("pod", "shop", "web", "uid-1", "node-a")
    capture = NodeCapture("c-1", "node-a", (Selection("pods", "shop", "*"),), box.options, (target,))
    box.spool.write_wanted(Wanted(capture, T * 10**9, T * 10**9))


def look(box, bucket):
    """The controller looks what of a node's unconfirmed files is in the bucket, byte for byte."""
    box.spool.write_state({"phase": "draining", "unconfirmed": len(box.journal.ledger.unconfirmed)})
    found = []
    for one in reading.upload_of(box.spool)["unconfirmed"]:
        data = bucket.objects.get(one["object"], b"")
        if (len(data), hashlib.md5(data).hexdigest()) == (one["bytes"], one["md5"]):
            found.append({"file": one["file"], "sink": box.options.sink, "object": one["object"]})
    box.spool.write_confirmed(found)


@pytest.mark.parametrize("when", ["before", "torn", "after"])
def test_a_crash_at_every_step(tmp_path, monkeypatch, bucket, when):
    """Wherever a supervisor is killed, each packet is in one object in the end, and what was not sure is looked up."""
    for step in range(1, 200):
        folder = tmp_path / str(step)
        folder.mkdir()
        bucket.objects, bucket.order = {}, []
        box = Box(folder, bucket=bucket)
        accept(box)
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
        until(lambda: not bucket.inside)
        box.open().recover()
        drive(box)
        look(box, bucket)
        confirmations.take(box.spool, box.journal, box.holdings)
        box.close()
        numbers = [number for data in bucket.objects.values() for number in packets_in(data)]
        assert sorted(numbers) == list(range(100)), "step %d" % step
        assert box.spooled() == os.listdir(box.spool.path("taps")) == [] and len(bucket.order) == 5
        assert len({(one["target"]["name"], one["seq"]) for one in box.events("stored")}) == 5
        assert len(box.events("stored")) == 5
        if not crashed:
            break
    assert 22 <= step < 199


HOSTILE = TargetRef("pod", "../shop", "a/../../b", "uid-3", "node-a")


@pytest.mark.parametrize("node", ["node-b", "../../node-a", "node-a/shop", "node\na", ".."])
def test_no_two_meet(bucket, tmp_path, node):
    """KNT-7, SN-9: whatever captures, nodes and pods are called, each object is below its own prefix, and one alone."""
    for number, (capture, its_node) in enumerate([("c-1", "node-a"), ("c-2", "node-a"), ("c-1", node)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        box, before = Box(folder, bucket=bucket, name=capture, node=its_node), set(bucket.objects)
        fill(box)
        box.start(4, HOSTILE)
        box.write(4, "%d.pcap" % T, range(100, 110))
        box.stop(4, HOSTILE)
        box.holdings.recover()
        box.drive()
        box.close()
        new, prefix = set(bucket.objects) - before, box.spool.read_upload().prefix
        assert len(new) == 6 and all(name.startswith(prefix) for name in new)
        assert all(name.count("/") == 5 and not re.search(r"/[.]|[^A-Za-z0-9._/-]", name) for name in new)
    assert len(bucket.objects) == len(bucket.order) == 18


def test_the_policy_is_nowhere_else(boxes, bucket):
    """Whatever goes wrong, its signature is in no file but its own: not in what is recorded, told or shipped."""
    box = full(boxes, bucket)
    bucket.faults = ["refused", "other", "mute", "down"]
    failing(box)
    drive(box)
    assert SECRET not in str(box.outbox.last_error)
    holding = []
    for folder, _folders, names in os.walk(box.spool.folder):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                holding += [name] if SECRET.encode() in file.read() else []
    assert holding == ["upload.json"]
    assert not any(SECRET.encode() in data for data in bucket.objects.values())
