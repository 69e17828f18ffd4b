# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of one capture on its node. PRIVATE to the collection.

    <spool>/<id>/recorder.pyz      the supervisor
                 capture.json      what is wanted: the request as accepted, the deadline, whether to stop
                 state.json        what is: replaced whole, by the supervisor alone
                 manifest.jsonl    what happened: only appended to, by the supervisor alone
                 recorder.log      what a supervisor without systemd said
                 ballast           room for the last words on a disk that others have filled
                 taps/<run>/       files that tcpdump writes, one folder for each run of a tcpdump
                 segments/         closed, counted files with their line in the manifest

Everything is readable by root alone: captures hold payload.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
from typing import Any, Callable, Iterator, Mapping, TypeVar

from .._errors import CaptureError, NodeError
from .._records import CaptureOptions, NodeCapture, RecordError, from_result, to_result
from . import disk

SCHEMA = 1
_BALLAST_BYTES = 1 << 20
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """``capture.json``: what is wanted of a capture on this node."""

    capture: NodeCapture
    started_ns: int
    deadline_ns: int
    """When the taps close: nanoseconds since 1970 by the node's clock at the start."""
    stop_reason: str | None = None
    """Set once the taps are to close before the deadline."""


class Spool:
    """Paths, files and the lock of one capture."""

    def __init__(self, root: str, capture_id: str) -> None:
        self.root = root
        self.id = capture_id
        self.folder = os.path.join(root, capture_id)

    def path(self, *parts: str) -> str:
        """Return a path below the capture's folder."""
        return os.path.join(self.folder, *parts)

    @property
    def exists(self) -> bool:
        """Whether a capture of this id was accepted here and not removed since."""
        return os.path.exists(self.path("capture.json"))

    def make(self) -> None:
        """Make the folders, closed to everybody else."""
        try:
            os.makedirs(self.root, mode=0o700, exist_ok=True)
            disk.check_parents(self.root)
            for folder in (self.folder, self.path("taps"), self.path("segments")):
                os.makedirs(folder, mode=0o700, exist_ok=True)
                if os.lstat(folder).st_uid != os.geteuid() or os.path.islink(folder):
                    raise NodeError("spool: %s is not ours; remove it, or use another spool" % folder)
        except OSError as error:
            raise NodeError("spool: %s cannot be made: %s" % (self.folder, error.strerror)) from None

    def remove(self) -> None:
        """Remove everything of the capture, and the default root when that was the last one; another is the user's."""
        shutil.rmtree(self.folder)
        if self.root == CaptureOptions.spool:
            with contextlib.suppress(OSError):  # other captures, or a mount point
                os.rmdir(self.root)

    def read_wanted(self) -> Wanted | None:
        """Return ``capture.json``, or None where there is none."""
        values = _read_json(self.path("capture.json"))
        if values is None:
            return None
        try:
            return from_result(Wanted, values)
        except RecordError as error:
            raise _damaged(self.path("capture.json"), str(error)) from None

    def write_wanted(self, wanted: Wanted) -> None:
        """Replace ``capture.json``; the supervisor sees it within a tick."""
        _replace(self.path("capture.json"), dict(to_result(wanted), schema=SCHEMA))

    def wanted_stamp(self) -> tuple[int, int]:
        """Return what changes whenever ``capture.json`` is replaced or touched."""
        stat = os.stat(self.path("capture.json"))
        return stat.st_ino, stat.st_mtime_ns

    def read_state(self) -> dict[str, Any] | None:
        """Return ``state.json``, or None before the supervisor's first."""
        try:
            return _read_json(self.path("state.json"))
        except CaptureError:  # not on disk when the power went; the manifest is what counts
            return None

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace ``state.json``."""
        self.with_room(lambda: _replace(self.path("state.json"), state, sync=False))

    def make_ballast(self) -> None:
        """Take the room that ``with_room`` gives back."""
        try:
            with open(os.open(self.path("ballast"), os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                os.posix_fallocate(file.fileno(), 0, _BALLAST_BYTES)
        except OSError as error:
            if not disk.is_full(error):
                raise

    def with_room(self, write: Callable[[], T]) -> T:
        """Return what ``write`` does; on a full disk it is called again once the ballast is gone."""
        try:
            return write()
        except OSError as error:
            if not disk.is_full(error) or not os.path.exists(self.path("ballast")):
                raise
        os.unlink(self.path("ballast"))
        return write()

    def lock(self) -> int | None:
        """Take the supervisor's lock and return its descriptor, None when a supervisor holds it."""
        return self._lock(fcntl.LOCK_EX)

    def _lock(self, kind: int) -> int | None:
        descriptor = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    @property
    def running(self) -> bool:
        """Whether a supervisor holds the lock; the kernel drops it with the process, however that ends."""
        if not os.path.exists(self.path("lock")):
            return False
        descriptor = self._lock(fcntl.LOCK_SH)  # two who ask at once must not take each other for the supervisor
        if descriptor is None:
            return True
        os.close(descriptor)
        return False


