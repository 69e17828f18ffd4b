# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of one capture on its node. PRIVATE to the collection.

    <spool>/<id>/recorder.pyz      the supervisor
                 capture.json      what is wanted: the request as accepted, the deadline, whether to stop
                 state.json        what is: replaced whole, by the supervisor alone
                 upload.json       how to write to a bucket: a secret, kept out of everything else
                 confirmed.json    what the controller found elsewhere, until the supervisor has written it down
                 manifest.jsonl    what happened: only appended to, by the supervisor alone
                 lock              held by the supervisor, with its process id
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
import os
import shutil
import stat
from typing import Any, Callable, Mapping, Sequence, TypeVar

from .._errors import CaptureError, NodeError
from .._records import CaptureOptions, NodeCapture, RecordError, Upload, from_result, to_result
from . import disk, jsonfile

SCHEMA = 1
_BALLAST_BYTES = 1 << 20
_NAMES = {"recorder.pyz", "state.json", "manifest.jsonl", "recorder.log", "lock", "ballast", "taps", "segments"} | {
    "capture.json.part",
    "state.json.part",
    "upload.json",
    "upload.json.part",
    "confirmed.json",
    "confirmed.json.part",
    "confirmed.json.taken",
}
"""Of files beside ``capture.json``."""
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
    def is_accepted(self) -> bool:
        """Whether there is a capture of this id here."""
        return os.path.exists(self.path("capture.json"))

    @property
    def is_cut_off(self) -> bool:
        """Whether there is what a start or a removal left that was cut off.

        Whatever might be another's is not: the folder is closed to all but root, and has names of ours alone.
        """
        try:
            status, found = os.lstat(self.folder), set(os.listdir(self.folder))
        except (FileNotFoundError, NotADirectoryError):
            return False
        closed = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077
        return closed and "taps" in found and found <= _NAMES

    @property
    def exists(self) -> bool:
        """Whether there is anything of a capture of this id here."""
        return self.is_accepted or self.is_cut_off

    @property
    def is_empty(self) -> bool:
        """Whether no file that may hold packets is there."""
        walked = [walk for part in ("taps", "segments") for walk in os.walk(self.path(part))]
        return not any(files for _folder, _folders, files in walked)

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

    def clear(self) -> None:
        """Remove everything of the capture: first what is wanted, last what tells that there is still a rest."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("capture.json"))
        for name in sorted(os.listdir(self.folder), key="taps".__eq__):
            path = self.path(name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)
        os.rmdir(self.folder)

    def remove(self) -> None:
        """Remove everything of the capture, and the default root when that was the last one; another is the user's."""
        self.clear()
        if self.root == CaptureOptions.spool:
            with contextlib.suppress(OSError):  # other captures, or a mount point
                os.rmdir(self.root)

    def read_wanted(self) -> Wanted | None:
        """Return ``capture.json``, or None where there is no capture; raise CaptureError where it is damaged."""
        values = jsonfile.read(self.path("capture.json"))
        if values is None:
            if self.is_cut_off:
                text = (
                    "%s is missing: a start or removal goes on, or was cut off; then state absent with force removes it"
                )
                raise CaptureError(text % self.path("capture.json"))
            return None
        try:
            return from_result(Wanted, values)
        except RecordError as error:
            raise jsonfile.damaged(self.path("capture.json"), str(error)) from None

    def write_wanted(self, wanted: Wanted) -> None:
        """Replace ``capture.json``; the supervisor sees it within a tick. Raises NodeError where it cannot be."""
        values = dict(to_result(wanted), schema=SCHEMA)
        try:
            self.with_room(lambda: jsonfile.replace(self.path("capture.json"), values))
        except OSError as error:
            text = "spool: %s cannot be written: %s; make room, or remove the capture with state absent and force"
            raise NodeError(text % (self.path("capture.json"), error.strerror)) from None

    def read_upload(self) -> Upload | None:
        """Return how this node may write to its bucket, None where nothing, or nothing readable, says it."""
        try:
            values = jsonfile.read(self.path("upload.json"))
            return None if values is None else from_result(Upload, values)
        except (CaptureError, RecordError):
            return None

    def write_upload(self, way: Upload, environment: Mapping[str, str]) -> None:
        """Replace ``upload.json``; what an earlier one says of the environment stays where this one says nothing."""
        with contextlib.suppress(CaptureError):
            environment = {**(jsonfile.read(self.path("upload.json")) or {}).get("environment", {}), **environment}
        values = {**to_result(way), "environment": environment}
        try:
            self.with_room(lambda: jsonfile.replace(self.path("upload.json"), values))
        except OSError as error:
            text = "spool: %s cannot be written: %s; make room, or remove the capture with state absent and force"
            raise NodeError(text % (self.path("upload.json"), error.strerror)) from None

    def drop_upload(self) -> None:
        """Remove ``upload.json``: nothing is uploaded any more."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("upload.json"))

    @property
    def has_confirmed(self) -> bool:
        """Whether ``confirmed.json`` names files that nobody has taken in whole."""
        return any(os.path.exists(self.path(name)) for name in ("confirmed.json", "confirmed.json.taken"))

    def take_confirmed(self) -> list[dict[str, Any]]:
        """Return what ``confirmed.json`` names; whoever adds to it before ``drop_confirmed`` writes another."""
        if not os.path.exists(self.path("confirmed.json.taken")):
            with contextlib.suppress(FileNotFoundError):
                os.rename(self.path("confirmed.json"), self.path("confirmed.json.taken"))
        return self._read_confirmed("confirmed.json.taken")

    def write_confirmed(self, files: Sequence[Mapping[str, Any]]) -> None:
        """Add to ``confirmed.json``."""
        named = {one["file"]: dict(one) for one in [*self._read_confirmed("confirmed.json"), *files]}
        self.with_room(lambda: jsonfile.replace(self.path("confirmed.json"), {"files": list(named.values())}))

    def drop_confirmed(self) -> None:
        """Remove what ``take_confirmed`` told."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("confirmed.json.taken"))

    def _read_confirmed(self, name: str) -> list[dict[str, Any]]:
        try:
            return list((jsonfile.read(self.path(name)) or {}).get("files", []))
        except CaptureError:  # not on disk when the power went; the controller finds it again
            return []

    def wanted_stamp(self) -> tuple[int, int]:
        """Return what changes whenever ``capture.json`` is replaced or touched."""
        status = os.stat(self.path("capture.json"))
        return status.st_ino, status.st_mtime_ns

    def read_state(self) -> dict[str, Any] | None:
        """Return ``state.json``, or None before the supervisor's first."""
        try:
            return jsonfile.read(self.path("state.json"))
        except CaptureError:  # not on disk when the power went; the manifest is what counts
            return None

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace ``state.json``."""
        self.with_room(lambda: jsonfile.replace(self.path("state.json"), state, sync=False))

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
            if not disk.is_full(error):
                raise
        with contextlib.suppress(FileNotFoundError):  # it is gone already, by another process perhaps just now
            os.unlink(self.path("ballast"))
        return write()

    def lock(self) -> int | None:
        """Take the supervisor's lock and return its descriptor, None when a supervisor holds it."""
        descriptor = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.pwrite(descriptor, b"%-20d" % os.getpid(), 0)  # of one length: no room is needed for another's number
        return descriptor

    @property
    def running(self) -> bool:
        """Whether a supervisor holds the lock; the kernel drops it with the process, however that ends."""
        return self.supervisor is not None

    @property
    def supervisor(self) -> int | None:
        """The process id of the supervisor, None where none runs; 0, or an earlier one's, in its first moment."""
        try:
            file = open(self.path("lock"), "rb")
        except FileNotFoundError:
            return None
        with file:
            try:
                # Shared: two who ask at once must not take each other for the supervisor.
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _number(file.read())
        return None


def _number(text: bytes) -> int:
    return int(text) if text.strip().isdigit() else 0


def list_captures(root: str) -> list[str]:
    """Return the ids of the captures below a spool's root, sorted."""
    try:
        names = sorted(os.listdir(root))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [name for name in names if Spool(root, name).exists]


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
