# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Segments, sinks and the checks before a start, with the real tcpdump on the real kernel."""

from __future__ import annotations

import gzip
import os
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node import preflight, segments
from ansible_collections.kube.pcap.plugins.module_utils._node.holdings import Holdings
from ansible_collections.kube.pcap.plugins.module_utils._node.journal import Journal
from ansible_collections.kube.pcap.plugins.module_utils._node.outbox import Outbox
from ansible_collections.kube.pcap.plugins.module_utils._node.process import Clock
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, raw_files
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions, Target
from tests.lab.taps import ended, heard, opened, read_by_tcpdump, send, until


@pytest.mark.parametrize("cut", [0, 7])
@pytest.mark.parametrize("compress", [False, True])
def test_tcpdump_reads_a_segment(target: Target, tmp_path: pathlib.Path, compress: bool, cut: int) -> None:
    """What becomes a segment is a capture file for tcpdump, to the packet, also when it was cut."""
    with opened(target, tmp_path / "1") as tap:
        until(lambda: heard(tap).listening)
        send(target, 20)
        ended(tap)
        raw = tmp_path / "1" / raw_files(tap.folder)[0][0]
    os.truncate(raw, raw.stat().st_size - cut)
    answer = segments.finish(str(raw), str(tmp_path / "final"), compress)
    assert answer["packets"] == (19 if cut else 20)
    plain = tmp_path / "plain.pcap"
    data = (tmp_path / "final").read_bytes()
    plain.write_bytes(gzip.decompress(data) if compress else data)
    assert read_by_tcpdump(plain) == answer["packets"]


def test_from_tap_to_sink(target: Target, tmp_path: pathlib.Path) -> None:
    """What a tap closed is a segment in the sink, that tcpdump reads to the packet."""
    (tmp_path / "sink").mkdir()
    spool, clock = Spool(str(tmp_path / "spool"), "c-1"), Clock()
    spool.make()
    journal = Journal(spool, clock)
    options = CaptureOptions(sink=str(tmp_path / "sink"), compress=False)
    holdings = Holdings(spool, options, journal)
    outbox = Outbox(spool, "node-a", options, journal, clock, holdings)
    try:
        with opened(target, pathlib.Path(spool.path("taps", "1"))) as tap:
            journal.record("started", target.ref, run=1, interface="lo", interfaces={}, boot="b", pid=tap.pid)
            until(lambda: heard(tap).listening)
            send(target, 30)
            ended(tap)
            journal.record("stopped", target.ref, run=1, status=tap.status, reason="stopped")
            assert holdings.collect(tap)

        def shipped() -> bool:
            outbox.tick(clock.steady())
            for worker in outbox.workers:
                if worker.busy:
                    outbox.receive(worker, clock.steady())
            return not holdings.unfinished and not outbox.unshipped()

        until(shipped)
    finally:
        outbox.close()
    (path,) = (tmp_path / "sink").rglob("*.pcap")
    assert read_by_tcpdump(path) == 30
    assert path.parent == tmp_path / "sink" / "c-1" / "node-a" / "_node" / "_host"
    assert os.listdir(spool.path("taps")) == [] == os.listdir(spool.path("segments"))


MOUNTS = """
import runpy, subprocess, sys
runpy.run_path("tests/conftest.py")
from ansible_collections.kube.pcap.plugins.module_utils._node import directory

source, sink = sys.argv[1:]
mount = ["mount", "-t", "tmpfs", "none", sink]
subprocess.run(mount, check=True)
found = directory.look(sink)["mount"]
print(directory.store(source, sink, ["a"], None, found)["error"])
subprocess.run(["umount", sink], check=True)
print(directory.store(source, sink, ["b"], None, found)["error"])
subprocess.run(mount, check=True)
print(directory.store(source, sink, ["b"], None, found)["error"])
"""


def test_a_sink_that_is_unmounted(tmp_path: pathlib.Path) -> None:
    """The folder that is left on the node's own disk is not the sink; mounted again, by whatever number, it is."""
    sink, source = tmp_path / "sink", tmp_path / "segment"
    sink.mkdir()
    source.write_bytes(b"packets")
    said = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", MOUNTS, str(source), str(sink)],
        cwd=pathlib.Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout.decode()
    first, gone, again = said.splitlines()
    assert (first, again) == ("None", "None")
    assert "not on %s; is its mount gone?" % sink in gone and os.listdir(str(sink)) == []


def test_preflight(target: Target, tmp_path: pathlib.Path) -> None:
    """A filter is compiled where it will be used; a disk and an interface are looked at first."""
    options = {"interface": "lo", "spool": str(tmp_path / "spool"), "min_free_percent": 0}
    preflight.check(CaptureOptions(filter="udp port 9", **options), [target])  # type: ignore[arg-type]
    for changed, text in (
        ({"filter": "port portland"}, "node node-a: tcpdump: .*portland"),
        ({"filter": "-w x"}, "node node-a: tcpdump: "),
        ({"interface": "eth7"}, "node node-a: tcpdump: .*eth7"),
        ({"min_free_bytes": 1 << 60}, "min_free: .* must stay free"),
    ):
        with pytest.raises(PcapError, match=text):
            preflight.check(CaptureOptions(**{**options, **changed}), [target])  # type: ignore[arg-type]
    assert not os.path.exists(str(tmp_path / "spool"))
