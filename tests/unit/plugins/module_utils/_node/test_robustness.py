# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hostile values, damaged files and unlucky moments, over all pieces of the recorder."""

from __future__ import annotations

import dataclasses
import os
import sys
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _names as names
from ansible_collections.kube.pcap.plugins.module_utils import _options as options
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node import (
    calls,
    captures,
    presence,
    reading,
    retention,
    tcpdump,
    watch,
)
from ansible_collections.kube.pcap.plugins.module_utils._node.journal import Journal
from ansible_collections.kube.pcap.plugins.module_utils._node.process import Clock
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, Wanted
from ansible_collections.kube.pcap.plugins.module_utils._records import (
    CaptureOptions,
    NodeCapture,
    Selection,
    Target,
    TargetRef,
    to_result,
)

POD = Target("pod", "shop", "web", "0f3c8f4e-6d0b-4c2e-9d5c-3a4f9f6f0b11", "node-a", pid=2**22 + 5, netns=1)
ROOM = 10**15


@pytest.mark.parametrize("text", ["cart\n", "a\n", "a" * 62 + "\n"])
def test_a_newline_at_the_end_is_no_safe_part(text):
    """$ matches before a last newline: use \\Z."""
    assert names.clean_part(text) != text


@pytest.mark.parametrize("text", ["abc\n", "a\n"])
def test_a_newline_at_the_end_is_no_id(text):
    with pytest.raises(OptionError):
        names.check_id("capture_id", text)


def test_a_cut_part_is_nobody_elses():
    """Two different originals never become the same part (the module's own promise)."""
    long = "a" * 70
    assert names.clean_part(names.clean_part(long)) != names.clean_part(long)


def test_the_longest_name_with_a_cleaned_interface():
    """Whatever the parts are, the name is one that a file system takes."""
    target = TargetRef("pod", "n" * 63, "p" * 253, "u", "h" * 253)
    name = names.segment_name(target, "abcdefghijklmn@", 1795248902, 1, True)
    assert len(name) <= 255


@pytest.mark.parametrize("name, value", [("interface", "eth0\n"), ("sink", "/mnt/x\n"), ("spool", "/mnt/x\n")])
def test_a_newline_at_the_end(name, value):
    with pytest.raises(OptionError):
        options.capture_options({name: value})


@pytest.mark.parametrize("name", ["compress", "promiscuous"])
@pytest.mark.parametrize("text", ["false", "no", "off", "0", "False"])
def test_a_false_that_is_text(name, text):
    """-e capture_compress=false arrives as text; bool("false") is True. Either False, or refused."""
    try:
        assert getattr(options.capture_options({name: text}), name) is False
    except OptionError:
        pass


def test_max_duration_bounds_the_default_too():
    """An administrator's bound of 1h must bound a request that does not give a duration (default 2h)."""
    try:
        assert options.capture_options({"max_duration": "1h"}).duration_seconds <= 3600
    except OptionError:
        pass


def test_max_duration_is_checked_although_no_duration_is_given():
    with pytest.raises(OptionError):
        options.capture_options({"max_duration": "10 parsecs"})


@pytest.mark.parametrize("sink", ["/var/lib/kube-pcap", "/var/lib/kube-pcap/c-1", "/var/lib/kube-pcap/sink"])
def test_a_sink_inside_the_spool(sink):
    """<sink>/<id>/... then lies in the capture's own folder, and remove() deletes what was shipped."""
    with pytest.raises(OptionError):
        options.capture_options({"sink": sink, "spool": "/var/lib/kube-pcap"})


@pytest.mark.parametrize("text", ["host \ud800", "a" * 200_000])
def test_a_filter_that_no_command_line_takes(text):
    """Refused, or an error in words; today UnicodeEncodeError / OSError E2BIG from Popen reach the user."""
    try:
        given = options.capture_options({"filter": text}).filter
        tcpdump.run(tcpdump.compile_args(sys.executable, "any", given, 96))
    except PcapError:
        pass


@pytest.mark.parametrize("value", ["1", "2", 3])
def test_a_number_is_no_interface(value):
    """tcpdump -i 2 is the second interface of -D (pcap_findalldevs), whatever that is."""
    with pytest.raises(OptionError):
        options.capture_options({"interface": value})


def test_refusal_names_the_right_ring():
    """The text speaks of 512 KiB where 300 were asked for."""
    with pytest.raises(PcapError, match="of at least 300 KiB"):
        retention.share(CaptureOptions(memory_bytes=512 << 10, buffer_kib=300), [], 2, ROOM)


