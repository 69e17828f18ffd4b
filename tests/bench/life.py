# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a capture of 50 targets takes to be ready, beside 50 bare tcpdumps, and how long a stop takes."""

from __future__ import annotations

import json
from typing import Any

from tests.lab.recording import SPOOL

from . import costs
from .figures import Figure, figure, ratios
from .scene import PODS, Recorder, Scene, source

TITLE = "From a call to ready, and from a stop to done"
_ROUNDS = 5
_READY_GOAL = 1.0
_RATIO_GOAL = 1.3
_DEADLINE_GOAL = 2.0
_MEMORY_GOAL_MIB = 128

Steps = dict[str, float]


def measure(scene: Scene) -> list[Figure]:
    """Starts and stops with the module's own archive, run on the node as Ansible runs it there."""
    absent = scene.module(state="absent", force=True)
    figures: list[Figure] = []
    for name, targets in (("1 target", "pod bench/p00"), ("%d targets" % PODS, "pods bench *")):
        start = scene.module(targets=targets)
        args, pids = _what_was_started(scene)
        stop = scene.module(state="stopped")
        rows: dict[str, list[float]] = {}
        for _round in range(scene.rounds(_ROUNDS)):
            absent.run()
            steps = {"bare nsenter: start to all listening": _bare(scene, args, pids)}
            steps.update(_start_steps(scene, *start.run()))
            steps.update(_stop_steps(scene, *stop.run()))
            for step, value in steps.items():
                rows.setdefault(step, []).append(value)
        absent.run()
        figures += _figures(name, rows)
        figures.append(_deadline(scene, name, targets))
        figures.append(figure("%s: the whole ansible command" % name, "s", [start.ansible_seconds]))
    return figures


def _figures(name: str, rows: dict[str, list[float]]) -> list[Figure]:
    rings = rows.pop("rings")
    goals = {"module: start to all ready": _READY_GOAL}
    found = [figure("%s: %s" % (name, step), "s", values, goals.get(step)) for step, values in rows.items()]
    bare = rows["bare nsenter: start to all listening"]
    opening = [a + b for a, b in zip(rows["- first to last tcpdump"], rows["- last tcpdump to all ready"], strict=True)]
    goal = _RATIO_GOAL if name != "1 target" else None
    # Both from their first tcpdump on: neither side's Python is in it.
    found.append(figure("%s: supervisor, first tcpdump to all ready / bare" % name, "", ratios(opening, bare), goal))
    found.append(
        figure(
            "%s: with the start of its Python / bare" % name, "", ratios(rows["supervisor: start to all ready"], bare)
        )
    )
    return [*found, figure("%s: rings" % name, "MiB", rings, _MEMORY_GOAL_MIB)]


def _what_was_started(scene: Scene) -> tuple[list[str], list[int]]:
    """The arguments of a tcpdump of the capture, with {} for its folder, and the targets' processes."""
    event = scene.recording.events("started")[0]
    folder = "%s/%s/taps/%d" % (SPOOL, scene.recording.id, event["run"])
    wanted = json.loads((scene.recording.folder / "capture.json").read_text())
    return [word.replace(folder, "{}") for word in event["args"]], [one["pid"] for one in wanted["capture"]["targets"]]


def _bare(scene: Scene, args: list[str], pids: list[int]) -> float:
    folder = SPOOL + "/bare"
    want: dict[str, Any] = {"pids": pids, "folder": folder, "args": args}
    seconds = float(scene.node.run([*source("bare_start.py"), json.dumps(want)]).stdout)
    scene.node.run(["rm", "-r", folder])
    return seconds


def _start_steps(scene: Scene, began: int, ended: int) -> Steps:
    """Seconds of each step of a start, by the times in its files."""
    recording = scene.recording
    accepted = json.loads((recording.folder / "capture.json").read_text())["started_ns"]
    launched = costs.started_ns(Recorder(scene).main)
    opened = [event["at_ns"] for event in recording.events("started")]
    ready = max(event["at_ns"] for event in recording.events("ready"))
    return {
        "module: start to all ready": (ready - began) / 1e9,
        "module: start to end": (ended - began) / 1e9,
        "- resolve and check": (accepted - began) / 1e9,
        "- archive and launch": (launched - accepted) / 1e9,
        "- supervisor to first tcpdump": (min(opened) - launched) / 1e9,
        "- first to last tcpdump": (max(opened) - min(opened)) / 1e9,
        "- last tcpdump to all ready": (ready - max(opened)) / 1e9,
        "supervisor: start to all ready": (ready - launched) / 1e9,
        "rings": sum(one["buffer_kib"] for one in recording.state()["targets"]) / 1024,
    }


def _deadline(scene: Scene, name: str, targets: str) -> Figure:
    """Seconds from a capture's deadline to the end of its last tap, 1.2 of them for the rings."""
    late = []
    for _round in range(scene.rounds(_ROUNDS)):
        with scene.capture(targets, duration=10):
            state = scene.recording.wait_phase("done", seconds=100)
            closed = max(event["at_ns"] for event in scene.recording.events("stopped"))
            late.append((closed - state["deadline_ns"]) / 1e9)
    return figure("%s: deadline to all taps closed" % name, "s", late, _DEADLINE_GOAL)


def _stop_steps(scene: Scene, began: int, ended: int) -> Steps:
    """Seconds of each step of a stop."""
    asked = (scene.recording.folder / "capture.json").stat().st_mtime_ns
    closed = max(event["at_ns"] for event in scene.recording.events("stopped"))
    done = scene.recording.state()["written_ns"]
    return {
        "stop: module, start to end": (ended - began) / 1e9,
        "- asked to all taps closed (1.2 of it for the rings)": (closed - asked) / 1e9,
        "- taps closed to done": (done - closed) / 1e9,
    }
