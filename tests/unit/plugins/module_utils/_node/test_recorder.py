# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a recorder comes to its end, as far as no tap is needed; tests/lab has the rest."""

from __future__ import annotations

import dataclasses
import os
import signal
import time

from ansible_collections.kube.pcap.plugins.module_utils._node.process import Clock
from ansible_collections.kube.pcap.plugins.module_utils._node.recorder import Recorder
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Wanted
from ansible_collections.kube.pcap.plugins.module_utils._records import NodeCapture, Selection

from ..pcap_bytes import START
from .boxes import Box
from .forks import fork, until


def test_a_manifest_that_came_before_the_last_segments(tmp_path):
    """A controller that has brought it, while a target came back, ends no recorder that still ships."""
    box = Box(tmp_path, compress=False)
    box.open()
    box.start(1)
    box.write(1, "%d.pcap" % START, [0])
    box.stop(1)
    box.close()
    box.journal.close()
    options = dataclasses.replace(box.options, duration_seconds=3600)
    capture = NodeCapture("c-1", "node-a", (Selection("pods", "shop", "*"),), options, ())
    box.spool.write_wanted(Wanted(capture, time.time_ns(), time.time_ns() + 3600 * 10**9, stop_reason="stopped"))
    box.spool.write_confirmed([{"file": "manifest.jsonl", "sink": "gs://b", "object": "m"}])
    pid = fork(lambda: Recorder(box.spool, Clock()).run())
    try:
        until(lambda: (box.spool.read_state() or {}).get("phase") == "done")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert box.spool.read_state()["reason"] == "stopped" and box.spooled() == [] and len(box.events("stored")) == 1
