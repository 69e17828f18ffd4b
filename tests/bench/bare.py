# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bare tcpdumps, for whatever is measured beside them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import subprocess
from collections.abc import Iterator

from tests.lab.handles import LabPod
from tests.lab.model import LabError
from tests.lab.recording import SPOOL

from . import costs
from .scene import Scene

RING_SECONDS = 1.2
"""So long a packet may wait in the ring until tcpdump is given it."""
_COUNTED = re.compile(r"(\d+) packets? (captured|received by filter|dropped by kernel)")


class Bare:
    """A tcpdump that nobody supervises, in a pod's network namespace."""

    def __init__(self, scene: Scene, pod: LabPod, args: list[str], folder: str) -> None:
        (scene.node.root / folder[1:]).mkdir(mode=0o700)
        args = [folder + "/%s.pcap" if word.endswith("/%s.pcap") else word for word in args]
        argv = ["nsenter", "-t", str(pod.node_pids()[0]), "-n", *args]
        self.pod = pod
        self._started = scene.node.popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert self._started.stderr is not None
        for line in self._started.stderr:
            if "listening on" in line:
                self.process = _innermost(pathlib.Path("/proc/%d" % self._started.pid))
                return
        raise LabError("the bare tcpdump did not start: %s" % argv)

    def end(self) -> int:
        """Ends it; returns what the kernel dropped."""
        os.kill(int(self.process.name), signal.SIGINT)
        words = self._started.communicate(timeout=20)[1]
        return int({what: number for number, what in _COUNTED.findall(words)}["dropped by kernel"])


@contextlib.contextmanager
def running(scene: Scene, number: int, args: list[str]) -> Iterator[Bare]:
    """One in the pod of that number with a capture's arguments; its files go with the block."""
    folder = "%s/bare-%d" % (SPOOL, number)
    started = Bare(scene, scene.pod(number), args, folder)
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(started.process.name), signal.SIGKILL)
        scene.node.run(["rm", "-r", folder])


def _innermost(process: pathlib.Path) -> pathlib.Path:
    """What nsenter has forked last."""
    while found := costs.children(process):
        process = found[0]
    return process
