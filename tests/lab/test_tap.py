# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tap on the real kernel with the real tcpdump, in a network namespace of its own."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import segments, tcpdump
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import raw_files
from ansible_collections.kube.pcap.plugins.module_utils._node.tap import Tap
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from tests.lab.taps import ended, heard, opened, packets_in, packets_soon, send, until


def test_every_packet_up_to_the_end(target: Target, tmp_path: pathlib.Path) -> None:
    """The last packet before the end is in the file, with nothing more; the counters agree."""
    with opened(target, tmp_path / "1") as tap:
        until(lambda: heard(tap).listening)
        send(target, 500)
        ended(tap)
        assert (tap.status, packets_in(tap)) == (0, 500)
        assert (tap.counters.captured, tap.counters.dropped) == (500, 0)
        assert tap.counters.received >= 500  # loopback shows the filter each packet twice
        assert tap.open_bytes() == 0 and len(tap.closed_files()) == 1


@contextlib.contextmanager
def stopped(tap: Tap) -> Iterator[None]:
    """A tcpdump that gets no processor: on a node that is out of breath."""
    os.kill(tap.pid, signal.SIGSTOP)
    until(lambda: pathlib.Path("/proc/%d/stat" % tap.pid).read_text().rpartition(") ")[2].startswith("T"))
    try:
        yield
    finally:
        os.kill(tap.pid, signal.SIGCONT)


def test_the_end_waits_for_what_was_not_read(target: Target, tmp_path: pathlib.Path) -> None:
    """KNT-10: a tcpdump that is behind when it is to end catches up first; it would drop the rest, and not say so."""
    with opened(target, tmp_path / "1") as tap:
        until(lambda: heard(tap).listening)
        with stopped(tap):
            send(target, 5000)
            begun = time.monotonic()
            tap.end("stopped", begun)
            until(lambda: (tap.tick(time.monotonic()), time.monotonic() > begun + 2)[1])  # the ring's time is over
        until(lambda: (tap.tick(time.monotonic()), heard(tap).status is not None)[1])
        assert (tap.status, tap.behind, packets_in(tap)) == (0, False, 5000)


def test_an_end_that_others_hasten_is_told(target: Target, tmp_path: pathlib.Path) -> None:
    """A tcpdump that is ended while it waits for the ring leaves what is in there: that it did is told."""
    with opened(target, tmp_path / "1") as tap:
        until(lambda: heard(tap).listening)
        send(target, 5)
        tap.end("stopped", time.monotonic())
        os.kill(tap.pid, signal.SIGTERM)
        until(lambda: heard(tap).status is not None)
        assert (tap.status, tap.behind) == (0, True)


def test_the_end_does_not_wait_for_ever(target: Target, tmp_path: pathlib.Path) -> None:
    """A tcpdump that does not catch up is ended all the same, and that it was behind is told."""
    with opened(target, tmp_path / "1") as tap:
        until(lambda: heard(tap).listening)
        with stopped(tap):
            send(target, 5000)
            tap.end("stopped", 0.0)
            tap.tick(6.0)
            assert tap.behind and heard(tap).status is None
            tap.tick(6.5)
        until(lambda: heard(tap).status is not None)
        assert (tap.status, tap.behind) == (0, True) and packets_in(tap) < 5000


def test_counters_while_it_runs(target: Target, tmp_path: pathlib.Path) -> None:
    """tcpdump tells its counters when asked, and goes on."""
    with opened(target, tmp_path / "1") as tap:
        until(lambda: heard(tap).listening)
        send(target, 5)
        until(lambda: packets_soon(tap, 5))
        assert tap.status is None and tap.closed_files() == []
        send(target, 5)
        ended(tap)
        assert packets_in(tap) == 10


def test_being_asked_never_doubles_a_packet(target: Target, tmp_path: pathlib.Path) -> None:
    """KNT-8: asked thousands of times while it writes, tcpdump writes each packet once."""
    count = 100_000
    with opened(target, tmp_path / "1", segment_bytes=100_000_000, buffer_kib=65536) as tap:
        until(lambda: heard(tap).listening)
        sender = threading.Thread(target=send, args=(target, count))
        sender.start()
        while sender.is_alive():
            tap.ask_counters()
            heard(tap)
        ended(tap)
        assert tap.counters.captured == count
        (file,) = raw_files(tap.folder)
        data = pathlib.Path(tap.folder, file[0]).read_bytes()
    record = (len(data) - 24) // count
    assert len(data) == 24 + record * count
    assert [int(data[at + record - 32 : at + record - 24]) for at in range(24, len(data), record)] == list(range(count))


