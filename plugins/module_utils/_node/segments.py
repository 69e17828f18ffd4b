# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns a closed capture file into a segment: counted, digested, compressed. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from typing import Any, Callable

from .._packet.pcap import Count, Counter

_CHUNK = 1 << 18


def finish(raw: str, final: str, compress: bool) -> dict[str, Any]:
    """Write ``final`` from ``raw``, flush it to disk, and return what it holds.

    Shape: packets, first_ns, last_ns, damage (None, or why ``raw`` was no whole capture), bytes, sha256, md5 (of
    ``final``; None where there is nothing whole to keep, and then ``final`` is not written). ``raw`` stays; a damaged
    one is cut after its last whole record, so that every segment is a valid capture file.
    """
    answer = _write(raw, final, compress)
    if answer["damage"] is None:
        return answer
    damage, whole = answer["damage"], answer["whole_bytes"]
    os.truncate(raw, whole)
    if whole:
        return dict(_write(raw, final, compress), damage=damage)
    os.unlink(final)
    return dict(answer, bytes=0, sha256=None, md5=None)


def count(path: str, take: Callable[[bytes], object] = len) -> Count:
    """Return what a closed capture file holds; ``take`` gets every byte of it on the way."""
    counter = Counter()
    with open(path, "rb", buffering=0) as file:
        for data in iter(lambda: file.read(_CHUNK), b""):
            take(data)
            counter.feed(data)
    return counter.end()


def _write(raw: str, final: str, compress: bool) -> dict[str, Any]:
    sha256, md5 = hashlib.sha256(), _md5()

    def digest(data: bytes) -> None:
        sha256.update(data)
        md5.update(data)

    held = _compress(raw, final, digest) if compress else _link(raw, final, digest)
    return {
        "packets": held.packets,
        "first_ns": held.first_ns,
        "last_ns": held.last_ns,
        "whole_bytes": held.whole_bytes,
        "damage": held.damage,
        "bytes": os.stat(final).st_size,
        "sha256": sha256.hexdigest(),
        "md5": md5.hexdigest(),
    }


def _compress(raw: str, final: str, digest: Callable[[bytes], None]) -> Count:
    part = final + ".part"
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # 31: a gzip frame (RFC 1952) without name or time
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:

        def emit(data: bytes) -> None:
            digest(data)
            out.write(data)

        held = count(raw, lambda data: emit(packer.compress(data)))
        emit(packer.flush())
        out.flush()
        os.fsync(out.fileno())
    os.rename(part, final)
    return held


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


def _md5() -> Any:
    """Return an MD5 that a FIPS host grants too, where Python can say that it protects nothing (3.9)."""
    try:
        return hashlib.new("md5", usedforsecurity=False)
    except TypeError:
        return hashlib.new("md5")
