# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One tool from its start to the end of everything that it has started. PRIVATE to the collection.

It runs in a process of its own (``guardian``) that adopts orphans, so that whatever lives below is the tool's.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from typing import Any, Callable, NamedTuple

from .._records import CommandOptions, Target
from . import descendants
from .namespaces import Namespaces, open_namespaces
from .output import OutputFile, Stream
from .process import reap
from .tool import Keeper, Start

GRACE_SECONDS = 2.0
"""How long a tool has after SIGINT."""
_DRAIN_SECONDS = 1.0
_CHUNK = 1 << 16


class Job(NamedTuple):
    """One tool, for one target."""

    target: Target
    node: str
    options: CommandOptions
    dest: str | None
    """The file of the node for standard output."""
    kept: int
    """Most bytes of each stream in the result."""
    pretend: bool
    """Only enter the namespaces and find the program."""

    @property
    def place(self) -> str:
        """How messages call where the tool is looked for."""
        if "mount" not in self.options.namespaces or self.target.kind != "pod":
            return "node " + self.node
        return "container %s of %s" % (self.target.container, self.target.title)


class Abandoned(Exception):
    """Nobody waits for the outcome any more; everything has been ended."""


def nothing(job: Job, error: str | None = None, found: bool = True) -> dict[str, Any]:
    """Return the outcome of a tool that has not been started."""
    outcome: dict[str, Any] = {"found": found, "rc": None, "timed_out": False, "error": error, "seconds": 0.0}
    outcome["lost"] = False
    outcome.update(argv=list(job.options.argv), dest=None, dest_bytes=0, dest_cut=False, encoding=job.options.encoding)
    for name in ("stdout", "stderr"):
        outcome.update(Stream(0).told(name, job.options.encoding))
    return outcome


def run(job: Job, channel: socket.socket) -> dict[str, Any]:
    """Return the outcome of a tool; raise Abandoned when the other end of the channel closes before.

    Raises TargetError for a target that cannot be entered, OptionError for a file that cannot be made.
    """
    found = open_namespaces(job.target, job.options.namespaces)
    file = OutputFile(job.dest, job.options.dest_bytes) if job.dest and not job.pretend else None
    one = _Run(job, file)
    try:
        one.start(found)
        one.follow(channel)
        return one.outcome()
    finally:
        one.end()
        if file is not None:
            file.discard()


