# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process asks the kernel about itself and about those it started. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import re
import signal
import time

_UNIT = re.compile(r"/kube-pcap-[a-z0-9.-]+\.service$")  # as those who call launcher.detach() name theirs
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 4, 15, 36  # linux/prctl.h
_CLONE_NEWCGROUP = 0x02000000  # linux/sched.h
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signal_number: int, parent: int | None = None) -> None:
    """Have the kernel send this process a signal when the thread that made it ends (prctl(2); kept over exec).

    parent: its process id; for one that has ended already the kernel sends nothing, so the signal is sent here. None
    where the caller sees by itself whether its parent is still there.
    """
    if _LIBC.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


def leave_no_core() -> None:
    """Have no core dump written of this process, whatever becomes of it (PR_SET_DUMPABLE in prctl(2))."""
    if _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE)")


@functools.lru_cache(maxsize=None)
def join_cgroup_namespace() -> None:
    """See control groups as the node's first process does (cgroup_namespaces(7)); without the rights, as before.

    A container may have a namespace of its own, in which a pod's path does not tell which pod it is.
    """
    with contextlib.suppress(OSError):
        fd = os.open("/proc/1/ns/cgroup", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _LIBC.setns(fd, _CLONE_NEWCGROUP)
        finally:
            os.close(fd)


def close_all_but(*kept: int) -> None:
    """Close every descriptor that was inherited but these and 0, 1 and 2."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def adopt_orphans() -> None:
    """Become the parent of every process below this one whose own parent ends (PR_SET_CHILD_SUBREAPER in prctl(2)).

    It holds within this process's pid namespace, and for what it starts from now on.
    """
    if _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def reap() -> None:
    """Wait for every child that has ended (waitpid(2)), so that nobody inherits one who would not."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def rename(title: str) -> None:
    """Have process listings show a title for this forked process, and not its parent's name and arguments.

    Whoever kills the parent by its name leaves this one alone. The arguments are overwritten where the kernel reads
    them (arg_start and arg_end in proc(5)); a longer title is cut.
    """
    _LIBC.prctl(_PR_SET_NAME, title.encode(), 0, 0, 0)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b") ")[2].split()
    start, end = int(fields[45]), int(fields[46])
    if 0 < start < end:
        ctypes.memset(start, 0, end - start)
        ctypes.memmove(start, title.encode()[: end - start - 1], min(len(title), end - start - 1))


class Clock:
    """The only place where time enters the recorder, so that a test can let it step."""

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970; it may step."""
        return time.time_ns()

    def steady(self) -> float:
        """Return seconds since boot, suspended time included; it never steps."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Return what changes with every boot of the node (random(4))."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


@functools.lru_cache(maxsize=None)
def in_own_unit() -> bool:
    """Return whether this process is the first of its own transient unit, whose control group systemd ends with it."""
    with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
        return any(_UNIT.search(line) for line in file)


def catches(pid: int, number: int) -> bool:
    """Return whether a process has a handler for a signal (SigCgt in proc(5))."""
    try:
        with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as file:
            masks = [line.split()[1] for line in file if line.startswith("SigCgt:")]
    except OSError:
        return False
    return bool(masks) and bool(int(masks[0], 16) >> (number - 1) & 1)


def is_waiting(pid: int) -> bool:
    """Return whether a process sleeps until something comes (state S in proc(5)), or is no more."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b") ")[2][:1] in (b"S", b"Z", b"X")
    except OSError:
        return True


def end_stray(pid: int, argument: str, patience_seconds: float) -> None:
    """Wait until the process that has ``argument`` in its command line has ended, and kill it when it does not."""
    until = time.monotonic() + patience_seconds
    while has_argument(pid, argument):
        if time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def has_argument(pid: int, argument: str) -> bool:
    """Return whether a process runs with ``argument`` in its command line."""
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return argument.encode() in file.read()
    except OSError:
        return False


def environment() -> dict[str, str]:
    """Return the environment for programs of the node: their own words, UTC, nothing of the caller's."""
    return {"PATH": search_path(), "LC_ALL": "C", "TZ": "UTC"}


def search_path() -> str:
    """Return the caller's PATH and the folders for the administrator's programs, which a sudo may leave out."""
    return os.pathsep.join([os.environ.get("PATH") or os.defpath, "/usr/local/sbin", "/usr/sbin", "/sbin"])
