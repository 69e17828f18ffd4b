# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture files for tests, made byte by byte (pcap-savefile(5), draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct

MAGIC = {("<", 1000): 0xA1B2C3D4, (">", 1000): 0xA1B2C3D4, ("<", 1): 0xA1B23C4D, (">", 1): 0xA1B23C4D}
START = 1_795_248_902
"""2026-11-21T08:15:02Z"""


def header(order: str = "<", unit: int = 1000, snaplen: int = 192, link_type: int = 1) -> bytes:
    """The header of a file in a byte order, whose fractions count ``unit`` nanoseconds."""
    return struct.pack(order + "IHHiIII", MAGIC[order, unit], 2, 4, 0, 0, snaplen, link_type)


def record(data: bytes, seconds: int, fraction: int = 0, order: str = "<", length: int | None = None) -> bytes:
    """One packet, of which ``length`` bytes were on the wire."""
    length = len(data) if length is None else length
    return struct.pack(order + "IIII", seconds, fraction, len(data), length) + data


def pcap(count: int, start: int = START, order: str = "<", unit: int = 1000, size: int = 60) -> bytes:
    """A file of ``count`` packets of different content, a second apart."""
    records = (record(bytes([index % 256]) * (size + index % 3), start + index, index, order) for index in range(count))
    return header(order, unit) + b"".join(records)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A block of pcapng."""
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """One option of a block."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<", major: int = 1, minor: int = 0) -> bytes:
    """A section header block with an option."""
    return block(
        0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, minor, -1) + option(4, b"a test", order), order
    )


def interface(
    order: str = "<",
    link_type: int = 1,
    snaplen: int = 0,
    name: str | None = None,
    resolution: int | None = None,
    offset: int | None = None,
) -> bytes:
    """An interface description block; ``resolution`` and ``offset`` are its options for time."""
    options = [(1, b"a comment")]
    options += [] if name is None else [(2, name.encode())]
    options += [] if resolution is None else [(9, bytes([resolution]))]
    options += [] if offset is None else [(14, struct.pack(order + "q", offset))]
    ending = option(0, b"", order)
    body = struct.pack(order + "HHI", link_type, 0, snaplen)
    return block(1, body + b"".join(option(*one, order) for one in options) + ending, order)


def enhanced(data: bytes, ticks: int = 0, number: int = 0, order: str = "<", length: int | None = None) -> bytes:
    """An enhanced packet block, with an option, of an interface."""
    length = len(data) if length is None else length
    body = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), length)
    flags = option(2, struct.pack(order + "I", 1), order) + option(0, b"", order)
    return block(6, body + data + bytes(-len(data) % 4) + flags, order)


def old(data: bytes, ticks: int = 0, number: int = 0, order: str = "<", length: int | None = None) -> bytes:
    """A packet block, as before there were enhanced ones."""
    length = len(data) if length is None else length
    body = struct.pack(order + "HHIIII", number, 3, ticks >> 32, ticks & 0xFFFFFFFF, len(data), length)
    return block(2, body + data, order)


def simple(data: bytes, order: str = "<", length: int | None = None) -> bytes:
    """A simple packet block."""
    return block(3, struct.pack(order + "I", len(data) if length is None else length) + data, order)
