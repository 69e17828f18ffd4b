# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pcapng files: sections, interfaces, times, kinds of blocks, and where one ends to be a file."""

from __future__ import annotations

import io
import struct

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.pcapng import read_pcapng
from ansible_collections.kube.pcap.plugins.module_utils._packet.stream import Damage

from ..pcap_bytes import START, block, enhanced, interface, old, option, section, simple

SECOND = 1_000_000_000


def read(data):
    """The packets of a file, and what is wrong with it or None."""
    found = []
    try:
        for one in read_pcapng(io.BytesIO(data)):
            found.append(one)
    except Damage as error:
        return found, str(error)
    return found, None


@pytest.mark.parametrize("order", "<>")
def test_kinds_of_blocks(order):
    """Enhanced, old and simple packets, and whatever else a file has between them."""
    other = b"".join(block(kind, b"some bytes" * 9, order) for kind in (4, 5, 10, 0xBAD, 0x40000BAD, 0x80000001))
    micro = START * 1_000_000 + 7
    data = section(order) + interface(order, 113, name="eth0") + other
    data += enhanced(b"abc", micro, order=order, length=70) + other + old(b"defgh", micro + 1, order=order)
    data += simple(b"ij", order)
    found, damage = read(data)
    assert damage is None
    assert [tuple(one) for one in found] == [
        (START * SECOND + 7000, "eth0", 113, order, 70, b"abc"),
        (START * SECOND + 8000, "eth0", 113, order, 5, b"defgh"),
        (None, "eth0", 113, order, 2, b"ij"),
    ]


@pytest.mark.parametrize(
    "resolution, offset, ticks, expected",
    [
        (None, None, 1_500_000, 1_500_000_000),
        (6, None, 1_500_000, 1_500_000_000),
        (9, None, 1_500_000_001, 1_500_000_001),
        (0, None, 3, 3_000_000_000),
        (3, 100, 1_500, 101_500_000_000),
        (12, None, 1_234_567_890_123, 1_234_567_890),
        (19, None, 15_000_000_000_000_000_000, 1_500_000_000),
        (0x80, None, 3, 3_000_000_000),
        (0x81, None, 3, 1_500_000_000),
        (0x8A, None, 1536, 1_500_000_000),
        (0x94, -1, 3 << 19, 500_000_000),
        (0xA0, None, 3 << 31, 1_500_000_000),
        (0xBF, None, 3 << 62, 1_500_000_000),
        (6, -5, 1_000_000, -4_000_000_000),
        (9, None, (1 << 64) - 1, (1 << 64) - 1),
    ],
)
@pytest.mark.parametrize("order", "<>")
def test_times(order, resolution, offset, ticks, expected):
    """Powers of 10 and of 2, seconds that are added; what is finer than a nanosecond is cut."""
    data = section(order) + interface(order, resolution=resolution, offset=offset) + enhanced(b"", ticks, order=order)
    (one,), damage = read(data)
    assert (one.time_ns, damage) == (expected, None)


def test_sections_and_interfaces():
    """Each section has its own byte order and counts its interfaces anew; one without a name is numbered."""
    data = section("<") + interface("<", 1, name="eth0") + interface("<", 276) + enhanced(b"a", number=1)
    data += interface("<", 101, name="tun0", resolution=9) + enhanced(b"b", 7, 2) + enhanced(b"c", 7, 0)
    data += section(">") + interface(">", 113, name="lo\0") + enhanced(b"d", order=">") + section("<") + section(">")
    found, damage = read(data)
    told = [(one.interface, one.link_type, one.order, one.time_ns, one.data) for one in found]
    assert told == [
        ("#1", 276, "<", 0, b"a"),
        ("tun0", 101, "<", 7, b"b"),
        ("eth0", 1, "<", 7000, b"c"),
        ("lo", 113, ">", 0, b"d"),
    ]
    assert damage is None


def test_a_simple_packet_is_cut_by_its_interface():
    """It has only its length on the wire: how much was captured follows from the snap length."""
    (one,), damage = read(section() + interface(snaplen=4) + simple(b"abcd", length=90))
    assert (one.data, one.length, damage) == (b"abcd", 90, None)


def test_a_name_that_is_no_text():
    """Bytes that are no UTF-8 are replaced."""
    body = struct.pack("<HHI", 1, 0, 0) + option(2, b"e\xff0")
    (one,), _damage = read(section() + block(1, body) + enhanced(b""))
    assert one.interface == "e\ufffd0"


