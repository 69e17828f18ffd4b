# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reaches a bucket in a second and what that costs, beside google-cloud-storage; and what is dropped meanwhile."""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from tests.bucket.scene import Bucket
from tests.lab.recording import wait_for

from . import bare
from .figures import Figure, figure, ratios
from .scene import Recorder, Scene

TITLE = "Shipping to a bucket: ours beside google-cloud-storage, and packets meanwhile"
_ROUNDS = 3
_FILE_BYTES = 32 * 2**20
_SEGMENTS = 6
_SEGMENT_BYTES, _QUICK_SEGMENT_BYTES = 10_000_000, 2_000_000
_PACKET_BYTES = 208
"""In a file: 192 that are kept, and pcap's 16."""
_RATE, _QUICK_RATE = 100_000, 20_000
_SECONDS = 3
_UNITS = {"speed": "MB/s", "CPU": "ms/MB"}

Rows = dict[str, list[float]]


def measure(scene: Scene) -> list[Figure]:
    """One file, then a whole supervisor, then packets while one ships."""
    with scene.bucket() as bucket:
        figures = _one_file(scene, bucket)
    for compress, name in ((False, "no gzip"), (True, "gzip")):
        with scene.bucket() as bucket:
            figures += _backlog(scene, bucket, compress, "supervisor, %s, " % name)
        with scene.bucket() as bucket:
            figures += _drops(scene, bucket, compress, "%d packets/s while it ships, %s: " % (_rate(scene), name))
    return figures