class _Run:
    """A tool that runs, and what is known of it."""

    def __init__(self, job: Job, file: OutputFile | None) -> None:
        self._job = job
        self._file = file
        kept = job.kept if job.options.return_stdout else 0
        self._streams = {"stdout": Stream(kept), "stderr": Stream(job.kept)}
        self._selector = selectors.DefaultSelector()
        self._began = time.monotonic()
        self._keeper: Keeper | None = None
        self._interrupted_at: float | None = None
        self._drain_until: float | None = None
        self._killed = False
        self._ended = False
        self._open = 2
        """How many of its streams may still say something."""
        self._told: dict[str, Any] = {}
        self._left: list[int] = []

    def start(self, found: Namespaces) -> None:
        """Start the tool, with pipes for its streams."""
        text = self._job.options.stdin
        stdin = os.pipe() if text else (os.open(os.devnull, os.O_RDONLY), -1)
        stdout, stderr = os.pipe(), os.pipe()
        streams = (stdin[0], stdout[1], stderr[1])
        start = Start(self._job.options.argv, self._job.place, found, streams, self._job.pretend)
        self._keeper = keeper = Keeper(start)
        for descriptor in streams:
            os.close(descriptor)
        self._watch(stdout[0], lambda: self._read(stdout[0], "stdout"))
        self._watch(stderr[0], lambda: self._read(stderr[0], "stderr"))
        self._watch(keeper.fileno(), lambda: self._hear(keeper))
        if text:
            self._feed(stdin[1], text)

    def follow(self, channel: socket.socket) -> None:
        """Read what it writes until it has ended, or its time is over; then end what it has left behind."""
        self._watch(channel.fileno(), self._abandoned)
        while not self._ended or self._open:
            for key, _events in self._selector.select(self._wait()):
                key.data()
            if self._ended and self._drain_until is None:
                self._left = self._end_tool()
                self._drain_until = time.monotonic() + _DRAIN_SECONDS
            elif self._drain_until is not None and time.monotonic() > self._drain_until:
                return  # somebody who is none of ours holds its streams
            elif not self._ended:
                self._enforce(time.monotonic())
                if self._left:
                    return

    def end(self) -> None:
        """End whatever is left, the keeper last."""
        self._end_tool()
        descendants.end(os.getpid())
        reap()

    def _end_tool(self) -> list[int]:
        return [] if self._keeper is None else self._keeper.end_tool()

    def outcome(self) -> dict[str, Any]:
        """Return what is known, and give the file its name."""
        outcome = nothing(self._job)
        path, status = self._told.get("path"), self._told.get("status")
        outcome["error"] = self._error()
        outcome["seconds"] = round(time.monotonic() - self._began, 3)
        outcome["timed_out"] = self._interrupted_at is not None
        if path is not None:
            outcome["argv"][0] = path
        started = path is not None and "error" not in self._told and not self._job.pretend
        if started and status is not None:
            outcome["rc"] = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        for name, stream in self._streams.items():
            outcome.update(stream.told(name, self._job.options.encoding))
        if started and self._file is not None:
            self._file.finish()
            outcome.update(dest_bytes=self._file.bytes, dest_cut=self._file.cut)
            outcome["dest"] = None if self._file.problem else self._file.path
            outcome["error"] = outcome["error"] or self._file.problem
        return outcome

    def _error(self) -> str | None:
        if self._left:
            pids = ", ".join(map(str, self._left))
            return "it was killed and has not ended: process %s" % pids
        if "error" not in self._told and "status" not in self._told:
            return "the process beside the tool was killed, and the tool with it"
        if "error" not in self._told and "path" not in self._told and self._interrupted_at is None:
            return "it ended before the tool was started, with status %d" % self._told["status"]
        error: str | None = self._told.get("error")
        return error

    def _watch(self, descriptor: int, act: Callable[[], None], events: int = selectors.EVENT_READ) -> None:
        self._selector.register(descriptor, events, act)

    def _wait(self) -> float:
        """Return the seconds until something is due."""
        now = time.monotonic()
        if self._drain_until is not None:
            return max(0.0, self._drain_until - now)
        if self._interrupted_at is None:
            return max(0.0, self._began + self._job.options.timeout_seconds - now)
        return 0.1 if self._killed else max(0.0, self._interrupted_at + GRACE_SECONDS - now)

    def _enforce(self, now: float) -> None:
        """Interrupt the tool when its time is over, and kill it when that does not end it."""
        if self._interrupted_at is None:
            if now >= self._began + self._job.options.timeout_seconds:
                self._interrupted_at = now
                if self._keeper is not None:
                    self._keeper.interrupt()
        elif not self._killed and now >= self._interrupted_at + GRACE_SECONDS:
            self._killed = True
            self._left = self._end_tool()

    def _read(self, descriptor: int, name: str) -> None:
        data = os.read(descriptor, _CHUNK)
        if not data:
            self._selector.unregister(descriptor)
            self._open -= 1
        self._streams[name].take(data)
        if name == "stdout" and self._file is not None:
            self._file.take(data)

    def _hear(self, keeper: Keeper) -> None:
        """Take in what the keeper says."""
        told = keeper.receive()
        self._told.update(told or {})
        if told is None or "status" in told:
            self._ended = True
            self._selector.unregister(keeper.fileno())

    def _feed(self, descriptor: int, text: str) -> None:
        """Have standard input written as fast as the tool reads it."""
        os.set_blocking(descriptor, False)
        rest = memoryview(os.fsencode(text))

        def write() -> None:
            nonlocal rest
            try:
                rest = rest[os.write(descriptor, rest) :]
            except BrokenPipeError:
                rest = rest[:0]
            if not rest:
                self._selector.unregister(descriptor)
                os.close(descriptor)

        self._watch(descriptor, write, selectors.EVENT_WRITE)

    def _abandoned(self) -> None:
        raise Abandoned
