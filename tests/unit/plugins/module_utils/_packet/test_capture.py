# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture files of any kind, compressed or not, whole or damaged: packets up to the damage, and what it is."""

from __future__ import annotations

import errno
import gzip
import io
import os
import random
import zlib

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError
from ansible_collections.kube.pcap.plugins.module_utils._packet import stream
from ansible_collections.kube.pcap.plugins.module_utils._packet.capture import read_capture
from ansible_collections.kube.pcap.plugins.module_utils._packet.headers import dissect
from ansible_collections.kube.pcap.plugins.module_utils._packet.stream import Damage

from ..packet_bytes import LINK_TYPES
from ..pcap_bytes import START, enhanced, header, interface, old, pcap, record, section, simple
from ..random_packets import random_packet

CLASSIC = pcap(40)
NEXT = section() + interface(name="eth0") + b"".join(enhanced(bytes([n]) * (60 + n), n) for n in range(40))


@pytest.fixture
def read(tmp_path):
    """Reads bytes as a file: its packets, and what is wrong with it or None."""
    path = tmp_path / "file"

    def reading(data):
        path.write_bytes(data)
        found = []
        try:
            for one in read_capture(str(path)):
                found.append(one)
        except Damage as error:
            assert str(error).startswith("%s: " % path)
            return found, str(error)[len(str(path)) + 2 :]
        return found, None

    return reading


@pytest.mark.parametrize("data", [CLASSIC, NEXT])
def test_compressed_or_not(read, data):
    """The packets are the same: in one piece, in several, at any level, with a name, or padded as on a tape."""
    whole, damage = read(data)
    assert (len(whole), damage) == (40, None)
    named = io.BytesIO()
    with gzip.GzipFile("a-name", "wb", fileobj=named) as file:
        file.write(data)
    members = b"".join(gzip.compress(data[start : start + 1000]) for start in range(0, len(data), 1000))
    padded = gzip.compress(data[:999]) + bytes(100_000) + gzip.compress(data[999:]) + bytes(100_000)
    for packed in (gzip.compress(data, 1), gzip.compress(data, 0), named.getvalue(), members, padded):
        assert read(packed) == (whole, None)


@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_compressed_file_cut_at_every_byte(read, level):
    """All that can be decompressed is read, and it is told that it ends too early."""
    packed, before = gzip.compress(CLASSIC, level), 0
    whole, _damage = read(CLASSIC)
    for cut in range(4, len(packed)):
        found, damage = read(packed[:cut])
        assert found == whole[: len(found)] and len(found) >= before
        assert damage == "its compressed data ends too early"
        before = len(found)
    assert before == len(whole)


def test_damage_of_compressed_data(read):
    """Every packet that was decompressed before it is there, also of the piece in which it lies."""
    whole, _damage = read(CLASSIC)
    packed = bytearray(gzip.compress(CLASSIC, 0))  # stored as it is, so that a packet's place is known
    packed[-1] ^= 1
    assert read(bytes(packed)) == (whole, "its compressed data is damaged")  # the length at its end
    body = zlib.compressobj(1, zlib.DEFLATED, 31)
    half = body.compress(CLASSIC[:1240]) + body.flush(zlib.Z_FULL_FLUSH)
    found, damage = read(half + b"\xff" * 50)
    assert (found, damage) == (whole[: len(found)], "its compressed data is damaged")
    assert len(found) == sum(len(pcap(count)) <= 1240 for count in range(1, 41))


def test_what_follows_compressed_data(read):
    """Other bytes than another member are damage, after all packets."""
    whole, _damage = read(CLASSIC)
    assert read(gzip.compress(CLASSIC) + b"more") == (whole, "its compressed data is damaged")


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", "the file is empty"),
        (b"\xd4\xc3", "the file ends inside its header"),
        (b"\xd4\xc3\xb2\xa1", "the file ends inside its header"),
        (b"\n\r\r\n", "the file ends inside block 1"),
        (b"\x1f\x8b", "its compressed data ends too early"),
        (b"\x1f\x8bno gzip", "its compressed data is damaged"),
        (gzip.compress(b""), "the file is empty"),
        (gzip.compress(b"PK\3\4"), "it is neither pcap nor pcapng: it begins with 504b0304"),
        (b"root:x:0:0", "it is neither pcap nor pcapng: it begins with 726f6f74"),
    ],
    ids=range(9),
)
def test_no_capture(read, data, expected):
    """What it is instead is told."""
    assert read(data) == ([], expected)


