# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic in the background, and how much of it passed each interface, by the kernel's own counters."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence

from tests.lab.handles import LabPod
from tests.lab.tracing import serving
from tests.lab.traffic import PORT

_SENDER = pathlib.Path(__file__).with_name("udp_send.py")
_PERIOD_SECONDS = 0.25


@dataclasses.dataclass(frozen=True)
class Counted:
    """One direction of one interface."""

    title: str
    pid: int
    """A process in its network namespace, as this machine numbers it."""
    interface: str
    out: bool

    def read(self) -> int:
        """How many packets have passed."""
        table = pathlib.Path("/proc/%d/net/dev" % self.pid).read_text(encoding="ascii")
        words = next(line for line in table.splitlines() if line.split(":")[0].strip() == self.interface)
        return int(words.partition(":")[2].split()[9 if self.out else 1])


class Counters:
    """Reads counters again and again, in a thread of its own, until it is closed."""

    def __init__(self, counted: Sequence[Counted]) -> None:
        self._counted = counted
        self._readings: list[tuple[int, list[int]]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self._readings.append((time.time_ns(), [one.read() for one in self._counted]))
            if self._over.wait(_PERIOD_SECONDS):
                return

    def close(self) -> None:
        """Reads no more."""
        self._over.set()
        self._thread.join()

    def rates(self, since_ns: int, until_ns: int) -> dict[str, float]:
        """Packets a second of each between two times, by its title; only readings within are used."""
        within = [reading for reading in self._readings if since_ns <= reading[0] <= until_ns]
        (began, first), (ended, last) = within[0], within[-1]
        seconds = (ended - began) / 1e9
        pairs = zip(self._counted, first, last, strict=True)
        return {one.title: (after - before) / seconds for one, before, after in pairs}


@contextlib.contextmanager
def flooded(source: LabPod, destination: LabPod, rate: int, counted: Sequence[Counted]) -> Iterator[Counters]:
    """Datagrams from pod to pod, so many a second, while the body runs.

    What sends them is before every other program of this machine, as other machines would be that send; so it is in the
    pod's network namespace alone, since its control group has no real time. Nobody takes them: the socket that they
    come to is full, so that no error goes back.
    """
    assert destination.addresses is not None
    asked = {"address": destination.addresses.v4, "port": PORT, "count": rate * 3600, "rate": rate, "size": 64}
    asked.update(first=0, stream=0, source=0)
    argv = ["chrt", "--fifo", "1", "nsenter", "-t", str(source.pids()[0]), "-n"]
    argv += [sys.executable, "-I", "-S", "-c", _SENDER.read_text(encoding="utf-8"), json.dumps(asked)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(serving(destination, "sink", PORT))
        sender = stack.enter_context(subprocess.Popen(argv, stdin=subprocess.DEVNULL))
        stack.callback(sender.kill)
        counters = Counters(counted)
        stack.callback(counters.close)
        yield counters
        assert sender.poll() is None, "it has ended early, with %d" % sender.returncode
