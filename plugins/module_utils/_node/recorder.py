# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor of one capture on one node. PRIVATE to the collection.

    python3 recorder.pyz FOLDER

It runs from an archive in the capture's folder, outlives whoever started it, and ends by itself. What is wanted is in
``capture.json``: replaced when targets are added or the taps are to close, touched to have fresh figures. What is, it
writes to ``state.json``; what happened, to ``manifest.jsonl``. Slow work, such as gzip and copies, is its workers'.

Ends with status 0 when the capture is done or has failed (state.json says which and why) and when SIGTERM told it to
end; with 1 when it could not go on, so that systemd starts it again.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from typing import Sequence

from .._endings import with_rest
from .._errors import CaptureError, PcapError
from .._records import Target
from . import confirmations, disk, preflight, presence, retention, status, together
from .holdings import Holdings
from .journal import Journal
from .outbox import Outbox
from .poll import Poll
from .process import Clock, end_stray
from .spool import Spool, Wanted
from .timing import Timing
from .watch import Watch

TICK_SECONDS = 0.25
_BUSY_SECONDS = 0.01
_LOCK_SECONDS = 1.0
_STATE_SECONDS = 1.0


class Recorder:
    """Phases: starting, ready (every tap listens), draining (taps closed, files on their way), done or failed."""

    def __init__(self, spool: Spool, clock: Clock) -> None:
        self.spool, self.clock = spool, clock
        self._stamp, self.wanted = _read_wanted(spool)
        self.phase = "starting"
        self.reason: str | None = None
        self.watches: list[Watch] = []
        spool.make_ballast()
        self.journal = Journal(spool, clock)
        self._timing = Timing(clock, self.wanted.deadline_ns, spool.read_state())
        self._end_left_taps()
        self._first_start = not self.journal.ledger.runs
        capture = self.wanted.capture
        self.holdings = Holdings(spool, capture.options, self.journal)
        self.outbox = Outbox(spool, capture.node, capture.options, self.journal, clock, self.holdings)
        self.holdings.recover()
        self._take_confirmed()
        self._selector = selectors.DefaultSelector()
        self._told_to_end = False
        self._poll, self._search = Poll(clock), presence.Search()
        self._state_at = 0.0
        self._add_watches(self.wanted.capture.targets)

    def run(self) -> None:
        """Record until the end."""
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # where it is ignored, a tcpdump is deaf at first
        while not self._over:
            try:
                self._wait()
                self._tick(self.clock.steady())
            except OSError as error:
                if not disk.is_full(error):
                    raise
                self._close_without_room(self.clock.steady())
        self._write_state()
        self.outbox.close()

    @property
    def _over(self) -> bool:
        if self._told_to_end:
            return all(watch.tap is None for watch in self.watches) and not self.holdings.unfinished
        return self.phase in ("done", "failed")

    def _on_term(self, _number: int, _frame: object) -> None:
        self._told_to_end = True

    def _end_left_taps(self) -> None:
        """Write down the end of what an earlier supervisor left open, after making sure that it has ended."""
        for run in self.journal.ledger.open_runs():
            killed = run.boot == self._timing.boot
            if killed:
                end_stray(run.pid, self.spool.path("taps", str(run.number)), 5.0)
            reason = "the recorder was killed" if killed else "the node was rebooted"
            self.journal.record("stopped", run.target, run=run.number, status=None, reason=reason)

    def _add_watches(self, new: Sequence[Target]) -> None:
        options, ledger = self.wanted.capture.options, self.journal.ledger
        taps = [target for target in new if ledger.account(target.ref).ended is None]
        share, refusal = retention.Share(0, 0), None
        try:
            share = retention.share(options, self._shares(), len(taps), preflight.room(options, self._disk_bytes()))
        except PcapError as error:  # whoever added the targets asked before; the others go on
            refusal = str(error)
        for target in new:
            watch = Watch(target, options, share, self.spool, self.journal, self.clock, self._search)
            self.watches.append(watch)
            if refusal is not None and target in taps:
                watch.fail(refusal)

    def _disk_bytes(self) -> int:
        return self.holdings.disk_bytes() + status.open_bytes(self.watches)

    def _shares(self) -> list[retention.Share]:
        return [watch.share for watch in self.watches if not watch.ended]

    def _wait(self) -> None:
        for worker in self.outbox.workers:
            self._selector.register(worker.fileno(), selectors.EVENT_READ, worker)
        moving = self._poll.asked or any(watch.moves for watch in self.watches)
        ready = self._selector.select(_BUSY_SECONDS if moving else TICK_SECONDS)
        for worker in self.outbox.workers:
            self._selector.unregister(worker.fileno())
        for key, _events in ready:
            self.outbox.receive(key.data, self.clock.steady())

    def _tick(self, now: float) -> None:
        before = (self.phase, self.reason, [(watch.phase, watch.reason) for watch in self.watches])
        self._timing.note_step(now, self.journal)
        self._reload(now)
        self._end_what_is_due(now)
        self._tick_watches(now)
        self.outbox.tick(now)
        self._keep_bounds(now)
        self._advance(now)
        after = (self.phase, self.reason, [(watch.phase, watch.reason) for watch in self.watches])
        if before != after or now >= self._state_at:
            self._write_state()

    def _close_without_room(self, now: float) -> None:
        """Close the taps while nothing can be written down: on a full disk tcpdump would go on and write holes.

        Every step that needs a line is taken again with each tick; with room again, the taps open, after a gap.
        """
        for watch in self.watches:
            if watch.tap is not None:
                watch.tap.end("the disk is full", now, ring_seconds=0.0)
                watch.tap.tick(now)
                watch.tap.listen()
        time.sleep(TICK_SECONDS)

    def _keep_bounds(self, now: float) -> None:
        if not self.holdings.keep_bounds(self._shares(), self.outbox.shipper.storing):
            self._fail(retention.no_space(), now)
        reason = retention.outgrown(self.wanted.capture.options, self.holdings.manifest_bytes())
        if reason is not None:
            self._fail(reason, now)

    def _reload(self, now: float) -> None:
        if self.spool.wanted_stamp() == self._stamp:
            return
        self._stamp, self.wanted = _read_wanted(self.spool)
        self._poll.hasten()
        self._take_confirmed()
        self.outbox.shipper.hasten()
        targets = {target.ref: target for target in self.wanted.capture.targets}
        self.watches = [watch for watch in self.watches if not together.is_over(watch, targets.get(watch.ref))]
        known = {watch.ref for watch in self.watches}
        new = [target for ref, target in targets.items() if ref not in known]
        for target in new:
            if self.journal.ledger.account(target.ref).ended is not None:
                self.journal.record("returned", target.ref)
        self._add_watches(new)

    def _take_confirmed(self) -> None:
        if confirmations.take(self.spool, self.journal, self.holdings):
            self.outbox.shipper.manifest_stored = True

    def _end_what_is_due(self, now: float) -> None:
        if self._told_to_end:
            for watch in self.watches:
                watch.pause("the recorder was told to end", now)
        elif self.journal.ledger.failure is not None:
            self._end_all(self.journal.ledger.failure, now)
        elif self.wanted.stop_reason is not None:
            self._end_all(self.wanted.stop_reason, now)
        elif now >= self._timing.deadline:
            self._end_all("deadline", now)

    def _end_all(self, reason: str, now: float) -> None:
        for watch in self.watches:
            watch.end(reason, now)
        self.reason = self.reason or reason

    def _tick_watches(self, now: float) -> None:
        for watch in self.watches:
            if watch.tap is not None:
                watch.tap.listen()
        if self._poll.tick(self.watches, now):
            self._state_at = now
        for watch in self.watches:
            if watch.tap is not None and self.holdings.collect(watch.tap):
                watch.record_counters()
                self._poll.hasten()  # a reading after each segment, beside the regular ones
            settled = not any(self.holdings.holds(run.number) for run in watch.account.runs)
            watch.tick(now, settled)
            if settled:
                watch.record_gaps()

    def _fail(self, reason: str, now: float) -> None:
        if self.journal.ledger.failure is None:
            self.journal.record("failed", None, reason=reason)
            self._end_all(reason, now)

    def _advance(self, now: float) -> None:
        """Go to the next phase where everything for it is there."""
        if self._told_to_end:
            return
        if self.phase == "starting":
            broken = next((watch for watch in self.watches if watch.phase == "failed"), None)
            if broken is not None and self._first_start:
                self._fail("%s: %s" % (broken.target.title, broken.reason), now)
                self.phase = "failed" if all(watch.ended for watch in self.watches) else "starting"
            elif all(watch.phase != "starting" or watch.waits for watch in self.watches):
                self.phase = "ready"
        if self.phase == "ready" and together.all_closed(self.watches, self.reason):
            self.phase = "draining"
            self.reason = self.reason or together.common_reason(self.watches)
        if self.phase == "draining" and all(watch.ended for watch in self.watches) and not self.holdings.unfinished:
            self._leave(now)

    def _leave(self, now: float) -> None:
        """End once the sink has everything, or its time is over."""
        left = self.outbox.unshipped()
        late = now >= self._timing.deadline + self.wanted.capture.options.grace_seconds
        sink, manifest = self.wanted.capture.options.sink, self.outbox.shipper.manifest_stored
        if sink and not late and (left or not manifest):
            if not left:
                self.outbox.shipper.store_manifest(now)
            return
        if sink:
            self.reason = with_rest(self.reason or "", left, manifest)
        self.spool.drop_upload()
        self.phase = "failed" if self.journal.ledger.failure is not None else "done"

    def _write_state(self) -> None:
        self.journal.flush()
        reason = self.reason or together.idle_reason(self.phase, self.watches)
        state = status.build(self.wanted, self.phase, reason, self.watches, self.holdings, self.outbox)
        self.spool.write_state({**state, **self._timing.told(), "pid": os.getpid(), "read_ns": self._poll.read_ns})
        self._state_at = self.clock.steady() + _STATE_SECONDS


def _read_wanted(spool: Spool) -> tuple[tuple[int, int], Wanted]:
    """Return what is wanted and its stamp, taken first: what is written between the two is read again."""
    try:
        stamp, wanted = spool.wanted_stamp(), spool.read_wanted()
    except FileNotFoundError:
        wanted = None
    if wanted is None:
        raise CaptureError("%s holds no capture" % spool.folder)
    return stamp, wanted


def _lock(spool: Spool) -> bool:
    """Take the lock; who asks whether a supervisor runs has it for a moment too."""
    until = time.monotonic() + _LOCK_SECONDS
    while spool.lock() is None:
        if time.monotonic() > until:
            return False
        time.sleep(_BUSY_SECONDS)
    return True


def main() -> None:
    """Run the supervisor of the folder in the command line."""
    root, capture_id = os.path.split(os.path.abspath(sys.argv[1]))
    os.umask(0o077)
    spool = Spool(root, capture_id)
    try:
        if _lock(spool):  # else another supervisor has this capture
            Recorder(spool, Clock()).run()
    except PcapError as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        if not disk.is_full(error):
            raise
        raise SystemExit("%s: %s" % (spool.folder, error.strerror)) from None
