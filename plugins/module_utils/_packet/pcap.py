# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads classic capture files. PRIVATE to the collection.

Format: pcap-savefile(5), and what libpcap's ``sf-pcap.c`` knows of older and modified ones.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import BinaryIO, Iterator

from .packet import Record
from .stream import MOST_BYTES, Damage, exactly

HEADER_BYTES = 24
MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000, "IIII"),
    b"\xa1\xb2\xc3\xd4": (">", 1000, "IIII"),
    b"\x4d\x3c\xb2\xa1": ("<", 1, "IIII"),
    b"\xa1\xb2\x3c\x4d": (">", 1, "IIII"),
    # Kuznetzov's libpcap, with an interface, a protocol and a packet type behind each record's header.
    b"\x34\xcd\xb2\xa1": ("<", 1000, "IIII8x"),
    b"\xa1\xb2\xcd\x34": (">", 1000, "IIII8x"),
}
_VERSION = (2, 4)
_DG_UX = (543, 0)
_LINK_TYPE = 0x03FFFFFF  # above it: how long a frame check sequence is


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file's first 24 bytes say."""

    order: str
    """Byte order, ``<`` or ``>``."""
    unit: int
    """Nanoseconds of one unit of a timestamp's fraction."""
    record: struct.Struct
    """Of a record's header: seconds, fraction, bytes that were captured, bytes on the wire."""
    version: tuple[int, int]
    snaplen: int
    link_type: int


def parse_header(data: bytes) -> Header:
    """Return what a file's header says; raise Damage where it is none, or of a version that nobody reads."""
    if data[:4] not in MAGIC:
        raise Damage("no pcap file: it begins with %s" % data[:4].hex())
    order, unit, record = MAGIC[data[:4]]
    major, minor, _zone, _digits, snaplen, link_type = struct.unpack_from(order + "HHiIII", data, 4)
    if (major, minor) != _DG_UX and not (major == _VERSION[0] and minor <= _VERSION[1]):
        raise Damage("its pcap version is %d.%d; 2.4 is read" % (major, minor))
    return Header(order, unit, struct.Struct(order + record), (major, minor), snaplen, link_type & _LINK_TYPE)


def read_pcap(stream: BinaryIO, begun: bytes = b"") -> Iterator[Record]:
    """Yield a file's packets; raise Damage where it ends to be one. ``begun``: what was read of its header already."""
    header = parse_header(begun + exactly(stream, HEADER_BYTES - len(begun), "its header"))
    unpack, size, unit = header.record.unpack, header.record.size, header.unit
    order, link_type = header.order, header.link_type
    older = header.version < (2, 4) or header.version == _DG_UX
    number = 0
    while True:
        head = stream.read(size)
        if not head:
            return
        number += 1
        if len(head) < size:
            raise Damage("the file ends inside record %d" % number)
        seconds, fraction, captured, length = unpack(head)
        if older and (header.version != (2, 3) or captured > length):
            # Before 2.3 the two lengths stood the other way round, and some files of 2.3 still have them so.
            captured, length = length, captured
        if captured > MOST_BYTES:
            raise Damage("record %d is none: it would have %d bytes" % (number, captured))
        data = stream.read(captured)
        if len(data) < captured:
            raise Damage("the file ends inside record %d" % number)
        yield Record(seconds * 1_000_000_000 + fraction * unit, None, link_type, order, length, data)
