# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets of a capture file are counted exactly, however it is cut."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.counter import Count, Counter
from ansible_collections.kube.pcap.plugins.module_utils._packet.pcap import HEADER_BYTES

from ..pcap_bytes import START, header, pcap, record

SECOND = 1_000_000_000
FLAVOURS = [("<", 1000), ("<", 1), (">", 1000), (">", 1)]
DAMAGED = [
    ("empty", b"", Count(0, None, None, 0, "the file is empty")),
    ("one byte", b"\xd4", Count(0, None, None, 0, "the file ends inside its header")),
    ("header cut", header()[:-1], Count(0, None, None, 0, "the file ends inside its header")),
    ("pcapng", b"\n\r\r\n" + bytes(60), Count(0, None, None, 0, "no pcap file: it begins with 0a0d0d0a")),
    ("gzip", b"\x1f\x8b\x08\x00" + bytes(60), Count(0, None, None, 0, "no pcap file: it begins with 1f8b0800")),
    ("zeros", bytes(100), Count(0, None, None, 0, "no pcap file: it begins with 00000000")),
]


def counted(data, step=None):
    """The count of a file that comes in pieces of ``step`` bytes."""
    counter = Counter()
    for start in range(0, len(data), step or max(len(data), 1)):
        counter.feed(data[start : start + (step or len(data))])
    return counter.end()


@pytest.mark.parametrize("order, unit", FLAVOURS)
@pytest.mark.parametrize("step", [None, 1, 7, 16, 24, 41])
def test_whole_file(order, unit, step):
    """Both byte orders and both resolutions, in pieces of any size."""
    data = pcap(5, order=order, unit=unit)
    last = (START + 4) * SECOND + 4 * unit
    expected = Count(5, START * SECOND, last, len(data), None, last)
    assert counted(data, step) == expected


def test_header_alone():
    """A file without packets is whole."""
    assert counted(header()) == Count(0, None, None, HEADER_BYTES, None)


@pytest.mark.parametrize("order, unit", FLAVOURS)
def test_cut_at_every_byte(order, unit):
    """Of a file that ends anywhere, the whole records count, and the end is told."""
    data = pcap(4, order=order, unit=unit)
    ends = [len(pcap(count, order=order, unit=unit)) for count in range(5)]
    for cut in range(len(data)):
        count = counted(data[:cut])
        packets = max(sum(end <= cut for end in ends) - 1, 0)
        assert count.packets == packets
        assert count.whole_bytes == (ends[packets] if cut >= HEADER_BYTES else 0)
        assert (count.damage is None) == (cut in ends)
        assert (count.first_ns is None) == (packets == 0)


def test_two_pieces_cut_at_every_byte():
    """Where one piece ends and the next begins changes nothing."""
    data = pcap(4)
    whole = counted(data)
    for cut in range(len(data) + 1):
        counter = Counter()
        counter.feed(data[:cut])
        counter.feed(data[cut:])
        assert counter.end() == whole


def test_cut_record_is_named():
    """The damage says which record is cut; what came before stands."""
    data = pcap(3)
    count = counted(data[:-1])
    assert (count.packets, count.damage) == (2, "the file ends inside record 3")
    assert counted(data[: count.whole_bytes]).damage is None


@pytest.mark.parametrize("name, data, expected", DAMAGED, ids=[one[0] for one in DAMAGED])
def test_damage(name, data, expected):
    """What is no capture is told, and counts nothing."""
    assert counted(data) == expected


@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize(
    "fraction, captured, length",
    [
        (0, 0xFFFFFFFF, 0xFFFFFFFF),
        (0, 0x7FFFFFFF, 0x7FFFFFFF),
        (0, 193, 193),
        (0, 100, 99),
        (1_000_000, 60, 60),
        (0xFFFFFFFF, 60, 60),
    ],
)
def test_absurd_record(fraction, captured, length, step):
    """A record that cannot be ends the count, although bytes follow; nothing waits for gigabytes."""
    before = pcap(2)
    count = counted(before + struct.pack("<IIII", START, fraction, captured, length) + bytes(500) + pcap(2)[24:], step)
    assert (count.packets, count.whole_bytes) == (2, len(before))
    assert count.damage and count.damage.startswith("record 3 ")


@pytest.mark.parametrize("snaplen, size", [(192, 192), (262144, 262144), (0, 262144)])
def test_the_longest_packets_count(snaplen, size):
    """A packet as long as the file's snap length is no damage; 0 is no bound."""
    assert counted(header(snaplen=snaplen) + record(bytes(size), START)).packets == 1


def test_nanoseconds_up_to_a_second():
    """Of a file in nanoseconds, a fraction over a million is no damage."""
    count = counted(header(unit=1) + record(b"x", START, 999_999_999))
    assert (count.packets, count.first_ns) == (1, START * SECOND + 999_999_999)


@pytest.mark.parametrize("step", [None, 1, 40])
def test_earliest_latest_and_last(step):
    """Packets of several queues, or a clock that steps back, are not in order."""
    data = header() + b"".join(record(b"x", START + shift) for shift in (5, 1, 9, 3))
    count = counted(data, step)
    assert (count.first_ns, count.last_ns) == ((START + 1) * SECOND, (START + 9) * SECOND)
    assert count.end_ns == (START + 3) * SECOND


def test_seconds_after_2038():
    """Seconds are 32 bits without a sign."""
    assert counted(header() + record(b"", 0xFFFFFFFF)).last_ns == 0xFFFFFFFF * SECOND
