# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a target still is where it was resolved, and where it is now. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import os
from typing import Mapping, Sequence

from .._errors import TargetError
from .._records import Target
from . import netns, processes
from .proc import ROOTS, Roots, read_netns


def is_there(target: Target) -> bool:
    """Return whether the target's process still is the one that was resolved, in the same network namespace."""
    try:
        os.close(netns.open_target(target))
    except TargetError:
        return False
    return True


def is_pinned(target: Target, roots: Roots = ROOTS) -> bool:
    """Return whether the runtime still holds the target's namespace, though no process of the pod runs.

    containerd and CRI-O bind it to a file there for as long as the pod's sandbox exists; CRI-O may run a sandbox
    without a process, and then a container that waits to be started again leaves none. The inode is the same
    namespace's as long as something else, such as a tap, keeps that alive.
    """
    folder = roots.at("/run/netns")
    try:
        pins = os.listdir(folder)
    except OSError:
        return False
    return any(_inode(os.path.join(folder, name)) == target.netns for name in pins)


def _inode(path: str) -> int | None:
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


class Search:
    """Finds targets again whose process has ended; all that ask at one moment share one pass over /proc."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._processes: Mapping[str, Sequence[processes.Process]] = {}

    def find(self, target: Target, now: float) -> Target | None:
        """Return the target with its process and namespace of ``now``; None when it does not run."""
        if target.kind == "node":
            return dataclasses.replace(target, pid=1, netns=read_netns("/proc", 1))
        if self._at != now:
            self._at, self._processes = now, processes.read_processes("/proc").processes
        group = self._processes.get(target.node_uid or "")
        if not group:
            return None
        process = processes.choose_process(group, container_ids=[one.id for one in target.containers if one.id])
        return dataclasses.replace(target, pid=process.pid, netns=process.netns)
