# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few system calls that Python 3.11 does not have: unshare, setns, mount, umount2."""

from __future__ import annotations

import ctypes
import os
import pathlib
import select
import signal
import time
from collections.abc import Collection

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SHARED = 1 << 20
MNT_DETACH = 2

_LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(flags: int) -> None:
    """Gives the calling process new namespaces."""
    _check(_LIBC.unshare(flags), "unshare 0x%x" % flags)


def mount(source: str, target: str | pathlib.Path, kind: str | None, flags: int = 0, data: str | None = None) -> None:
    """mount(2). Raises OSError naming source, target and options."""
    what = "mount %s of %s on %s (%s)" % (kind or "bind", source, target, data or "no options")
    encoded = [None if text is None else str(text).encode() for text in (source, target, kind)]
    _check(_LIBC.mount(*encoded, ctypes.c_ulong(flags), None if data is None else data.encode()), what)


def bind(source: str | pathlib.Path, target: str | pathlib.Path, read_only: bool = False) -> None:
    """Shows one file or folder at a second place."""
    mount(str(source), target, None, MS_BIND)
    if read_only:
        mount("none", target, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def unmount(target: str | pathlib.Path) -> None:
    """Takes a mount away as soon as nothing uses it."""
    _check(_LIBC.umount2(str(target).encode(), MNT_DETACH), "umount %s" % target)


def namespace_inode(pid: int, kind: str, proc: str = "/proc") -> int | None:
    """The inode of one namespace of a process, None when there is no such process."""
    try:
        return os.stat("%s/%d/ns/%s" % (proc, pid, kind)).st_ino
    except OSError:
        return None


def start_time(pid: int, proc: str = "/proc") -> int | None:
    """When a process started, in clock ticks since the machine's boot; None when there is none."""
    try:
        text = pathlib.Path(proc, str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])


def kill_and_wait(pid: int, timeout_s: float = 10) -> None:
    """Kills a process and returns when it has ended; for a pid namespace's first process, with all the others."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        poller = select.poll()
        poller.register(handle, select.POLLIN)
        if not poller.poll(timeout_s * 1000):
            raise TimeoutError("process %d did not end within %g s of SIGKILL" % (pid, timeout_s))
    finally:
        os.close(handle)
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # somebody else's child: its parent, or the machine's init, reaps it


def wait_reaped(pids: Collection[int], timeout_s: float = 5) -> None:
    """Returns when nothing of ended processes is left, or after the timeout: reaping is their parent's work."""
    end = time.monotonic() + timeout_s
    while any(os.path.exists("/proc/%d" % pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.01)