def _one_file(scene: Scene, bucket: Bucket) -> list[Figure]:
    """The same file by each, one connection, the checksum taken by each."""
    rows: dict[str, Rows] = {"node": {}, "plain": {}}
    with tempfile.NamedTemporaryFile(dir=scene.folder) as file:
        size = _FILE_BYTES // (8 if scene.quick else 1)
        file.write(os.urandom(size))
        file.flush()
        for turn in range(scene.rounds(_ROUNDS)):
            for how in sorted(rows, reverse=bool(turn % 2)):
                _note(rows[how], size, scene.upload(how, bucket, how + "/", [pathlib.Path(file.name)]))
    return _figures("one file of %d MiB, " % (size // 2**20), rows["node"], rows["plain"])


def _backlog(scene: Scene, bucket: Bucket, compress: bool, title: str) -> list[Figure]:
    """Files that tcpdump has closed: from the moment that the supervisor may run until the last one is confirmed."""
    ours: Rows = {}
    plain: Rows = {}
    shippers: list[float] = []
    memory: list[float] = []
    count = _count(scene)
    for _round in range(scene.rounds(_ROUNDS)):
        with _capture(scene, bucket, compress) as recorder:
            with recorder.paused():
                _fill(scene, count)
                began, before = time.time_ns(), recorder.cpu_ns()
            stored = _wait_stored(scene, count)
            used = {name: ns - before[name] for name, ns in recorder.cpu_ns().items()}
            seconds = (max(one["at_ns"] for one in stored) - began) / 1e9
            memory.append(sum(kib["Pss"] for kib in recorder.memory_kib().values()) / 1024)
            with _copies(scene, bucket, stored) as files:
                size = sum(file.stat().st_size for file in files)
                _note(ours, size, {"seconds": seconds, "cpu": sum(used.values()) / 1e9})
                shippers.append(sum(ns for name, ns in used.items() if "shipper" in name) / 1e6 / (size / 1e6))
                _note(plain, size, scene.upload("plain", bucket, "plain/", files))
    rows = _figures(title, ours, plain)
    rows.append(figure(title + "CPU: ours, of it the shippers", _UNITS["CPU"], shippers))
    rows.append(figure(title + "CPU: the shippers / plain", "", ratios(shippers, plain["CPU"])))
    return [*rows, figure(title + "memory of all its processes, PSS", "MiB", memory)]


def _drops(scene: Scene, bucket: Bucket, compress: bool, title: str) -> list[Figure]:
    """The same traffic past ours, which begins to ship a backlog when the fast part begins, then past a bare one."""
    dropped: dict[str, list[int]] = {"ours": [], "bare": []}
    reached: list[float] = []
    shipped: list[float] = []
    count, rate = _count(scene), _rate(scene)
    packets = rate * (2 if scene.quick else _SECONDS)
    for _round in range(scene.rounds(_ROUNDS)):
        with _capture(scene, bucket, compress) as recorder:
            with recorder.paused():
                _fill(scene, count)
            began = time.time_ns()
            seconds = scene.blast(scene.pod(0), packets, rate)
            reached.append(packets / seconds)
            shipped.append(_shipped_bytes(scene, began, time.time_ns()) / 1e6 / seconds)
            _wait_stored(scene, count)
            dropped["ours"].append(recorder.figures()["dropped_kernel"])
            with bare.running(scene, 1, recorder.started()[0]["args"]) as other:
                scene.blast(other.pod, _packets(scene, count), rate)
                reached.append(packets / scene.blast(other.pod, packets, rate))
                time.sleep(bare.RING_SECONDS)
                dropped["bare"].append(other.end())
    quiet = [ours for ours, theirs in zip(dropped["ours"], dropped["bare"], strict=True) if not theirs]
    rows = [
        figure(title + "reached", "packets/s", reached),
        figure(title + "shipped meanwhile", _UNITS["speed"], shipped),
    ]
    rows += [figure(title + "dropped, " + name, "packets", values) for name, values in dropped.items()]
    rows.append(figure(title + "rounds in which bare dropped nothing", "rounds", [len(quiet)]))
    if quiet:
        rows.append(figure(title + "dropped by ours in these, most", "packets", [max(quiet)], 0))
    return rows


def _capture(scene: Scene, bucket: Bucket, compress: bool) -> contextlib.AbstractContextManager[Recorder]:
    """A capture whose files are closed by their size alone."""
    sink = {"sink": "gs://%s/bench" % bucket.name, "kube_node_name": scene.node.name, "compress": compress}
    files = {"segment_size": _segment_bytes(scene), "segment_seconds": 600, "min_free": "1%", "filter": "udp port 9000"}
    return scene.capture("pod bench/p00", **sink, **files)


def _count(scene: Scene) -> int:
    """Segments of a backlog."""
    return 1 if scene.quick else _SEGMENTS


def _rate(scene: Scene) -> int:
    """Packets a second."""
    return _QUICK_RATE if scene.quick else _RATE


def _segment_bytes(scene: Scene) -> int:
    """How large a file is when it is closed."""
    return _QUICK_SEGMENT_BYTES if scene.quick else _SEGMENT_BYTES


def _packets(scene: Scene, segments: int) -> int:
    """So many fill these files and begin another."""
    return segments * (_segment_bytes(scene) // _PACKET_BYTES + 2)


def _fill(scene: Scene, segments: int) -> None:
    """Has a paused recorder's tcpdump close so many files; more packets come for those that it drops."""
    scene.blast(scene.pod(0), _packets(scene, segments), _rate(scene))
    (tap,) = (scene.recording.folder / "taps").iterdir()

    def closed() -> bool:
        if len(list(tap.iterdir())) > segments:
            return True
        scene.blast(scene.pod(0), 1000, _QUICK_RATE)
        return False

    wait_for(closed, what="files that tcpdump has closed")


def _wait_stored(scene: Scene, count: int) -> list[dict[str, Any]]:
    """The first lines ``stored`` of the manifest, once there are so many."""
    wait_for(lambda: len(scene.recording.events("stored")) >= count, 120, "segments to be confirmed")
    return scene.recording.events("stored")[:count]


def _shipped_bytes(scene: Scene, began: int, ended: int) -> int:
    """What was confirmed between these times."""
    sizes = {one["seq"]: one["bytes"] for one in scene.recording.events("segment")}
    stored = [one for one in scene.recording.events("stored") if began <= one["at_ns"] <= ended]
    return sum(sizes[one["seq"]] for one in stored)


@contextlib.contextmanager
def _copies(scene: Scene, bucket: Bucket, stored: list[dict[str, Any]]) -> Iterator[list[pathlib.Path]]:
    """These objects as files here."""
    with tempfile.TemporaryDirectory(dir=scene.folder) as folder:
        files = [pathlib.Path(folder) / one["object"].rpartition("/")[2] for one in stored]
        for file, one in zip(files, stored, strict=True):
            file.write_bytes(bucket.content(one["object"]))
        yield files


def _note(rows: Rows, size: int, took: dict[str, float]) -> None:
    """Adds what uploads of so many bytes took."""
    rows.setdefault("speed", []).append(size / 1e6 / took["seconds"])
    rows.setdefault("CPU", []).append(took["cpu"] * 1000 / (size / 1e6))


def _figures(title: str, ours: Rows, plain: Rows) -> list[Figure]:
    found = []
    for what, unit in _UNITS.items():
        for name, rows in (("ours", ours), ("plain", plain)):
            found.append(figure("%s%s: %s" % (title, what, name), unit, rows[what]))
        found.append(figure("%s%s: ours / plain" % (title, what), "", ratios(ours[what], plain[what])))
    return found