def test_new_pods_find_room():
    """design: new matching pods are added. With the defaults, a capture of 3 pods leaves no room for a 5th."""
    opts = CaptureOptions()
    running = [retention.share(opts, [], 3, ROOM)] * 3
    for _pod in range(5):
        running.append(retention.share(opts, running, 1, ROOM))


def test_new_pods_find_a_ring():
    opts = CaptureOptions(segment_bytes=1_000_000)
    running = [retention.share(opts, [], 40, ROOM)] * 40
    running.append(retention.share(opts, running, 1, ROOM))


def test_a_set_is_never_mixed_of_two():
    """The figures of one moment: captured 20 of received 10 never was. parse_counters("whole set") mixes."""
    asked = "tcpdump: %d packets captured, %d packets received by filter, %d packets dropped by kernel\n"
    assert tcpdump.parse_counters(asked % (9, 10, 0) + "20 packets captured\n") == tcpdump.Counters(9, 10, 0)


def make(tmp_path, **opts):
    spool = Spool(str(tmp_path / "spool"), "c-1")
    spool.make()
    spool.write_wanted(
        Wanted(
            NodeCapture(
                "c-1", "node-a", (Selection("nodes", name="*"),), CaptureOptions(spool=spool.root, **opts), (POD,)
            ),
            1,
            2,
        )
    )
    return spool


def test_who_asks_does_not_keep_a_supervisor_away(tmp_path):
    """running takes the lock for a moment; a supervisor that starts in it exits 0, and systemd lets it be.
    Here the moment is stretched to 0.3 s; rc 1 is "holds no capture", rc 0 means it took the asker for a supervisor."""
    import subprocess

    from ansible_collections.kube.pcap.plugins.module_utils._node import archive, recorder

    spool = Spool(str(tmp_path), "c-1")
    spool.make()
    (tmp_path / "r.pyz").write_bytes(archive.build(recorder.__name__))
    held = spool.lock()
    started = subprocess.Popen(
        [sys.executable, "-I", "-S", str(tmp_path / "r.pyz"), spool.folder], stderr=subprocess.PIPE
    )
    time.sleep(0.3)
    os.close(held)
    _out, words = started.communicate()
    assert started.returncode == 1 and b"holds no capture" in words


def test_a_supervisor_comes_up_on_a_full_disk(tmp_path, monkeypatch):
    """Killed after the ballast was used up, the next supervisor must still say why it ends."""
    import errno

    spool = make(tmp_path)

    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    spool.make_ballast()


@pytest.mark.parametrize("text", ["", "{", "\0" * 100])
def test_a_damaged_state_is_no_end(tmp_path, text):
    """state.json is written without fsync: after a power cut it may be empty. It is derived; the capture is not."""
    spool = make(tmp_path)
    with open(spool.path("state.json"), "w") as file:
        file.write(text)
    assert spool.read_state() is None
    assert reading.describe(spool)["phase"] == "failed"


@pytest.mark.parametrize("name", ["capture.json", "state.json"])
def test_a_damaged_capture_can_be_removed(tmp_path, name):
    """The message says "remove the capture with state absent and force"; that fails with the same message."""
    spool = make(tmp_path)
    with open(spool.path(name), "w") as file:
        file.write("{")
    captures.remove(spool, True, False)
    assert not spool.exists


def test_one_damaged_capture_does_not_hide_the_others(tmp_path):
    spool = make(tmp_path)
    other = Spool(spool.root, "c-2")
    other.make()
    with open(other.path("capture.json"), "w") as file:
        file.write("{")
    got = calls.info({"spool": spool.root, "id": None, "segments": False})
    assert [one["id"] for one in got["captures"]] == ["c-1", "c-2"]


def test_an_empty_spool_that_was_there_before_stays(tmp_path):
    """remove() also removes a root that the user made (an empty mount folder)."""
    root = tmp_path / "theirs"
    root.mkdir()
    spool = Spool(str(root), "c-1")
    spool.make()
    spool.remove()
    assert root.exists()


def test_a_spool_that_is_a_file(tmp_path):
    """No traceback: PcapError."""
    (tmp_path / "file").touch()
    for root in (str(tmp_path / "file"), str(tmp_path / "file" / "below")):
        with pytest.raises(PcapError):
            Spool(root, "c-1").make()
    assert calls.info({"spool": str(tmp_path / "file"), "id": None, "segments": False})["captures"] == []


