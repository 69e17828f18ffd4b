# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counted traffic between places of the lab: a receiver where it should arrive, then a sender, then the count."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from typing import Any, Protocol

from .model import LabError

PORT = 9000
_HERE = pathlib.Path(__file__).parent
_PYTHON = str(pathlib.Path(sys.executable).resolve())
_STREAMS = itertools.count(os.getpid() << 8 & 0xFFFFFF00)


class Place(Protocol):
    """Where a program can be started: a pod or a node."""

    @property
    def title(self) -> str:
        """How messages call it."""

    def popen(self, argv: list[str], **options: Any) -> subprocess.Popen[str]:
        """Starts a program there."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What was sent and what arrived."""

    stream: int
    """Which sender: the capture's ``sequences(file, stream)``."""
    sent: int
    """Datagrams that the kernel took."""
    refused: int
    """Datagrams that the sender's own firewall or routes refused."""
    received: int
    """Datagrams that arrived at all receivers."""
    distinct: int
    """Different sequence numbers that arrived."""
    seconds: float
    receivers: dict[str, int]
    """Arrived, by receiver."""


def _program(place: Place, script: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    source = (_HERE / script).read_text(encoding="utf-8")
    argv = [_PYTHON, "-I", "-S", "-c", source, *arguments]
    return place.popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def _finish(process: subprocess.Popen[str], title: str, timeout: float) -> dict[str, Any]:
    out, err = process.communicate(timeout=timeout)
    if process.returncode:
        raise LabError("traffic at %s failed: %s" % (title, (err.strip() or "no message").splitlines()[-1]))
    counts: dict[str, Any] = json.loads(out)
    return counts


class Traffic:
    """Traffic that runs: ``wait`` returns the Result, ``stop`` ends it early."""

    def __init__(self, source: Place, receivers: list[Place], request: dict[str, Any]) -> None:
        self.stream = next(_STREAMS) & 0xFFFFFFFF
        self._request = {"size": 64, "first": 0, "source": 0, "port": PORT, **request, "stream": self.stream}
        self._receivers = [(place.title, self._receiver(place)) for place in receivers]
        for title, process in self._receivers:
            assert process.stdout is not None and process.stderr is not None
            if process.stdout.readline() != "ready\n":
                raise LabError("no receiver at %s: %s" % (title, process.stderr.read().strip().splitlines()[-1]))
        self._source = source
        self._started = time.monotonic()
        self._sender = _program(source, "udp_send.py", json.dumps(self._request), stdin=subprocess.DEVNULL)

    def _receiver(self, place: Place) -> subprocess.Popen[str]:
        port = str(self._request.get("listen") or self._request["port"])
        return _program(place, "udp_receive.py", port, str(self.stream), stdin=subprocess.PIPE)

    def wait(self, timeout: float | None = None) -> Result:
        """Waits for the sender's end and the last arrivals. ``timeout`` defaults to three times what it should take."""
        due = self._request["count"] / self._request["rate"]
        counts = _finish(self._sender, self._source.title, timeout or 3 * due + 20)
        for _title, process in self._receivers:  # they wait for silence side by side
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None
        arrived = {title: _finish(process, title, 60) for title, process in self._receivers}
        return Result(
            stream=self.stream,
            sent=counts["sent"],
            refused=counts["refused"],
            received=sum(a["packets"] for a in arrived.values()),
            distinct=sum(a["distinct"] for a in arrived.values()),
            seconds=counts["seconds"],
            receivers={title: a["packets"] for title, a in arrived.items()},
        )

    def stop(self) -> None:
        """Ends sender and receivers at once; nothing is counted."""
        for process in [self._sender, *(p for _title, p in self._receivers)]:
            kill_family(process.pid)
            process.communicate()


def kill_family(pid: int) -> None:
    """Kills a process and what it forked: nsenter's child holds the pipe, and outlives it."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for child in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split():
            kill_family(int(child))
        os.kill(pid, signal.SIGKILL)
