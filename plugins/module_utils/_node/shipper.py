# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Segments on their way to the sink: oldest first, and deleted here once the sink has confirmed them. PRIVATE.

A directory takes one at a time; a bucket several, since each waits for a server, but one alone while it fails or while
a rate is to be kept. What the manifest says is in the spool is the queue: it outlives the supervisor.
"""

from __future__ import annotations

from typing import Any, Sequence

from .._records import CaptureOptions
from .._sinks import MANIFEST, is_bucket, manifest_parts, segment_parts
from . import bucket, directory
from .accounts import Closed
from .attempts import Attempts
from .holdings import Holdings
from .journal import Journal
from .process import Clock
from .spool import Spool
from .worker import Worker

_AT_ONCE = 3  # each is a process with some 4 MB of its own
_SILENT_SECONDS = 60.0


class Shipper:
    """Workers for one sink; without a sink there are none, and nothing to do."""

    def __init__(
        self, spool: Spool, node: str, options: CaptureOptions, journal: Journal, clock: Clock, holdings: Holdings
    ) -> None:
        self._spool, self._node, self._options, self._clock = spool, node, options, clock
        self._journal, self._ledger, self._holdings = journal, journal.ledger, holdings
        self._is_bucket = is_bucket(options.sink)
        self.workers = self._start() if options.sink else []
        self._asked_at = 0.0
        self._attempts = {do: Attempts() for do in ("store", "look")}
        self._answers: list[tuple[dict[str, Any], dict[str, Any]]] = []
        """What workers answered and no line tells yet: on a full disk there is no room for one."""
        self.manifest_stored = False
        self.manifest_unconfirmed = False
        """Whether the bucket has a manifest of this capture and node already."""
        self.refused = False
        """Whether the bucket refused an upload, and none has gone well since."""

    def _start(self) -> list[Worker]:
        if not self._is_bucket:
            return [Worker({"look": directory.look, "store": directory.store})]
        return [Worker({"store": bucket.store}) for _number in range(1 if self._options.upload_rate else _AT_ONCE)]

    @property
    def storing(self) -> set[str]:
        """The files of the segments that are on their way."""
        return {worker.busy["closed"].file for worker in self.workers if worker.busy and "closed" in worker.busy}

    @property
    def last_error(self) -> str | None:
        """What went wrong last and is not over."""
        silent = self._clock.steady() - self._asked_at
        if not self._is_bucket and self._busy and silent > _SILENT_SECONDS:
            return "the sink %s has not answered for %d s" % (self._options.sink, silent)
        if self.manifest_stored:  # by the controller, perhaps: nothing is on its way any more
            return None
        return next((one.error for one in self._attempts.values() if one.error), None)

    @property
    def unconfirmed(self) -> int:
        """How many files may be in the bucket and may not; only a reader of it can tell."""
        return len(self._ledger.unconfirmed) + (self.manifest_unconfirmed and not self.manifest_stored)

    @property
    def _busy(self) -> int:
        return sum(1 for worker in self.workers if worker.busy)

    @property
    def _may_store(self) -> bool:
        """Whether it is known what ``store`` is held to: of a directory, where it was mounted at first."""
        return self._is_bucket or self._ledger.sink_mount is not None

    def tick(self, now: float) -> None:
        """Give idle workers their next job."""
        self._take_answers(now)
        for worker in self.workers:
            if worker.busy:
                continue
            if not self._may_store:
                self._ask(worker, {"do": "look"}, now, sink=self._options.sink)
            elif not (self._busy and self._attempts["store"].error):
                self._submit_oldest(worker, now)

    def store_manifest(self, now: float) -> None:
        """Have the manifest copied to the sink, once everything else is there."""
        if not self._busy and self._may_store:
            parts = manifest_parts(self._spool.id, self._node)
            arguments = self._arguments(self._spool.path(MANIFEST), parts, None)
            self._ask(self.workers[0], {"do": "store", "manifest": True}, now, **arguments)

    def hasten(self) -> None:
        """Have what waits after a failure tried now: what was in its way may be gone."""
        for attempts in self._attempts.values():
            attempts.hasten()

    def take(self, job: dict[str, Any], answer: dict[str, Any], now: float) -> None:
        """Take a worker's answer; where there is no room for its line, again with the next tick."""
        self._answers.append((job, answer))
        self._take_answers(now)

    def _take_answers(self, now: float) -> None:
        while self._answers:
            self._take(*self._answers[0], now)
            del self._answers[0]

    def _take(self, job: dict[str, Any], answer: dict[str, Any], now: float) -> None:
        unconfirmed = bool(answer.get("unconfirmed"))
        if answer.get("error") and not (unconfirmed and "closed" in job):
            self._fail(job, answer, now)
            return
        self._attempts[job["do"]].succeed()
        self.refused = False
        if job["do"] == "look":
            self._journal.record("sink", sink=self._options.sink, mount=answer["mount"])
        elif job.get("manifest"):
            self.manifest_stored = True
        elif self._ledger.holds(job["closed"]):  # else the controller has confirmed it meanwhile
            (self._unconfirmed if unconfirmed else self._stored)(job["closed"], answer)

    def close(self) -> None:
        """End the workers."""
        for worker in self.workers:
            worker.close()

    def _submit_oldest(self, worker: Worker, now: float) -> None:
        closed = self._holdings.oldest(self.storing)
        if closed is not None:
            parts = segment_parts(self._spool.id, self._node, closed.ref, closed.file)
            arguments = self._arguments(self._holdings.segment_path(closed.file), parts, closed)
            self._ask(worker, {"do": "store", "closed": closed}, now, **arguments)

    def _arguments(self, source: str, parts: Sequence[str], closed: Closed | None) -> dict[str, Any]:
        """Return what ``store`` is told; the manifest's digest is taken when it is stored."""
        told = {"source": source, "sink": self._options.sink, "parts": parts}
        if self._is_bucket:
            md5 = closed and closed.md5.hex()
            return {**told, "md5": md5, "upload": self._spool.path("upload.json"), "rate": self._options.upload_rate}
        return {**told, "sha256": closed and closed.sha256.hex(), "mount": self._ledger.sink_mount}

    def _ask(self, worker: Worker, job: dict[str, Any], now: float, **arguments: Any) -> None:
        """Give a worker a job, unless it is too early after a failure."""
        if self._attempts[job["do"]].is_due(now):
            self._asked_at = now
            worker.submit(job, **arguments)

    def _stored(self, closed: Closed, answer: dict[str, Any]) -> None:
        fields = {"object": answer["object"], **{name: answer.get(name) for name in ("generation", "crc32c")}}
        self._journal.record("stored", closed.ref, seq=closed.seq, sink=self._options.sink, **fields)
        self._holdings.delete_segment(closed)

    def _unconfirmed(self, closed: Closed, answer: dict[str, Any]) -> None:
        fields = {"object": answer["object"], "reason": answer["error"]}
        self._journal.record("unconfirmed", closed.ref, seq=closed.seq, sink=self._options.sink, **fields)

    def _fail(self, job: dict[str, Any], answer: dict[str, Any], now: float) -> None:
        closed = job.get("closed")
        if closed is not None and self._holdings.note_if_lost(closed):
            return
        attempts = self._attempts[job["do"]]
        attempts.error = str(answer["error"])
        if job.get("manifest") and answer.get("unconfirmed"):  # and stays so: another failure tells nothing of it
            self.manifest_unconfirmed = True
        self.refused = bool(answer.get("refused"))
        if closed is not None and answer.get("file_fault"):
            self._holdings.put_last(closed)
        attempts.wait(now, answer.get("retry_after") or 0.0)