WHOLE = section() + interface(name="eth0") + enhanced(b"abcde", 5) + block(4, bytes(8)) + old(b"fg") + simple(b"h")


def test_cut_at_every_byte():
    """The whole packets are there, and which block is not."""
    ends, position = [], 0
    while position < len(WHOLE):
        position += struct.unpack_from("<I", WHOLE, position + 4)[0]
        ends.append(position)
    whole, _damage = read(WHOLE)
    packets_at = [0, 0, 1, 1, 2, 3]
    for cut in range(1, len(WHOLE)):
        found, damage = read(WHOLE[:cut])
        count = sum(end <= cut for end in ends)
        assert found == whole[: packets_at[count - 1] if count else 0]
        assert damage == (None if cut in ends else "the file ends inside block %d" % (count + 1))


def _sized(data, size):
    """A block whose first length is another."""
    return data[:4] + struct.pack("<I", size) + data[8:]


DAMAGED = [
    (section()[:-4] + b"\0\0\0\0", "block 2 has another length at its end"),
    (section(major=2), "block 2 is of pcapng version 2.0; 1.0 is read"),
    (section(minor=187), "block 2 is of pcapng version 1.187; 1.0 is read"),
    (block(0x0A0D0D0A, bytes(16)), "block 2 is damaged: it tells no byte order"),
    (_sized(section(), 24), "block 2 is none: it would have 24 bytes"),
    (enhanced(b"a", number=1), "block 2 is damaged: it is of interface 1, which is not described"),
    (simple(b"a"), "block 2 is damaged: it is of interface 0, which is not described"),
    (_sized(enhanced(b""), 28), "block 2 is none: it would have 28 bytes"),
    (_sized(enhanced(b""), 0xFFFFFFFC), "block 2 is none: it would have 4294967292 bytes"),
    (_sized(enhanced(b""), 47), "block 2 is none: it would have 47 bytes"),
    (_sized(block(9, b""), 8), "block 2 is none: it would have 8 bytes"),
    (_sized(block(9, b""), 0xFFFFFFFC) + bytes(99), "the file ends inside block 2"),
    (_sized(block(9, bytes(20)), 28), "block 2 has another length at its end"),
    (simple(b"a")[:-4] + b"\x0c\0\0\0", "block 2 has another length at its end"),
    (block(9, b"")[:-4] + b"\x0d\0\0\0", "block 2 has another length at its end"),
    (block(1, bytes(4)), "block 2 is none: it would have 16 bytes"),
    (block(1, bytes(8) + option(9, b"\6\6")), "block 2 is damaged: its option 9 has 2 bytes"),
    (block(1, bytes(8) + option(14, b"\6")), "block 2 is damaged: its option 14 has 1 bytes"),
    (block(1, bytes(8) + b"\0\0\0\xac"), "block 2 is damaged: its option 0 has 44032 bytes"),
    (block(1, bytes(8) + option(0, b"abcd")), "block 2 is damaged: its option 0 has 4 bytes"),
    (block(1, bytes(8) + b"\2\0\x40\0abc"), "block 2 is damaged: its option 2 has 64 bytes"),
]


@pytest.mark.parametrize("data, expected", DAMAGED)
def test_damage(data, expected):
    """What cannot be read on from is told, and nothing is allocated for lengths that cannot be."""
    assert read(section() + data + section()) == ([], expected)


@pytest.mark.parametrize("captured", [6, 262145, 0xFFFFFFFF])
def test_a_packet_longer_than_its_block(captured):
    """The packets before it stand."""
    body = struct.pack("<IIIII", 0, 0, 0, captured, 70) + b"abcd"
    found, damage = read(section() + interface() + enhanced(b"x") + block(6, body) + enhanced(b"y"))
    assert [one.data for one in found] == [b"x"]
    assert damage == "block 4 is damaged: its packet would have %d bytes" % captured


def test_version_1_2():
    """Some write it, and mean 1.0."""
    assert len(read(section(minor=2) + interface() + enhanced(b""))[0]) == 1


def test_without_a_section():
    """A file begins with a section."""
    assert read(interface() + enhanced(b"")) == ([], "no pcapng file: it begins with 01000000")


def test_endless_interfaces():
    """What a section describes is bounded: it stays in memory."""
    data = section() + block(1, bytes(8)) * 65537
    assert read(data) == ([], "block 65538 is damaged: a section has more than 65536 interfaces")
