# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes as /proc shows them (proc(5), namespaces(7)). PRIVATE to the collection.

A process may end at any moment: every reader answers None, or leaves it out, when it has.
"""

from __future__ import annotations

import os
import re
from typing import Iterator, NamedTuple

from .process import join_cgroup_namespace

_NAMESPACE = re.compile(r"[a-z_]+:\[([0-9]+)\]\Z", re.ASCII)


class Roots(NamedTuple):
    """Where a node's files are: its own root, another that a container sees, or a tree that stands in for a node."""

    proc: str = "/proc"
    top: str = ""
    """What stands before the node's own paths, all but those of /proc."""

    def at(self, path: str) -> str:
        """Return where a path of the node is found; a link on the way that begins with ``/`` begins at ``top``."""
        return _inside(self.top, path) if self.top else path


def _inside(top: str, path: str, links: int = 40) -> str:
    found, parts = top, [part for part in path.split("/") if part not in ("", ".")]
    for number, part in enumerate(parts):
        if part == "..":
            found = os.path.dirname(found) if found != top else top
            continue
        step = "%s/%s" % (found, part)
        try:
            link = os.readlink(step)
        except OSError:  # it is no link, or it is not there
            found = step
            continue
        before = "" if link.startswith("/") else found[len(top) :]
        onward = "/".join([before, link, *parts[number + 1 :]])
        return _inside(top, onward, links - 1) if links else step
    return found


def node_roots() -> Roots:
    """Return where this node's files are: below the root of its first process, where this process has another root.

    So it is in an agent pod, which sees the node's processes and has a file system of its own (proc(5)).
    """
    try:
        apart = os.stat("/proc/1/ns/mnt").st_ino != os.stat("/proc/self/ns/mnt").st_ino
    except OSError:  # without the rights to look
        apart = False
    return Roots(top="/proc/1/root") if apart else Roots()


ROOTS = node_roots()
"""This node's own."""


class Stat(NamedTuple):
    """What /proc/PID/stat tells that matters here."""

    comm: str
    state: str
    start_time: int
    """Clock ticks since boot: with the pid, it names a process for ever."""
    parent: int
    """Its parent's id."""


def read_pids(proc_root: str) -> Iterator[int]:
    """Yield the ids of all processes, lowest first."""
    return iter(sorted(int(name) for name in os.listdir(proc_root) if name.isdigit()))


def parse_stat(text: str) -> Stat | None:
    """Return what /proc/PID/stat says; a comm may hold spaces and brackets, so the last bracket counts."""
    comm_start, comm_end = text.find("("), text.rfind(")")
    fields = text[comm_end + 1 :].split()
    if comm_start < 0 or len(fields) < 20 or not fields[19].isdigit():
        return None
    return Stat(text[comm_start + 1 : comm_end], fields[0], int(fields[19]), int(fields[1]))


def read_stat(proc_root: str, pid: int) -> Stat | None:
    """Return a process's state and start time."""
    text = _read(proc_root, pid, "stat")
    return None if text is None else parse_stat(text)


def read_cgroup(proc_root: str, pid: int) -> str:
    """Return /proc/PID/cgroup: one line per hierarchy, ``ID:CONTROLLERS:PATH``, as the node itself sees it."""
    join_cgroup_namespace()
    return _read(proc_root, pid, "cgroup") or ""


def read_cmdline(proc_root: str, pid: int) -> list[str]:
    """Return a process's arguments; a kernel thread and a zombie have none."""
    text = _read(proc_root, pid, "cmdline") or ""
    return text.rstrip("\0").split("\0") if text else []


def parse_namespace(link: str) -> int | None:
    """Return the inode in ``net:[4026531840]``."""
    match = _NAMESPACE.match(link)
    return int(match.group(1)) if match else None


def read_netns(proc_root: str, pid: int) -> int | None:
    """Return the inode of a process's network namespace; a zombie has none."""
    try:
        return parse_namespace(os.readlink("%s/%d/ns/net" % (proc_root, pid)))
    except OSError:
        return None


def read_hostname(proc_root: str) -> str | None:
    """Return the node's host name."""
    return read_text("%s/sys/kernel/hostname" % proc_root)


def read_text(path: str) -> str | None:
    """Return a small text file without the space around it; None when it is empty or cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 20).strip() or None
    except OSError:
        return None


def _read(proc_root: str, pid: int, name: str) -> str | None:
    try:
        with open("%s/%d/%s" % (proc_root, pid, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None