def test_a_folder_that_somebody_else_made(tmp_path):
    """In a spool others can write to, /<spool>/<id> made beforehand by a user is taken, and root then runs
    <id>/recorder.pyz out of that user's folder."""
    root = tmp_path / "spool"
    root.mkdir(mode=0o777)
    (root / "c-1").mkdir()
    os.chown(str(root / "c-1"), 65534, 65534)
    with pytest.raises(PcapError):
        Spool(str(root), "c-1").make()


def test_only_so_many_captures(tmp_path):
    """Those that record, or will when their dead recorder is started, count; those that have ended do not."""
    asked = make(tmp_path).read_wanted()
    for number in range(2, 10):
        spool = Spool(str(tmp_path / "spool"), "c-%d" % number)
        spool.make()
        spool.write_wanted(asked)
        if number > 2:
            spool.write_state({"phase": ("starting", "ready")[number % 2]})
    new = dataclasses.replace(asked.capture, id="c-new")
    with pytest.raises(PcapError, match="^8 captures in .*spool have not ended.*: c-2, c-3, .*, c-9; stop one"):
        captures.remove(Spool(str(tmp_path / "spool"), "c-1"), True, False)
        captures.start(new, None, False)
    spool.write_state({"phase": "draining"})
    with pytest.raises(PcapError, match="does not run on this node any more"):
        captures.start(new, None, False)


# captures / ledger ------------------------------------------------------------------------------------------------
def test_unshipped_segments_are_not_removed(tmp_path):
    """evicted counts raw files too, which are in no "segments": 5 segments, 3 shipped, 2 raw evicted -> 2 are left."""
    spool = make(tmp_path, sink="/mnt/x")
    spool.write_state(
        {
            "phase": "done",
            "reason": "x",
            "targets": [],
            "segments": 5,
            "shipped": 3,
            "evicted": 2,
            "evicted_packets": 9,
            "backlog_bytes": 100,
            "disk_bytes": 100,
            "deadline_ns": 1,
        }
    )
    with pytest.raises(PcapError):
        captures.remove(spool, False, False)


def test_a_pod_that_is_gone_may_come_back_within_a_minute(tmp_path):
    """While the pod is gone, opening a tap is tried again and again, and after 18 s the target has failed."""
    spool = make(tmp_path)
    journal = Journal(spool, Clock())
    journal.record("started", POD.ref, run=1, interface="any", interfaces={}, boot="b", pid=1)
    journal.record("ready", POD.ref, run=1)
    journal.record("stopped", POD.ref, run=1, status=0, reason="the pod is gone")
    share = retention.Share(512, 1_000_000)
    one = watch.Watch(POD, CaptureOptions(), share, spool, journal, Clock(), presence.Search())
    now = 1000.0
    while now < 1055:
        one.tick(now, True)
        assert one.phase == "starting", "%s after %d s: %s" % (one.phase, now - 1000, one.reason)
        now += 0.25
    while now < 1080:
        one.tick(now, True)
        now += 0.25
    assert (one.phase, one.reason) == ("done", "the pod is gone")


@pytest.mark.parametrize(
    "field, value",
    [
        ("keep_bytes", "abc"),
        ("snaplen", None),
        ("interface", 7),
        ("memory_bytes", []),
        ("filter", "-w /x"),
        ("duration_seconds", -5),
        ("duration_seconds", 10**9),
        ("interface", "../x"),
    ],
)
def test_a_record_that_the_plan_did_not_make(tmp_path, field, value):
    record = to_result(NodeCapture("c-1", "node-a", (Selection("nodes", name="*"),), CaptureOptions(), (POD,)))
    record["options"][field] = value
    with pytest.raises(PcapError):
        calls.asked({"record": record})


@pytest.mark.parametrize("code", ["ENOSPC", "EIO"])
def test_a_line_that_failed_is_not_there(tmp_path, monkeypatch, code):
    """fsync may be the one that says "no room" (NFS, delayed allocation): the line is in the file by then, the
    ledger has not taken it in, and the caller does everything again -> two "segment" lines for one file on replay."""
    import errno

    from ansible_collections.kube.pcap.plugins.module_utils._node.manifest import Manifest, read_manifest

    spool = make(tmp_path)
    manifest = Manifest(spool)
    manifest.append({"event": "a"})

    def full(_descriptor):
        raise OSError(getattr(errno, code), "no")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError):
            manifest.append({"event": "b"})
    manifest.append({"event": "b"})
    assert [one["event"] for one in read_manifest(spool.path("manifest.jsonl"))] == ["a", "b"]
