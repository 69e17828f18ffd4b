# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opens capture files, compressed or not, and bounds what is read of them. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import zlib
from typing import BinaryIO, Iterator

from .._errors import FileError

MOST_BYTES = 262144
"""Of one packet: what libpcap (``MAXIMUM_SNAPLEN``) and Wireshark (``WTAP_MAX_PACKET_SIZE_STANDARD``) read, too."""
_GZIP = b"\x1f\x8b"
_PIECE = 1 << 16


class Damage(FileError):
    """From here on a file is no capture; what was read before stands."""


class Gunzip(io.RawIOBase):
    """The bytes that a gzip file holds, up to where it is damaged; ``trouble`` then says how (RFC 1952)."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__()
        self.trouble: str | None = None
        self._source = source
        self._member = zlib.decompressobj(wbits=31)
        self._input = b""

    def readable(self) -> bool:
        """Say that it can be read, which the base class would not."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a reader has no other buffers
        """Fill some of a buffer; 0 at the end, and where the data is damaged."""
        data = b""
        while not data and self.trouble is None:
            if self._member.eof and not self._begin_member():
                break
            self._input = self._input or self._source.read(_PIECE)
            if not self._input:
                self.trouble = "its compressed data ends too early"
                break
            before = self._member.copy()
            try:
                data = self._member.decompress(self._input, len(buffer))
            except zlib.error:
                self.trouble = "its compressed data is damaged"
                data = _salvage(before, self._input)[: len(buffer)]
                break
            self._input = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        buffer[: len(data)] = data
        return len(data)

    def _begin_member(self) -> bool:
        """Return whether another member follows the one that ended. Zeros may: tapes pad with them."""
        while not self._input.strip(b"\0"):
            self._input = self._source.read(_PIECE)
            if not self._input:
                return False
        self._input = self._input.lstrip(b"\0")
        self._member = zlib.decompressobj(wbits=31)
        return True


@contextlib.contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO, Gunzip | None]]:
    """Open a file for reading: its bytes, and the decompression where there is one; raise FileError."""
    try:
        # A FIFO or a terminal would be waited for.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise FileError("%s: it is no file" % path)
        file = io.BufferedReader(io.FileIO(path), _PIECE)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise FileError("%s: it cannot be read: %s" % (path, reason)) from None
    with file:
        try:
            compressed = file.peek(2)[:2] == _GZIP
        except OSError as error:
            raise FileError("%s: it cannot be read: %s" % (path, error.strerror)) from None
        gunzip = Gunzip(file) if compressed else None
        yield (io.BufferedReader(gunzip, _PIECE) if gunzip else file), gunzip


def exactly(stream: BinaryIO, size: int, what: str) -> bytes:
    """Return the next bytes of a stream, of which there are that many; raise Damage: it ends inside ``what``."""
    data = stream.read(size)
    if len(data) < size:
        raise Damage("the file ends inside %s" % what)
    return data


def skip(stream: BinaryIO, size: int, what: str) -> None:
    """Pass over the next bytes of a stream, however many; raise Damage where it ends before."""
    while size > 0:
        size -= len(exactly(stream, min(size, _PIECE), what))


def _salvage(member: zlib._Decompress, data: bytes) -> bytes:
    """Return what can be decompressed before the damage, which a call that fails keeps to itself."""
    found = b""
    with contextlib.suppress(zlib.error):
        for position in range(len(data)):
            found += member.decompress(data[position : position + 1])
    return found
