# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller found elsewhere goes from the node, and whoever asks is told so, also when all has ended."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import CaptureError
from ansible_collections.kube.pcap.plugins.module_utils._node import captures, confirmations, reading
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, Wanted
from ansible_collections.kube.pcap.plugins.module_utils._records import NodeCapture, Selection, Target, to_result

from ..pcap_bytes import START
from .boxes import WEB, Box, Crash, crash_at
from .forks import fork, until

HOME = "controller:/home/ann/captures"


@pytest.fixture
def box(tmp_path):
    """Three segments in the spool, and no supervisor."""
    made = three(tmp_path)
    yield made
    made.close()


def three(folder):
    """The same in a folder."""
    made = Box(folder, compress=False)
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


def test_what_is_missing_is_sent_again(box):
    """A file that was unconfirmed and is not in the bucket waits again; one that was not is left alone."""
    first, second = box.spooled()[:2]
    box.open()
    closed = next(one for one in box.journal.ledger.closed() if one.file == first)
    box.journal.record("unconfirmed", closed.ref, seq=closed.seq, sink="gs://b", object="x", reason="r")
    assert box.journal.ledger.unconfirmed and box.holdings.oldest(()).file == second
    box.spool.write_confirmed([{"file": name, "sink": "gs://b", "object": None} for name in (first, second)])
    confirmations.take(box.spool, box.journal, box.holdings)
    assert box.journal.ledger.unconfirmed == {} and box.holdings.oldest(()).file == first
    assert [one["file"] for one in box.events("missing")] == [first] and len(box.spooled()) == 3


def test_the_manifest_is_left(box):
    """Once all segments are elsewhere, what the sink still lacks is said, and keeps the capture, until it is there."""
    confirm(box, *box.spooled())
    told = reading.describe(box.spool)
    assert told["reason"] == "deadline; the manifest is not in the sink" and told["backlog_bytes"] == 0
    with pytest.raises(
        CaptureError, match="has a manifest that .*/sink has not confirmed; stop it and wait, collect the rest, or use"
    ):
        captures.remove(box.spool, force=False, check_mode=True)
    outcome = captures.confirm(box.spool, [{"file": "manifest.jsonl", "sink": "gs://b", "object": "m"}])
    assert outcome.changed and reading.describe(box.spool)["reason"] == "deadline"
    assert captures.remove(box.spool, force=False, check_mode=True).changed


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


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_every_step(tmp_path, monkeypatch, when):
    """Wherever who brings it is killed, no file goes without its line, and the same again brings it to its end."""
    for step in range(1, 100):
        folder = tmp_path / str(step)
        folder.mkdir()
        box = three(folder)
        names = box.spooled()
        with monkeypatch.context() as patched:
            crash_at(patched, step, when)
            try:
                confirm(box, *names[:2], "manifest.jsonl")
                crashed = False
            except Crash:
                crashed = True
        stored = [one["object"][2:] for one in box.events("stored")]
        assert set(names) == {*stored, *box.spooled()} and reading.describe(box.spool)["phase"] == "done"
        confirm(box, *names[:2], "manifest.jsonl")
        assert box.spooled() == names[2:] and not box.spool.has_confirmed
        assert [one["object"][2:] for one in box.events("stored")] == names[:2]
        told = reading.describe(box.spool)
        assert (told["shipped"], told["unconfirmed"], told["reason"]) == (2, 0, "deadline; unshipped: 1")
        if not crashed:
            break
    assert 12 <= step < 99


@pytest.mark.parametrize("when", ["before", "torn", "after"])
def test_a_supervisor_killed_at_every_step(tmp_path, monkeypatch, when):
    """The next supervisor does what is left of what was handed over, and nothing twice."""
    for step in range(1, 100):
        folder = tmp_path / str(step)
        folder.mkdir()
        box = three(folder)
        names = box.spooled()
        box.spool.write_confirmed([{"file": name, "sink": HOME, "object": name} for name in (*names, "manifest.jsonl")])
        box.open()
        with monkeypatch.context() as patched:
            crash_at(patched, step, when)
            try:
                assert confirmations.take(box.spool, box.journal, box.holdings)
                crashed = False
            except Crash:
                crashed = True
        box.close()
        box.open().recover()
        confirmations.take(box.spool, box.journal, box.holdings)
        box.close()
        assert box.spooled() == [] and [one["object"] for one in box.events("stored")] == names
        assert not box.spool.has_confirmed and box.events("evicted") == []
        if not crashed:
            break
    assert 8 <= step < 99