def test_rotation(target: Target, tmp_path: pathlib.Path) -> None:
    """By time and by size together: files in the order of opening, each packet in one of them."""
    sent = 0
    with opened(target, tmp_path / "1", segment_seconds=1, snaplen=0) as tap:
        until(lambda: heard(tap).listening)
        while len(raw_files(tap.folder)) < 5:
            send(target, 150, 9000)
            sent += 150
            until(functools.partial(packets_soon, tap, sent))
        closed = tap.closed_files()
        assert closed == raw_files(tap.folder)[:-1]
        ended(tap)
        names = [name for name, _size in raw_files(tap.folder)]
        assert any(name.endswith(".pcap1") for name in names)
        counts = [segments.count(os.path.join(tap.folder, name)) for name in names]
        assert sum(one.packets for one in counts) == sent == tap.counters.captured
        times = [(one.first_ns or 0, one.last_ns or 0) for one in counts if one.packets]
        assert times == sorted(times) and {one.damage for one in counts} == {None}


def test_packet_count(target: Target, tmp_path: pathlib.Path) -> None:
    """tcpdump ends by itself after exactly so many packets."""
    with opened(target, tmp_path / "1", packet_count=7) as tap:
        until(lambda: heard(tap).listening)
        send(target, 20)
        until(lambda: heard(tap).status is not None)
        assert (tap.status, packets_in(tap), tap.end_reason) == (0, 7, None)


@pytest.mark.parametrize(
    "filter_text, words",
    [("port portland", "portland"), ("-w /tmp/x", "expression"), ("tcp tcp tcp (", "expression")],
)
def test_tcpdumps_own_words(target: Target, tmp_path: pathlib.Path, filter_text: str, words: str) -> None:
    """A filter that is none ends tcpdump, writes nothing anywhere, and its words are kept."""
    with opened(target, tmp_path / "1", filter_text) as tap:
        until(lambda: heard(tap).status is not None)
        assert tap.status != 0 and not tap.listening
        assert words in tcpdump.parse_complaint(tap.words)


def test_a_killed_tcpdump(target: Target, tmp_path: pathlib.Path) -> None:
    """Whatever ends tcpdump, its end is seen, and nobody waits."""
    with opened(target, tmp_path / "1") as tap:
        until(lambda: heard(tap).listening)
        os.kill(tap.pid, signal.SIGKILL)
        until(lambda: heard(tap).status is not None)
        assert tap.status == -signal.SIGKILL


def test_a_stopped_tcpdump_is_killed(target: Target, tmp_path: pathlib.Path) -> None:
    """One that does not end when it is told to is killed, on the caller's clock."""
    with opened(target, tmp_path / "1") as tap:
        until(lambda: heard(tap).listening)
        os.kill(tap.pid, signal.SIGSTOP)
        tap.end("stopped", 100.0)
        for now in (100.0, 101.3, 106.3, 120.0):
            tap.tick(now)
        until(lambda: heard(tap).status is not None)
        assert tap.status == -signal.SIGKILL and tap.end_reason == "stopped"


def test_it_ends_with_its_supervisor(target: Target, tmp_path: pathlib.Path) -> None:
    """When the supervisor is killed, tcpdump ends too, and closes its file properly."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            with opened(target, tmp_path / "1") as tap:
                until(lambda: heard(tap).listening)
                (tmp_path / "part").write_text(str(tap.pid))
                os.rename(tmp_path / "part", tmp_path / "pid")
                signal.pause()
        os._exit(1)
    until((tmp_path / "pid").exists)
    child = int((tmp_path / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until(lambda: not os.path.exists("/proc/%d/exe" % child) or not _runs(child))
    (name, _size), *rest = raw_files(str(tmp_path / "1"))
    assert not rest and segments.count(str(tmp_path / "1" / name)).damage is None


def _runs(pid: int) -> bool:
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_tap_stays_outside(target: Target, tmp_path: pathlib.Path) -> None:
    """Its tcpdump is in the target's namespace, and whoever opened it is back in its own."""
    own = os.stat("/proc/thread-self/ns/net").st_ino
    with opened(target, tmp_path / "1") as tap:
        assert os.stat("/proc/thread-self/ns/net").st_ino == own != target.netns
        assert os.stat("/proc/%d/ns/net" % tap.pid).st_ino == target.netns
        assert pathlib.Path("/proc/%d/cgroup" % tap.pid).read_text() == pathlib.Path("/proc/self/cgroup").read_text()
        assert "lo" in tap.interfaces.names().values() and tap.interfaces.dropped() == 0
