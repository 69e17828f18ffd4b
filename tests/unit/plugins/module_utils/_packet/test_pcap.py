# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Classic capture files: every flavour that tcpdump reads, and where one ends to be a file."""

from __future__ import annotations

import io
import struct

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet.pcap import HEADER_BYTES, read_pcap
from ansible_collections.kube.pcap.plugins.module_utils._packet.stream import Damage

from ..pcap_bytes import START, header, pcap, record

SECOND = 1_000_000_000
FLAVOURS = [("<", 1000), ("<", 1), (">", 1000), (">", 1)]


def read(data):
    """The packets of a file, and what is wrong with it or None."""
    found = []
    try:
        for one in read_pcap(io.BytesIO(data)):
            found.append(one)
    except Damage as error:
        return found, str(error)
    return found, None


@pytest.mark.parametrize("order, unit", FLAVOURS)
def test_flavours(order, unit):
    """Byte order, unit of time, link type, both lengths."""
    data = header(order, unit, link_type=113) + record(b"abc", START, 999_999, order, length=70)
    ((time_ns, interface, link_type, found, length, content),), damage = read(data)
    assert (time_ns, damage) == (START * SECOND + 999_999 * unit, None)
    assert (interface, link_type, found, length, content) == (None, 113, order, 70, b"abc")


@pytest.mark.parametrize("order", "<>")
def test_modified_file(order):
    """Kuznetzov's files have eight bytes more in each record's header."""
    head = struct.pack(order + "IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 96, 1)
    one = struct.pack(order + "IIIIIHBx", START, 5, 3, 60, 2, 0x0800, 4) + b"abc"
    found, damage = read(head + one + one)
    assert damage is None
    assert [(packet.time_ns, packet.length, packet.data) for packet in found] == [
        (START * SECOND + 5000, 60, b"abc")
    ] * 2


@pytest.mark.parametrize(
    "version, first, second, expected",
    [
        ((2, 4), 3, 60, (3, 60)),
        ((2, 3), 3, 60, (3, 60)),
        ((2, 3), 60, 3, (3, 60)),
        ((2, 2), 60, 3, (3, 60)),
        ((543, 0), 60, 3, (3, 60)),
    ],
)
def test_old_files(version, first, second, expected):
    """Before version 2.3, and in some files of it, the two lengths stand the other way round."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, *version, 0, 0, 96, 1)
    (one,), damage = read(head + struct.pack("<IIII", START, 0, first, second) + b"abc")
    assert (len(one.data), one.length, damage) == (*expected, None)


@pytest.mark.parametrize("version", [(1, 2), (2, 5), (3, 0), (543, 1)])
def test_versions_that_nobody_reads(version):
    """Another version is told."""
    found, damage = read(struct.pack("<IHHiIII", 0xA1B2C3D4, *version, 0, 0, 96, 1))
    assert (found, damage) == ([], "its pcap version is %d.%d; 2.4 is read" % version)


def test_link_type_beside_a_frame_check_sequence():
    """The upper bits of the link type are about something else."""
    (one,), _damage = read(header(link_type=0x24000001) + record(b"abc", START))
    assert one.link_type == 1


@pytest.mark.parametrize("order, unit", FLAVOURS)
def test_cut_at_every_byte(order, unit):
    """The whole packets are there, and which one is not."""
    data = pcap(4, order=order, unit=unit)
    ends = [len(pcap(count, order=order, unit=unit)) for count in range(5)]
    whole, _damage = read(data)
    for cut in range(len(data)):
        found, damage = read(data[:cut])
        count = max(sum(end <= cut for end in ends) - 1, 0)
        assert found == whole[:count]
        if cut < HEADER_BYTES:
            assert damage == "the file ends inside its header"
        else:
            assert damage == (None if cut in ends else "the file ends inside record %d" % (count + 1))


@pytest.mark.parametrize("captured", [262145, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_cannot_be(captured):
    """Nothing is allocated for it, and the packets before it stand."""
    found, damage = read(pcap(2) + struct.pack("<IIII", START, 0, captured, captured) + bytes(500))
    assert (len(found), damage) == (2, "record 3 is none: it would have %d bytes" % captured)


def test_the_longest_packet():
    """What tcpdump and Wireshark take for a packet is one, also where the file's snap length is less."""
    (one,), damage = read(header(snaplen=96) + record(bytes(262144), START))
    assert (len(one.data), damage) == (262144, None)


def test_odd_records():
    """Both tools read on: no bytes, more captured than there were, a fraction of more than a second."""
    data = header() + record(b"", START) + record(b"abc", START, 0, length=1) + record(b"abc", START, 1_500_000)
    found, damage = read(data)
    assert [(one.time_ns, one.length, len(one.data)) for one in found] == [
        (START * SECOND, 0, 0),
        (START * SECOND, 1, 3),
        (START * SECOND + 1_500_000_000, 3, 3),
    ]
    assert damage is None


def test_another_file():
    """What it begins with is told."""
    assert read(b"PK\x03\x04" + bytes(30)) == ([], "no pcap file: it begins with 504b0304")
