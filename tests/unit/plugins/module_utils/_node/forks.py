# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real processes for tests: run something in a child, and wait for what must come to pass."""

from __future__ import annotations

import os
import time

PATIENCE = 60.0


def until(condition, seconds=PATIENCE):
    """What the condition returns once that is true; AssertionError when it never is."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        assert time.monotonic() < end, "it did not come to pass within %d s" % seconds
        time.sleep(0.005)


def fork(run):
    """Runs a function in a child that does nothing else; returns the child's process id."""
    pid = os.fork()
    if pid == 0:
        try:
            run()
        finally:
            os._exit(0)
    return pid


def holds(check):
    """Whether a function returns something true in a child that does nothing else."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if check() else 1
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def is_alive(pid):
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
