# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The closed files of a capture that lie on its node, and the bounds on them. PRIVATE to the collection.

    taps/<run>/<file>   what tcpdump has closed and that is no segment yet: a raw file
    segments/<name>     segments, each with its line in the manifest

A file is deleted only after the line that says where it went is on disk; what a crash leaves between the two is found
by the next supervisor. Bounds are kept by giving up the oldest files, each with a line.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import shutil
from typing import Collection, Iterator

from .._records import CaptureOptions, TargetRef
from .._sinks import MANIFEST
from . import retention, segments
from .accounts import Closed
from .journal import Journal
from .raws import Raw, Raws
from .retention import Held
from .spool import Spool, raw_files
from .tap import Tap

_TAKEN_AWAY = "the file was taken away"


class Holdings:
    """Raw files in the order in which they were closed, segments by age."""

    def __init__(self, spool: Spool, options: CaptureOptions, journal: Journal) -> None:
        self._spool, self._options, self._journal, self._ledger = spool, options, journal, journal.ledger
        self._raws = Raws()
        self._behind: set[str] = set()

    @property
    def unfinished(self) -> bool:
        """Whether a closed file is no segment yet."""
        return bool(self._raws)

    def holds(self, run: int) -> bool:
        """Whether a file of that run is no segment yet."""
        return self._raws.holds(run)

    def closed_bytes(self) -> int:
        """Return what closed files take of the disk."""
        return self._ledger.closed_bytes + self._raws.bytes

    def disk_bytes(self) -> int:
        """Return what closed files and the manifest take of the disk."""
        return self.closed_bytes() + self.manifest_bytes()

    def manifest_bytes(self) -> int:
        """Return what the manifest takes of the disk."""
        return retention.on_disk(os.stat(self._spool.path(MANIFEST)).st_size)

    def stored_in(self) -> dict[str, int]:
        """Return how many segments each place has confirmed."""
        return dict(self._ledger.stored_in)

    def recover(self) -> None:
        """Take over what an earlier supervisor left: unknown files go, closed files are queued."""
        closed = list(self._ledger.closed())
        known = {one.file for one in closed}
        for one in closed:
            self.note_if_lost(one)
        for name in os.listdir(self._spool.path("segments")):
            if name not in known:  # stored or given up already, or never finished: its raw file is still there
                os.unlink(self._spool.path("segments", name))
        for folder in sorted(os.listdir(self._spool.path("taps")), key=int):
            run = int(folder)
            if run not in self._ledger.runs:  # its tcpdump was started, and the line that says so never written
                shutil.rmtree(self._spool.path("taps", folder))
                continue
            for name, size in raw_files(self._spool.path("taps", folder)):
                raw = Raw(run, name, size, {})
                if raw.id in self._ledger.taken:  # else a bound could give it up once more
                    os.unlink(self.raw_path(raw))
                else:
                    self._raws.add(raw)
            self._tidy(run)
        self._ledger.taken.clear()  # none of those files is there any more

    def collect(self, tap: Tap) -> bool:
        """Queue what a tap has closed since; return whether there was anything."""
        closed = tap.closed_files()
        tap.queued.intersection_update([name for name, _size in closed])
        found = [one for one in closed if one[0] not in tap.queued]
        if not found:
            return False
        interfaces = tap.interfaces.names()
        for name, size in found:
            tap.queued.add(name)
            self._raws.add(Raw(tap.number, name, size, interfaces))
        return True

    def take_raw(self) -> Raw | None:
        """Return the raw file to work on next, if one waits; it stays here until it is deleted."""
        return self._raws.take()

    def put_back(self, raw: Raw) -> None:
        """Have a raw file wait again."""
        self._raws.put_back(raw)

    def oldest(self, leave: Collection[str]) -> Closed | None:
        """Return the oldest segment to ship but those in ``leave``; those that were put last come last."""
        unconfirmed = self._ledger.unconfirmed
        behind = None
        for one in self._ledger.closed():
            if one.file not in leave and one.file not in unconfirmed:
                if one.file not in self._behind:
                    return one
                behind = behind or one
        return behind

    def put_last(self, closed: Closed) -> None:
        """Have a segment hold up no other."""
        self._behind.add(closed.file)

    def raw_path(self, raw: Raw) -> str:
        """Return where a raw file lies."""
        return self._spool.path("taps", str(raw.run), raw.name)

    def segment_path(self, name: str) -> str:
        """Return where a segment lies."""
        return self._spool.path("segments", name)

    def delete_raw(self, raw: Raw) -> None:
        """Delete a raw file, once the manifest tells what became of it."""
        _delete(self.raw_path(raw))
        self._ledger.taken.discard(raw.id)
        self._raws.remove(raw)
        self._tidy(raw.run)

    def delete_segment(self, closed: Closed) -> None:
        """Delete a segment, once the manifest tells what became of it."""
        _delete(self.segment_path(closed.file))
        self._behind.discard(closed.file)

    def discard(self, raw: Raw, reason: str) -> None:
        """Give up a raw file of which nothing can be kept."""
        fields = {"run": raw.run, "raw": raw.id, "bytes": raw.bytes, "reason": reason}
        self._journal.record("discarded", self._ref(raw), **fields)
        self.delete_raw(raw)

    def note_if_lost(self, item: Raw | Closed) -> bool:
        """Write down that a file was taken away, and return whether it was: what waits behind it goes on."""
        if isinstance(item, Raw):
            lost = not os.path.exists(self.raw_path(item))
            if lost:
                self.discard(item, _TAKEN_AWAY)
            return lost
        lost = not os.path.exists(self.segment_path(item.file))
        if lost and self._ledger.holds(item):  # else it was stored meanwhile
            self._evict(item, _TAKEN_AWAY)
        return lost

    def keep_bounds(self, shares: list[retention.Share], leave: Collection[str]) -> bool:
        """Give up the oldest closed files until the bounds hold; return whether the file system's bound does.

        ``leave`` holds the files of segments that are on their way to the sink.
        """
        disk = os.statvfs(self._spool.folder)
        short = retention.least_free(self._options, disk.f_blocks * disk.f_frsize) - disk.f_bavail * disk.f_frsize
        over = self.disk_bytes() - retention.closed_bytes_allowed(self._options, shares)
        if short <= 0 and over <= 0:
            return True
        reason = "keep" if over > 0 else "min_free"
        chosen = retention.choose_evicted(self._held(leave), max(short, over))
        return sum(self._give_up(one, reason) for one in chosen) >= short

    def _held(self, leave: Collection[str]) -> Iterator[Held]:
        """Yield what may be given up, oldest first."""
        closed = (
            Held((one.opened, one.file), retention.on_disk(one.size), one)
            for one in self._ledger.closed()
            if one.file not in leave
        )
        return heapq.merge(closed, self._raws.held(), key=lambda held: held.key)

    def _give_up(self, held: Held, reason: str) -> int:
        item = held.item
        if isinstance(item, Closed):
            self._evict(item, reason)
        elif isinstance(item, Raw):
            fields = {"file": None, "bytes": item.bytes, "packets": self._count(item), "reason": reason}
            self._journal.record("evicted", self._ref(item), seq=None, run=item.run, raw=item.id, **fields)
            self.delete_raw(item)
        return held.bytes

    def _evict(self, closed: Closed, reason: str) -> None:
        fields = {"file": closed.file, "bytes": closed.size, "packets": closed.packets, "reason": reason}
        self._journal.record("evicted", closed.ref, seq=closed.seq, **fields)
        self.delete_segment(closed)

    def _count(self, raw: Raw) -> int:
        """Return the packets in a file; none that is gone or that the disk cannot read, which becomes a gap."""
        try:
            return segments.count(self.raw_path(raw)).packets
        except OSError:
            return 0

    def _ref(self, raw: Raw) -> TargetRef:
        return self._ledger.runs[raw.run].target

    def _tidy(self, run: int) -> None:
        """Remove a run's folder once its tcpdump has ended and its files are segments."""
        if self._ledger.runs[run].stopped and not self.holds(run):
            with contextlib.suppress(OSError):
                os.rmdir(self._spool.path("taps", str(run)))


def _delete(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
