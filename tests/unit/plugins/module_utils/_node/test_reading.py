# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a capture, and that a supervisor which is not there is never called ready."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import CaptureError
from ansible_collections.kube.pcap.plugins.module_utils._node import reading
from ansible_collections.kube.pcap.plugins.module_utils._node.manifest import Manifest
from ansible_collections.kube.pcap.plugins.module_utils._node.retention import Share
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, Wanted
from ansible_collections.kube.pcap.plugins.module_utils._records import (
    CaptureOptions,
    NodeCapture,
    Selection,
    Target,
    TargetRef,
    Upload,
    to_result,
)

from .forks import fork, until

WEB = Target("pod", "shop", "web", "uid-1", "node-a", pid=4711, netns=1, addresses=("10.0.0.7",))
CART = Target("pod", "shop", "cart", "uid-2", "node-a", pid=4712, netns=2)
START = 1_795_248_902 * 10**9
KEYS = {"id", "phase", "started", "deadline", "reason", "targets", "segments", "shipped", "backlog_bytes"}
KEYS |= {"evicted_packets", "disk_bytes", "sink", "last_error"}
TARGET_KEYS = {"target", "phase", "reason", "packets", "received", "dropped_kernel", "dropped_interface"}
TARGET_KEYS |= {"segments", "shipped", "bytes", "gaps", "last_gap"}


def told(target, phase="ready", **figures):
    """A supervisor's word on a target."""
    given = {"packets": 5, "received": 6, "dropped_kernel": 0, "dropped_interface": None, "segments": 2, "shipped": 1}
    given.update(bytes=99, evicted_packets=0, buffer_kib=4096, segment_bytes=1_000_000, **figures)
    return {"target": to_result(target), "phase": phase, "reason": None, **given}


def state(phase, reason=None, targets=(WEB, CART), **more):
    """A supervisor's state.json."""
    given = {"segments": 4, "shipped": 2, "evicted": 1, "evicted_packets": 7, "backlog_bytes": 11, "disk_bytes": 12}
    given.update(last_error="full", deadline_ns=START + 10**9, written_ns=time.time_ns(), **more)
    return {"phase": phase, "reason": reason, "targets": [told(one) for one in targets], **given}


@pytest.fixture
def spool(tmp_path):
    """A capture of two pods whose supervisor has not begun."""
    made = Spool(str(tmp_path), "c-1")
    made.make()
    options = CaptureOptions(sink="/mnt/x")
    capture = NodeCapture("c-1", "node-a", (Selection("pods", "shop", "*"),), options, (WEB, CART))
    made.write_wanted(Wanted(capture, START, START + 7200 * 10**9))
    return made


@pytest.fixture
def supervisor(spool):
    """A process that holds the supervisor's lock, until it is killed."""

    def hold():
        spool.lock()
        signal.pause()

    pid = fork(hold)
    until(lambda: spool.running)
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@pytest.mark.parametrize(
    "written, running, phase, reason",
    [
        (None, True, "starting", None),
        (state("starting"), True, "starting", None),
        (state("ready"), True, "ready", None),
        (state("draining", "stopped"), True, "draining", "stopped"),
        (state("done", "deadline"), True, "done", "deadline"),
        (state("done", "deadline"), False, "done", "deadline"),
        (state("failed", "tcpdump: no"), False, "failed", "tcpdump: no"),
        (None, False, "failed", "not running"),
        (state("starting"), False, "failed", "not running"),
        (state("ready"), False, "failed", "not running"),
        (state("draining", "stopped"), False, "failed", "not running"),
    ],
)
def test_phase(spool, request, written, running, phase, reason):
    """A dead supervisor's last word counts only where it was its very last."""
    if running:
        request.getfixturevalue("supervisor")
    if written:
        spool.write_state(dict(written, written_ns=time.time_ns()))
    full = reading.describe(spool)
    assert full["phase"] == phase
    assert full["reason"] == reason or reason in full["reason"]
    assert reading.is_finished(spool) == (phase == "done" or reason == "tcpdump: no")


