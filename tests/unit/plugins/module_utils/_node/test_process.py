# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes and clocks, as the recorder needs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import process

from .forks import fork, is_alive, until


def child(code, *args):
    """A Python process that has said that it is ready."""
    started = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert started.stdout.readline() == b"ready\n"
    return started


STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); input()"
CATCHING = """
import signal
for number in (signal.SIGUSR1, signal.SIGINT):
    signal.signal(number, lambda *_: None)
print("ready", flush=True)
input()
"""


@pytest.mark.parametrize("number, caught", [(signal.SIGUSR1, True), (signal.SIGUSR2, False), (signal.SIGINT, True)])
def test_catches(number, caught):
    """Whether a signal would end a process can be told before it is sent."""
    # SIGINT too has its handler from here: Python installs none where a job in the background ignores the signal.
    started = child(CATCHING)
    with started:
        assert process.catches(started.pid, number) is caught
        started.kill()
    assert process.catches(started.pid, number) is False


def test_is_waiting():
    """A process that has nothing to do sleeps; one that works, or was stopped, may have something left."""
    started = child(CATCHING)
    with started:
        until(lambda: process.is_waiting(started.pid))
        os.kill(started.pid, signal.SIGSTOP)
        until(lambda: not process.is_waiting(started.pid))
        started.kill()
    assert process.is_waiting(started.pid)


def test_a_stray_that_ends_by_itself_is_waited_for():
    """A process that an earlier supervisor left closes its file in its own time."""
    started = child("import time; print('ready', flush=True); time.sleep(0.2)", "/spool/taps/1")
    with started:
        process.end_stray(started.pid, "/spool/taps/1", 5.0)
        assert started.wait() == 0


def test_a_stray_that_does_not_end_is_killed():
    """One that hangs does not keep the next supervisor for ever."""
    started = child(STUBBORN, "/spool/taps/1")
    with started:
        process.end_stray(started.pid, "/spool/taps/1", 0.1)
        assert started.wait() == -signal.SIGKILL


def test_another_process_of_the_same_number_is_left_alone():
    """A process id that has been given to somebody else is not ours to end."""
    started = child(STUBBORN, "/somebody/else")
    with started:
        before = time.monotonic()
        process.end_stray(started.pid, "/spool/taps/1", 60.0)
        assert time.monotonic() - before < 5 and is_alive(started.pid)
        started.kill()


def test_die_with_parent():
    """The kernel ends a process whose parent was killed."""
    read, write = os.pipe()

    def parent():
        def last():
            process.die_with_parent(signal.SIGKILL)
            os.write(write, b"%d\n" % os.getpid())
            signal.pause()

        fork(last)
        signal.pause()

    pid = fork(parent)
    os.close(write)
    with open(read, "rb") as told:
        grandchild = int(told.readline())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until(lambda: not is_alive(grandchild))


def test_a_parent_that_has_ended_before():
    """For it the kernel sends nothing any more: the process ends itself."""
    read, write = os.pipe()

    def parent():
        mother = os.getpid()

        def last():
            until(lambda: os.getppid() != mother)
            os.write(write, b"orphan")
            process.die_with_parent(signal.SIGKILL, mother)
            os.write(write, b", alive")

        fork(last)

    os.waitpid(fork(parent), 0)
    os.close(write)
    with open(read, "rb") as told:
        assert told.read() == b"orphan"


def test_clock():
    """The wall clock is since 1970; the steady one never falls."""
    clock = process.Clock()
    assert abs(clock.wall_ns() / 1e9 - time.time()) < 5
    first = clock.steady()
    assert 0 < first <= clock.steady()


def test_boot_id():
    """It is the same until the next boot."""
    assert process.boot_id() == process.boot_id() and len(process.boot_id()) == 36


def test_environment(monkeypatch):
    """Programs speak English and UTC, find the administrator's programs, and get nothing else of the caller's."""
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("LD_PRELOAD", "/tmp/x.so")
    monkeypatch.setenv("PATH", "/opt/bin")
    found = process.environment()
    assert set(found) == {"PATH", "LC_ALL", "TZ"}
    assert found["PATH"].split(":") == ["/opt/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]
    monkeypatch.delenv("PATH")
    assert "/bin" in process.search_path() and "/usr/sbin" in process.search_path()
