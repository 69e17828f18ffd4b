# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A segment in a directory sink is whole and compared, or it is not there."""

from __future__ import annotations

import hashlib
import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node import directory

PARTS = ["c-1", "node-a", "shop", "web", "segment.pcap.gz"]
OBJECT = "c-1/node-a/shop/web/segment.pcap.gz"
CONTENT = bytes(range(256)) * 9000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path):
    """A closed segment."""
    path = tmp_path / "segment"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def sink(tmp_path):
    """An empty sink."""
    path = tmp_path / "sink"
    path.mkdir()
    return path


def visible(sink):
    """Every file of a sink that no leading dot hides, by its path."""
    return {
        os.path.relpath(os.path.join(folder, name), str(sink))
        for folder, _folders, names in os.walk(str(sink))
        for name in names
        if not name.startswith(".")
    }


def store(source, sink, digest=DIGEST, mount=None):
    """Ships the segment to the sink on whose mount it was found."""
    return directory.store(str(source), str(sink), PARTS, digest, mount or directory.look(str(sink))["mount"] or "/")


def test_stored(source, sink):
    """The object is below the sink, whole, and closed to others."""
    assert store(source, sink) == {"object": OBJECT, "error": None, "file_fault": False}
    assert (sink / OBJECT).read_bytes() == CONTENT
    assert (sink / OBJECT).stat().st_mode & 0o077 == 0
    assert sum(len(names) for _folder, _folders, names in os.walk(str(sink))) == 1
    assert source.read_bytes() == CONTENT


def test_stored_again(source, sink):
    """After a lost answer the same segment is shipped again: it is there, and stays the same file."""
    store(source, sink)
    before = (sink / OBJECT).stat()
    assert store(source, sink)["error"] is None
    after = (sink / OBJECT).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("found", [b"", b"something else", CONTENT[:-1], CONTENT + b"x"])
def test_other_content_stays(source, sink, found):
    """What lies there under the segment's name and is not the segment is another's: it neither passes nor goes."""
    (sink / OBJECT).parent.mkdir(parents=True)
    (sink / OBJECT).write_bytes(found)
    answer = store(source, sink)
    assert "there is another file of that name: " + OBJECT in answer["error"] and answer["file_fault"]
    assert (sink / OBJECT).read_bytes() == found and os.listdir(str((sink / OBJECT).parent)) == [PARTS[-1]]


@pytest.mark.parametrize("digest", [DIGEST, None], ids=["segment", "manifest"])
@pytest.mark.parametrize("make", [os.mkdir, lambda path: os.symlink("nowhere", path)], ids=["folder", "link"])
def test_what_is_no_file_stays_too(source, sink, make, digest):
    """A folder, or a link to nothing, has taken the name as well."""
    (sink / OBJECT).parent.mkdir(parents=True)
    make(str(sink / OBJECT))
    assert store(source, sink, digest)["file_fault"]
    assert not (sink / OBJECT).is_file()


def test_a_link_under_the_hidden_name_is_not_followed(source, sink, tmp_path):
    """Whoever else writes to the sink cannot have a file elsewhere overwritten."""
    (tmp_path / "other").write_bytes(b"other")
    (sink / OBJECT).parent.mkdir(parents=True)
    part = ".%s.part" % hashlib.sha256(PARTS[-1].encode()).hexdigest()[:16]
    os.symlink(str(tmp_path / "other"), str((sink / OBJECT).parent / part))
    assert store(source, sink)["error"]
    assert (tmp_path / "other").read_bytes() == b"other"
    assert store(source, sink)["error"] is None


@pytest.mark.parametrize("found", [b"", CONTENT[:-1], CONTENT])
def test_a_file_that_grows_replaces_its_beginning(source, sink, found):
    """The manifest is shipped once more when a supervisor is started again: it holds all that is there."""
    (sink / OBJECT).parent.mkdir(parents=True)
    (sink / OBJECT).write_bytes(found)
    assert store(source, sink, None)["error"] is None
    assert (sink / OBJECT).read_bytes() == CONTENT


@pytest.mark.parametrize("found", [b"other", CONTENT[:-1] + b"x", CONTENT + b"x"])
def test_a_file_that_grows_replaces_nothing_else(source, sink, found):
    """Another capture's manifest stays."""
    (sink / OBJECT).parent.mkdir(parents=True)
    (sink / OBJECT).write_bytes(found)
    assert store(source, sink, None)["file_fault"]
    assert (sink / OBJECT).read_bytes() == found


