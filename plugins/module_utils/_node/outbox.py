# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tcpdump has closed, on its way out of the node. PRIVATE to the collection.

    taps/<run>/<file>  -- finish -->  segments/<name> + a manifest line  -- store -->  the sink, confirmed, deleted here

A file is deleted only after the line that says where it went is on disk; what a crash leaves between two steps is
found and finished by the next supervisor. Bounds are kept by giving up the oldest files, each with a line.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import shutil
from typing import Any, Iterator

from .._names import clean_part, segment_name, target_folder
from .._records import CaptureOptions, TargetRef
from . import retention, segments, shipper
from .attempts import Attempts
from .journal import Journal
from .ledger import Closed
from .process import Clock
from .raws import Raw, Raws
from .spool import Spool, raw_files
from .tap import Tap
from .worker import Worker

_SILENT_SECONDS = 60.0


class Outbox:
    """Queues, two workers (one must not wait for the other's disk or server), and the bounds."""

    def __init__(self, spool: Spool, node: str, options: CaptureOptions, journal: Journal, clock: Clock) -> None:
        self._spool, self._node, self._options = spool, node, options
        self._journal, self._ledger, self._clock = journal, journal.ledger, clock
        self._raws = Raws()
        self._finisher = Worker({"finish": segments.finish})
        self._shipper = Worker({"look": shipper.look, "store": shipper.store})
        self._asked_at = 0.0
        self._attempts = {do: Attempts() for do in ("store", "look", "finish")}
        self._faulty: set[str] = set()
        self.manifest_stored = False

    @property
    def workers(self) -> tuple[Worker, Worker]:
        """What a selector waits on."""
        return self._finisher, self._shipper

    @property
    def finishing(self) -> bool:
        """Whether a closed file is no segment yet."""
        return bool(self._raws)

    @property
    def last_error(self) -> str | None:
        """What went wrong last and is not over."""
        silent = self._clock.steady() - self._asked_at
        if self._shipper.busy and silent > _SILENT_SECONDS:
            return "the sink %s has not answered for %d s" % (self._options.sink, silent)
        return next((one.error for one in self._attempts.values() if one.error), None)

    def holds(self, run: int) -> bool:
        """Whether a file of that run is no segment yet."""
        return self._raws.holds(run)

    def unshipped(self) -> int:
        """Return how many segments the sink has not confirmed."""
        return sum(len(one.closed) for one in self._ledger.accounts.values()) if self._options.sink else 0

    def backlog_bytes(self) -> int:
        """Return what closed files that wait for the sink take of the disk."""
        return self.closed_bytes() if self._options.sink else 0

    def closed_bytes(self) -> int:
        """Return what closed files take of the disk."""
        return self._ledger.closed_bytes + self._raws.bytes

    def disk_bytes(self) -> int:
        """Return what closed files and the manifest take of the disk."""
        return self.closed_bytes() + retention.on_disk(os.stat(self._spool.path("manifest.jsonl")).st_size)

    def recover(self) -> None:
        """Take over what an earlier supervisor left: unknown files go, closed files are queued."""
        known = {one.file for one in self._ledger.closed()}
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
                    os.unlink(self._raw_path(raw))
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
        interfaces = tap.read_interfaces()
        for name, size in found:
            tap.queued.add(name)
            self._raws.add(Raw(tap.number, name, size, interfaces))
        return True

    def tick(self, now: float) -> None:
        """Give idle workers their next job."""
        if not self._finisher.busy and self._attempts["finish"].is_due(now):
            raw = self._raws.take()
            if raw is not None:
                self._submit_finish(raw)
        if self._options.sink and not self._shipper.busy:
            if self._ledger.sink_mount is None:
                self._ask({"do": "look"}, now)
            else:
                self._submit_oldest(now)

    def receive(self, worker: Worker, now: float) -> None:
        """Take a worker's answer."""
        got = worker.receive()
        if got is None:
            return
        try:
            self._take(*got, now)
        except OSError:  # no room for a line: the file is still no segment
            if got[0]["do"] == "finish":
                self._raws.put_back(got[0]["raw"])
            raise

    def _take(self, job: dict[str, Any], answer: dict[str, Any], now: float) -> None:
        if answer.get("error"):
            self._fail(job, answer, now)
            return
        self._attempts[job["do"]].succeed()
        if job["do"] == "finish":
            self._finished(job, answer)
        elif job["do"] == "look":
            self._journal.record("sink", sink=self._options.sink, mount=answer["mount"])
        elif job.get("manifest"):
            self.manifest_stored = True
        else:
            self._stored(job["closed"], answer)

    def store_manifest(self, now: float) -> None:
        """Have the manifest copied to the sink, once everything else is there."""
        if not self._shipper.busy and self._ledger.sink_mount is not None:
            parts = shipper.manifest_parts(self._spool.id, self._node)
            job = {"do": "store", "manifest": True}
            self._ask(job, now, source=self._spool.path("manifest.jsonl"), parts=parts, sha256=None)

    def keep_bounds(self, shares: list[retention.Share]) -> bool:
        """Give up the oldest closed files until the bounds hold; return whether the file system's bound does."""
        disk = os.statvfs(self._spool.folder)
        short = retention.least_free(self._options, disk.f_blocks * disk.f_frsize) - disk.f_bavail * disk.f_frsize
        over = self.disk_bytes() - retention.closed_bytes_allowed(self._options, shares)
        if short <= 0 and over <= 0:
            return True
        reason = "keep" if over > 0 else "min_free"
        freed = sum(self._give_up(one, reason) for one in retention.choose_evicted(self._held(), max(short, over)))
        return freed >= short

    def close(self) -> None:
        """End the workers."""
        for worker in self.workers:
            worker.close()

    def _held(self) -> Iterator[retention.Held]:
        """Yield what may be given up, oldest first."""
        busy = self._shipper.busy.get("closed") if self._shipper.busy else None
        closed = (
            retention.Held((one.opened, one.file), retention.on_disk(one.size), one)
            for one in self._ledger.closed()
            if one is not busy
        )
        return heapq.merge(closed, self._raws.held(), key=lambda held: held.key)

    def _give_up(self, held: retention.Held, reason: str) -> int:
        item = held.item
        if isinstance(item, Closed):
            self._journal.record(
                "evicted", item.ref, seq=item.seq, file=item.file, bytes=item.size, packets=item.packets, reason=reason
            )
            self._delete(self._spool.path("segments", item.file))
            self._faulty.discard(item.file)
        elif isinstance(item, Raw):
            fields = {"file": None, "bytes": item.bytes, "packets": self._count(item), "reason": reason}
            self._journal.record("evicted", self._ref(item), seq=None, run=item.run, raw=item.id, **fields)
            self._delete_raw(item)
        return held.bytes

    def _count(self, raw: Raw) -> int:
        """Return the packets in a file; none that is gone or that the disk cannot read, which becomes a gap."""
        try:
            return segments.count(self._raw_path(raw)).packets
        except OSError:
            return 0

    def _submit_finish(self, raw: Raw) -> None:
        run = self._ledger.runs[raw.run]
        account = self._ledger.account(run.target)
        opened, seq = max(account.opened, raw.opened), account.seq + 1
        name = segment_name(run.target, run.interface, opened, seq, self._options.compress)
        job = {"do": "finish", "raw": raw, "file": name, "seq": seq, "opened": opened}
        final = self._spool.path("segments", name)
        self._finisher.submit(job, raw=self._raw_path(raw), final=final, compress=self._options.compress)

    def _finished(self, job: dict[str, Any], answer: dict[str, Any]) -> None:
        raw: Raw = job["raw"]
        run = self._ledger.runs[raw.run]
        if answer["sha256"] is None:
            self._discard(raw, answer["damage"])
        else:
            names = {
                index: (run.interfaces.get(index), raw.interfaces.get(index))
                for index in sorted({*run.interfaces, *raw.interfaces}, key=int)
            }
            self._journal.record(
                "segment",
                run.target,
                run=raw.run,
                raw=raw.id,
                seq=job["seq"],
                file=job["file"],
                opened=job["opened"],
                interfaces=names,
                dropped_between=run.dropped_kernel - run.dropped_at_segment,
                dropped_total=run.dropped_kernel,
                **{key: answer[key] for key in ("first_ns", "last_ns", "packets", "bytes", "sha256", "md5", "damage")},
            )
            self._delete_raw(raw)

    def _submit_oldest(self, now: float) -> None:
        """Have the oldest segment stored; those that the sink cannot take as they are come last."""
        free = (one for one in self._ledger.closed() if one.file not in self._faulty)
        closed = next(free, None) or next(self._ledger.closed(), None)
        if closed is not None:
            parts = [self._spool.id, clean_part(self._node), *target_folder(closed.ref), closed.file]
            source = self._spool.path("segments", closed.file)
            self._ask({"do": "store", "closed": closed}, now, source=source, parts=parts, sha256=closed.sha256.hex())

    def _ask(self, job: dict[str, Any], now: float, **arguments: Any) -> None:
        """Give the shipper a job, unless it is too early after a failure."""
        if self._attempts[job["do"]].is_due(now):
            if job["do"] == "store":
                arguments["mount"] = self._ledger.sink_mount
            self._asked_at = now
            self._shipper.submit(job, sink=self._options.sink, **arguments)

    def _stored(self, closed: Closed, answer: dict[str, Any]) -> None:
        fields = {"generation": None, "crc32c": None, "object": answer["object"]}
        self._journal.record("stored", closed.ref, seq=closed.seq, sink=self._options.sink, **fields)
        self._delete(self._spool.path("segments", closed.file))
        self._faulty.discard(closed.file)

    def _fail(self, job: dict[str, Any], answer: dict[str, Any], now: float) -> None:
        attempts, error = self._attempts[job["do"]], str(answer["error"])
        attempts.error = error
        if self._is_lost(job):
            return
        if job["do"] == "finish":
            self._failed_to_finish(job["raw"], error, now)
        elif answer.get("file_fault") and "closed" in job:
            self._faulty.add(job["closed"].file)
        attempts.wait(now)

    def _failed_to_finish(self, raw: Raw, error: str, now: float) -> None:
        """Have a file tried again, but not for ever: a capture ends."""
        raw.fail(now)
        if raw.is_hopeless(now, self._options.grace_seconds):
            self._discard(raw, error)
        else:
            self._raws.put_back(raw)

    def _discard(self, raw: Raw, reason: str) -> None:
        self._journal.record("discarded", self._ref(raw), run=raw.run, raw=raw.id, bytes=raw.bytes, reason=reason)
        self._delete_raw(raw)

    def _is_lost(self, job: dict[str, Any]) -> bool:
        """Write down that a job's file was taken away, and return whether it was: what waits behind it goes on."""
        reason = "the file was taken away"
        if job["do"] == "finish" and not os.path.exists(self._raw_path(job["raw"])):
            self._discard(job["raw"], reason)
            return True
        closed = job.get("closed")
        if closed is not None and not os.path.exists(self._spool.path("segments", closed.file)):
            fields = {"file": closed.file, "bytes": closed.size, "packets": closed.packets, "reason": reason}
            self._journal.record("evicted", closed.ref, seq=closed.seq, **fields)
            return True
        return False

    def _ref(self, raw: Raw) -> TargetRef:
        return self._ledger.runs[raw.run].target

    def _raw_path(self, raw: Raw) -> str:
        return self._spool.path("taps", str(raw.run), raw.name)

    def _delete_raw(self, raw: Raw) -> None:
        self._delete(self._raw_path(raw))
        self._ledger.taken.discard(raw.id)
        self._raws.remove(raw)
        self._tidy(raw.run)

    @staticmethod
    def _delete(path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def _tidy(self, run: int) -> None:
        """Remove a run's folder once its tcpdump has ended and its files are segments."""
        if self._ledger.runs[run].stopped and not self.holds(run):
            with contextlib.suppress(OSError):
                os.rmdir(self._spool.path("taps", str(run)))
