# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what happens, and adds it up: manifest and ledger never differ. PRIVATE to the collection."""

from __future__ import annotations

from typing import Any

from .._records import TargetRef, to_result
from .._sinks import MANIFEST
from .ledger import Ledger
from .manifest import Manifest, read_manifest
from .process import Clock
from .spool import Spool

_BEFORE_DELETION = ("segment", "stored", "evicted", "discarded", "stopped", "ended", "failed")
"""What must be on disk before a file is deleted because of it, and what a power cut must not take back."""


class Journal:
    """A capture's manifest, opened by its one supervisor, with its ledger."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self.ledger = Ledger(read_manifest(spool.path(MANIFEST)))
        self._manifest = Manifest(spool)
        self._clock = clock
        self._flushed = True

    def record(self, event: str, target: TargetRef | None = None, **fields: Any) -> None:
        """Append a line, with the time, and take it into the ledger."""
        line = {"event": event, "at_ns": self._clock.wall_ns(), "target": to_result(target), **fields}
        self._flushed = event in _BEFORE_DELETION
        self._manifest.append(line, sync=self._flushed)
        self.ledger.apply(line)

    def close(self) -> None:
        """Have every line on disk, and close the manifest."""
        self.flush()
        self._manifest.close()

    def flush(self) -> None:
        """Have every line on disk, before anything else tells what they say."""
        if not self._flushed:
            self._manifest.flush()
            self._flushed = True
