# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files come block by block, whole or not at all, and what an earlier run left is of use."""

from __future__ import annotations

import fcntl
import hashlib
import stat

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError, NodeError
from ansible_collections.kube.pcap.plugins.plugin_utils._collect import fetching
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.fetching import fetch, fetch_growing, usable

CONTENT = bytes(range(256)) * 5 + b"end"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """A file has ten blocks and a bit."""
    monkeypatch.setattr(fetching, "BLOCK", 128)


class Source:
    """A file of a node, which may go or be cut off before a block."""

    def __init__(self, content=CONTENT, cut=None, gone=None):
        self.content, self.cut, self.gone = content, cut, gone
        self.asked = []

    def __call__(self, path, number):
        assert path == "/spool/a"
        self.asked.append(number)
        if number == self.cut:
            self.cut = None
            raise NodeError("the connection was cut")
        return None if number == self.gone else self.content[number * 128 : number * 128 + 128]


@pytest.fixture
def path(tmp_path):
    """Where the file is to be."""
    return tmp_path / "a"


SIZE = len(CONTENT)


def bring(source, path, size=SIZE, digest=DIGEST):
    return fetch(source, "/spool/a", str(path), size, digest)


@pytest.mark.parametrize("size", [0, 1, 127, 128, 129, 256, len(CONTENT)])
def test_byte_for_byte(path, size):
    """Whatever its size, its bytes are the same, for its owner alone, and nothing else is left."""
    content = CONTENT[:size]
    assert bring(Source(content), path, size, hashlib.sha256(content).hexdigest())
    assert path.read_bytes() == content and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["a"]


def test_after_a_cut_the_next_run_goes_on(path):
    """Blocks that are there are not asked for again."""
    source = Source(cut=6)
    with pytest.raises(NodeError):
        bring(source, path)
    assert not path.exists() and path.with_name("a.part").stat().st_size == 6 * 128
    source.asked.clear()
    assert bring(source, path) and path.read_bytes() == CONTENT
    assert source.asked == [6, 7, 8, 9, 10]


@pytest.mark.parametrize("left", [b"x" * 300, b"x" * 5000, CONTENT[:200] + b"x" * 200, CONTENT])
def test_whatever_an_earlier_run_left(path, left):
    """What does not fit is brought again, once."""
    path.with_name("a.part").write_bytes(left)
    source = Source()
    assert bring(source, path) and path.read_bytes() == CONTENT and len(source.asked) <= 22


def test_a_file_that_is_not_what_the_manifest_says(path):
    """It is refused, and nothing of it is left."""
    path.with_name("a.part").write_bytes(CONTENT[:256])
    with pytest.raises(FileError, match="/spool/a is not what the manifest says: its SHA-256 is 77e3"):
        bring(Source(b"0" * len(CONTENT)), path, digest=DIGEST)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("block", [0, 5])
def test_a_file_that_is_gone(path, block):
    """It is told, and nothing of it is left."""
    assert not bring(Source(gone=block), path) and list(path.parent.iterdir()) == []
    assert fetch_growing(Source(gone=block), "/spool/a", str(path), True) is None
    assert list(path.parent.iterdir()) == []


def test_a_file_that_another_run_brings(path):
    """Two runs never write one file, which could be told as safe by one and be cut by the other."""
    with open(path.with_name("a.part"), "wb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        with pytest.raises(FileError, match="a is being written by another run; wait for its end"):
            bring(Source(), path)


def test_a_folder_that_cannot_be_written_to(path):
    """The path and the reason are told."""
    path.parent.rmdir()
    with pytest.raises(FileError, match="a cannot be written: No such file or directory"):
        bring(Source(), path)


@pytest.mark.parametrize(
    "there, size, kept", [(0, 500, 0), (100, 500, 0), (300, 500, 256), (500, 500, 384), (501, 500, 0)]
)
def test_what_is_gone_on_with(there, size, kept):
    """Whole blocks, and nothing of a file that is too long."""
    assert usable(there, size) == kept


LINES = b"".join(b'{"n": %d}\n' % number for number in range(40))


@pytest.mark.parametrize(
    "content, whole, before, after, new",
    [
        (LINES, True, None, LINES, True),
        (LINES[:-3], False, None, LINES[:-10], True),
        (LINES[:-3], True, None, LINES[:-3], True),
        (b"x" * 300, False, None, b"", True),
        (b"", False, None, b"", True),
        (LINES, False, LINES[:-10], LINES, True),
        (LINES, False, LINES, LINES, False),
    ],
)
def test_a_file_that_grows(path, content, whole, before, after, new):
    """It takes the place of its own beginning; a line that is not whole yet waits for the next time."""
    if before is not None:
        path.write_bytes(before)
    assert fetch_growing(Source(content), "/spool/a", str(path), whole) is new
    assert path.read_bytes() == after and [one.name for one in path.parent.iterdir()] == ["a"]


@pytest.mark.parametrize("before", [b"x" + LINES[1:], LINES + b"more\n"])
def test_another_files_beginning(path, before):
    """What is no beginning of it stays."""
    path.write_bytes(before)
    with pytest.raises(FileError, match="a is of another recording, and stays; move it away"):
        fetch_growing(Source(LINES), "/spool/a", str(path), True)
    assert path.read_bytes() == before and [one.name for one in path.parent.iterdir()] == ["a"]
