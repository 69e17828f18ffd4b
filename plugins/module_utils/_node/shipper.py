# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes segments to a sink. PRIVATE to the collection.

A directory sink is an absolute path on the node: a disk, a mount, NFS. A file there is whole or absent: it is written
under a hidden name, flushed, read back, compared by SHA-256, and renamed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from typing import Any, Sequence

from .._errors import OptionError
from .._names import clean_part

_CHUNK = 1 << 20


def check_sink(sink: str, write: bool = True) -> None:
    """Raise OptionError unless the sink is a directory that this node can write to; ``write``: try it."""
    if not os.path.isdir(sink):
        raise OptionError("sink", "%s is not a directory on this node" % sink, "mount or create it first")
    if not write:
        return
    try:
        with tempfile.NamedTemporaryFile(prefix=".kube-pcap-", dir=sink) as probe:
            probe.write(b"kube.pcap")
    except OSError as error:
        wrong = "%s cannot be written to (%s)" % (sink, error.strerror)
        raise OptionError("sink", wrong, "name a directory that root of this node can write to") from None


def check_unused(sink: str, capture_id: str, node: str) -> None:
    """Raise OptionError where the sink holds an earlier capture of this id and node, whose manifest would be lost."""
    manifest = os.path.join(sink, *manifest_parts(capture_id, node))
    if os.path.exists(manifest):
        raise OptionError("sink", "%s is there, of an earlier capture" % manifest, "choose another id, or move it away")


def manifest_parts(capture_id: str, node: str) -> list[str]:
    """Return the path of a node's manifest below the sink, by its parts."""
    return [capture_id, clean_part(node), "manifest.jsonl"]


def store(source: str, sink: str, parts: Sequence[str], sha256: str) -> dict[str, Any]:
    """Copy a segment to ``sink``/``parts`` and return the object's path once its SHA-256 was read back as expected.

    Shape: object (path below the sink), error (None, or why it is not there). A file that is there already with the
    same content is the one an earlier, unanswered copy made.
    """
    relative = os.path.join(*parts)
    final = os.path.join(sink, relative)
    part = os.path.join(os.path.dirname(final), ".%s.part" % hashlib.sha256(parts[-1].encode()).hexdigest()[:16])
    try:
        if not os.path.isdir(sink):
            raise OSError("the sink %s is gone" % sink)
        os.makedirs(os.path.dirname(final), mode=0o700, exist_ok=True)
        if not (os.path.exists(final) and _sha256(final) == sha256):
            _copy(source, part)
            if _sha256(part) != sha256:
                os.unlink(part)
                raise OSError("the copy's checksum differs")
            os.rename(part, final)
            _sync_folder(os.path.dirname(final))
    except OSError as error:
        return {"object": relative, "error": "%s: %s" % (sink, error.strerror or error)}
    return {"object": relative, "error": None}


def _copy(source: str, part: str) -> None:
    with open(source, "rb") as file, open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        shutil.copyfileobj(file, out, _CHUNK)
        out.flush()
        os.fsync(out.fileno())
        # What is read back must come from the sink, not from this node's memory (posix_fadvise(2)).
        os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _sync_folder(path: str) -> None:
    """Have the new name on the sink's disk before the segment is deleted here (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for data in iter(lambda: file.read(_CHUNK), b""):
            digest.update(data)
    return digest.hexdigest()
