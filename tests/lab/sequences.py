# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which counted datagrams a capture file holds."""

from __future__ import annotations

import gzip
import pathlib
import struct
from collections.abc import Iterable

MAGIC = b"kpcL"
"""The first bytes of a counted payload; stream (4 bytes) and sequence number (8 bytes), both big-endian, follow."""
_ORDERS = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}


def packets(data: bytes) -> Iterable[bytes]:
    """The packets of a pcap file's bytes, in order; a last record that is cut off is left out."""
    if data[:4] not in _ORDERS:
        raise ValueError("not a pcap file: it begins with %r" % data[:4])
    record = struct.Struct(_ORDERS[data[:4]] + "IIII")
    at = 24
    while at + 16 <= len(data):
        length = record.unpack_from(data, at)[2]
        if at + 16 + length > len(data):
            return
        yield data[at + 16 : at + 16 + length]
        at += 16 + length


def sequences(source: bytes | str | pathlib.Path, stream: int | None = None) -> list[int]:
    """The sequence numbers in a pcap file (bytes, or a path; gzip too), in the file's order, doubles included.

    A packet cut before its number ends is not counted. ``stream`` keeps one sender's only.
    """
    data = source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    found = []
    for packet in packets(data):
        at = packet.find(MAGIC)
        if at >= 0 and at + 16 <= len(packet):
            number, sequence = struct.unpack_from("!IQ", packet, at + 4)
            if stream in (None, number):
                found.append(sequence)
    return found
