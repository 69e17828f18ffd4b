# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a capture: files that are whole at every moment, and one supervisor."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import CaptureError
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import (
    Spool,
    Wanted,
    list_captures,
    raw_files,
)
from ansible_collections.kube.pcap.plugins.module_utils._records import (
    CaptureOptions,
    NodeCapture,
    Selection,
    Target,
    Upload,
)

from .forks import fork, until

CAPTURE = NodeCapture(
    "c-1", "node-a", (Selection("nodes", name="*"),), CaptureOptions(), (Target("node", name="node-a"),)
)
WANTED = Wanted(CAPTURE, 1, 2)


def mode(path):
    """Who may do what with a file."""
    return os.stat(path).st_mode & 0o777


def test_folders_are_closed_to_others(spool):
    """Captures hold payload: nobody but root reads them, whatever the umask."""
    for path in (spool.root, spool.folder, spool.path("taps"), spool.path("segments")):
        assert mode(path) == 0o700
    spool.write_wanted(WANTED)
    spool.write_state({})
    for path in (spool.path("capture.json"), spool.path("state.json")):
        assert mode(path) == 0o600


def test_make_twice(spool):
    """Making what is there changes nothing."""
    spool.write_wanted(WANTED)
    spool.make()
    assert spool.read_wanted() == WANTED


def test_what_is_wanted_comes_back(spool):
    """A capture is there once it was accepted, and gone with its folder; a root that is not ours to remove stays."""
    assert (spool.is_cut_off, spool.read_state()) == (True, None)
    stopping = Wanted(CAPTURE, 1, 2, "stopped")
    for wanted in (WANTED, stopping):
        spool.write_wanted(wanted)
        assert spool.exists and spool.read_wanted() == wanted
    spool.remove()
    assert not spool.exists and os.listdir(spool.root) == []


def test_another_capture_stays(spool, tmp_path):
    """Removing one capture leaves the others and their root."""
    other = Spool(spool.root, "c-2")
    other.make()
    other.write_wanted(WANTED)
    spool.remove()
    assert list_captures(spool.root) == ["c-2"] and other.exists


def test_every_change_is_seen(spool):
    """A supervisor sees that capture.json was replaced, or touched, and that nothing was done."""
    spool.write_wanted(WANTED)
    first = spool.wanted_stamp()
    assert spool.wanted_stamp() == first
    spool.write_wanted(WANTED)
    second = spool.wanted_stamp()
    os.utime(spool.path("capture.json"), ns=(1, 1))
    assert len({first, second, spool.wanted_stamp()}) == 3


def test_a_reader_sees_old_or_new_and_nothing_between(spool):
    """While a supervisor writes its state over and over, each reading is a whole one."""
    spool.write_state({"n": 0, "text": "x" * 20000})

    def write():
        for number in range(1, 400):
            spool.write_state({"n": number, "text": "x" * (20000 + number)})

    pid, seen = fork(write), set()
    while not os.waitpid(pid, os.WNOHANG)[0]:
        state = spool.read_state()
        assert len(state["text"]) == 20000 + state["n"]
        seen.add(state["n"])
    assert seen and not [name for name in os.listdir(spool.folder) if name.endswith(".part")]


@pytest.mark.parametrize("text", ["", "{", '{"capture": ', "[]", '"x"', "\0\0\0"])
def test_a_damaged_request_is_told(spool, text):
    """A file that somebody damaged is named, with the way out."""
    with open(spool.path("capture.json"), "w", encoding="utf-8") as file:
        file.write(text)
    with pytest.raises(CaptureError, match="capture.json is damaged.*absent"):
        spool.read_wanted()


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda one: one.pop("deadline_ns"), "deadline_ns is missing"),
        (lambda one: one.update(deadline_ns="soon"), "deadline_ns is no whole number"),
        (lambda one: one.update(started_ns=True), "started_ns is no whole number"),
        (lambda one: one.update(stop_reason=5), "stop_reason is no text"),
        (lambda one: one.update(capture=None), "capture is no mapping"),
        (lambda one: one["capture"].pop("id"), "capture.id is missing"),
        (lambda one: one["capture"]["options"].update(snaplen="x"), "capture.options.snaplen is no whole number"),
    ],
)
def test_a_request_of_other_types_is_told(spool, change, why):
    """What is missing, or of another type, is named where it stands; nothing of it is used."""
    spool.write_wanted(WANTED)
    with open(spool.path("capture.json"), encoding="utf-8") as file:
        values = json.load(file)
    change(values)
    with open(spool.path("capture.json"), "w", encoding="utf-8") as file:
        json.dump(values, file)
    with pytest.raises(CaptureError, match=r"capture.json is damaged \(%s\); " % re.escape(why)):
        spool.read_wanted()


def test_list_captures(spool, tmp_path):
    """A capture is a folder with a request, or with a capture's folders; anything else beside it is none."""
    assert list_captures(str(tmp_path / "nothing")) == [] and list_captures(spool.root) == ["c-1"]
    for name in ("b", "a"):
        one = Spool(spool.root, name)
        one.make()
        one.write_wanted(WANTED)
    os.mkdir(os.path.join(spool.root, "lost+found"))
    with open(os.path.join(spool.root, "file"), "w", encoding="utf-8"):
        pass
    assert list_captures(spool.root) == ["a", "b", "c-1"]


