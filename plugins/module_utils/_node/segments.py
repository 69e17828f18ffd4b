# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns a closed capture file into a segment: counted, digested, compressed. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from typing import Any, Callable, Iterator

from .._packet.counter import Count, Counter
from . import disk

_CHUNK = 1 << 18


def finish(raw: str, final: str, compress: bool) -> dict[str, Any]:
    """Write ``final`` from ``raw``, flush it to disk, and return what it holds.

    Shape: packets, first_ns, last_ns, end_ns, damage (None, or why ``raw`` was no whole capture), bytes, sha256, md5
    (of ``final``; None where there is nothing whole to keep, and then ``final`` is not written). ``raw`` stays as it
    is, so that the next supervisor sees its damage too; of a damaged one, ``final`` holds the whole records alone.
    """
    answer = _write(raw, final, compress, None)
    if answer["damage"] is None:
        return answer
    damage, whole = answer["damage"], answer["whole_bytes"]
    if whole:
        return dict(_write(raw, final, compress, whole), damage=damage)
    os.unlink(final)
    return dict(answer, bytes=0, sha256=None, md5=None)


def count(path: str, take: Callable[[bytes], object] = len, most: int | None = None) -> Count:
    """Return what a closed capture file holds in its first ``most`` bytes; ``take`` gets them all on the way."""
    counter = Counter()
    left = os.stat(path).st_size if most is None else most
    with open(path, "rb", buffering=0) as file:
        while left > 0:
            data = file.read(min(_CHUNK, left))
            if not data:
                break
            left -= len(data)
            take(data)
            counter.feed(data)
    return counter.end()


def md5_of(path: str) -> str:
    """Return the MD5 of a file, in hex."""
    digest = new_md5()
    with open(path, "rb", buffering=0) as file:
        for data in iter(lambda: file.read(_CHUNK), b""):
            digest.update(data)
    return str(digest.hexdigest())


def _write(raw: str, final: str, compress: bool, most: int | None) -> dict[str, Any]:
    sha256, md5 = hashlib.sha256(), new_md5()

    def digest(data: bytes) -> None:
        sha256.update(data)
        md5.update(data)

    if compress:
        held = _compress(raw, final, digest, most)
    else:
        held = _link(raw, final, digest) if most is None else _copy(raw, final, digest, most)
    disk.sync_folder(os.path.dirname(final))  # the raw file's name goes once this one's is there for good
    return {
        "packets": held.packets,
        "first_ns": held.first_ns,
        "last_ns": held.last_ns,
        "end_ns": held.end_ns,
        "whole_bytes": held.whole_bytes,
        "damage": held.damage,
        "bytes": os.stat(final).st_size,
        "sha256": sha256.hexdigest(),
        "md5": md5.hexdigest(),
    }


def _compress(raw: str, final: str, digest: Callable[[bytes], None], most: int | None) -> Count:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31, 9)  # 31: a gzip frame (RFC 1952) without name or time
    with _made(final, digest) as emit:
        held = count(raw, lambda data: emit(packer.compress(data)), most)
        emit(packer.flush())
    return held


def _copy(raw: str, final: str, digest: Callable[[bytes], None], most: int) -> Count:
    with _made(final, digest) as emit:
        return count(raw, emit, most)


@contextlib.contextmanager
def _made(final: str, digest: Callable[[bytes], None]) -> Iterator[Callable[[bytes], None]]:
    """Give what takes the bytes of a new file, which is there, flushed to disk, once the body has ended."""
    part = os.path.join(os.path.dirname(final), ".part")  # a segment's name may be as long as a name can be
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:

        def emit(data: bytes) -> None:
            digest(data)
            out.write(data)

        yield emit
        out.flush()
        os.fsync(out.fileno())
    os.rename(part, final)


def _link(raw: str, final: str, digest: Callable[[bytes], None]) -> Count:
    held = count(raw, digest)
    descriptor = os.open(raw, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileNotFoundError):  # an earlier supervisor ended between this and its manifest line
        os.unlink(final)
    os.link(raw, final)
    return held


def new_md5() -> Any:
    """Return an MD5 that a FIPS host grants too, where Python can say that it protects nothing (3.9)."""
    try:
        return hashlib.new("md5", usedforsecurity=False)
    except TypeError:
        return hashlib.new("md5")
