# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Captures on a lab's nodes, as tests handle them: by the modules, over ssh, and by the files they leave."""

from __future__ import annotations

import contextlib
import gzip
import json
import pathlib
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tests.lab.ansible_run import Ansible
from tests.lab.handles import LabNode
from tests.lab.lab import Lab
from tests.lab.sequences import MAGIC, sequences

SPOOL = "/var/lib/kube-pcap"


def wait_for(condition: Callable[[], Any], seconds: float = 60.0, what: str = "a condition") -> Any:
    """Polls until the condition is true and returns its value; fails after that many seconds."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < until, "waited %d s for %s" % (seconds, what)
        time.sleep(0.02)


Record = Callable[..., "Recording"]
"""The fixture ``record``: (node's name, spool) to a Recording that is removed at the test's end."""


class Recording:
    """One capture on one node."""

    def __init__(
        self, ansible: Ansible, node: LabNode, capture_id: str, spool: str = SPOOL, env: dict[str, str] | None = None
    ) -> None:
        self.ansible = ansible
        self.env = env
        self.node = node
        self.id = capture_id
        self.spool = spool

    def call(self, module: str = "capture", **params: Any) -> dict[str, Any]:
        """Calls a module on the node and returns its result, with ``failed``."""
        params = {"id": self.id, "spool": self.spool, **params}
        run = self.ansible.adhoc(self.node.name, "kube.pcap." + module, params=params, env=self.env)
        assert len(run.tasks) == 1, run.stdout + run.stderr
        assert "Traceback" not in run.stdout + run.stderr
        return {**run.tasks[0].result, "failed": run.tasks[0].status != "ok"}

    def start(self, targets: Any, **options: Any) -> dict[str, Any]:
        """Starts the capture; fails the test when the module does."""
        result = self.call(targets=targets, **options)
        assert not result["failed"], result["msg"]
        return result

    def stop(self, **options: Any) -> dict[str, Any]:
        """Stops the capture and returns what is told of it then."""
        result = self.call(state="stopped", **options)
        assert not result["failed"], result["msg"]
        (info,) = result["captures"]
        return info

    def info(self, **options: Any) -> dict[str, Any]:
        """What ``capture_info`` tells."""
        return self.call("capture_info", **options)["captures"][0]

    def target(self, name: str) -> dict[str, Any]:
        """The record of the node's pod of that name, as ``node_pods_info`` gives it."""
        run = self.ansible.adhoc(self.node.name, "kube.pcap.node_pods_info")
        return next(pod for pod in run.of("node_pods_info")[self.node.name]["pods"] if pod["name"] == name)

    def remove(self) -> None:
        """Removes the capture, whatever state it is in."""
        result = self.call(state="absent", force=True)
        assert not result["failed"], result["msg"]

    @property
    def folder(self) -> pathlib.Path:
        """The capture's folder, as this machine can read it."""
        return self.node.root / self.spool[1:] / self.id

    def state(self) -> dict[str, Any]:
        """``state.json``."""
        return json.loads((self.folder / "state.json").read_text())

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """The manifest's lines, of these kinds or all."""
        lines = (self.folder / "manifest.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        return [event for event in events if not kinds or event["event"] in kinds]

    def segments(self, target: str = "") -> list[pathlib.Path]:
        """The segment files in the spool whose name holds ``target``, in order."""
        return sorted(path for path in (self.folder / "segments").iterdir() if target in path.name)

    def recorder_pid(self) -> int:
        """The supervisor's process, as the node numbers it."""
        return int(self.state()["pid"])

    def tcpdump_pids(self) -> list[int]:
        """The node's tcpdump processes that write into this capture."""
        done = self.node.run(["pgrep", "-f", "tcpdump .*%s/%s/taps/" % (self.spool, self.id)], check=False)
        return [int(word) for word in done.stdout.split()]

    def wait_phase(self, *phases: str, seconds: float = 60.0) -> dict[str, Any]:
        """Waits until the supervisor writes one of these phases."""
        wait_for(lambda: self.state()["phase"] in phases, seconds, "phase " + " or ".join(phases))
        return self.state()


def seen(paths: Iterable[pathlib.Path], stream: int) -> list[int]:
    """The sequence numbers of a stream in all these files, doubles included, sorted."""
    return sorted(number for path in paths for number in sequences(path, stream))


def oldest_went(there: Sequence[int], total: int, spared: int) -> bool:
    """Whether what is missing of so many packets is older than what is there, but for so many of these.

    A bound spares files that are being worked on.
    """
    newest_gone = max(set(range(total)).difference(there))
    return sum(number < newest_gone for number in there) <= spared


def sightings(paths: Iterable[pathlib.Path], stream: int | None = None) -> list[tuple[int, int]]:
    """Each sequence number of a stream with the time at which the kernel saw it (ns since 1970), sorted.

    The files are pcap with microseconds in this machine's byte order, as tcpdump writes them here; gzip too.
    """
    found = []
    for path in paths:
        data = path.read_bytes()
        data, at = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data, 24
        assert struct.unpack_from("=I", data) == (0xA1B2C3D4,), path
        while at + 16 <= len(data):
            seconds, micros, length, _whole = struct.unpack_from("=IIII", data, at)
            packet, at = data[at + 16 : at + 16 + length], at + 16 + length
            place = packet.find(MAGIC)
            if len(packet) == length and place >= 0:
                number, sequence = struct.unpack_from("!IQ", packet, place + 4)
                if stream in (None, number):
                    found.append((sequence, seconds * 10**9 + micros * 1000))
    return sorted(found)


def left(node: LabNode) -> dict[str, Any]:
    """What a capture could leave on a node: processes, units, its spool, mounts, rules."""
    processes = node.run(["ps", "-eo", "args="]).stdout.splitlines()
    ours = ("tcpdump", "recorder.pyz", "systemd-run")
    units = node.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", "kube-pcap*"], check=False).stdout
    return {
        "processes": sorted(line for line in processes if any(word in line for word in ours)),
        "units": units if "kube-pcap" in units else "",
        "spool": node.run(["find", "/var/lib/kube-pcap"], check=False).stdout,
        "mounts": node.run(["cat", "/proc/self/mounts"]).stdout,
        "rules": node.run(["nft", "-s", "list", "ruleset"]).stdout,
        "hostile": node.run(["find", "/tmp", "-name", "*hostile*"]).stdout,
    }


@contextlib.contextmanager
def traffic(lab: Lab, pod: str, count: int = 100_000, rate: int = 500) -> Iterator[int]:
    """Counted datagrams inside a pod while the body runs; gives the stream's number."""
    running = lab.pod(*pod.split("/")).start_traffic("127.0.0.1", count=count, rate=rate)
    try:
        yield running.stream
    finally:
        running.stop()