def test_a_supervisor_that_cannot_write(spool, supervisor):
    """An old word of a living supervisor is not taken for news: its disk may be full."""
    spool.write_state(dict(state("ready"), written_ns=time.time_ns() - 60 * 10**9))
    full = reading.describe(spool)
    assert full["phase"] == "failed" and "disk" in full["reason"]


def test_describe_before_the_first_state(spool):
    """What is wanted is told before anything was done: the targets, with nothing counted."""
    full = reading.describe(spool)
    assert set(full) >= KEYS and all(set(one) >= TARGET_KEYS for one in full["targets"])
    assert [one["target"]["name"] for one in full["targets"]] == ["web", "cart"]
    assert {one["packets"] for one in full["targets"]} == {0}
    assert (full["started"], full["deadline"]) == ("2026-11-21T08:15:02Z", "2026-11-21T10:15:02Z")
    assert (full["sink"], full["segments"], full["last_error"]) == ("/mnt/x", 0, None)


def test_describe(spool, supervisor):
    """A living supervisor's figures are told as they are."""
    spool.write_state(state("ready"))
    full = reading.describe(spool)
    assert set(full) >= KEYS and all(set(one) >= TARGET_KEYS for one in full["targets"])
    assert (full["segments"], full["shipped"], full["evicted_packets"]) == (4, 2, 7)
    assert (full["backlog_bytes"], full["disk_bytes"], full["last_error"]) == (11, 12, "full")
    assert full["targets"][0]["target"] == to_result(WEB)
    assert full["targets"][0]["dropped_interface"] is None and full["targets"][0]["received"] == 6
    assert (full["targets"][0]["gaps"], full["targets"][0]["last_gap"]) == (0, None)
    assert full["deadline"] == "2026-11-21T08:15:03Z"


@pytest.mark.parametrize("until_ns, until", [(None, None), (START + 5 * 10**9, "2026-11-21T08:15:07Z")])
def test_the_last_gap(spool, supervisor, until_ns, until):
    """Users see the times of day."""
    gap = {"reason": "tcpdump was killed by signal 9", "from_ns": START, "until_ns": until_ns, "packets": 5}
    spool.write_state({**state("ready"), "targets": [told(WEB, gaps=3, last_gap=gap)]})
    (target,) = reading.describe(spool)["targets"]
    shown = {"reason": gap["reason"], "since": "2026-11-21T08:15:02Z", "until": until, "packets": 5}
    assert (target["gaps"], target["last_gap"]) == (3, shown)


@pytest.mark.parametrize("phase, left", [("starting", True), ("ready", True), ("draining", False), ("done", False)])
def test_time_left(spool, supervisor, phase, left):
    """Time is left only while taps are open, and never less than none."""
    spool.write_state(dict(state(phase), deadline_ns=time.time_ns() + 100 * 10**9))
    assert (90 < reading.describe(spool)["seconds_left"] <= 100) is left
    spool.write_state(dict(state(phase), deadline_ns=1))
    assert reading.describe(spool)["seconds_left"] == 0


def test_brief(spool, supervisor):
    """A module that starts a capture tells what it is, how each target is, and no figures."""
    spool.write_state(state("ready"))
    brief = reading.brief(spool)
    assert set(brief) == {"id", "phase", "deadline", "targets"}
    how = {"phase": "ready", "reason": None}
    assert brief["targets"] == [{**to_result(WEB), **how}, {**to_result(CART), **how}]


def test_no_capture(tmp_path):
    """A folder without a request is no capture."""
    with pytest.raises(CaptureError, match="holds no capture"):
        reading.describe(Spool(str(tmp_path), "c-9"))


def test_shares(spool):
    """Only open taps take memory and disk."""
    assert reading.shares(spool) == [] and reading.by_ref(spool) == {}
    written = state("ready", targets=())
    written["targets"] = [told(WEB), told(CART, "done"), told(dataclasses.replace(CART, uid="x"), "failed")]
    spool.write_state(written)
    assert reading.shares(spool) == [Share(4096, 1_000_000)]
    assert set(reading.by_ref(spool)) == {WEB.ref, CART.ref, dataclasses.replace(CART, uid="x").ref}