def test_what_was_cut_off(spool):
    """What a killed start leaves is told, not taken for a capture, nor for nothing."""
    assert spool.exists and spool.is_cut_off and spool.is_empty
    with pytest.raises(CaptureError, match="capture.json is missing: .*absent with force"):
        spool.read_wanted()
    with open(spool.path("segments", "a.pcap.gz"), "w", encoding="utf-8"):
        pass
    assert not spool.is_empty
    os.chmod(spool.folder, 0o755)
    assert not spool.exists, "anybody's folder may hold taps"
    os.chmod(spool.folder, 0o700)
    os.mkdir(spool.path("precious"))
    assert not spool.exists, "with something of another's it is none of ours"
    os.rmdir(spool.path("precious"))
    spool.write_wanted(WANTED)
    assert spool.exists and not spool.is_cut_off
    spool.clear()
    assert not spool.exists and spool.read_wanted() is None and not os.path.exists(spool.folder)


@pytest.mark.parametrize("entries", range(5))
def test_a_removal_that_is_cut_off(spool, monkeypatch, entries):
    """Wherever it was killed: there is a rest that can be seen, or nothing; nobody takes it for a capture."""
    spool.write_wanted(WANTED)
    for name in ("state.json", "manifest.jsonl", "segments/one.pcap.gz"):
        with open(spool.path(name), "w", encoding="utf-8"):
            pass
    real, left = (os.unlink, shutil.rmtree), [entries]

    def killed(way):
        def one(path, *more, **options):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return way(path, *more, **options)

        return one

    monkeypatch.setattr(os, "unlink", killed(real[0]))
    monkeypatch.setattr(shutil, "rmtree", killed(real[1]))
    with contextlib.suppress(KeyboardInterrupt):
        spool.clear()
    monkeypatch.undo()
    if entries:
        assert not spool.is_accepted and (spool.is_cut_off or not os.path.exists(spool.folder))
    spool.clear()
    assert not os.path.exists(spool.folder)


def test_raw_files_in_the_order_of_opening(tmp_path):
    """First by the second of -G, then by the number of -C; what tcpdump did not write is left out."""
    names = ["1000.pcap", "1000.pcap1", "1000.pcap2", "1000.pcap9", "1000.pcap10", "1000.pcap100", "1060.pcap"]
    for size, name in enumerate(reversed(names)):
        (tmp_path / name).write_bytes(b"x" * size)
    for other in (".hidden", "x.pcap", "1000.pcap.gz", "1000.txt", "1000", "-1.pcap", "1000.pcap1.part"):
        (tmp_path / other).touch()
    assert raw_files(str(tmp_path)) == list(zip(names, [6, 5, 4, 3, 2, 1, 0]))


def test_the_lock_is_one_supervisors(spool):
    """A second one does not get it; when the first lets go, it does."""
    assert not spool.running
    held = spool.lock()
    assert held is not None and spool.running and spool.lock() is None and spool.running
    os.close(held)
    assert not spool.running
    os.close(spool.lock())


def test_who_asks_is_no_supervisor(spool):
    """Two who ask at the same moment do not take each other for one, or a dead supervisor would be left dead."""
    os.close(spool.lock())
    with open(spool.path("lock"), "rb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not spool.running


def test_the_lock_goes_with_its_holder(spool):
    """A supervisor that is killed leaves nothing locked."""

    def hold():
        spool.lock()
        signal.pause()

    pid = fork(hold)
    until(lambda: spool.supervisor == pid)
    assert spool.running and spool.lock() is None
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert not spool.running
    os.close(spool.lock())


def test_asking_locks_nothing(spool):
    """Whether a supervisor runs can be asked of a capture that has none, and leaves it as it is."""
    assert not spool.running
    assert "lock" not in os.listdir(spool.folder)


WAY = Upload("http://b.example/", "p/c-1/node-a/", {"x-goog-signature": "5ec4e7"}, 1, 2)


def test_the_policy_is_in_its_own_file(spool):
    """What may write to the bucket is read by root alone, comes back as it was, and goes with the capture."""
    assert spool.read_upload() is None
    spool.write_upload(WAY, {"HTTPS_PROXY": "http://u:p@proxy"})
    assert spool.read_upload() == WAY and mode(spool.path("upload.json")) == 0o600
    assert spool.is_cut_off  # a start that was cut off here is one that may be cleared
    spool.write_wanted(WANTED)
    with open(spool.path("capture.json"), encoding="utf-8") as file:
        assert "5ec4e7" not in file.read()
    spool.remove()
    assert not os.path.exists(spool.folder)


def test_the_way_through_a_proxy_stays(spool):
    """Who renews a policy from a shell that has no proxy set does not take it away; who has another one, changes it."""
    spool.write_upload(WAY, {"HTTPS_PROXY": "http://one", "SSL_CERT_FILE": "/ca"})
    for told, proxy in (({}, "http://one"), ({"HTTPS_PROXY": "http://two"}, "http://two")):
        spool.write_upload(WAY, told)
        with open(spool.path("upload.json"), encoding="utf-8") as file:
            assert json.load(file)["environment"] == {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": "/ca"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}', "{}"])
def test_a_damaged_policy_is_none(spool, text):
    """It is as good as none, so that another is asked for; nothing of it is told."""
    with open(spool.path("upload.json"), "w", encoding="utf-8") as file:
        file.write(text)
    assert spool.read_upload() is None
    spool.write_upload(WAY, {})
    assert spool.read_upload() == WAY
