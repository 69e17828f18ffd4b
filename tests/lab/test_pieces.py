# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recorder's pieces on the real kernel with the real tcpdump, in a network namespace of their own."""

from __future__ import annotations

import contextlib
import functools
import gzip
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node import netns, preflight, segments, tcpdump
from ansible_collections.kube.pcap.plugins.module_utils._node.holdings import Holdings
from ansible_collections.kube.pcap.plugins.module_utils._node.journal import Journal
from ansible_collections.kube.pcap.plugins.module_utils._node.outbox import Outbox
from ansible_collections.kube.pcap.plugins.module_utils._node.process import Clock
from ansible_collections.kube.pcap.plugins.module_utils._node.retention import Share
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool, raw_files
from ansible_collections.kube.pcap.plugins.module_utils._node.tap import Tap
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions, Target

PORT = 9
PATIENCE = 20.0
SHARE = Share(4096, 1_000_000)


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits until the condition holds; AssertionError when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass within %d s" % seconds
        time.sleep(0.005)


@pytest.fixture
def target() -> Iterator[Target]:
    """A node of its own: a process in a network namespace that has loopback alone, up."""
    process = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep 600"], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        inode = os.stat("/proc/%d/ns/net" % process.pid).st_ino
        yield Target("node", name="node-a", node="node-a", pid=process.pid, netns=inode)
    finally:
        process.kill()
        process.wait()


def send(target: Target, count: int, size: int = 32) -> None:
    """Sends UDP packets over the target's loopback, one after the other, numbered in their payload."""
    descriptor = netns.open_target(target)
    with netns.inside(descriptor):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    os.close(descriptor)
    with contextlib.closing(sock):
        for number in range(count):
            with contextlib.suppress(ConnectionRefusedError):  # nobody listens: the answer to the one before
                sock.sendto(b"%08d" % number + bytes(size - 8), ("127.0.0.1", PORT))


@contextlib.contextmanager
def opened(target: Target, folder: pathlib.Path, filter_text: str = "udp port 9", **changed: object) -> Iterator[Tap]:
    """A tap on the target's loopback that is gone afterwards."""
    given = {"snaplen": 192, "buffer_kib": 4096, "segment_bytes": 1_000_000, "segment_seconds": 60, **changed}
    write = str(folder / "%s.pcap")
    args = tcpdump.capture_args(tcpdump.find_program(), "lo", filter_text, write=write, **given)  # type: ignore[arg-type]
    tap = Tap(1, target, "lo", SHARE, str(folder), args)
    try:
        yield tap
    finally:
        if tap.status is None:
            os.kill(tap.pid, signal.SIGKILL)
            until(lambda: heard(tap).status is not None)
        tap.close()


def heard(tap: Tap) -> Tap:
    """The tap, having listened to its tcpdump."""
    tap.listen()
    return tap


def ended(tap: Tap) -> None:
    """Ends a tap, as its watch does."""
    tap.end("stopped", time.monotonic())

    def over() -> bool:
        tap.tick(time.monotonic())
        return heard(tap).status is not None

    until(over)


def packets_in(tap: Tap) -> int:
    """Packets in all files of a tap."""
    return sum(segments.count(os.path.join(tap.folder, name)).packets for name, _size in raw_files(tap.folder))


def packets_soon(tap: Tap, count: int) -> bool:
    """Whether tcpdump has got so many packets, being asked: who sends on has not overrun its ring."""
    tap.ask_counters()
    return heard(tap).counters.captured >= count


def read_by_tcpdump(path: pathlib.Path) -> int:
    """How many packets tcpdump reads from a file without a complaint."""
    done = subprocess.run(["tcpdump", "-n", "-r", str(path)], capture_output=True, text=True, check=True)
    assert "truncated" not in done.stderr
    return len(done.stdout.splitlines())


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
from ansible_collections.kube.pcap.plugins.module_utils._node import shipper

source, sink = sys.argv[1:]
mount = ["mount", "-t", "tmpfs", "none", sink]
subprocess.run(mount, check=True)
found = shipper.look(sink)["mount"]
print(shipper.store(source, sink, ["a"], None, found)["error"])
subprocess.run(["umount", sink], check=True)
print(shipper.store(source, sink, ["b"], None, found)["error"])
subprocess.run(mount, check=True)
print(shipper.store(source, sink, ["b"], None, found)["error"])
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
    """A filter is compiled where it will be used; a sink, a disk and an interface are looked at first."""
    options = {"interface": "lo", "spool": str(tmp_path / "spool"), "min_free_percent": 0}
    preflight.check(CaptureOptions(filter="udp port 9", **options), [target])  # type: ignore[arg-type]
    for changed, text in (
        ({"filter": "port portland"}, "node node-a: tcpdump: .*portland"),
        ({"filter": "-w x"}, "node node-a: tcpdump: "),
        ({"interface": "eth7"}, "node node-a: tcpdump: .*eth7"),
        ({"sink": str(tmp_path / "none")}, "sink: .* is not a directory"),
        ({"min_free_bytes": 1 << 60}, "min_free: .* must stay free"),
    ):
        with pytest.raises(PcapError, match=text):
            preflight.check(CaptureOptions(**{**options, **changed}), [target])  # type: ignore[arg-type]
    assert not os.path.exists(str(tmp_path / "spool"))