def test_what_cannot_be_opened(tmp_path):
    """It is told at once; a FIFO would be waited for."""
    os.mkfifo(tmp_path / "fifo")
    for name, wrong in (("none", "it cannot be read: No such file or directory"), ("fifo", "it is no file"), ("", "")):
        with pytest.raises(FileError, match=wrong or "it is no file") as caught:
            next(read_capture(str(tmp_path / name)))
        assert not isinstance(caught.value, Damage)
    with pytest.raises(FileError, match="it cannot be read: .*embedded null"):
        next(read_capture("a\0b"))


def test_a_disk_that_fails(read, monkeypatch):
    """What the system says in the middle of a file is damage."""

    class Failing(io.FileIO):
        def readinto(self, buffer):
            if self.tell() > 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return super().readinto(buffer)

    monkeypatch.setattr(stream.io, "FileIO", Failing)
    found, damage = read(pcap(3000))
    assert len(found) > 500 and damage == "it cannot be read on: Input/output error"


def test_little_memory(tmp_path):
    """A length of 4 GB in a small file, or zeros of 1 GB in one of 1 MB, are no more than a piece of it in memory."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "zeros.gz"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    endless = section() + b"\x09\0\0\0" + (0x3FFFFFFC).to_bytes(4, "little")
    path.write_bytes(packer.compress(endless) + b"".join(packer.compress(bytes(1 << 20)) for _mb in range(64)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Damage, match="its compressed data ends too early"):
        list(read_capture(str(path)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10


def _some_file(rng):
    """A file of some packets of any kind."""
    packets = [random_packet(rng, link_type) for link_type in (rng.choice(LINK_TYPES),) * 6]
    order = rng.choice("<>")
    if rng.random() < 0.4:
        body = b"".join(record(one.data[: rng.choice([40, 96, 999])], START, 5, order, 1500) for one in packets)
        return header(order, rng.choice([1, 1000]), link_type=rng.choice(LINK_TYPES)) + body
    described = interface(order, rng.choice(LINK_TYPES)) + interface(order, rng.choice(LINK_TYPES), name="eth1")
    data = section(order) + described
    for one in packets:
        data += rng.choice(
            [
                enhanced(one.data, rng.getrandbits(50), rng.randrange(2), order),
                old(one.data, rng.getrandbits(50), rng.randrange(2), order),
                simple(one.data, order),
            ]
        )
    return data


@pytest.mark.parametrize("seed", range(8))
def test_random_damage(read, seed):
    """Whatever happens to a file, there is an end and no other error; what stands before the damage is read."""
    rng = random.Random(seed)
    for _case in range(250):
        data = bytearray(_some_file(rng))
        packed = rng.random() < 0.2
        if packed:
            data = bytearray(gzip.compress(bytes(data), rng.choice([0, 1])))
        whole, damage = read(bytes(data))
        assert len(whole) == 6 and damage is None
        place = rng.randrange(len(data))
        for _byte in range(rng.choice([1, 1, 2, 8])):
            data[min(place + rng.randrange(8), len(data) - 1)] = rng.choice([0, 0xFF, rng.randrange(256)])
        if rng.random() < 0.3:
            del data[place : place + rng.randrange(1, 40)]
        found, damage = read(bytes(data))
        for one in found:
            dissect(one)
        if not packed and place > 24:
            untouched = sum(1 for one, before in zip(found, whole) if one == before)
            assert untouched >= _before(whole, bytes(data), place)


def _before(whole, data, place):
    """How many packets lie before a place: their bytes are found there, one after the other."""
    count = position = 0
    for one in whole:
        position = data.find(one.data, position, place)
        if position < 0:
            break
        position += len(one.data) + 3  # an end's padding
        count += position < place - 40
    return count
