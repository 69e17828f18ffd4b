# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tool writes, kept and in a file."""

from __future__ import annotations

import base64
import os
import stat

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.output import OutputFile, Stream


@pytest.mark.parametrize(
    "chunks, most, text, cut, replaced",
    [
        ((b"ab", b"c"), 10, "abc", False, False),
        ((), 10, "", False, False),
        ((b"abc",), 3, "abc", False, False),
        ((b"abc", b"d"), 3, "abc", True, False),
        ((b"a\xc3", b"\xa9"), 10, "a\xe9", False, False),
        ((b"a\xc3\xa9",), 2, "a", True, False),
        ((b"a\xc3",), 10, "a\ufffd", False, True),
        ((b"a\xffb",), 10, "a\ufffdb", False, True),
        ((b"\xff" * 4,), 2, "\ufffd" * 2, True, True),
        (("\ufffd".encode(),), 10, "\ufffd", False, False),
        ((b"\xed\xa0\x80",), 10, "\ufffd" * 3, False, True),
        ((b"abc",), 0, "", True, False),
    ],
)
def test_text(chunks, most, text, cut, replaced):
    """PT-10: the beginning is kept, and it is told whether that is all of it, and byte by byte."""
    stream = Stream(most)
    for chunk in chunks:
        stream.take(chunk)
    told = stream.told("out", "text")
    assert told == {"out": text, "out_bytes": sum(map(len, chunks)), "out_cut": cut, "out_replaced": replaced}
    raw = base64.b64decode(stream.told("out", "base64")["out"])
    assert raw == b"".join(chunks)[:most] and not stream.told("out", "base64")["out_replaced"]


def test_memory_is_bounded():
    """What is more than can be kept is counted and dropped."""
    stream = Stream(10)
    for _round in range(100):
        stream.take(b"x" * 1000)
    assert len(stream._kept) == 10 and stream.bytes == 100_000


def test_a_file(tmp_path):
    """PT-8: it has its name when it is whole, root's alone, in the place of an older one."""
    path = tmp_path / "out"
    path.write_text("older")
    file = OutputFile(str(path), 5)
    file.take(b"abc")
    assert path.read_text() == "older" and len(list(tmp_path.iterdir())) == 2
    file.take(b"defg")
    file.finish()
    assert path.read_text() == "abcde" and (file.bytes, file.cut, file.problem) == (5, True, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(tmp_path.iterdir()) == [path]


def test_a_file_that_nobody_finishes(tmp_path):
    """Nothing is left of it."""
    file = OutputFile(str(tmp_path / "out"), 5)
    file.take(b"abc")
    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written(tmp_path):
    """The first refusal is told, what comes after it is dropped, and there is no half file."""
    file = OutputFile(str(tmp_path / "out"), 100)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, file._fd)
    os.close(full)
    file.take(b"abc")
    file.take(b"def")
    file.finish()
    assert file.problem == "%s could not be written: No space left on device" % (tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["none/out", "folder", "link", "/dev/null", "file/out"])
def test_a_wrong_place(tmp_path, place):
    """A rename would take the place of whatever is there: only a file may be."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(PcapError, match="^dest: ") as error:
        OutputFile(str(tmp_path / place), 5)
    assert isinstance(error.value, OptionError) or "Not a directory" in str(error.value)
