# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads pcapng files: all sections, interfaces and kinds of packet blocks. PRIVATE to the collection.

Format: draft-ietf-opsawg-pcapng. What neither libpcap nor Wireshark would read on from is damage here, too.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Callable, Iterator, Mapping, NamedTuple

from .packet import Record
from .stream import MOST_BYTES, Damage, exactly, skip

SECTION = b"\x0a\x0d\x0d\x0a"
"""The type of a section header block, the same in both byte orders: a file begins with it."""
_ORDER = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_VERSIONS = ((1, 0), (1, 2))  # some write 1.2, which is the same
_INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 1, 2, 3, 6
_MOST_BLOCK = 16 << 20
_MOST_INTERFACES = 65536
_LEAST = {_INTERFACE: 8, _PACKET: 20, _SIMPLE: 4, _ENHANCED: 20}
"""Bytes that a block has before packet or options."""
_END, _NAME, _RESOLUTION, _OFFSET = 0, 2, 9, 14
_OPTION_BYTES = {_END: 0, _RESOLUTION: 1, _OFFSET: 8}


class Interface(NamedTuple):
    """What an interface description block says."""

    name: str
    """``#N`` where it has none."""
    link_type: int
    snaplen: int
    """0: no bound."""
    units: int
    """Of time in a second."""
    offset: int
    """Seconds that are added to every time."""


class Section:
    """What has been told of a section so far, and how to read its blocks."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.interfaces: list[Interface] = []
        self.unpack_head = struct.Struct(order + "II").unpack
        self.pack_length = struct.Struct(order + "I").pack
        self._simple = struct.Struct(order + "I").unpack_from
        self._old = struct.Struct(order + "HHIIII").unpack_from
        self._enhanced = struct.Struct(order + "IIIII").unpack_from
        self.read: Mapping[int, Callable[[bytes], Record | None]] = {
            _INTERFACE: self._describe,
            _PACKET: self._read_old,
            _SIMPLE: self._read_simple,
            _ENHANCED: self._read_enhanced,
        }
        """Of each type of block what makes a packet of its body; another type is skipped."""

    def _describe(self, body: bytes) -> None:
        if len(self.interfaces) >= _MOST_INTERFACES:
            raise Damage("a section has more than %d interfaces" % _MOST_INTERFACES)
        link_type, _reserved, snaplen = struct.unpack_from(self.order + "HHI", body)
        options = _options(body, 8, self.order)
        resolution = options.get(_RESOLUTION, b"\x06")[0]
        units = 1 << (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        (offset,) = struct.unpack(self.order + "q", options.get(_OFFSET, bytes(8)))
        name = options.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace") or "#%d" % len(self.interfaces)
        self.interfaces.append(Interface(name, link_type, snaplen, units, offset))

    def _read_old(self, body: bytes) -> Record:
        number, _drops, high, low, captured, length = self._old(body)
        return self._packet(number, high << 32 | low, captured, length, body)

    def _read_enhanced(self, body: bytes) -> Record:
        number, high, low, captured, length = self._enhanced(body)
        return self._packet(number, high << 32 | low, captured, length, body)

    def _read_simple(self, body: bytes) -> Record:
        """A simple packet has no time, and its bytes are as many as the first interface lets through."""
        (length,) = self._simple(body)
        captured = min(length, self._interface(0).snaplen or length)
        return self._record(0, None, captured, length, body, 4)

    def _packet(self, number: int, ticks: int, captured: int, length: int, body: bytes) -> Record:
        interface = self._interface(number)
        time_ns = ticks * 1_000_000_000 // interface.units + interface.offset * 1_000_000_000
        return self._record(number, time_ns, captured, length, body, 20)

    def _interface(self, number: int) -> Interface:
        if number >= len(self.interfaces):
            raise Damage("it is of interface %d, which is not described" % number)
        return self.interfaces[number]

    def _record(self, number: int, time_ns: int | None, captured: int, length: int, body: bytes, start: int) -> Record:
        if captured > MOST_BYTES or start + captured > len(body):
            raise Damage("its packet would have %d bytes" % captured)
        interface = self.interfaces[number]
        data = body[start : start + captured]
        return Record(time_ns, interface.name, interface.link_type, self.order, length, data)


def read_pcapng(stream: BinaryIO, begun: bytes = b"") -> Iterator[Record]:
    """Yield a file's packets; raise Damage where it ends to be one. ``begun``: what was read of it, at most 8 bytes."""
    section: Section | None = None
    number = 0
    while True:
        head = begun + stream.read(8 - len(begun))
        begun = b""
        if not head:
            return
        number += 1
        what = "block %d" % number
        if len(head) < 8:
            raise Damage("the file ends inside %s" % what)
        if head[:4] == SECTION:
            section = _begin(stream, head, what)
            continue
        if section is None:
            raise Damage("no pcapng file: it begins with %s" % head[:4].hex())
        kind, size = section.unpack_head(head)
        read = section.read.get(kind)
        if read is None:
            _skip(stream, section, size, 12, what)
            continue
        if not _LEAST[kind] + 12 <= size <= _MOST_BLOCK or size % 4:
            raise Damage("%s is none: it would have %d bytes" % (what, size))
        body = exactly(stream, size - 8, what)
        if body[-4:] != head[4:]:
            raise Damage("%s has another length at its end" % what)
        try:
            record = read(body[:-4])
        except Damage as error:
            raise Damage("%s is damaged: %s" % (what, error)) from None
        if record is not None:
            yield record


def _begin(stream: BinaryIO, head: bytes, what: str) -> Section:
    """Return the section that a header begins, which tells its own byte order."""
    fixed = exactly(stream, 16, what)
    if fixed[:4] not in _ORDER:
        raise Damage("%s is damaged: it tells no byte order" % what)
    section = Section(_ORDER[fixed[:4]])
    _kind, size = section.unpack_head(head)
    version = struct.unpack_from(section.order + "HH", fixed, 4)
    if version not in _VERSIONS:
        raise Damage("%s is of pcapng version %d.%d; 1.0 is read" % (what, *version))
    _skip(stream, section, size, 28, what)
    return section


def _skip(stream: BinaryIO, section: Section, size: int, least: int, what: str) -> None:
    """Pass over what is left of a block of which ``least`` bytes, less the length at its end, were read or counted."""
    if size < least or size % 4:
        raise Damage("%s is none: it would have %d bytes" % (what, size))
    skip(stream, size - least, what)
    if exactly(stream, 4, what) != section.pack_length(size):
        raise Damage("%s has another length at its end" % what)


def _options(body: bytes, start: int, order: str) -> dict[int, bytes]:
    """Return a block's options by their codes; of one that comes twice the first."""
    found: dict[int, bytes] = {}
    while start < len(body):
        if start + 4 > len(body):
            raise Damage("its options run past its end")
        code, size = struct.unpack_from(order + "HH", body, start)
        if start + 4 + size > len(body) or size != _OPTION_BYTES.get(code, size):
            raise Damage("its option %d has %d bytes" % (code, size))
        if code == _END:
            break
        found.setdefault(code, body[start + 4 : start + 4 + size])
        start += 4 + size + -size % 4
    return found
