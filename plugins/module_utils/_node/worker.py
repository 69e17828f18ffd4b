# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A child process that does slow work at idle priority. PRIVATE to the collection.

The supervisor must never wait: not for gzip, not for a disk, not for an NFS server that is gone. A worker is forked
from it, takes one job at a time as a line of JSON, answers with a line, and ends when its supervisor does.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import zlib
from typing import Any, Callable, Mapping

from .process import close_all_but, die_with_parent, leave_no_core

Handlers = Mapping[str, Callable[..., "dict[str, Any]"]]


class Worker:
    """One worker; ``busy`` is the job that it has."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._rest = b""
        self.busy: dict[str, Any] | None = None
        self.pid, self._socket = self._start()

    def fileno(self) -> int:
        """Return what a selector waits on."""
        return self._socket.fileno()

    def submit(self, job: dict[str, Any], **arguments: Any) -> None:
        """Hand a job to an idle worker; ``job["do"]`` names the handler, and the job comes back with the answer."""
        self.busy = job
        with contextlib.suppress(ConnectionError):  # it has died: receive() finds that out
            self._socket.sendall(json.dumps([job["do"], arguments]).encode() + b"\n")

    def receive(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return (job, answer) when the answer is whole; a worker that died is replaced and its job fails."""
        try:
            data = self._socket.recv(65536)
        except ConnectionError:  # it died before it had read its job (unix(7))
            data = b""
        if not data:
            job = self.busy
            self.close()
            self.pid, self._socket = self._start()
            return (job, {"error": "the worker process died"}) if job else None
        self._rest += data
        if self.busy is None or b"\n" not in self._rest:
            return None
        line, self._rest = self._rest.split(b"\n", 1)
        job, self.busy = self.busy, None
        return job, json.loads(line)

    def close(self) -> None:
        """End the worker; one that hangs in the kernel is left to it."""
        self._socket.close()
        self.busy, self._rest = None, b""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)

    def _start(self) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair()
        supervisor, pid = os.getpid(), os.fork()
        if pid == 0:
            _serve(supervisor, theirs, self._handlers)
        theirs.close()
        return pid, ours


def _serve(supervisor: int, channel: socket.socket, handlers: Handlers) -> None:
    """Answer jobs until the supervisor's end closes; never returns."""
    status = 1
    try:
        die_with_parent(signal.SIGKILL, supervisor)
        leave_no_core()  # it may come to know what nobody else is to
        # The supervisor's lock must go with it, and other workers must see their ends close.
        close_all_but(channel.fileno())
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # its supervisor decides
        # SCHED_IDLE is idle input and output too, as long as no class was set (Linux, block/ioprio.c)
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with channel.makefile("rb") as lines:
            for line in lines:
                name, arguments = json.loads(line)
                try:
                    answer = handlers[name](**arguments)
                except (OSError, ValueError, MemoryError, zlib.error, struct.error) as error:
                    answer = {"error": str(error) or type(error).__name__}
                channel.sendall(json.dumps(answer).encode() + b"\n")
        status = 0
    finally:
        os._exit(status)  # no clean-up of what belongs to the supervisor