def test_a_static_pods_word_is_found(spool):
    """The API gives it another uid than its node knows; its ref is the same, whoever was asked."""
    static = dataclasses.replace(WEB, uid="uid-of-the-api", static_hash="0123456789abcdef0123456789abcdef")
    spool.write_state(state("ready", targets=(static,)))
    assert set(reading.by_ref(spool)) == {static.ref}


def test_segment_list(spool):
    """Each segment once, with where it is now; what was given up before it was a segment is none."""
    assert reading.segment_list(spool) == []
    manifest = Manifest(spool)
    for event in (
        {"event": "segment", "seq": 1, "target": WEB.ref, "file": "a", "packets": 3},
        {"event": "segment", "seq": 2, "target": WEB.ref, "file": "b", "packets": 4},
        {"event": "segment", "seq": 1, "target": CART.ref, "file": "c", "packets": 5},
        {"event": "stored", "seq": 1, "target": WEB.ref, "sink": "/mnt", "object": "c-1/x/a"},
        {"event": "evicted", "seq": None, "target": WEB.ref, "raw": "1/x"},
        {"event": "evicted", "seq": 2, "target": WEB.ref},
        {"event": "gap", "target": WEB.ref},
    ):
        manifest.append(event)
    manifest.close()
    found = reading.segment_list(spool)
    assert [(one["file"], one["where"], one["sink"], one["object"], one["packets"]) for one in found] == [
        ("a", "sink", "/mnt", "c-1/x/a", 3),
        ("b", "evicted", None, None, 4),
        ("c", "spool", None, None, 5),
    ]
    assert TargetRef(**found[2]["target"]) == CART.ref


def test_timestamp():
    """Times are UTC, to the second, cut off."""
    assert reading.timestamp(0) == "1970-01-01T00:00:00Z"
    assert reading.timestamp(START + 999_999_999) == "2026-11-21T08:15:02Z"


@pytest.mark.parametrize("upload, wanted", [("policy", True), ("metadata", False)])
def test_who_wants_a_policy(spool, upload, wanted):
    """A node that asks its metadata server never wants one: not without a way, not refused, not ended."""
    capture = dataclasses.replace(
        spool.read_wanted().capture, options=CaptureOptions(sink="gs://captures/p", upload=upload)
    )
    spool.write_wanted(Wanted(capture, START, time.time_ns() + 7200 * 10**9))
    assert reading.wants_upload(spool) == wanted
    spool.write_upload(Upload("https://storage.googleapis.com", "p/c-1/node-a/"), {})
    spool.write_state(state("ready", refused=True, unconfirmed=1))
    assert reading.wants_upload(spool) == wanted
    spool.write_state(state("ready", unconfirmed=1))
    assert reading.wants_upload(spool) == wanted and reading.needs_reader(spool)


HOUR = 3600 * 10**9


def shipping(spool, left_hours, **options):
    """A capture that ships to a bucket, with so much time before its deadline."""
    chosen = CaptureOptions(sink="gs://captures/p", **options)
    capture = dataclasses.replace(spool.read_wanted().capture, options=chosen)
    spool.write_wanted(Wanted(capture, START, time.time_ns() + left_hours * HOUR))


def way(hours):
    """A policy that lasts so long."""
    now = time.time_ns()
    return Upload("https://storage.googleapis.com/b/", "p/c-1/node-a/", {"policy": "x"}, now, now + hours * HOUR)


@pytest.mark.parametrize(
    "left, hours, phase, refused, wanted",
    [
        (2, None, "ready", False, True),
        (2, 4, "ready", False, False),
        (2, 4, "ready", True, True),
        (2, 2, "draining", False, True),
        (2, 400, "ready", False, False),
        (24 * 30, 24 * 7, "ready", False, False),
        (24 * 30, 24 * 5, "ready", False, True),
        (2, None, "done", True, False),
        (2, None, "failed", True, False),
        (-9, 1, "ready", False, False),
    ],
)
def test_when_a_policy_is_renewed(spool, left, hours, phase, refused, wanted):
    """Where there is none, or it ends before capture and grace do, or it was refused; one that lasts is left alone."""
    shipping(spool, left)
    if hours is not None:
        spool.write_upload(way(hours), {})
    spool.write_state(state(phase, refused=refused))
    assert reading.wants_upload(spool) == reading.upload_of(spool)["renew"] == wanted


