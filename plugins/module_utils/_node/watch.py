# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One target's life within a capture. PRIVATE to the collection.

A watch opens a tap in its target's namespace, opens another when tcpdump ends without being asked or the pod comes
back with another namespace, and says why when there is none. What was not watched is a ``gap`` in the manifest.
"""

from __future__ import annotations

import shutil

from .._errors import PcapError
from .._records import CaptureOptions, Target, TargetRef
from . import gaps, preflight, presence, tcpdump
from .accounts import COUNTED, Account
from .journal import Journal
from .process import Clock, boot_id
from .retention import Share
from .spool import Spool
from .tap import Tap

READY_SECONDS = 10.0
_RETRY_SECONDS = (0.0, 1.0, 2.0, 5.0, 10.0)
_RETRY_WINDOW_SECONDS = 300.0
RETURN_SECONDS = 60.0
"""How long a pod that is gone may take to come back with the same uid (a new sandbox, a static pod)."""
GONE = "the pod is gone"
_LOOK_SECONDS = 1.0
_SEARCH_SECONDS = 5.0


class Watch:
    """Phase: starting, ready, draining, done or failed, with a reason where there is one."""

    def __init__(
        self,
        target: Target,
        options: CaptureOptions,
        share: Share,
        spool: Spool,
        journal: Journal,
        clock: Clock,
        search: presence.Search,
    ) -> None:
        self.target = target
        self.share = share
        self.phase = "starting"
        self.reason: str | None = None
        self.tap: Tap | None = None
        self._options, self._spool, self._journal, self._clock, self._search = options, spool, journal, clock, search
        self._final: str | None = None
        self._settling: tuple[str, str] | None = None
        self._paused = False
        self._retries: list[float] = []
        self._open_at: float | None = 0.0
        self._opened_at = 0.0
        self._look_at = 0.0
        self._absent_since: float | None = None
        self._take_over()

    @property
    def ref(self) -> TargetRef:
        """What names the target."""
        return self.target.ref

    @property
    def account(self) -> Account:
        """What the target has so far."""
        return self._journal.ledger.account(self.ref)

    @property
    def _was_ready(self) -> bool:
        return any(run.ready_ns is not None for run in self.account.runs)

    @property
    def ended(self) -> bool:
        """Whether no tap is open and none will be."""
        return self.phase in ("done", "failed")

    def end(self, reason: str, now: float) -> None:
        """Close the tap; every packet up to now is in its file."""
        if self.ended:
            return
        self._final = reason
        if self.tap is None:
            self._settle("done", reason)
        else:
            self.phase, self.reason = "draining", reason
            self.tap.end(reason, now)

    @property
    def waits(self) -> bool:
        """Whether there is no tap because the pod is gone, and may come back."""
        return self._absent_since is not None

    @property
    def moves(self) -> bool:
        """Whether the next step is a matter of milliseconds."""
        return self.phase == "draining" or (self.phase == "starting" and not self.waits)

    def pause(self, reason: str, now: float) -> None:
        """Close the tap, for another supervisor to go on later."""
        self._paused = True
        if self.tap is not None:
            self.tap.end(reason, now)

    def fail(self, reason: str) -> None:
        """Give the target up before it had a tap."""
        self._settle("failed", reason)

    def tick(self, now: float, settled: bool) -> None:
        """Do what is due. ``settled``: nothing that the target's earlier taps wrote waits to be counted."""
        if self.tap is not None:
            self._tick_tap(self.tap, now)
        if self._settling is not None:
            self._settle(*self._settling)
        if self._paused:
            return
        if self.phase in ("starting", "ready") and now >= self._look_at:
            self._look(now)
        if self.tap is None and self._open_at is not None and now >= self._open_at:
            if settled or self._options.packet_count is None:
                self._open(now)

    def read_counters(self) -> None:
        """Take the tap's counters into the account; the manifest has them at segments and at the end."""
        if self.tap is not None and self.tap.listening:
            fields = {"event": "counters", "run": self.tap.number, **self.tap.figures()}
            self._journal.ledger.apply(fields)

    def record_counters(self) -> None:
        """Write the tap's counters into the manifest."""
        if self.tap is not None and self.tap.listening:
            self._journal.record("counters", self.ref, run=self.tap.number, **self.tap.figures())

    def record_gaps(self) -> None:
        """Write down what is in no file, as far as that is known; call it when all the target's files are counted."""
        for fields in gaps.due(self.account):
            self._journal.record("gap", self.ref, **fields)

    def _take_over(self) -> None:
        """Go on where an earlier supervisor ended."""
        if self.account.ended is not None:
            self.phase, self.reason = self.account.ended
            self._open_at = None

    def _tick_tap(self, tap: Tap, now: float) -> None:
        tap.tick(now)
        if tap.status is not None:
            self._tap_ended(tap, now)
        elif tap.listening and self.phase == "starting" and tap.end_reason is None:
            self._journal.record("ready", self.ref, run=tap.number)
            self.phase, self.reason = "ready", None
        elif not tap.listening and now > self._opened_at + READY_SECONDS:
            tap.end("tcpdump did not listen within %d s" % READY_SECONDS, now)

    def _open(self, now: float) -> None:
        self._open_at = None
        left = self._options.packet_count
        if left is not None:
            left -= self.account.captured
            if left <= 0:
                self._settle("done", COUNTED)
                return
        if self._absent_since is not None and self._was_ready:
            return  # _look opens a tap when the pod is back, or ends this
        number = self._journal.ledger.next_run()
        folder = self._spool.path("taps", str(number))
        try:
            interface = preflight.interface_of(self.target, self._options)
            args = self._args(interface, folder, left)
            tap = Tap(number, self.target, interface, self.share, folder, args, packet_count=left)
        except (PcapError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            self._retry(str(error), now)
            return
        fields = {"interface": interface, "interfaces": tap.interfaces.names(), "args": args, "pid": tap.pid}
        try:
            self._journal.record("started", self.ref, run=number, boot=boot_id(), netns=self.target.netns, **fields)
        except OSError:
            tap.kill()
            shutil.rmtree(folder, ignore_errors=True)
            self._open_at = now
            raise
        self.tap, self.phase, self._opened_at = tap, "starting", now
        self._look_at = now + _LOOK_SECONDS

    def _args(self, interface: str, folder: str, packet_count: int | None) -> list[str]:
        return tcpdump.capture_args(
            tcpdump.find_program(),
            interface,
            self._options.filter,
            write=folder + "/%s.pcap",
            snaplen=self._options.snaplen,
            buffer_kib=self.share.buffer_kib,
            segment_bytes=self.share.segment_bytes,
            segment_seconds=self._options.segment_seconds,
            packet_count=packet_count,
            promiscuous=self._options.promiscuous,
        )

    def _tap_ended(self, tap: Tap, now: float) -> None:
        why = tap.end_reason or _why(tap)
        figures = tap.figures() if tap.listening else {}
        told = {"run": tap.number, "status": tap.status, "reason": why, "behind": tap.behind}
        complaint = _why(tap) if tap.status else None
        self._journal.record("stopped", self.ref, **told, complaint=complaint, **figures)
        tap.close()
        self.tap = None
        if self._paused:
            return
        if self._final is not None:
            self._settle("done", self._final)
        elif not tap.listening:
            self._retry(why, now)
        elif tap.has_counted:
            self._settle("done", COUNTED)
        else:
            self._look(now)
            if tap.end_reason is None:
                self._retry(why, now)
            else:
                self._open_at = now

    def _retry(self, why: str, now: float) -> None:
        """Open another tap after a while; a target that was never ready, or does not stay so, has failed."""
        self._retries = [at for at in self._retries if at > now - _RETRY_WINDOW_SECONDS] + [now]
        if not self._was_ready or len(self._retries) > len(_RETRY_SECONDS):
            self._settle("failed", why)
        elif not self.ended:
            self.phase, self.reason = "starting", why
            self._open_at = now + _RETRY_SECONDS[len(self._retries) - 1]

    def _look(self, now: float) -> None:
        """Find out whether the target is still there, and where."""
        self._look_at = now + _LOOK_SECONDS
        if presence.is_there(self.target):
            return
        found = self._search.find(self.target, now)
        if found is not None:
            moved = self._absent_since is not None or found.netns != self.target.netns
            self.target, self._absent_since = found, None
            if moved and self.tap is not None:
                self.tap.end("the pod has a new network namespace", now)
            elif moved:
                self._open_at = now
            return
        self._look_at = (now // _SEARCH_SECONDS + 1) * _SEARCH_SECONDS  # with all others that are gone
        if self._absent_since is None and self.tap is not None and presence.is_pinned(self.target):
            return
        if self._absent_since is None:
            self._absent_since = now
            self.phase, self.reason = "starting", GONE + "; waiting for it to come back"
            if self.tap is not None:
                self.tap.end(GONE, now)
        elif now - self._absent_since > RETURN_SECONDS and self.tap is None:
            self._settle("done", GONE)

    def _settle(self, phase: str, reason: str) -> None:
        """Come to the end; on a full disk that is written down with a later tick."""
        self._settling, self._open_at = (phase, reason), None
        self._journal.record("failed" if phase == "failed" else "ended", self.ref, reason=reason)
        self.phase, self.reason, self._settling = phase, reason, None


def _why(tap: Tap) -> str:
    """Return why a tcpdump ended that nobody asked to."""
    return COUNTED if tap.has_counted else tap.cause
