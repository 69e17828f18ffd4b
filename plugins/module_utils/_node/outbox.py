# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tcpdump has closed, on its way out of the node. PRIVATE to the collection.

taps/<run>/<file>  -- finish -->  segments/<name> + a manifest line  -- store -->  the sink, confirmed, deleted here
"""

from __future__ import annotations

from typing import Any

from .._names import clean_part, segment_name, target_folder
from .._records import CaptureOptions
from . import segments, shipper
from .accounts import Closed
from .attempts import Attempts
from .holdings import Holdings
from .journal import Journal
from .process import Clock
from .raws import Raw
from .spool import Spool
from .worker import Worker

_SILENT_SECONDS = 60.0
_OF_SEGMENT = ("first_ns", "last_ns", "end_ns", "packets", "bytes", "sha256", "md5", "damage")


class Outbox:
    """Two workers, since one must not wait for the other's disk or server: jobs for them, and their answers."""

    def __init__(
        self, spool: Spool, node: str, options: CaptureOptions, journal: Journal, clock: Clock, holdings: Holdings
    ) -> None:
        self._spool, self._node, self._options, self._clock = spool, node, options, clock
        self._journal, self._ledger, self._holdings = journal, journal.ledger, holdings
        self._finisher = Worker({"finish": segments.finish})
        self._shipper = Worker({"look": shipper.look, "store": shipper.store})
        self._asked_at = 0.0
        self._attempts = {do: Attempts() for do in ("store", "look", "finish")}
        self.manifest_stored = False

    @property
    def workers(self) -> tuple[Worker, Worker]:
        """What a selector waits on."""
        return self._finisher, self._shipper

    @property
    def storing(self) -> Closed | None:
        """The segment that is being copied."""
        return self._shipper.busy.get("closed") if self._shipper.busy else None

    @property
    def last_error(self) -> str | None:
        """What went wrong last and is not over."""
        silent = self._clock.steady() - self._asked_at
        if self._shipper.busy and silent > _SILENT_SECONDS:
            return "the sink %s has not answered for %d s" % (self._options.sink, silent)
        return next((one.error for one in self._attempts.values() if one.error), None)

    def unshipped(self) -> int:
        """Return how many segments the sink has not confirmed."""
        return sum(len(one.closed) for one in self._ledger.accounts.values()) if self._options.sink else 0

    def backlog_bytes(self) -> int:
        """Return what closed files that wait for the sink take of the disk."""
        return self._holdings.closed_bytes() if self._options.sink else 0

    def tick(self, now: float) -> None:
        """Give idle workers their next job."""
        if not self._finisher.busy and self._attempts["finish"].is_due(now):
            raw = self._holdings.take_raw()
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
                self._holdings.put_back(got[0]["raw"])
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

    def close(self) -> None:
        """End the workers."""
        for worker in self.workers:
            worker.close()

    def _submit_finish(self, raw: Raw) -> None:
        run = self._ledger.runs[raw.run]
        account = self._ledger.account(run.target)
        opened, seq = max(account.opened, raw.opened), account.seq + 1
        name = segment_name(run.target, run.interface, opened, seq, self._options.compress)
        job = {"do": "finish", "raw": raw, "file": name, "seq": seq, "opened": opened}
        final = self._holdings.segment_path(name)
        self._finisher.submit(job, raw=self._holdings.raw_path(raw), final=final, compress=self._options.compress)

    def _finished(self, job: dict[str, Any], answer: dict[str, Any]) -> None:
        raw: Raw = job["raw"]
        run = self._ledger.runs[raw.run]
        if answer["sha256"] is None:
            self._holdings.discard(raw, answer["damage"])
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
                **{key: answer[key] for key in _OF_SEGMENT},
            )
            self._holdings.delete_raw(raw)

    def _submit_oldest(self, now: float) -> None:
        closed = self._holdings.oldest()
        if closed is not None:
            parts = [self._spool.id, clean_part(self._node), *target_folder(closed.ref), closed.file]
            source = self._holdings.segment_path(closed.file)
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
        self._holdings.delete_segment(closed)

    def _fail(self, job: dict[str, Any], answer: dict[str, Any], now: float) -> None:
        attempts, error = self._attempts[job["do"]], str(answer["error"])
        attempts.error = error
        item = job.get("raw") or job.get("closed")
        if item is not None and self._holdings.note_if_lost(item):
            return
        if job["do"] == "finish":
            self._failed_to_finish(job["raw"], error, now)
        elif answer.get("file_fault") and "closed" in job:
            self._holdings.put_last(job["closed"])
        attempts.wait(now)

    def _failed_to_finish(self, raw: Raw, error: str, now: float) -> None:
        """Have a file tried again, but not for ever: a capture ends."""
        raw.fail(now)
        if raw.is_hopeless(now, self._options.grace_seconds):
            self._holdings.discard(raw, error)
        else:
            self._holdings.put_back(raw)
