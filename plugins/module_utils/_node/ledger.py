# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture's manifest adds up to: pure. PRIVATE to the collection.

The supervisor applies each line as it writes it, and every line again when it starts: what a capture has, and how far
it got, is never kept anywhere else.
"""

from __future__ import annotations

import collections
import dataclasses
import heapq
from typing import Any, Iterable, Iterator, Mapping

from .._records import TargetRef, from_result
from .accounts import Account, Closed, Run
from .retention import on_disk

_REF_FIELDS = tuple(field.name for field in dataclasses.fields(TargetRef))


class Ledger:
    """Accounts by target, runs by number, and what the segments in the spool take of the disk."""

    def __init__(self, events: Iterable[Mapping[str, Any]] = ()) -> None:
        self.accounts: dict[TargetRef, Account] = {}
        self.runs: dict[int, Run] = {}
        self.closed_bytes = 0
        """What all closed segments take of the disk."""
        self.unconfirmed: dict[str, str] = {}
        """Of closed segments that may be in the bucket and may not: file to object."""
        self.stored_in: collections.Counter[str] = collections.Counter()
        """How many segments each place has confirmed: the sink, and wherever the controller has brought some."""
        self.taken: set[str] = set()
        """``run/file`` of what tcpdump wrote and a segment now holds; whoever deletes such a file forgets it here."""
        self.failure: str | None = None
        """Why the capture as a whole failed, as it was told first."""
        self.sink_mount: str | None = None
        """Where the sink's file system was mounted when it was first looked at."""
        self._refs: dict[tuple[Any, ...], TargetRef] = {}
        for event in events:
            self.apply(event)

    def account(self, ref: TargetRef) -> Account:
        """Return the target's account, a new one where it has none."""
        if ref not in self.accounts:
            self.accounts[ref] = Account()
        return self.accounts[ref]

    def closed(self) -> Iterator[Closed]:
        """Yield the segments that lie in the spool, oldest first."""
        return heapq.merge(*(account.closed for account in self.accounts.values()), key=_age)

    def holds(self, closed: Closed) -> bool:
        """Return whether a segment lies in the spool; it is the oldest, or one of the oldest."""
        return any(one.seq == closed.seq for one in self.account(closed.ref).closed)

    def next_run(self) -> int:
        """Return the number of the next run."""
        return max(self.runs, default=0) + 1

    def open_runs(self) -> list[Run]:
        """Return the runs whose end the manifest does not tell."""
        return [run for run in self.runs.values() if not run.stopped]

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take one line in; what it does not know it passes over."""
        handlers = {
            "started": self._started,
            "ready": self._ready,
            "counters": self._counters,
            "stopped": self._stopped,
            "gap": self._gap,
            "ended": self._ended,
            "failed": self._ended,
            "returned": self._returned,
            "segment": self._segment,
            "stored": self._stored,
            "unconfirmed": self._unconfirmed,
            "missing": self._missing,
            "discarded": self._discarded,
            "evicted": self._evicted,
            "sink": self._sink,
        }
        handler = handlers.get(event["event"])
        if handler:
            handler(event)

    def _started(self, event: Mapping[str, Any]) -> None:
        ref = self._ref(event)
        run = Run(event["run"], ref, event["interface"], event["boot"], event["at_ns"], event["pid"])
        run.interfaces = dict(event.get("interfaces") or {})
        self.runs[run.number] = run
        self.account(ref).runs.append(run)

    def _ready(self, event: Mapping[str, Any]) -> None:
        run = self.runs[event["run"]]
        run.ready_ns = event["at_ns"]
        last_gap = self.account(run.target).last_gap
        if last_gap is not None and last_gap["until_ns"] is None:
            last_gap["until_ns"] = run.ready_ns

    def _counters(self, event: Mapping[str, Any]) -> None:
        run = self.runs[event["run"]]
        run.captured = event["captured"]
        run.received = event["received"]
        run.dropped_kernel = event["dropped_kernel"]
        run.dropped_interface = event["dropped_interface"]

    def _stopped(self, event: Mapping[str, Any]) -> None:
        run = self.runs[event["run"]]
        if event.get("received") is not None:
            self._counters(event)
        run.stopped, run.stop_reason, run.status = True, event["reason"], event["status"]
        run.stopped_ns, run.behind = event["at_ns"], event.get("behind", False)
        run.complaint = event.get("complaint")

    def _gap(self, event: Mapping[str, Any]) -> None:
        run, account = self.runs[event["run"]], self.account(self._ref(event))
        run.has_gap, run.gap_until_ns = True, event["until_ns"]
        account.gaps += 1
        account.last_gap = {name: event.get(name) for name in ("reason", "from_ns", "until_ns", "packets")}

    def _ended(self, event: Mapping[str, Any]) -> None:
        if event["target"] is None:
            self.failure = self.failure or event["reason"]
        else:
            phase = "failed" if event["event"] == "failed" else "done"
            self.account(self._ref(event)).ended = (phase, event["reason"])

    def _returned(self, event: Mapping[str, Any]) -> None:
        self.account(self._ref(event)).ended = None

    def _segment(self, event: Mapping[str, Any]) -> None:
        ref = self._ref(event)
        account, run = self.account(ref), self.runs[event["run"]]
        account.seq = max(account.seq, event["seq"])
        account.packets += event["packets"]
        account.bytes += event["bytes"]
        account.segments += 1
        account.opened = max(account.opened, event["opened"])
        run.packets += event["packets"]
        run.dropped_at_segment = event["dropped_total"]
        run.interfaces = {index: names[1] or names[0] for index, names in event["interfaces"].items()}
        if event["end_ns"] is not None:
            run.last_ns = event["end_ns"]
        if event["damage"] is not None and run.whole_until_ns is None:
            run.whole_until_ns = run.known_until_ns
        self.taken.add(event["raw"])
        digests = bytes.fromhex(event["sha256"]), bytes.fromhex(event["md5"])
        account.closed.append(
            Closed(ref, event["seq"], event["file"], event["bytes"], event["packets"], *digests, event["opened"])
        )
        self.closed_bytes += on_disk(event["bytes"])

    def _stored(self, event: Mapping[str, Any]) -> None:
        account = self.account(self._ref(event))
        if self._left(account, event["seq"]):
            account.shipped += 1
            self.stored_in[event["sink"]] += 1

    def _unconfirmed(self, event: Mapping[str, Any]) -> None:
        found = next((one for one in self.account(self._ref(event)).closed if one.seq == event["seq"]), None)
        if found is not None:
            self.unconfirmed[found.file] = event["object"]

    def _missing(self, event: Mapping[str, Any]) -> None:
        self.unconfirmed.pop(event["file"], None)

    def _left(self, account: Account, seq: int) -> bool:
        """Take a segment out of the spool; return whether it was there. It is the oldest, or one of the oldest."""
        found = next((one for one in account.closed if one.seq == seq), None)
        if found is None:
            return False
        account.closed.remove(found)
        self.unconfirmed.pop(found.file, None)
        self.closed_bytes -= on_disk(found.size)
        return True

    def _sink(self, event: Mapping[str, Any]) -> None:
        self.sink_mount = event["mount"]

    def _discarded(self, event: Mapping[str, Any]) -> None:
        self.taken.add(event["raw"])
        run = self.runs[event["run"]]
        run.whole_until_ns = run.whole_until_ns or run.known_until_ns

    def _evicted(self, event: Mapping[str, Any]) -> None:
        account = self.account(self._ref(event))
        if event["seq"] is None:  # given up before it was a segment
            self.taken.add(event["raw"])
            run = self.runs[event["run"]]
            run.packets += event["packets"]
            if not event["packets"]:  # none, or none that could be counted
                run.whole_until_ns = run.whole_until_ns or run.known_until_ns
        else:
            self._left(account, event["seq"])
        account.evicted_packets += event["packets"]
        account.evicted_segments += 1

    def _ref(self, event: Mapping[str, Any]) -> TargetRef:
        """Return the target of a line, the same object each time: many lines have few targets."""
        values = tuple(event["target"].get(name) for name in _REF_FIELDS)
        if values not in self._refs:
            self._refs[values] = from_result(TargetRef, event["target"])
        return self._refs[values]


def _age(closed: Closed) -> tuple[int, str]:
    return closed.opened, closed.file
