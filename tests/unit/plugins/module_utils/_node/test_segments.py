# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that tcpdump closed becomes a segment: counted, digested, valid, the same bytes each time."""

from __future__ import annotations

import gzip
import hashlib
import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import segments

from ..pcap_bytes import START, header, pcap

BIG = pcap(9000, size=64)
"""More than one piece of reading."""


def finished(folder, data, compress, name="raw"):
    """Returns (answer, the raw file, the segment)."""
    raw, final = folder / (name + ".pcap"), folder / (name + ".final")
    raw.write_bytes(data)
    return segments.finish(str(raw), str(final), compress), raw, final


def content(path, compress):
    """The capture in a segment."""
    return gzip.decompress(path.read_bytes()) if compress else path.read_bytes()


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("data, packets", [(pcap(3), 3), (header(), 0), (BIG, 9000)], ids=["small", "none", "big"])
def test_whole_file(tmp_path, data, packets, compress):
    """The segment holds what the file held; count and digests are those of the segment as it is shipped."""
    answer, raw, final = finished(tmp_path, data, compress)
    shipped = final.read_bytes()
    assert content(final, compress) == data == raw.read_bytes()
    assert (answer["packets"], answer["damage"], answer["bytes"]) == (packets, None, len(shipped))
    assert answer["sha256"] == hashlib.sha256(shipped).hexdigest()
    assert answer["md5"] == hashlib.md5(shipped).hexdigest()
    assert answer["first_ns"] == (START * 10**9 if packets else None)


def test_plain_and_compressed_tell_the_same(tmp_path):
    """Compression changes bytes and digests, and no count."""
    plain, packed = (finished(tmp_path, BIG, compress, str(compress))[0] for compress in (False, True))
    for key in ("packets", "first_ns", "last_ns", "damage"):
        assert plain[key] == packed[key]
    assert packed["bytes"] < plain["bytes"]


@pytest.mark.parametrize("compress", [False, True])
def test_the_same_file_gives_the_same_bytes(tmp_path, compress):
    """A segment that a crash interrupted is made again, and is the same."""
    first = finished(tmp_path, BIG, compress, "a")
    second = finished(tmp_path, BIG, compress, "b")
    again = segments.finish(str(first[1]), str(first[2]), compress)
    assert first[0] == second[0] == again
    assert first[2].read_bytes() == second[2].read_bytes()


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("cut", [1, 15, 16, 40, 75])
def test_a_cut_file_is_repaired(tmp_path, compress, cut):
    """Of a file that ends inside a record, the segment is the whole records before, and says what is missing."""
    data = pcap(5)
    answer, _raw, final = finished(tmp_path, data[:-cut], compress)
    assert content(final, compress) == pcap(4)
    assert (answer["packets"], answer["damage"]) == (4, "the file ends inside record 5")
    assert answer["sha256"] == hashlib.sha256(final.read_bytes()).hexdigest()
    assert answer["bytes"] == final.stat().st_size


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("data", [b"", header()[:10], b"\n\r\r\n" + bytes(60)], ids=["empty", "header cut", "pcapng"])
def test_nothing_to_keep(tmp_path, data, compress):
    """Where not even a header is whole there is no segment, and the answer says why."""
    answer, _raw, final = finished(tmp_path, data, compress)
    assert not final.exists()
    assert (answer["packets"], answer["bytes"], answer["sha256"], answer["md5"]) == (0, 0, None, None)
    assert answer["damage"]
    assert os.listdir(str(tmp_path)) == ["raw.pcap"]


@pytest.mark.parametrize("compress", [False, True])
def test_segments_are_closed_to_others(tmp_path, compress):
    """A segment holds payload: nobody but its owner reads it, and no half of it lies about."""
    os.umask(os.umask(0o022) & 0o022)
    raw = tmp_path / "raw.pcap"
    raw.touch(mode=0o600)
    _answer, _raw, final = finished(tmp_path, pcap(2), compress)
    assert final.stat().st_mode & 0o777 == 0o600
    assert sorted(os.listdir(str(tmp_path))) == ["raw.final", "raw.pcap"]


@pytest.mark.parametrize("data, packets", [(pcap(6), 6), (pcap(6)[:-3], 5), (b"", 0)], ids=["whole", "cut", "empty"])
def test_count_sees_every_byte(tmp_path, data, packets):
    """Whoever takes the bytes on the way gets all of them, damaged or not."""
    path, seen = tmp_path / "x.pcap", []
    path.write_bytes(data)
    assert segments.count(str(path), seen.append).packets == packets
    assert b"".join(seen) == data
