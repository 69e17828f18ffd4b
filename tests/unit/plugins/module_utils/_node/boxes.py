# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An outbox on real files with real workers, and a clock that a test moves."""

from __future__ import annotations

import gzip
import os
import select
import struct

from ansible_collections.kube.pcap.plugins.module_utils._node.holdings import Holdings
from ansible_collections.kube.pcap.plugins.module_utils._node.journal import Journal
from ansible_collections.kube.pcap.plugins.module_utils._node.manifest import read_manifest
from ansible_collections.kube.pcap.plugins.module_utils._node.outbox import Outbox
from ansible_collections.kube.pcap.plugins.module_utils._node.process import Clock
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, raw_files
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions, TargetRef
from ansible_collections.kube.pcap.plugins.module_utils._sinks import parse_bucket

from ..pcap_bytes import START, header, record
from .buckets import SINK
from .forks import PATIENCE

WEB = TargetRef("pod", "shop", "web", "uid-1", "node-a")
CART = TargetRef("pod", "shop", "cart", "uid-2", "node-a")
T = START
"""When the first file was opened: seconds since 1970."""


class Hands(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now, self.wall = 100.0, START * 10**9

    def wall_ns(self):
        """What the wall clock shows."""
        return self.wall

    def steady(self):
        """Seconds since boot."""
        return self.now


class Files:
    """What a tap shows of its folder: here nobody writes any more, or still does."""

    def __init__(self, number, folder, ended=True, interfaces=None):
        self.number, self.folder, self.ended = number, folder, ended
        self.queued = set()
        self.interfaces, self._names = self, interfaces or {"1": "lo", "2": "eth0"}

    def closed_files(self):
        """All files, but the one that is being written."""
        files = raw_files(self.folder)
        return files if self.ended else files[:-1]

    def names(self):
        """The namespace's interfaces."""
        return self._names


class Box:
    """A capture's spool with a sink or a bucket; ``open`` starts a supervisor's outbox on it, again and again."""

    def __init__(self, folder, sink=True, bucket=None, name="c-1", node="node-a", **options):
        self.spool, self.node = Spool(str(folder / "spool"), name), node
        self.spool.make()
        self.sink = folder / "sink"
        self.sink.mkdir()
        if bucket is not None:
            self.spool.write_upload(bucket.way(parse_bucket("sink", SINK).node_prefix(name, node)), {})
        place = SINK if bucket is not None else str(self.sink) if sink else None
        self.options = CaptureOptions(sink=place, **{"min_free_percent": 0, "segment_bytes": 1, **options})
        self.clock = Hands()
        self.outbox = self.holdings = self.journal = None

    def open(self):
        """A supervisor starts."""
        self.journal = Journal(self.spool, self.clock)
        self.holdings = Holdings(self.spool, self.options, self.journal)
        self.outbox = Outbox(self.spool, self.node, self.options, self.journal, self.clock, self.holdings)
        return self.holdings

    def keep_bounds(self, shares):
        """The supervisor looks after its bounds."""
        return self.holdings.keep_bounds(shares, self.outbox.shipper.storing)

    def start(self, run, target=WEB):
        """The manifest tells that a tcpdump was started, and its folder is there."""
        fields = {"interface": "any", "interfaces": {"1": "lo", "2": "eth0"}, "boot": "b", "pid": 1}
        self.journal.record("started", target, run=run, **fields)
        os.makedirs(self.spool.path("taps", str(run)))

    def stop(self, run, target=WEB, status=0):
        """The manifest tells that it has ended."""
        self.journal.record("stopped", target, run=run, status=status, reason="stopped")

    def write(self, run, name, packets, cut=0):
        """tcpdump wrote a file of these packets: small numbers, each one's payload."""
        data = header() + b"".join(record(b"packet %06d" % number, START + number) for number in packets)
        with open(self.spool.path("taps", str(run), name), "wb") as file:
            file.write(data[: len(data) - cut])

    def files(self, run, **shown):
        """What the tap of a run shows."""
        return Files(run, self.spool.path("taps", str(run)), **shown)

    def drive(self, condition=None, bounds=()):
        """Lets the outbox work until it has nothing to do, or the condition holds; time passes only when it waits."""
        box, clock = self.outbox, self.clock
        for _turn in range(2000):
            box.tick(clock.now)
            for shares in bounds:
                self.keep_bounds(shares)
            if condition() if condition else not self.holdings.unfinished and not box.unshipped():
                return
            if not any(worker.busy for worker in box.workers):
                clock.now += 1
                continue
            ready = select.select(box.workers, [], [], PATIENCE)[0]
            assert ready, "no worker answered"
            for worker in ready:
                box.receive(worker, clock.now)
        raise AssertionError("the outbox did not come to an end")

    def close(self):
        """The supervisor is gone, and its workers with it."""
        if self.outbox is not None:
            self.outbox.close()
            self.outbox = None

    def events(self, *kinds):
        """The manifest's lines of these kinds."""
        return [one for one in read_manifest(self.spool.path("manifest.jsonl")) if one["event"] in kinds]

    def spooled(self):
        """Names of the segments in the spool."""
        return sorted(os.listdir(self.spool.path("segments")))

    def shipped(self):
        """Names of the visible files in the sink, but for the manifest."""
        found = [name for _folder, _folders, names in os.walk(str(self.sink)) for name in names]
        return sorted(name for name in found if not name.startswith(".") and name != "manifest.jsonl")

    def packets(self):
        """The numbers of all packets in segments, in the sink and in the spool, in the order of the names."""
        paths = [os.path.join(self.spool.path("segments"), name) for name in self.spooled()]
        paths += [os.path.join(folder, name) for folder, _folders, names in os.walk(str(self.sink)) for name in names]
        return [
            number
            for path in sorted(paths, key=os.path.basename)
            if ".pcap" in os.path.basename(path) and not os.path.basename(path).startswith(".")
            for number in packets_of(path)
        ]


def packets_of(path):
    """The numbers of the packets in a segment."""
    with open(path, "rb") as file:
        return packets_in(file.read())


def packets_in(data):
    """The same of a segment's bytes."""
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    offset, found = 24, []
    while offset < len(data):
        length = struct.unpack_from("<IIII", data, offset)[2]
        found.append(int(data[offset + 16 : offset + 16 + length].split()[1]))
        offset += 16 + length
    return found


def made(folder):
    """Gives what makes boxes, and ends their workers: the body of a fixture."""
    boxes = []

    def make(**options):
        boxes.append(Box(folder, **options))
        return boxes[-1]

    yield make
    for box in boxes:
        box.close()


def fill(box, ended=True):
    """Two taps have closed five files with 100 packets; one comes back with a step of the clock."""
    box.open()
    for run, target in ((1, WEB), (2, CART), (3, WEB)):
        box.start(run, target)
    box.write(1, "%d.pcap" % T, range(0, 10))
    box.write(1, "%d.pcap1" % T, range(10, 30))
    box.write(1, "%d.pcap" % (T + 60), range(30, 60))
    box.write(2, "%d.pcap" % (T + 30), range(60, 90))
    box.write(3, "%d.pcap" % (T + 20), range(90, 100))
    if ended:
        for run, target in ((1, WEB), (2, CART), (3, WEB)):
            box.stop(run, target)


class Crash(BaseException):
    """The supervisor is killed here."""


STEPS = ("fsync", "unlink", "rename", "link", "rmdir", "truncate")


def crash_at(monkeypatch, step, when):
    """Ends this process's work at its n-th change of a file system; ``torn``: a line was on the disk by half."""
    ours, seen = os.getpid(), []
    for name in STEPS:
        real = getattr(os, name)

        def counted(*args, _name=name, _real=real, **kwargs):
            if os.getpid() != ours:
                return _real(*args, **kwargs)
            seen.append(_name)
            if len(seen) == step and when == "torn" and _name == "fsync":
                tear_last_line(args[0])
            if len(seen) == step and when != "after":
                raise Crash
            done = _real(*args, **kwargs)
            if len(seen) == step:
                raise Crash
            return done

        monkeypatch.setattr(os, name, counted)


def tear_last_line(descriptor):
    """Cuts the last line of a file in two."""
    with open("/proc/self/fd/%d" % descriptor, "rb") as file:
        last = file.read().splitlines(True)[-1]
        os.ftruncate(descriptor, file.tell() - len(last) // 2)
