# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture files for tests, made byte by byte (pcap-savefile(5))."""

from __future__ import annotations

import struct

MAGIC = {("<", 1000): 0xA1B2C3D4, (">", 1000): 0xA1B2C3D4, ("<", 1): 0xA1B23C4D, (">", 1): 0xA1B23C4D}
START = 1_795_248_902
"""2026-11-21T08:15:02Z"""


def header(order: str = "<", unit: int = 1000, snaplen: int = 192) -> bytes:
    """The header of a file in a byte order, whose fractions count ``unit`` nanoseconds."""
    return struct.pack(order + "IHHiIII", MAGIC[order, unit], 2, 4, 0, 0, snaplen, 1)


def record(data: bytes, seconds: int, fraction: int = 0, order: str = "<") -> bytes:
    """One packet."""
    return struct.pack(order + "IIII", seconds, fraction, len(data), len(data)) + data


def pcap(count: int, start: int = START, order: str = "<", unit: int = 1000, size: int = 60) -> bytes:
    """A file of ``count`` packets of different content, a second apart."""
    records = (record(bytes([index % 256]) * (size + index % 3), start + index, index, order) for index in range(count))
    return header(order, unit) + b"".join(records)