class Manifest:
    """``manifest.jsonl``, opened for appending by the one supervisor."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._file = open(spool.path("manifest.jsonl"), "ab", buffering=0)
        disk.sync_folder(spool.folder)

    def append(self, event: Mapping[str, Any], sync: bool = True) -> None:
        """Append one line, and have it on disk where ``sync``; where that fails, none of it is there."""
        line = json.dumps(to_result(event), sort_keys=True, separators=(",", ":")).encode() + b"\n"
        self._spool.with_room(lambda: self._write(line, sync))

    def _write(self, line: bytes, sync: bool) -> None:
        """Write a line whole or not at all: its caller may do everything again."""
        end, data = os.fstat(self._file.fileno()).st_size, line
        if end and not _ends_with_newline(self._file.name):
            data = b"\n" + line  # a line that was cut by a crash stays a line of its own
        try:
            while data:
                data = data[self._file.write(data) :]
            if sync:
                os.fsync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), end)
            raise

    def flush(self) -> None:
        """Have all lines on disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_manifest(path: str) -> Iterator[dict[str, Any]]:
    """Yield the manifest's lines; a line that was cut by a crash is passed over."""
    try:
        file = open(path, "rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event


def list_captures(root: str) -> list[str]:
    """Return the ids of the captures below a spool's root, sorted."""
    try:
        names = sorted(os.listdir(root))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in names if os.path.exists(os.path.join(root, name, "capture.json"))]


def raw_files(folder: str) -> list[tuple[str, int]]:
    """Return (name, bytes) of the files one tcpdump wrote, in the order in which it opened them.

    tcpdump names them ``SECONDS.pcap``, ``SECONDS.pcap1``, ``SECONDS.pcap2``: -G sets the seconds, which only grow
    within a run, and -C the number.
    """
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            seconds, dot, number = entry.name.partition(".pcap")
            if dot and seconds.isdigit() and (not number or number.isdigit()):
                found.append((int(seconds), int(number or 0), entry.name, entry.stat().st_size))
    return [(name, size) for _seconds, _number, name, size in sorted(found)]


def _ends_with_newline(path: str) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _read_json(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(path, str(error)) from None
    if not isinstance(values, dict):
        raise _damaged(path, "it holds no object")
    return values


def _damaged(path: str, why: str) -> CaptureError:
    return CaptureError("%s is damaged (%s); remove the capture with state absent and force" % (path, why))


def _replace(path: str, values: Mapping[str, Any], sync: bool = True) -> None:
    """Write a JSON file beside ``path`` and rename it there, so that a reader sees the old or the new, whole."""
    part = path + ".part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps(values))  # json.dump() would write piece by piece
        if sync:
            file.flush()
            os.fsync(file.fileno())
    os.rename(part, path)
    if sync:
        disk.sync_folder(os.path.dirname(path))
