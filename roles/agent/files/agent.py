# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of an agent pod: python3 -I -S -c PROGRAM SPOOL

It says why the pod cannot do its work, or starts the recorders again that an earlier pod had, and ends those that run
with the pod, so that they close their files. Modules come by kubectl exec, and leave recorders: these are processes of
this container, but no children of this one; the container's runtime reaps them.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

READY = "/tmp/ready"
MARK = ".agent"
NODE = "/proc/1/root"
RECORDER = "recorder.pyz"
OVER = ("done", "failed")
END_SECONDS = 45.0
CLONE_NEWNET = 0x40000000  # linux/sched.h


def lacks(spool: str) -> str | None:
    """Return what keeps this pod from its work, None when nothing does."""
    try:
        if os.stat("/proc/1/ns/mnt").st_ino == os.stat("/proc/self/ns/mnt").st_ino:
            return "process 1 is this container's: the pod needs hostPID"
        with open("/proc/1/ns/net", "rb") as network:
            if os.fstat(network.fileno()).st_ino != os.stat("/proc/self/ns/net").st_ino:
                return "the network is the pod's own: the pod needs hostNetwork"
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(network.fileno(), CLONE_NEWNET):
                return "a network namespace cannot be entered (%s): CAP_SYS_ADMIN" % os.strerror(ctypes.get_errno())
    except OSError as error:
        return "%s: %s: CAP_SYS_PTRACE, and no confinement by AppArmor or SELinux" % (error.filename, error.strerror)
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except OSError as error:
        return "no packet socket can be opened (%s): CAP_NET_RAW" % error.strerror
    try:
        os.setgroups(os.getgroups())
    except OSError as error:
        return "groups cannot be set (%s), which tcpdump does: CAP_SETGID" % error.strerror
    if not shutil.which("tcpdump"):
        return "the image has no tcpdump"
    return None if os.access(spool, os.W_OK) else "%s is not there, or cannot be written to" % spool


def settle(spool: str) -> None:
    """Close a folder that was made for this pod to others, and keep it: removed on the node, it would be lost here."""
    if not os.listdir(spool):
        os.chmod(spool, 0o700)
    open(os.path.join(spool, MARK), "w").close()


def withdraw(spool: str) -> None:
    """Leave no folder on the node in which nothing is."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(spool, MARK))
        os.rmdir(NODE + spool)  # in here it is a mount


def resume(spool: str) -> None:
    """Start the recorder of each capture that has not come to its end; one that runs already ends at once."""
    for name in sorted(os.listdir(spool)):
        folder = os.path.join(spool, name)
        if os.path.isfile(os.path.join(folder, "capture.json")) and phase(folder) not in OVER:
            sys.stderr.write("capture %s goes on\n" % name)
            with open(os.path.join(folder, "recorder.log"), "ab") as log:
                subprocess.Popen(
                    [sys.executable, "-I", "-S", os.path.join(folder, RECORDER), folder],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                    start_new_session=True,
                )


def phase(folder: str) -> str | None:
    """Return a capture's phase, by its recorder's last word."""
    try:
        with open(os.path.join(folder, "state.json"), encoding="utf-8") as file:
            return str(json.load(file)["phase"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def recorders() -> list[int]:
    """Return the recorders of this container, and not those that run on the node itself."""
    own, found = os.stat("/proc/self/ns/mnt").st_ino, []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open("/proc/%s/cmdline" % pid, "rb") as file:
            words = file.read().split(b"\0")
            if any(os.path.basename(word) == RECORDER.encode() for word in words[1:-1]):
                if os.stat("/proc/%s/ns/mnt" % pid).st_ino == own:
                    found.append(int(pid))
    return found


def end() -> None:
    """Have the recorders close their files, and wait until they have ended."""
    until = time.monotonic() + END_SECONDS
    told: set[int] = set()
    while time.monotonic() < until:
        running = recorders()
        for pid in set(running) - told:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        told.update(running)
        if not running:
            return
        time.sleep(0.1)


def reap(_number: int, _frame: object) -> None:
    """Take leave of the recorders that this process has started."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def leave(_number: int, _frame: object) -> None:
    """End with the pod."""
    raise SystemExit


def main(spool: str) -> None:
    """Be there until the pod is told to end."""
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGCHLD, reap)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(READY)
    problem = lacks(spool)
    if problem:
        raise SystemExit(problem)
    try:
        settle(spool)
        resume(spool)
        open(READY, "w").close()
        while True:
            signal.pause()
    finally:
        end()
        withdraw(spool)


if __name__ == "__main__":
    main(sys.argv[1])
