# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of one tcpdump in one target's network namespace. PRIVATE to the collection."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
from typing import Sequence

from .._records import Target
from . import netns, tcpdump
from .interfaces import Interfaces
from .process import catches, die_with_parent, environment, in_own_unit, is_waiting
from .retention import Share
from .spool import raw_files

RING_SECONDS = 1.2
"""A packet reaches tcpdump when its block of the ring is full, or 1 s old: so long a tap listens before it is ended."""
_PATIENCE_SECONDS = 5.0
_MOST_WORDS = 8192


class Tap:
    """A tcpdump that was started; it listens once ``listening`` is true and has ended once ``status`` is known."""

    def __init__(
        self,
        number: int,
        target: Target,
        interface: str,
        share: Share,
        folder: str,
        args: Sequence[str],
        packet_count: int | None = None,
    ) -> None:
        self.number = number
        self.target = target
        self.interface = interface
        self.share = share
        self.folder = folder
        self.listening = False
        self.status: int | None = None
        self.words = ""
        self.counters = tcpdump.Counters()
        self.asked = False
        """Whether it was asked for its counters and has not answered yet."""
        self.queued: set[str] = set()
        self.end_reason: str | None = None
        self._awake = False
        self._packet_count = packet_count
        self._drains = False
        self._interrupt_at: float | None = None
        self._kill_at: float | None = None
        os.mkdir(folder, 0o700)
        namespace = netns.open_target(target)
        ours, theirs = os.pipe()
        try:
            with netns.inside(namespace):
                self.interfaces = Interfaces(interface)
                self._process = subprocess.Popen(
                    list(args),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=theirs,
                    cwd="/",
                    env=environment(),
                    # The slow way, by fork, only where systemd does not end what a dead supervisor leaves.
                    preexec_fn=None if in_own_unit() else functools.partial(_end_with, os.getpid()),
                )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(namespace)
            os.close(theirs)
        os.set_blocking(ours, False)
        self._stderr = os.fdopen(ours, "rb", buffering=0)

    @property
    def pid(self) -> int:
        """The tcpdump's process."""
        return self._process.pid

    def listen(self) -> None:
        """Take in what tcpdump has said, and its exit status once it has ended."""
        data = self._stderr.read()
        if data:
            self.words = (self.words + data.decode("utf-8", "replace"))[-_MOST_WORDS:]
            self.listening = self.listening or bool(tcpdump.LISTENING.search(self.words))
            counters = tcpdump.parse_counters(self.words, self.counters)
            if counters is not None:
                self.counters, self.asked = counters, False
                self.words = tcpdump.without_counters(self.words)
        elif data == b"":
            self.asked = False
            self.status = self._process.poll()  # it has closed its end, and is gone in a moment

    def ask_counters(self) -> None:
        """Have tcpdump print its counters (tcpdump(1)).

        Never SIGUSR2, by which it would write out what it holds of a quiet file: its handler does so in the middle of
        a write, too, and then up to 4 KiB are in the file twice, and what follows may be unreadable (tcpdump #1231).
        """
        if self.status is None and self.listening and catches(self.pid, signal.SIGUSR1):  # else it would end by it
            self._process.send_signal(signal.SIGUSR1)
            self.asked = True

    def end(self, reason: str, now: float, ring_seconds: float = RING_SECONDS) -> None:
        """End tcpdump so that every packet up to now is in its file; a second call changes nothing."""
        if self.end_reason is None:
            self.end_reason = reason
            self._drains = self.listening and ring_seconds > 0
            self._interrupt_at = now + (ring_seconds if self.listening else 0)

    @property
    def has_counted(self) -> bool:
        """Whether it has ended by itself with as many packets as were asked for."""
        return self.status == 0 and self._packet_count is not None and self.counters.captured >= self._packet_count

    @property
    def cause(self) -> str:
        """Why it ended that nobody asked to: the signal, or tcpdump's own words."""
        status = self.status or 0
        if status < 0:
            return "tcpdump was killed by signal %d" % -status
        return "tcpdump: %s" % tcpdump.parse_complaint(self.words)

    @property
    def behind(self) -> bool:
        """Whether it was not seen to have read all that had come when it was asked to end, in all the time it had."""
        ended_early = self.status is not None and self._kill_at is None and not self.has_counted
        return self._drains and (self._awake or ended_early)

    def tick(self, now: float) -> None:
        """Send the signals that are due."""
        if self.status is not None or self._interrupt_at is None:
            return
        if self._kill_at is None and now >= self._interrupt_at:
            self._interrupt(now, self._interrupt_at + _PATIENCE_SECONDS)
        elif self._kill_at is not None and now >= self._kill_at:
            self._process.kill()

    def _interrupt(self, now: float, at_last: float) -> None:
        """Have tcpdump close its file once it has read what there is: it drops the rest, and does not say so.

        It sleeps only when it has read every block that the kernel has handed over.
        """
        self._awake = not is_waiting(self.pid)
        if not self._drains or not self._awake or now >= at_last:
            self._process.send_signal(signal.SIGINT)
            self._kill_at = now + _PATIENCE_SECONDS

    def closed_files(self) -> list[tuple[str, int]]:
        """Return (name, bytes) of the files that tcpdump has closed, oldest first."""
        files = raw_files(self.folder)
        return files if self.status is not None else files[:-1]

    def open_bytes(self) -> int:
        """Return the bytes of the file that tcpdump is writing."""
        files = raw_files(self.folder)
        return files[-1][1] if files and self.status is None else 0

    def figures(self) -> dict[str, int | None]:
        """Return its counters as the manifest has them."""
        return {
            "captured": self.counters.captured,
            "received": self.counters.received,
            "dropped_kernel": self.counters.dropped,
            "dropped_interface": self.interfaces.dropped(),
        }

    def kill(self) -> None:
        """End tcpdump at once, whatever it holds."""
        self._process.kill()
        self._process.wait()
        self.close()

    def close(self) -> None:
        """Let go of the namespace."""
        self.interfaces.close()
        self._stderr.close()


def _end_with(supervisor: int) -> None:
    # SIGINT: it closes its file properly; what is still in the ring is lost, which the next supervisor records.
    die_with_parent(signal.SIGINT, supervisor)
