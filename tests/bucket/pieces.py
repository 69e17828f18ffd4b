# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Content that may be larger than the memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

PIECE = 64 * 1024
IN_MEMORY = 1024 * 1024


def pieces(body: IO[bytes], offset: int, size: int) -> Iterator[bytes]:
    """A stretch of a file, piece by piece."""
    body.seek(offset)
    while size > 0:
        piece = body.read(min(PIECE, size))
        if not piece:
            return
        size -= len(piece)
        yield piece


def spooled() -> IO[bytes]:
    """A nameless file: in memory as long as it is small."""
    return tempfile.SpooledTemporaryFile(IN_MEMORY)


def contains(body: IO[bytes], offset: int, size: int, mark: bytes) -> bool:
    """Whether these bytes occur in a stretch of a file."""
    kept = b""
    for piece in pieces(body, offset, size):
        kept += piece
        if mark in kept:
            return True
        kept = kept[-len(mark) + 1 :]
    return False
