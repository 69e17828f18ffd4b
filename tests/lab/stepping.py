# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a recorder whose clock steps back by 10 s: ``python -m tests.lab.stepping FOLDER``, in namespaces of its own.

The step is made where the clock enters the recorder; this machine's clock stays as it is.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time

from tests.conftest import ROOT  # makes the collection importable

# isort: split
from ansible_collections.kube.pcap.plugins.module_utils._node.manifest import read_manifest
from ansible_collections.kube.pcap.plugins.module_utils._node.process import Clock
from ansible_collections.kube.pcap.plugins.module_utils._node.recorder import Recorder
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, Wanted
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions, NodeCapture, Selection, Target

COUNT = 10_000
_SECONDS = 12
"""Far more than the sender takes, which begins before the step and ends after it."""


class SteppingClock(Clock):
    """Goes 10 s back after 2 s."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def wall_ns(self) -> int:
        """The stepped time."""
        return time.time_ns() - (10_000_000_000 if time.monotonic() > self._begin + 2 else 0)


def _send() -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(COUNT):
        sock.sendto(b"x" * 100, ("127.0.0.1", 9))
        if number % 50 == 0:
            time.sleep(0.007)


def main() -> None:
    """Records 12 s with counted datagrams on loopback and prints what the manifest tells."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    netns = os.stat("/proc/1/ns/net").st_ino
    target = Target(kind="node", name="here", node="here", pid=1, netns=netns, host_network=True)
    options = CaptureOptions(
        filter="udp port 9", interface="lo", segment_bytes=1_000_000, segment_seconds=1, spool=sys.argv[1]
    )
    spool = Spool(sys.argv[1], "stepping")
    spool.make()
    clock, begin = SteppingClock(), time.monotonic()
    capture = NodeCapture("stepping", "here", (Selection("node", name="here"),), options, (target,))
    spool.write_wanted(Wanted(capture, clock.wall_ns(), clock.wall_ns() + _SECONDS * 1_000_000_000))
    recorder = Recorder(spool, clock)
    threading.Timer(1.5, _send).start()
    recorder.run()
    events = list(read_manifest(spool.path("manifest.jsonl")))
    segments = [event for event in events if event["event"] == "segment"]
    told = {
        "phase": recorder.phase,
        "reason": recorder.reason,
        "seconds": time.monotonic() - begin,
        "step_ns": next(event["by_ns"] for event in events if event["event"] == "clock_stepped"),
        "names": [event["file"] for event in segments],
        "packets": sum(event["packets"] for event in segments),
        "sent": COUNT,
        "gaps": [event for event in events if event["event"] == "gap"],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    print("the collection of %s" % ROOT, file=sys.stderr)  # tests.conftest makes it importable
    main()
