# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor of a trace's taps on one node. PRIVATE to the collection.

    python3 tapping.pyz FOLDER

It outlives whoever started it and ends by itself, at the latest when the record's time is over; then no process and no
file of it is left. It is two processes: the first does nothing but wait for the second, and removes the folder whatever
that one died of. When the first is killed, the second ends and does so.

At its socket it is asked one word. ``read``: the taps end, the answer is {taps: [Watched]} or {problem}, and the files
stay until the connection is closed. ``absent``: it ends at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any

from .._errors import PcapError
from .._records import Target, to_result
from .._trace_records import NodeTap
from . import trunks
from .process import Clock, die_with_parent
from .trace_folder import TraceFolder
from .trace_tap import Scene, TraceTap, all_ended

LISTEN_SECONDS = 20.0
_TICK_SECONDS = 0.25
_BUSY_SECONDS = 0.002
_WORD_SECONDS = 5.0
_READ_SECONDS = 60.0
"""How long the files wait for whoever asked for them, even beyond the deadline."""
MOST_FILE_BYTES, LEAST_FILE_BYTES, _ALL_FILES_BYTES = 8 << 20, 512 << 10, 32 << 20
MOST_TCPDUMPS = 64
"""Of all namespaces together; each has one in any case."""


def main() -> None:
    """Run the supervisor of the folder in the command line."""
    root, trace_id = os.path.split(os.path.abspath(sys.argv[1]))
    os.umask(0o077)
    folder, parent = TraceFolder(trace_id, root), os.getpid()
    held = folder.hold()
    child = os.fork()
    if child:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # systemd tells both: the child ends, and then this one
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
        folder.remove(held)
        return
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # where it is ignored, a tcpdump is deaf at first
    try:
        die_with_parent(signal.SIGTERM, parent)
        Supervisor(folder, Clock()).run()
    finally:
        if os.getppid() != parent:
            folder.remove(held)


def _end(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what follows is the end, and is not to be cut off
    raise SystemExit


class Supervisor:
    """All taps of one trace on one node."""

    def __init__(self, folder: TraceFolder, clock: Clock) -> None:
        asked = folder.read_record()
        if asked is None:
            raise SystemExit("%s holds no record" % folder.folder)
        self._asked = asked
        self._folder, self._clock = folder, clock
        self._deadline = 0.0
        self._scenes: list[Scene] = []
        self._taps: list[TraceTap] = []
        self._problem: str | None = None

    def run(self) -> None:
        """Watch until somebody asks for what was seen, or the time is over; nothing is left running then."""
        with self._folder.listen() as listener:
            try:
                self._open()
                self._serve(listener)
            finally:
                self._kill()

    def _open(self) -> None:
        """Have every tap listen, or none, and tell which."""
        self._problem = self._missing()
        if self._problem is not None:
            self._kill()
        self._deadline = self._clock.steady() + self._asked.seconds
        until_ns = self._clock.wall_ns() + self._asked.seconds * 1_000_000_000
        phase = "listening" if self._problem is None else "failed"
        told = {"phase": phase, "problem": self._problem, "until_ns": until_ns, "pid": os.getpid()}
        self._folder.write_state(told)

    def _missing(self) -> str | None:
        """Start all taps, without waiting one for another, and return why some do not listen."""
        failed = []
        for target in namespaces(self._asked):
            try:
                self._scenes.append(Scene(target))
            except (PcapError, OSError) as error:
                failed.append(_said(target, error))
        shares = trunks.shares([len(scene.trunks) for scene in self._scenes], MOST_TCPDUMPS - len(self._scenes))
        most = file_bytes(len(self._scenes) + trunks.EACH * sum(shares))
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        for number, (scene, share) in enumerate(zip(self._scenes, shares), 1):
            try:
                folder = self._folder.path(str(number))
                self._taps.append(TraceTap(number, scene, folder, self._asked, most, share))
            except (PcapError, OSError) as error:
                failed.append(_said(scene.target, error))
        until = self._clock.steady() + LISTEN_SECONDS
        while not all(tap.settled for tap in self._taps) and self._clock.steady() < until:
            time.sleep(_BUSY_SECONDS)
            for tap in self._taps:
                tap.listen()
        for tap in self._taps:
            tap.give_up_late()
        return "; ".join(failed + [tap.missing for tap in self._taps if tap.missing is not None]) or None

    def _serve(self, listener: socket.socket) -> None:
        while self._clock.steady() < self._deadline:
            left = max(0.0, self._deadline - self._clock.steady())
            asked, _writing, _others = select.select([listener], [], [], min(left, _TICK_SECONDS))
            for tap in self._taps:
                tap.listen()
            if asked:
                with listener.accept()[0] as connection:
                    if self._answer(connection):
                        return

    def _answer(self, connection: socket.socket) -> bool:
        """Do what is asked; return whether that was the last."""
        connection.settimeout(_WORD_SECONDS)
        word = b""
        with contextlib.suppress(OSError):  # whoever asked has gone
            word = connection.recv(16)
            if word == b"read":
                all_ended(self._taps)
                connection.sendall(json.dumps(self._told()).encode("ascii"))
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(_READ_SECONDS)
                connection.recv(1)
        return word in (b"read", b"absent")

    def _told(self) -> dict[str, Any]:
        if self._problem is not None:
            return {"problem": self._problem}
        return {"taps": to_result([tap.told() for tap in self._taps])}

    def _kill(self) -> None:
        for tap in self._taps:
            tap.kill()
        for scene in self._scenes:
            scene.close()
        self._taps, self._scenes = [], []


def _said(target: Target, error: Exception) -> str:
    text = str(error)
    return text if target.title in text else "%s: %s" % (target.title, text)


def namespaces(asked: NodeTap) -> list[Target]:
    """Return the first target of each network namespace: a pod of the host's network and its node share one tap."""
    found: dict[int | None, Target] = {}
    for target in asked.targets:
        found.setdefault(target.netns, target)
    return list(found.values())


def file_bytes(taps: int) -> int:
    """Return how large the file of each of so many taps may become: they are in memory."""
    return max(LEAST_FILE_BYTES, min(MOST_FILE_BYTES, _ALL_FILES_BYTES // max(1, taps)))
