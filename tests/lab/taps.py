# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tap without its recorder, in a network namespace of its own, for tests."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

from ansible_collections.kube.pcap.plugins.module_utils._node import netns, segments, tcpdump
from ansible_collections.kube.pcap.plugins.module_utils._node.retention import Share
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import raw_files
from ansible_collections.kube.pcap.plugins.module_utils._node.tap import Tap
from ansible_collections.kube.pcap.plugins.module_utils._records import Target

PORT = 9


PATIENCE = 20.0


SHARE = Share(4096, 1_000_000)


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Waits until the condition holds; AssertionError when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass within %d s" % seconds
        time.sleep(0.005)


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
