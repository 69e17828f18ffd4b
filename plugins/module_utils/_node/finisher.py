# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has closed files made segments, one after another, each with its line in the manifest. PRIVATE to the collection."""

from __future__ import annotations

from typing import Any

from .._names import segment_name
from .._records import CaptureOptions
from . import segments
from .attempts import Attempts
from .holdings import Holdings
from .journal import Journal
from .raws import Raw
from .worker import Worker

_OF_SEGMENT = ("first_ns", "last_ns", "end_ns", "packets", "bytes", "sha256", "md5", "damage")


class Finisher:
    """One worker: two would give names out of order."""

    def __init__(self, options: CaptureOptions, journal: Journal, holdings: Holdings) -> None:
        self._options = options
        self._journal, self._ledger, self._holdings = journal, journal.ledger, holdings
        self.worker = Worker({"finish": segments.finish})
        self._attempts = Attempts()

    @property
    def last_error(self) -> str | None:
        """What went wrong last and is not over."""
        return self._attempts.error

    def tick(self, now: float) -> None:
        """Give an idle worker its next file."""
        if not self.worker.busy and self._attempts.is_due(now):
            raw = self._holdings.take_raw()
            if raw is not None:
                self._submit(raw)

    def take(self, job: dict[str, Any], answer: dict[str, Any], now: float) -> None:
        """Take the worker's answer; where there is no room for a line, the file is still no segment."""
        try:
            if answer.get("error"):
                self._fail(job["raw"], str(answer["error"]), now)
                return
            self._attempts.succeed()
            self._finished(job, answer)
        except OSError:
            self._holdings.put_back(job["raw"])
            raise

    def _submit(self, raw: Raw) -> None:
        run = self._ledger.runs[raw.run]
        account = self._ledger.account(run.target)
        opened, seq = max(account.opened, raw.opened), account.seq + 1
        name = segment_name(run.target, run.interface, opened, seq, self._options.compress)
        job = {"do": "finish", "raw": raw, "file": name, "seq": seq, "opened": opened}
        final = self._holdings.segment_path(name)
        self.worker.submit(job, raw=self._holdings.raw_path(raw), final=final, compress=self._options.compress)

    def _finished(self, job: dict[str, Any], answer: dict[str, Any]) -> None:
        raw: Raw = job["raw"]
        run = self._ledger.runs[raw.run]
        if answer["sha256"] is None:
            self._holdings.discard(raw, answer["damage"])
            return
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

    def _fail(self, raw: Raw, error: str, now: float) -> None:
        """Have a file tried again, but not for ever: a capture ends."""
        self._attempts.error = error
        if self._holdings.note_if_lost(raw):
            return
        raw.fail(now)
        if raw.is_hopeless(now, self._options.grace_seconds):
            self._holdings.discard(raw, error)
        else:
            self._holdings.put_back(raw)
        self._attempts.wait(now)
