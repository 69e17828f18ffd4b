# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one target has in no file, as the manifest tells it. PRIVATE to the collection.

A span that nobody watched is written once both its ends are known: the last packet that is in a file, and the tap that
listened again. What a run itself has lost follows from its lines alone, so that the next supervisor finds it, too.
"""

from __future__ import annotations

import dataclasses

from .._records import TargetRef
from .journal import Journal
from .ledger import Run


@dataclasses.dataclass
class _Span:
    run: int
    reason: str
    until_ns: int | None = None
    over: bool = False


class Gaps:
    """The gaps of one target; ``write`` them when the files of its runs are counted."""

    def __init__(self, ref: TargetRef, journal: Journal) -> None:
        self._ref, self._journal = ref, journal
        self._spans: list[_Span] = []

    def begin(self, run: int, reason: str) -> None:
        """Note that nobody watches after a run's last packet."""
        self._spans.append(_Span(run, reason))

    def end(self, until_ns: int) -> None:
        """Note that a tap listens again."""
        for span in self._spans:
            span.until_ns = span.until_ns or until_ns

    def leave(self) -> None:
        """Note that no tap will listen again."""
        for span in self._spans:
            span.over = True

    def write(self) -> None:
        """Write down the gaps that are known by now."""
        begun = {span.run for span in self._spans}
        for run in self._journal.ledger.account(self._ref).runs:
            if run.stopped and not run.has_gap and (run.missing if not run.killed else run.number not in begun):
                self._write_lost(run)
        for span in [one for one in self._spans if one.over or one.until_ns is not None]:
            run = self._journal.ledger.runs[span.run]
            lost = run.killed and not run.has_gap  # of one that ended well, it was told above
            since_ns, packets = (run.whole_until_ns, run.missing) if lost else (None, 0)
            self._record(run, span.reason, since_ns, span.until_ns, packets)
            self._spans.remove(span)

    def _write_lost(self, run: Run) -> None:
        """Write down what a run lost by itself: on a full disk, or since it was killed when it should have ended."""
        if not run.killed:
            reason = "%d packets that tcpdump had read are in no file" % run.missing
        elif run.ready_ns is None:
            return
        elif run.status is not None and run.status < 0:
            reason = "tcpdump was killed by signal %d" % -run.status
        else:
            reason = run.stop_reason or "unknown"
        self._record(run, reason, run.whole_until_ns, run.stopped_ns, run.missing)

    def _record(self, run: Run, reason: str, since_ns: int | None, until_ns: int | None, packets: int) -> None:
        since_ns = since_ns or run.known_until_ns
        fields = {"run": run.number, "reason": reason, "from_ns": since_ns, "until_ns": until_ns}
        self._journal.record("gap", self._ref, **fields, packets=packets or None)
