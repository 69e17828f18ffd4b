# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a node, block by block into files of the controller. PRIVATE to the collection.

What was cut off is gone on with at the block that is missing; only a file whose SHA-256 is the manifest's is whole.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from typing import IO, Any

from ...module_utils._errors import FileError

BLOCK = 4 * 2**20
"""Bytes that are asked for at a time, and held in memory a few times over."""

Read = Callable[[str, int], "bytes | None"]
"""(path on the node, number of a block from 0) to that block, shorter at the end; None for a file that is gone."""


def fetch(read: Read, source: str, path: str, size: int, sha256: str) -> bool:
    """Bring a file that does not change; return False where it is gone, and then nothing is left here.

    It grows beside its path under another name, which a run that was cut off leaves. Raises FileError where it is not
    what the manifest says.
    """
    with _part(path) as file:
        kept = usable(os.fstat(file.fileno()).st_size, size)
        for start in sorted({kept, 0}, reverse=True):  # what was kept may be another's
            found = _fill(read, source, file, start, size)
            if found == sha256:
                _settle(file, path)
            elif found is None:
                os.unlink(file.name)
            if found == sha256 or found is None:
                return found is not None
        os.unlink(file.name)
    raise FileError("%s is not what the manifest says: its SHA-256 is %s, and not %s" % (source, found, sha256))


def fetch_growing(read: Read, source: str, path: str, whole: bool) -> bool | None:
    """Bring a file that is only appended to, by lines, in the place of a beginning of itself.

    whole: it does not grow any more. Otherwise a last line that may be half written is left out. Returns whether there
    is more of it than before, None where it is gone. Raises FileError where its path has another's.
    """
    with _part(path) as file:
        file.truncate(0)
        number, block = 0, read(source, 0)
        while block:
            file.write(block)
            number += 1
            block = read(source, number) if len(block) == BLOCK else b""
        if block is not None and not whole:
            _cut_last_line(file)
        file.flush()
        there = os.path.lexists(path)
        fits = block is not None and (not there or _begins_with(file, path))
        new = fits and not (there and os.path.getsize(path) == os.fstat(file.fileno()).st_size)
        if new:
            _settle(file, path)
        else:
            os.unlink(file.name)
    if block is not None and not fits:
        raise FileError("%s is of another recording, and stays; move it away" % path)
    return None if block is None else new


def usable(there: int, size: int) -> int:
    """Return how many bytes of what an earlier run left may be gone on with: whole blocks."""
    return 0 if there > size else there // BLOCK * BLOCK


def opened(path: str) -> IO[bytes]:
    """Return a file to be read; raise FileError."""
    try:
        return open(path, "rb")
    except OSError as error:
        raise FileError("%s cannot be read: %s" % (path, error.strerror)) from None


@contextlib.contextmanager
def _part(path: str) -> Iterator[IO[bytes]]:
    """Open what becomes a file, and what nobody else writes meanwhile; what is cut off leaves it."""
    part = path + ".part"
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT, 0o600))
        with open(part, "r+b") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.exists(part) or not os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
                raise BlockingIOError  # it has just been renamed
            yield file
    except BlockingIOError:
        raise FileError("%s is being written by another run; wait for its end" % path) from None
    except OSError as error:
        raise FileError("%s cannot be written: %s" % (path, error.strerror)) from None


def _settle(file: IO[bytes], path: str) -> None:
    """Give a file its name, on disk, before another run may have it."""
    file.flush()
    os.fsync(file.fileno())
    os.rename(path + ".part", path)
    sync_folder(path)


def sync_folder(path: str) -> None:
    """Have a file's name on disk."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _begins_with(grown: IO[bytes], path: str) -> bool:
    grown.seek(0)
    with opened(path) as old:
        return all(grown.read(len(block)) == block for block in iter(lambda: old.read(BLOCK), b""))


def digest(file: IO[bytes], name: str, size: int | None = None) -> Any:
    """Return the hash object of a file's first bytes, or of all."""
    made = hashlib.new(name, usedforsecurity=False)
    file.seek(0)
    left = size
    while left is None or left > 0:
        block = file.read(BLOCK if left is None else min(BLOCK, left))
        if not block:
            break
        made.update(block)
        left = None if left is None else left - len(block)
    return made


def _fill(read: Read, source: str, file: IO[bytes], start: int, size: int) -> str | None:
    """Write a file from a block's beginning to its end; return its SHA-256, None where it is gone."""
    made = digest(file, "sha256", start)
    file.seek(start)
    file.truncate()
    for number in range(start // BLOCK, -(-size // BLOCK)):
        block = read(source, number)
        if block is None:
            return None
        made.update(block)
        file.write(block)
        if len(block) < BLOCK:
            break
    return str(made.hexdigest())


def _cut_last_line(file: IO[bytes]) -> None:
    """Take away what follows the last end of a line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - BLOCK)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            end = start + at + 1
            break
        end = start
    file.truncate(end)
