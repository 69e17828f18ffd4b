# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where everything is measured: a lab of one node with 50 pods, and captures on it by the real module."""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from tests.bucket import scene as bucket_scene
from tests.bucket.scene import Bucket
from tests.lab import addresses
from tests.lab.ansible_run import Ansible, environment, link_collection
from tests.lab.handles import LabPod
from tests.lab.lab import Lab
from tests.lab.model import Fault, LabError
from tests.lab.recording import Recording, wait_for
from tests.lab.shipped import environment as bucket_environment

from . import costs

PODS = 50
PORT = 9000
_NODE_NUMBER = 11
_HERE = pathlib.Path(__file__).parent
PYTHON = str(pathlib.Path(sys.executable).resolve())


def lab_yaml() -> str:
    """The lab: pods bench/p00 to bench/p49 on one node with systemd."""
    pods = [{"namespace": "bench", "name": "p%02d" % number, "node": "node-a"} for number in range(PODS)]
    node = {"name": "node-a", "ip": _NODE_NUMBER, "kubelet": "node-a"}
    return str(yaml.safe_dump({"nodes": [node], "pods": pods}))


def source(script: str) -> list[str]:
    """The command that runs a script of this folder where the checkout is not seen."""
    return [PYTHON, "-I", "-S", "-c", (_HERE / script).read_text(encoding="utf-8")]


class Scene:
    """The lab, its node, and the one capture at a time that is measured there."""

    def __init__(self, lab: Lab, folder: pathlib.Path, quick: bool) -> None:
        self.lab, self.folder, self.quick = lab, folder, quick
        self.node = lab.node("node-a")
        self.ansible = Ansible(lab.inventory, folder)
        self.recording = Recording(self.ansible, self.node, "bench")
        # Dropped as soon as the node has them: the sender's pod is what is captured.
        lab.faults.apply(Fault("drop", "node-a", arguments="udp dport %d" % PORT))

    def rounds(self, full: int) -> int:
        """How often to measure."""
        return 1 if self.quick else full

    def pod(self, number: int) -> LabPod:
        """One of the pods."""
        return self.lab.pod("bench", "p%02d" % number)

    def process(self, pid: int) -> pathlib.Path:
        """The folder of one of the node's processes, by the node's number."""
        return self.node.root / "proc" / str(pid)

    def blast(self, pod: LabPod, count: int, rate: float, size: int = 160) -> float:
        """Has a pod send datagrams to its node and returns the seconds that it took."""
        words = [str(word) for word in (addresses.bridge(_NODE_NUMBER).v4, PORT, count, rate, size)]
        return float(pod.run([*source("udp_blast.py"), *words], timeout=3 * count / rate + 20).stdout)

    @contextlib.contextmanager
    def capture(self, targets: str, **options: Any) -> Iterator[Recorder]:
        """A capture that is removed at the end."""
        self.recording.start(targets, **options)
        try:
            yield Recorder(self)
        finally:
            self.recording.remove()

    @contextlib.contextmanager
    def bucket(self) -> Iterator[Bucket]:
        """An empty bucket that the node reaches; a capture that is started meanwhile may ship to it."""
        host = addresses.underlay(self.lab.state.index, addresses.HOST).v4
        with (
            tempfile.TemporaryDirectory(dir=self.folder) as folder,
            bucket_scene.running(pathlib.Path(folder), host) as made,
        ):
            self.recording.env = bucket_environment(made)
            try:
                yield made
            finally:
                self.recording.env = None

    def upload(self, how: str, bucket: Bucket, prefix: str, files: Sequence[pathlib.Path]) -> dict[str, float]:
        """What upload.py measures: in the node's network, with this machine's files and this Python's libraries."""
        want = {"how": how, "url": bucket.url, "key": str(bucket.key_file), "bucket": bucket.name, "prefix": prefix}
        argv = ["nsenter", "--net=/proc/%d/ns/net" % self.node.pid, sys.executable, "-P", str(_HERE / "upload.py")]
        argv.append(json.dumps({**want, "files": [str(file) for file in files]}))
        env = {**environment(self.folder), "PYTHONPATH": str(link_collection(self.folder))}
        done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            raise LabError("the upload failed: " + done.stderr[-500:])
        return dict(json.loads(done.stdout))

    def module(self, **params: Any) -> Module:
        """The module ``capture`` with these options as Ansible brings it to the node, kept there to be run again.

        Bringing it runs it once.
        """
        before = self._kept()
        params = {"id": self.recording.id, **params}
        began = time.monotonic()
        run = self.ansible.adhoc("node-a", "kube.pcap.capture", params=params, env={"ANSIBLE_KEEP_REMOTE_FILES": "1"})
        seconds = time.monotonic() - began
        if run.rc:
            raise LabError("the module failed: %s%s" % (run.stdout, run.stderr))
        (path,) = self._kept() - before
        return Module(self, "/" + str(path.relative_to(self.node.root)), seconds)

    def _kept(self) -> set[pathlib.Path]:
        return set(self.node.root.glob("root/.ansible/tmp/*/AnsiballZ_capture.py"))


class Module:
    """A module's own archive on the node."""

    def __init__(self, scene: Scene, path: str, ansible_seconds: float) -> None:
        self._scene, self._path = scene, path
        self.ansible_seconds = ansible_seconds
        """What the whole ``ansible`` command took that brought it."""

    def run(self) -> tuple[int, int]:
        """Runs it as Ansible would; returns when that began and ended, in nanoseconds since 1970."""
        began = time.time_ns()
        done = self._scene.node.run([PYTHON, self._path])
        ended = time.time_ns()
        if "failed" in json.loads(done.stdout):
            raise LabError("the module failed: " + done.stdout)
        return began, ended


class Recorder:
    """The supervisor that runs, and what it started."""

    def __init__(self, scene: Scene) -> None:
        self._recording = scene.recording
        self.main = scene.process(scene.recording.recorder_pid())
        found = costs.children(self.main)
        self.tcpdumps = [process for process in found if costs.command(process) == "tcpdump"]
        # In the order in which they are forked: the one that counts and compresses, those that ship.
        self.workers = [process for process in found if process not in self.tcpdumps]
        shippers = {"shipper %d" % number: worker for number, worker in enumerate(self.workers[1:], 1)}
        self.processes = {"main": self.main, "finisher": self.workers[0], **shippers}

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing leaves the taps' folders while the block runs; the tcpdumps go on."""
        self._signal("STOP")
        try:
            yield
        finally:
            self._signal("CONT")

    def _signal(self, name: str) -> None:
        self._recording.node.run(["kill", "-" + name, self.main.name])

    def cpu_ns(self) -> dict[str, int]:
        """What each of its own processes has used."""
        return {name: costs.cpu_ns(process) for name, process in self.processes.items()}

    def memory_kib(self) -> dict[str, dict[str, int]]:
        """What each of its own processes holds."""
        return {name: costs.memory_kib(process) for name, process in self.processes.items()}

    def started(self) -> Sequence[dict[str, Any]]:
        """The manifest's lines of the tcpdumps that were started."""
        return self._recording.events("started")

    def wait_finished(self) -> None:
        """Waits until each tap's folder holds the file that is being written, and nothing else."""
        taps = self._recording.folder / "taps"
        wait_for(lambda: all(len(list(tap.iterdir())) <= 1 for tap in taps.iterdir()), what="segments to be finished")

    def figures(self) -> dict[str, Any]:
        """The state of the first target, with fresh counters."""
        self._recording.call(state="refreshed")
        return dict(self._recording.state()["targets"][0])
