# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tcpdump's CPU per packet and drops: ours beside bare ones with the same arguments, in the same kind of place."""

from __future__ import annotations

import itertools
import pathlib
import time

from tests.lab.handles import LabPod

from . import bare, costs
from .figures import Figure, figure, ratios
from .scene import Recorder, Scene

TITLE = "tcpdump's CPU for a packet: ours beside bare tcpdump with the same arguments"
_RATES = {20_000: 40_000, 50_000: 75_000, 100_000: 100_000}
"""Packets per second, and how many of them in a round."""
_ROUNDS = 6
"""A multiple of three, so that each goes first equally often."""
_GOAL = 1.05
_RATIO = "ours / bare"


def measure(scene: Scene) -> list[Figure]:
    """Rounds of the same traffic past each of them in turn, at several rates."""
    options = {"filter": "udp port 9000", "segment_size": "10M", "segment_seconds": 5}
    figures: list[Figure] = []
    with scene.capture("pod bench/p00", **options) as recorder:
        args = recorder.started()[0]["args"]
        at = args.index("-C")
        with bare.running(scene, 1, args) as both, bare.running(scene, 2, args[:at] + args[at + 2 :]) as time_only:
            watched = {
                "ours": (scene.pod(0), recorder.tcpdumps[0]),
                "bare": (both.pod, both.process),
                "bare without -C": (time_only.pod, time_only.process),
            }
            for rate, count in list(_RATES.items())[: 1 if scene.quick else None]:
                figures += _measure_rate(scene, recorder, watched, rate, count // 10 if scene.quick else count)
            dropped = [both.end(), time_only.end()]
        dropped.insert(0, recorder.figures()["dropped_kernel"])
    all_ratios = [value for one in figures if one.name.endswith(_RATIO) for value in one.values]
    figures.append(figure("all rates: " + _RATIO, "", all_ratios, _GOAL))
    names = ["dropped in all rounds: " + name for name in watched]
    return figures + [figure(name, "packets", [count]) for name, count in zip(names, dropped, strict=True)]


def _measure_rate(
    scene: Scene, recorder: Recorder, watched: dict[str, tuple[LabPod, pathlib.Path]], rate: int, count: int
) -> list[Figure]:
    """A round lasts from one start of the traffic to the next past the same tcpdump: the last packets wait in a ring
    while the traffic passes the others."""
    marks: dict[str, list[int]] = {name: [] for name in watched}
    names, reached = list(watched), []
    for turn in range(scene.rounds(_ROUNDS)):
        for name in names[turn % 3 :] + names[: turn % 3]:
            pod, process = watched[name]
            marks[name].append(costs.cpu_ns(process))
            reached.append(count / scene.blast(pod, count, rate))
            recorder.wait_finished()
    time.sleep(bare.RING_SECONDS)
    for name, (_folder, process) in watched.items():
        marks[name].append(costs.cpu_ns(process))
    per_packet = {name: [ns / count / 1000 for ns in _differences(mark)] for name, mark in marks.items()}
    at = "%d packets/s: " % rate
    rows = [figure(at + "reached", "packets/s", reached)]
    rows += [figure(at + name, "us/packet", values) for name, values in per_packet.items()]
    rows.append(figure(at + _RATIO, "", ratios(per_packet["ours"], per_packet["bare"]), _GOAL))
    without = ratios(per_packet["bare"], per_packet["bare without -C"])
    rows.append(figure(at + "what -C costs: bare / bare without -C", "", without))
    return rows


def _differences(readings: list[int]) -> list[int]:
    return [after - before for before, after in itertools.pairwise(readings)]