def test_no_policy_for_a_directory(spool):
    """Only a bucket takes one, and only a capture has a sink."""
    assert not reading.wants_upload(spool) and not reading.wants_upload(Spool(spool.root, "c-9"))
    assert not reading.needs_reader(spool)
    with pytest.raises(CaptureError, match="holds no capture"):
        reading.upload_of(Spool(spool.root, "c-9"))


def test_what_a_node_asks_for(spool):
    """The time that is left with its grace, the bound as the largest object, and the node as the capture has it."""
    shipping(spool, 2, keep_bytes=5_000_000)
    told = reading.upload_of(spool)
    assert 3 * 3600 - 60 <= told.pop("seconds") <= 3 * 3600
    asked = {
        "id": "c-1",
        "node": "node-a",
        "sink": "gs://captures/p",
        "renew": True,
        "most": 5_000_000,
        "unconfirmed": [],
    }
    assert told == asked
    shipping(spool, -200)
    assert reading.upload_of(spool)["seconds"] == 60


SEGMENT = {"event": "segment", "target": to_result(WEB.ref), "run": 1, "packets": 1, "bytes": 7, "sha256": "00" * 32}
SEGMENT.update(md5="ab" * 16, opened=5, interfaces={}, end_ns=None, damage=None, dropped_total=0)
STARTED = {"event": "started", "target": to_result(WEB.ref), "run": 1, "interface": "any", "boot": "b", "at_ns": 1}


def test_what_may_be_there(spool):
    """Each file with its object, size and MD5; the manifest alone, once nothing else is left, with those of now."""
    shipping(spool, 2)
    manifest = Manifest(spool)
    manifest.append({**STARTED, "pid": 1})
    for seq in (1, 2):
        manifest.append({**SEGMENT, "seq": seq, "file": "s%d" % seq, "raw": "1/%d" % seq})
    manifest.append({"event": "unconfirmed", "seq": 2, "target": to_result(WEB.ref), "object": "p/x/s2"})
    spool.write_state(state("draining", unconfirmed=2))
    assert reading.upload_of(spool)["unconfirmed"] == [
        {"file": "s2", "object": "p/x/s2", "bytes": 7, "md5": "ab" * 16},
    ]
    for seq in (1, 2):
        manifest.append({"event": "stored", "seq": seq, "target": to_result(WEB.ref), "sink": "gs://captures/p"})
    manifest.close()
    spool.write_state(state("draining", unconfirmed=1))
    (told,) = reading.upload_of(spool)["unconfirmed"]
    data = open(spool.path("manifest.jsonl"), "rb").read()
    assert (told["file"], told["object"]) == ("manifest.jsonl", "p/c-1/node-a/manifest.jsonl")
    assert (told["bytes"], told["md5"]) == (len(data), hashlib.md5(data).hexdigest())


@pytest.mark.parametrize(
    "file, phase, unconfirmed, waits",
    [
        ("s1", "ready", 0, True),
        ("s2", "ready", 1, False),
        ("../state.json", "ready", 1, False),
        ("../segments/s1", "ready", 1, False),
        ("manifest.jsonl", "draining", 0, True),
        ("manifest.jsonl", "done", 1, True),
        ("manifest.jsonl", "done", 0, False),
    ],
)
def test_what_waits_here(spool, file, phase, unconfirmed, waits):
    """A segment that lies here, and a manifest that is still to go."""
    with open(spool.path("segments", "s1"), "wb"):
        pass
    spool.write_state(state(phase, unconfirmed=unconfirmed))
    assert reading.waits(spool, file) == waits