def test_look(sink):
    """A sink is known by where its file system is mounted, links followed; without a folder there is none."""
    assert directory.look("/proc/self") == {"mount": "/proc", "error": None}
    os.symlink("/proc", str(sink / "link"))
    assert directory.look(str(sink / "link"))["mount"] == "/proc"
    assert "is gone" in directory.look(str(sink / "none"))["error"]


def test_another_file_system(source, sink):
    """Where the mount is gone, its folder remains: nothing is stored there, and the error says why."""
    answer = store(source, sink, mount="/mnt/nfs")
    assert "is its mount gone?" in answer["error"] and "not on /mnt/nfs" in answer["error"]
    assert not answer["file_fault"] and os.listdir(str(sink)) == []


def test_the_mount_goes_while_a_file_is_copied(source, sink, monkeypatch):
    """What was written to the folder below is no segment in the sink, and nothing of it is left."""
    mounts, before = ["/mnt/nfs", "/"], directory.look(str(sink))
    monkeypatch.setattr(directory, "look", lambda _sink: dict(before, mount=mounts.pop(0)))
    assert "is its mount gone?" in store(source, sink, mount="/mnt/nfs")["error"]
    assert sum(len(names) for _folder, _folders, names in os.walk(str(sink))) == 0


def test_a_half_written_copy_is_written_anew(source, sink):
    """What an earlier, interrupted copy left is hidden, and does not get in the way."""
    store(source, sink)
    folder, name = os.path.split(str(sink / OBJECT))
    part = os.path.join(folder, ".%s.part" % hashlib.sha256(name.encode()).hexdigest()[:16])
    os.rename(os.path.join(folder, name), part)
    assert visible(sink) == set()
    with open(part, "ab") as file:
        file.write(b"more than there was")
    assert store(source, sink)["error"] is None
    assert (sink / OBJECT).read_bytes() == CONTENT and os.listdir(folder) == [name]


def test_the_sink_is_gone(source, tmp_path):
    """A mount that is not there is an error with its name, and is not made on the node's own disk."""
    answer = store(source, tmp_path / "gone")
    assert answer["object"] == OBJECT and "%s is gone" % (tmp_path / "gone") in answer["error"]
    assert not (tmp_path / "gone").exists()


def test_the_checksum_differs(source, sink):
    """A copy that is not what was counted is not stored, and nothing of it is left."""
    answer = store(source, sink, hashlib.sha256(b"other").hexdigest())
    assert answer["error"].endswith("the copy's checksum differs") and answer["file_fault"]
    assert sum(len(names) for _folder, _folders, names in os.walk(str(sink))) == 0


def test_a_file_where_a_folder_should_be(source, sink):
    """What cannot be written is told in the system's words, with the sink's name; nothing is visible."""
    (sink / "c-1").write_text("a file")
    answer = store(source, sink)
    assert answer["error"].startswith(str(sink) + ": ") and not answer["file_fault"]
    assert visible(sink) == {"c-1"}


def test_the_segment_is_gone(tmp_path, sink):
    """A segment that somebody took away is an error, and nothing is stored in its place."""
    assert "No such file" in store(tmp_path / "none", sink)["error"]
    assert visible(sink) == set()


def test_check_sink(sink, tmp_path):
    """A sink is a directory that takes a file; the check leaves nothing there."""
    directory.check(str(sink))
    assert os.listdir(str(sink)) == []
    for path in (tmp_path / "none", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(PcapError, match="^sink: .* is not a directory on this node"):
            directory.check(str(path))


def test_an_id_whose_manifest_is_there(sink):
    """KNT-7: an earlier capture of the same id and node keeps its manifest; another node's is none of ours."""
    (sink / "c-1" / "node-a").mkdir(parents=True)
    (sink / "c-1" / "node-a" / "manifest.jsonl").write_text("{}\n")
    with pytest.raises(PcapError, match="manifest.jsonl is there, of an earlier capture; choose another id"):
        directory.check_unused(str(sink), "c-1", "node-a")
    directory.check_unused(str(sink), "c-1", "node-b")
    directory.check_unused(str(sink), "c-2", "node-a")


def test_check_sink_that_takes_nothing():
    """A directory that takes no file is refused in the system's words, root or not."""
    with pytest.raises(PcapError, match="^sink: /proc/self cannot be written to.*No such file"):
        directory.check("/proc/self")
