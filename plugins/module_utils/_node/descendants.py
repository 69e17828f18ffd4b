# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes below a process, and their end. PRIVATE to the collection.

A session or a process group can be left by setsid(2), and a parent by its end. Below one that adopts orphans
(``process.adopt_orphans``), nothing can be hidden.
"""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import time
from typing import Collection

from .proc import read_pids, read_stat

_PATIENCE_SECONDS = 5.0
_STEP_SECONDS = 0.005
_ENDED = "ZX"


def below(pid: int, spared: Collection[int] = (), proc_root: str = "/proc") -> list[int]:
    """Return the processes below ``pid``, parents first; nothing of ``spared`` and below them.

    One that has ended, and that its parent has not waited for, is among them, but for the children of this process.
    """
    own = own_pid(proc_root)
    children = collections.defaultdict(list)
    for one in read_pids(proc_root):
        stat = read_stat(proc_root, one)
        if stat is not None and not (stat.parent == own and stat.state in _ENDED):
            children[stat.parent].append(one)
    found = []
    waiting = collections.deque(children[pid])
    while waiting:
        one = waiting.popleft()
        if one not in spared:
            found.append(one)
            waiting.extend(children[one])
    return found


def oldest_child(pid: int, proc_root: str = "/proc") -> int | None:
    """Return the process that ``pid`` has started, or adopted, first of those that have not ended."""
    ages = {}
    for one in read_pids(proc_root):
        stat = read_stat(proc_root, one)
        if stat is not None and stat.parent == pid and stat.state not in _ENDED:
            ages[one] = (stat.start_time, one)
    return min(ages, key=lambda one: ages[one], default=None)


def own_pid(proc_root: str = "/proc") -> int:
    """Return this process's id as /proc numbers it, which may be that of a namespace above its own."""
    return int(os.readlink("%s/self" % proc_root))


def end(pid: int, spared: Collection[int] = (), grace_seconds: float = 0.0) -> list[int]:
    """Kill the processes below ``pid``; return those that have not ended within five seconds.

    All are stopped first, so that none can start another while they are looked for. Their parents must wait for them.
    grace_seconds: how long they may end by themselves before.
    """
    begin = time.monotonic() + grace_seconds
    until = begin + _PATIENCE_SECONDS
    stopped: set[int] = set()
    while True:
        found = below(pid, spared)
        fresh = [one for one in found if one not in stopped]
        if time.monotonic() < begin:
            fresh = []
        else:
            for one in fresh or found:
                _send(one, signal.SIGSTOP if fresh else signal.SIGKILL)
        stopped.update(fresh)
        if not found:
            return []
        if time.monotonic() > until:
            for one in found:  # those that were only stopped by now, too
                _send(one, signal.SIGKILL)
            return found
        if not fresh:
            time.sleep(_STEP_SECONDS)


def _send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that /proc numbers so; this process's own namespace may number it otherwise."""
    own, other = _numbers("self"), _numbers(str(pid))
    if len(other) >= len(own):
        with contextlib.suppress(ProcessLookupError):
            os.kill(other[len(own) - 1] if own else pid, number)


def _numbers(name: str, proc_root: str = "/proc") -> list[int]:
    """Return a process's ids, from /proc's namespace down to its own (NSpid in proc(5)); none before Linux 4.1."""
    try:
        with open("%s/%s/status" % (proc_root, name), encoding="ascii", errors="replace") as file:
            found = [line.split()[1:] for line in file if line.startswith("NSpid:")]
    except OSError:
        return []
    return [int(word) for word in found[0]] if found else []