def test_what_comes_while_it_is_taken_in(box, monkeypatch):
    """Files that are handed over while earlier ones are written down are not forgotten."""
    box.open()
    names, real = box.spooled(), box.journal.record

    def record(*args, **fields):
        if len(box.spooled()) == 3:
            box.spool.write_confirmed([{"file": names[1], "sink": HOME, "object": "second"}])
        real(*args, **fields)

    box.spool.write_confirmed([{"file": names[0], "sink": HOME, "object": "first"}])
    monkeypatch.setattr(box.journal, "record", record)
    assert not confirmations.take(box.spool, box.journal, box.holdings)
    assert [one["object"] for one in box.events("stored")] == ["first", "second"] and box.spooled() == names[2:]


def test_what_was_left_in_the_middle_and_what_came_since(box):
    """A kill left a hand-over half taken in, another came: both are brought to their end."""
    names = box.spooled()
    box.spool.write_confirmed([{"file": names[0], "sink": HOME, "object": "first"}])
    box.spool.take_confirmed()
    box.spool.write_confirmed([{"file": names[1], "sink": HOME, "object": "second"}])
    confirm(box)
    assert [one["object"] for one in box.events("stored")] == ["first", "second"] and box.spooled() == names[2:]


def test_damaged(box):
    """What a power cut left of it is nothing: the controller finds it again."""
    with open(box.spool.path("confirmed.json"), "w", encoding="ascii") as file:
        file.write('{"files": [')
    confirm(box)
    assert len(box.spooled()) == 3 and not box.spool.has_confirmed


def test_nothing_is_confirmed_twice(box):
    """A call says that it changed something where a file lay there, and how many did."""
    names = box.spooled()
    told = [{"file": name, "sink": HOME, "object": name} for name in (*names[:2], "../state.json", "manifest.jsonl")]
    outcome = captures.confirm(box.spool, told)
    assert (outcome.changed, outcome.message) == (True, "capture c-1, files confirmed: 3")
    again = captures.confirm(box.spool, told)
    assert (again.changed, again.message) == (False, None) and box.spooled() == names[2:]
    assert not captures.confirm(Spool(box.spool.root, "c-2"), told).changed


def test_what_is_missing_after_the_end(box):
    """Nobody sends it any more, and nobody is told so."""
    outcome = captures.confirm(box.spool, [{"file": box.spooled()[0], "sink": "gs://b", "object": None}])
    assert outcome.message == "capture c-1, files not in the bucket, stays here: 1" and len(box.spooled()) == 3


def test_a_supervisor_that_takes_it_in(box):
    """The call returns once the supervisor that runs has written it down; it alone does."""
    names = box.spooled()

    def supervise():
        lock = box.spool.lock()
        stamp = box.spool.wanted_stamp()
        until(lambda: box.spool.wanted_stamp() != stamp)
        box.open()
        confirmations.take(box.spool, box.journal, box.holdings)
        os.close(lock)

    pid = fork(supervise)
    until(lambda: box.spool.running)
    assert captures.confirm(box.spool, [{"file": names[0], "sink": HOME, "object": names[0]}]).changed
    assert box.spooled() == names[1:] and len(box.events("stored")) == 1
    os.waitpid(pid, 0)


def test_a_supervisor_that_ends_without_another_look(box):
    """Where it was on its way out, whoever brings it does it in its place."""
    names, pid = box.spooled(), fork(lambda: leave(box))
    until(lambda: box.spool.running)
    captures.confirm(box.spool, [{"file": names[0], "sink": HOME, "object": names[0]}])
    os.waitpid(pid, 0)
    assert box.spooled() == names[1:] and reading.describe(box.spool)["shipped"] == 1


def leave(box):
    """A supervisor that ends once something was handed over."""
    box.spool.lock()
    until(lambda: box.spool.has_confirmed)
