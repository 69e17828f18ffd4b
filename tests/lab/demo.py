# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job, shown: a lab, traffic, a capture while it runs, what the sink has in the end, and whether that is all;
then two traces.

Every command is printed as a user would type it, with its own output. Nothing is left, interrupted or not.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from tests.nodes.node import CHECKOUT

from . import demo_sinks, demo_traces
from .ansible_run import environment
from .demo_sinks import DirectorySink, Sink
from .lab import Lab
from .model import LabError
from .needs import second_choices
from .sequences import sequences

ID = "demo"
TRAFFIC = (
    ("shop/cart", "shop/web", 9000),
    ("shop/checkout", "shop/web-6f8d5c7b9d-4hx2k", 9001),
    ("shop/db-0", "shop/web-6f8d5c7b9d-j7pq9", 9002),
)
"""(pod, Service or pod, port): one sender each."""
COUNT, RATE = 5000, 1000


def show(argv: list[str], typed: str | None = None) -> None:
    """Prints a command as a user would type it."""
    print("\n$ " + (typed or shlex.join(argv)), flush=True)


class Demo:
    """One run, with the lab and what runs beside it."""

    def __init__(self, lab: Lab, folder: pathlib.Path, sink: Sink) -> None:
        self.lab, self.sink = lab, sink
        # What a user has after "ansible-galaxy collection install", and no setting of their own but the sink's.
        self.env = {**{k: v for k, v in environment(folder).items() if "CALLBACK" not in k}, **sink.env}

    def run(self, argv: list[str]) -> None:
        """Runs one command in the foreground, and raises LabError when it fails."""
        show(argv)
        with self.started(argv, stdin=subprocess.DEVNULL) as command:
            status = command.wait()
        if status:
            raise LabError("%s ended with %d" % (argv[0], status))

    @contextlib.contextmanager
    def started(self, argv: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
        """Starts one command, and ends it and all that it has started with the block."""
        options.update(env=self.env, cwd=CHECKOUT, text=True)
        # Of its own session: what interrupts the demo does not make it speak.
        with subprocess.Popen(argv, start_new_session=True, **options) as command:
            try:
                yield command
            finally:
                if command.poll() is None:
                    os.killpg(command.pid, signal.SIGTERM)

    def playbook(self, name: str, **options: object) -> None:
        """Runs a playbook of the collection with these options."""
        self.run(["ansible-playbook", "-i", str(self.lab.inventory), "kube.pcap." + name, "-e", json.dumps(options)])

    @contextlib.contextmanager
    def traffic(self) -> Iterator[list[subprocess.Popen[str]]]:
        """Starts the senders, and ends them with the block."""
        with contextlib.ExitStack() as ends:
            senders = []
            for source, to, port in TRAFFIC:
                argv = ["python", "-m", "tests.lab", "traffic", "--name", self.lab.state.name, "--from", source]
                argv += ["--to", to, "--port", str(port), "--count", str(COUNT), "--rate", str(RATE)]
                show(argv, shlex.join(argv) + " &")
                senders.append(ends.enter_context(self.started(argv, stdout=subprocess.PIPE)))
            yield senders

    def count_sent(self, senders: list[subprocess.Popen[str]]) -> dict[int, int]:
        """Waits for the senders and returns how many datagrams each stream had, in their own words."""
        sent = {}
        for (source, _to, _port), sender in zip(TRAFFIC, senders, strict=True):
            text = sender.communicate(timeout=60)[0]
            first = re.match(r"stream (\d+): sent (\d+) ", text)
            if sender.returncode or not first:
                raise LabError("traffic from %s ended with %d" % (source, sender.returncode))
            print("%s: %s" % (source, text.splitlines()[0]))
            sent[int(first.group(1))] = int(first.group(2))
        return sent

    def segments(self) -> list[str]:
        """The sink's segments of web pods."""
        return [name for name, _size in self.sink.objects() if "/shop/web-" in name]

    def list_objects(self) -> None:
        """Prints what lies in the sink."""
        print("\nwhat lies in %s, of each node the oldest first:" % self.sink.url)
        for name, size in self.sink.objects():
            print("%8d  %s" % (size, name))

    def decode(self) -> None:
        """Prints the first packets of the largest segment."""
        sizes = dict(self.sink.objects())
        source_argv = self.sink.reader(max(self.segments(), key=lambda name: sizes[name]))
        read = ["tcpdump", "-n", "-c", "4", "-r", "-"]
        show(source_argv, "%s | %s" % (shlex.join(source_argv), shlex.join(read)))
        with (
            self.started(source_argv, stdout=subprocess.PIPE) as source,
            self.started(read, stdin=source.stdout) as reader,
        ):
            status = reader.wait()
        if status:
            raise LabError("tcpdump ended with %d" % status)
        print("(tcpdump names interfaces after this machine's; those of the pod are in the manifest)")

    def dropped(self) -> int:
        """What the kernel dropped of the pods' packets, as the manifests in the sink tell it."""
        manifests = [name for name, _size in self.sink.objects() if name.endswith("/manifest.jsonl")]
        lines = [json.loads(line) for name in manifests for line in self.sink.content(name).splitlines()]
        ends = [one for one in lines if one["event"] == "stopped" and one["target"]["kind"] == "pod"]
        return sum(one["dropped_kernel"] for one in ends)

    def count(self, sent: dict[int, int]) -> bool:
        """Prints and returns whether every datagram is in the sink or counted as dropped, by the sink's word alone."""
        files = [self.sink.content(name) for name in self.segments()]
        numbers = [(stream, number) for stream in sent for file in files for number in sequences(file, stream)]
        held, dropped = len(set(numbers)), self.dropped()
        doubles = len(numbers) - held
        holds = sum(sent.values()) == held + dropped and not doubles
        where = "in the bucket" if self.sink.url.startswith("gs:") else "in the directory"
        print("\nsent to web pods     %6d" % sum(sent.values()))
        print("%-20s %6d%s" % (where, held, " (%d twice)" % doubles if doubles else ""))
        print("counted as dropped   %6d" % dropped)
        print("the count holds" if holds else "THE COUNT DOES NOT HOLD", flush=True)
        return holds

    def tell(self) -> bool:
        """The story; returns whether the count holds."""
        if self.sink.env:
            show([], "export " + " ".join("%s=%s" % one for one in self.sink.env.items()))
        what = {"capture_targets": ["pods shop app=web", "node node-b"], "capture_id": ID}
        self.playbook("capture", **what, capture_snapshot=str(self.lab.snapshot), capture_sink=self.sink.url)
        with self.traffic() as senders:
            self.playbook("status", capture_id=ID)
            print()
            sent = self.count_sent(senders)
        self.playbook("stop", capture_id=ID)
        self.list_objects()
        self.decode()
        return self.count(sent)


@contextlib.contextmanager
def _sink(kind: str, lab: Lab, folder: pathlib.Path) -> Iterator[Sink]:
    if kind == "directory":
        yield DirectorySink(lab)
        return
    from . import demo_bucket  # needs more than a lab does: cryptography

    with demo_bucket.running(lab, folder) as sink:
        yield sink


def run_demo(name: str) -> int:
    """Shows the main job on a lab of its own; returns 0 when the count holds."""
    kind, why = demo_sinks.choose()
    Lab.sweep()
    began = time.monotonic()
    print("sink: %s (%s)" % (kind, why))
    show([], "python -m tests.lab up --name %s" % name)
    # The folder goes last: Ansible's workers, each in its own session, end when the nodes do, and write until then.
    with tempfile.TemporaryDirectory() as folder, Lab.up(name, owner=os.getpid()) as lab:
        running = sum(pod.state.running for pod in lab.pods)
        print("lab %s: %d nodes, %d pods up in %.1f s" % (name, len(lab.nodes), running, time.monotonic() - began))
        for line in second_choices(lab.state.spec):
            print(line)
        print("inventory: %s\nsnapshot: %s" % (lab.inventory, lab.snapshot))
        with _sink(kind, lab, pathlib.Path(folder)) as sink:
            demo = Demo(lab, pathlib.Path(folder), sink)
            holds = demo.tell() and demo_traces.tell(lab, pathlib.Path(folder) / "traces", demo.playbook)
        show([], "python -m tests.lab down --name %s" % name)
    print("lab %s is gone; all of it took %.0f s" % (name, time.monotonic() - began))
    return 0 if holds else 1
