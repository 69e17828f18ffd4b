# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor and its two workers: CPU while nothing comes and for each packet, and memory."""

from __future__ import annotations

import time

from tests.lab.recording import wait_for

from .figures import Figure, figure
from .scene import PODS, Recorder, Scene

TITLE = "The supervisor (main) and its workers (finisher, shipper), without tcpdump"
_IDLE_SECONDS = 10.0
"""One of its cycles: every 10 s it asks each tcpdump for its counters."""
_RATE = 20_000
_SECONDS = 4
_IDLE_GOAL = 2.0
_PACKET_GOAL = 3.0
_MEMORY_GOAL = 30.0

Rows = dict[str, list[float]]


def measure(scene: Scene) -> list[Figure]:
    """Idle with one and with all targets, then a target that records, compressed and not, in turn."""
    figures: list[Figure] = []
    with scene.capture("pod bench/p00") as recorder:
        rows = _idle(scene, recorder)
        figures += _idle_figures("1 target", rows)
        idle_share = sum(sum(values) / len(values) for values in rows.values()) / 100
    with scene.capture("pods bench *") as recorder:
        figures += _idle_figures("%d targets" % PODS, _idle(scene, recorder))
        figures += _memory_figures("%d targets, idle" % PODS, recorder)
    packet: dict[bool, Rows] = {True: {}, False: {}}
    for _round in range(scene.rounds(3)):
        for compress in (True, False):
            memory = _record(scene, compress, idle_share, packet[compress])
            if compress:
                last = memory
    for compress, name in ((True, "gzip"), (False, "no gzip")):
        for process, values in packet[compress].items():
            goal = _PACKET_GOAL if process == "all" else None
            figures.append(figure("recording %d/s, %s: %s" % (_RATE, name, process), "us/packet", values, goal))
    return figures + last


def _idle(scene: Scene, recorder: Recorder) -> Rows:
    """Percent of a core, by process and round."""
    rows: Rows = {}
    for _round in range(scene.rounds(2)):
        began, before = time.monotonic(), recorder.cpu_ns()
        time.sleep(_IDLE_SECONDS / (10 if scene.quick else 1))
        after, seconds = recorder.cpu_ns(), time.monotonic() - began
        for name in after:
            rows.setdefault(name, []).append((after[name] - before[name]) / 1e9 / seconds * 100)
    return rows


def _idle_figures(name: str, rows: Rows) -> list[Figure]:
    found = [figure("idle, %s: %s" % (name, process), "% of a core", values) for process, values in rows.items()]
    total = [sum(values) for values in zip(*rows.values(), strict=True)]
    return [*found, figure("idle, %s: all" % name, "% of a core", total, _IDLE_GOAL)]


def _memory_figures(name: str, recorder: Recorder) -> list[Figure]:
    held = recorder.memory_kib()
    rows = []
    for process, kib in held.items():
        for kind in ("Rss", "Pss"):
            rows.append(figure("memory, %s: %s, %s" % (name, process, kind.upper()), "MiB", [kib[kind] / 1024]))
    total = sum(kib["Pss"] for kib in held.values()) / 1024
    return [*rows, figure("memory, %s: all, PSS" % name, "MiB", [total], _MEMORY_GOAL)]


def _record(scene: Scene, compress: bool, idle_share: float, rows: Rows) -> list[Figure]:
    """Adds the microseconds that a packet costs, from its recording until its segment is closed, beyond the idle share.

    Returns the memory after it.
    """
    count = _RATE * (1 if scene.quick else _SECONDS)
    options = {"filter": "udp port 9000", "compress": compress, "segment_seconds": 2, "segment_size": "100M"}
    with scene.capture("pod bench/p00", **options) as recorder:
        began, before = time.monotonic(), recorder.cpu_ns()
        scene.blast(scene.pod(0), count, _RATE)

        def closed() -> bool:
            scene.blast(scene.pod(0), 1, 1)  # a packet after segment_seconds closes the last file
            packets: int = sum(event["packets"] for event in scene.recording.events("segment"))
            return packets >= count

        wait_for(closed, what="the last segment")
        seconds = time.monotonic() - began
        used = {name: (now - before[name]) / 1000 / count for name, now in recorder.cpu_ns().items()}
        used["all"] = sum(used.values()) - idle_share * seconds * 1e6 / count
        for name, value in used.items():
            rows.setdefault(name, []).append(value)
        return _memory_figures("recording", recorder)
