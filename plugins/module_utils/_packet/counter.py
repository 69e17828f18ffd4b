# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts the records of classic capture files. PRIVATE to the collection.

Format: pcap-savefile(5). Takes a file in pieces of any size, so that one which is being digested or compressed is read
once only. Damage is an answer here, not an error: what stands before it was captured all the same.
"""

from __future__ import annotations

import dataclasses
import struct

from .pcap import HEADER_BYTES, MAGIC

_MOST_BYTES = 262144 * 4


@dataclasses.dataclass(frozen=True)
class Count:
    """What a capture file holds."""

    packets: int
    first_ns: int | None
    """Earliest timestamp, nanoseconds since 1970; None without packets."""
    last_ns: int | None
    """Latest timestamp."""
    whole_bytes: int
    """Where the last whole record ends; 0 where not even the header is whole."""
    damage: str | None
    """Why the file is no whole capture: what follows the whole records is lost."""
    end_ns: int | None = None
    """The last packet's timestamp: earlier than the latest when the clock was set back within the file."""


class Counter:
    """Counts one file: ``feed`` its bytes, then ask for the ``end``."""

    def __init__(self) -> None:
        self._rest = b""
        self._record: struct.Struct | None = None
        self._unit = 1
        self._most = _MOST_BYTES
        self._packets = 0
        self._whole = 0
        self._first: int | None = None
        self._last: int | None = None
        self._end: int | None = None
        self._damage: str | None = None

    def feed(self, data: bytes) -> None:
        """Take the file's next bytes."""
        if self._damage is not None:
            return
        data = self._rest + data
        if self._record is not None:
            self._walk(self._record, data, 0)
        elif len(data) < HEADER_BYTES:
            self._rest = data
        elif data[:4] not in MAGIC:
            self._damage = "no pcap file: it begins with %s" % data[:4].hex()
        else:
            order, self._unit, record = MAGIC[data[:4]]
            self._record = struct.Struct(order + record)
            snaplen = struct.unpack_from(order + "I", data, 16)[0]
            self._most = min(snaplen or _MOST_BYTES, _MOST_BYTES)
            self._whole = HEADER_BYTES
            self._walk(self._record, data, HEADER_BYTES)

    def end(self) -> Count:
        """Return the count, once the whole file was fed."""
        damage = self._damage
        if damage is None and self._record is None:
            damage = "the file ends inside its header" if self._rest else "the file is empty"
        elif damage is None and self._rest:
            damage = "the file ends inside record %d" % (self._packets + 1)
        return Count(self._packets, self._first, self._last, self._whole, damage, self._end)

    def _walk(self, record: struct.Struct, data: bytes, start: int) -> None:
        # Local names: this loop runs once per packet, on a node that has better things to do.
        unpack, head, unit, most = record.unpack_from, record.size, self._unit, self._most
        size, offset = len(data), start
        second = 1_000_000_000 // unit
        packets, first, last, when = self._packets, self._first, self._last, self._end
        while offset + head <= size:
            seconds, fraction, captured, length = unpack(data, offset)
            # A disk that was full for a moment leaves a hole: what follows it is read out of step.
            if captured > most or captured > length or fraction >= second:
                self._damage = "record %d is none" % (packets + 1)
                break
            end = offset + head + captured
            if end > size:
                break
            when = seconds * 1_000_000_000 + fraction * unit
            if first is None or last is None:
                first = last = when
            elif when > last:
                last = when
            elif when < first:
                first = when
            packets += 1
            offset = end
        self._packets, self._first, self._last, self._end = packets, first, last, when
        self._whole += offset - start
        self._rest = data[offset:]
