# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's taps when something ends that should not, or does not begin; without systemd."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import tapping
from ansible_collections.kube.pcap.plugins.module_utils._node.trace_folder import TraceFolder
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from tests.lab.taps import send, until
from tests.lab.trace_taps import TraceTaps, traced


@pytest.fixture
def taps(target: Target) -> Iterator[TraceTaps]:
    """Of a namespace of its own."""
    with traced(target) as made:
        yield made


@pytest.mark.parametrize("which", ["waiter", "worker"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_supervisor_that_is_ended(taps: TraceTaps, which: str, number: int) -> None:
    """Whichever of its two processes is ended: nothing is left."""
    taps.run("started")
    waiter, worker = taps.supervisors()
    os.kill(waiter if which == "waiter" else worker, number)
    if (which, number) == ("waiter", signal.SIGTERM):  # systemd would tell the other, too
        assert taps.read()["problem"] is None
    until(taps.nothing_left)


def test_both_are_killed(target: Target, taps: TraceTaps) -> None:
    """The kernel ends tcpdump; the folder is cleared away by the next start, of whatever trace."""
    taps.run("started")
    os.kill(taps.supervisors()[0], signal.SIGSTOP)
    for pid in taps.supervisors():
        os.kill(pid, signal.SIGKILL)
    until(lambda: not taps.processes())
    assert taps.folder.exists() and taps.refusal("read").startswith("no taps of trace t-1")
    taps.run("started", id="t-2")
    assert not taps.folder.exists()
    assert tapping.run({"state": "absent", "id": "t-2"}, False, str(taps.root))["changed"]
    assert taps.run("started")["changed"]


def test_a_tcpdump_that_is_killed(target: Target, taps: TraceTaps) -> None:
    """What it had read is told, and that it is not all."""
    taps.run("started")
    send(target, 7)
    (pid,) = taps.tcpdumps()
    path = taps.folder / "1" / "any.pcap"
    until(lambda: path.stat().st_size == 24 + 7 * (16 + 20 + 28 + 32))
    os.kill(pid, signal.SIGKILL)
    until(lambda: not taps.tcpdumps())
    send(target, 7)
    told = taps.read()
    assert (told["packets"], told["problem"]) == (7, "it ended early: tcpdump was killed by signal 9")


def test_a_tcpdump_that_is_behind(target: Target, taps: TraceTaps) -> None:
    """KNT-10: one that got no processor reads what has come before it is ended."""
    taps.run("started")
    (pid,) = taps.tcpdumps()
    os.kill(pid, signal.SIGSTOP)
    send(target, 5000)
    said: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: said.append(taps.read()))
    reader.start()
    begun = time.monotonic()
    until(lambda: time.monotonic() > begun + 0.5)
    os.kill(pid, signal.SIGCONT)
    reader.join()
    assert [(one["packets"], one["dropped"], one["problem"]) for one in said] == [(5000, 0, None)]


def test_a_tcpdump_that_does_not_end(target: Target, taps: TraceTaps) -> None:
    """One that hangs is killed, and that it may have missed something is told."""
    taps.run("started")
    send(target, 3)
    path = taps.folder / "1" / "any.pcap"
    until(lambda: path.stat().st_size > 24)
    os.kill(taps.tcpdumps()[0], signal.SIGSTOP)
    told = taps.read()
    assert told["packets"] == 3 and told["problem"] == "it ended early: tcpdump was killed by signal 9"


def test_a_file_has_a_bound(target: Target, taps: TraceTaps) -> None:
    """It is in memory: a tap whose file is full ends, and says so."""
    taps.run("started")
    send(target, 65_000, size=400)
    told = taps.read()
    assert 0 < told["packets"] < 65_000 and told["problem"].startswith("it ended early, since its file had 8388608 ")


def test_no_room(target: Target, taps: TraceTaps) -> None:
    """On a full file system tcpdump says nothing: that packets are missing is found out."""
    taps.root.mkdir(parents=True, mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k,mode=700", "kube-pcap-test", str(taps.root)], check=True)
    try:
        taps.run("started")
        send(target, 20_000, size=200)
        told = taps.read()
        until(lambda: not taps.processes())
    finally:
        subprocess.run(["umount", str(taps.root)], check=True)
        taps.root.rmdir()
        taps.root.parent.rmdir()
    assert 0 < told["packets"] < 20_000 and "tcpdump has written 20000 packets, and its file has" in told["problem"]


def test_a_reader_that_is_killed(taps: TraceTaps) -> None:
    """What it asked for goes with it."""
    taps.run("started")
    connection = TraceFolder("t-1", str(taps.root)).connect()
    assert connection is not None
    with connection:
        connection.sendall(b"read")
        assert connection.recv(1) == b"{"
        assert not taps.tcpdumps() and (taps.folder / "1" / "any.pcap").exists()
    until(taps.nothing_left)


OLD = """#!/bin/sh
case "$1" in
--version) echo "libpcap version %s"; exit ;;
esac
for word; do [ "$word" = -d ] && exit; done
%s
"""


@pytest.mark.parametrize(
    "version, does, said",
    [
        ("1.9.1", "", "older than 1.10"),
        ("1.10.3", "echo 'tcpdump: it is broken' >&2; exit 1", "node node-a: tcpdump: it is broken"),
        ("1.10.3", "kill -9 $$", "node node-a: tcpdump was killed by signal 9"),
    ],
)
def test_a_tcpdump_that_does_not_listen(
    taps: TraceTaps, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, version: str, does: str, said: str
) -> None:
    """Its own words are told with the target's name, and nothing is left."""
    (tmp_path / "tcpdump").write_text(OLD % (version, does))
    (tmp_path / "tcpdump").chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path, os.environ["PATH"]))
    assert said in taps.refusal()
    until(taps.nothing_left)


@pytest.mark.parametrize("sign", ["", "tapping.pyz", "record.json", "control", "state.json"])
def test_a_start_that_is_killed(taps: TraceTaps, sign: str) -> None:
    """Wherever it was: after its time no process is left, and the next start finds its way free."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            taps.run("started", seconds=1)
        os._exit(0)
    until((taps.folder / sign).exists)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until(lambda: not taps.processes())
    assert taps.run("started")["changed"]
    assert taps.read()["problem"] is None
