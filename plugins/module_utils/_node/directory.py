# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes files to a directory sink. PRIVATE to the collection.

It is an absolute path on the node: a disk, a mount, NFS. A file there is whole or absent: it is written
under a hidden name, flushed, read back, compared by SHA-256, and renamed. What lies there under its name is another's,
and stays.

When a mount goes, the folder that it was mounted on remains, on the node's own disk. So a capture notes where the file
system of its sink is mounted when it first looks, and nothing is stored while that is another place. A device number
would not do: NFS gets another with each mount, a disk perhaps with each boot, and both are the same sink.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from typing import Any, Callable, Sequence

from .._errors import OptionError
from .._sinks import manifest_parts
from . import disk

_CHUNK = 1 << 20


class _FileFault(OSError):
    """What keeps one file from the sink, and no other."""


def check(sink: str, write: bool = True) -> None:
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


def look(sink: str) -> dict[str, Any]:
    """Find out what ``store`` is to hold the sink to. Shape: mount (a path, or None), error (None, or why not)."""
    if not os.path.isdir(sink):
        return {"mount": None, "error": "the sink %s is gone" % sink}
    return {"mount": _mount_point(sink), "error": None}


def store(source: str, sink: str, parts: Sequence[str], sha256: str | None, mount: str) -> dict[str, Any]:
    """Copy a file to ``sink``/``parts`` and return the object's path once its SHA-256 was read back as expected.

    Shape: object (path below the sink), error (None, or why it is not there), file_fault (whether that is due to
    this file, so that others may go). A file with the same content is the one an earlier, unanswered copy made. Without
    ``sha256`` the source is one that grows, and replaces a beginning of itself. ``mount``: as ``look`` found it.
    """
    relative = os.path.join(*parts)
    final = os.path.join(sink, relative)
    answer = {"object": relative, "error": None, "file_fault": False}
    try:
        _check_mount(sink, mount)
        digest = sha256 or _sha256(source)
        there = os.path.isfile(final)
        if there and _sha256(final) == digest:
            return answer
        if os.path.lexists(final) and not (there and sha256 is None and _is_beginning(final, source)):
            raise _FileFault("there is another file of that name: %s" % relative)
        os.makedirs(os.path.dirname(final), mode=0o700, exist_ok=True)
        _put(source, final, digest, lambda: _check_mount(sink, mount))
    except OSError as error:
        text = "%s: %s" % (sink, error.strerror or error)
        return dict(answer, error=text, file_fault=isinstance(error, _FileFault))
    return answer


def _mount_point(path: str) -> str:
    here = os.path.realpath(path)
    while not os.path.ismount(here):
        here = os.path.dirname(here)
    return here


def _check_mount(sink: str, mount: str) -> None:
    found = look(sink)
    if found["error"]:
        raise OSError(found["error"])
    if found["mount"] != mount:
        text = "the sink is on another file system than at the start, mounted on %s, not on %s; is its mount gone?"
        raise OSError(text % (found["mount"], mount))


def _put(source: str, final: str, digest: str, check: Callable[[], None]) -> None:
    """Write a file beside ``final``, and give it that name once it was read back and ``check`` raises nothing."""
    folder, name = os.path.split(final)
    part = os.path.join(folder, ".%s.part" % hashlib.sha256(name.encode()).hexdigest()[:16])
    try:
        _copy(source, part)
        if _sha256(part) != digest:
            raise _FileFault("the copy's checksum differs")
        check()
    except OSError:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            os.unlink(part)
        raise
    os.rename(part, final)
    disk.sync_folder(folder)  # before the segment is deleted here


def _is_beginning(path: str, whole: str) -> bool:
    with open(path, "rb") as first, open(whole, "rb") as second:
        return all(second.read(len(data)) == data for data in iter(lambda: first.read(_CHUNK), b""))


def _copy(source: str, part: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW  # others may write to the sink, too
    with open(source, "rb") as file, open(os.open(part, flags, 0o600), "wb") as out:
        shutil.copyfileobj(file, out, _CHUNK)
        out.flush()
        os.fsync(out.fileno())
        # What is read back must come from the sink, not from this node's memory (posix_fadvise(2)).
        os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for data in iter(lambda: file.read(_CHUNK), b""):
            digest.update(data)
    return digest.hexdigest()
