# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Control groups of nodes, on machines with hierarchies of version 1, of version 2, or of both."""

from __future__ import annotations

import dataclasses
import pathlib
import time

ROOT = pathlib.Path("/sys/fs/cgroup")
_NOT_CONTROLLERS = ("rw", "ro", "xattr", "clone_children", "noprefix", "nsdelegate", "memory_recursiveprot")


@dataclasses.dataclass(frozen=True)
class Hierarchy:
    """One mounted hierarchy."""

    path: pathlib.Path
    version: int
    options: str
    """Mount options that mount the same hierarchy again: ``cpu,cpuacct``, ``none,name=systemd``; empty for v2."""

    def folder(self, group: str) -> pathlib.Path:
        """Where a group (``lab/node-a``) is in this hierarchy."""
        return self.path / group


def _options(text: str) -> str:
    words = [w for w in text.split(",") if w not in _NOT_CONTROLLERS and not w.startswith("release_agent=")]
    named = [w for w in words if w.startswith("name=")]
    return ",".join((["none"] if named and len(words) == len(named) else []) + words)


def parse_hierarchies(mountinfo: str) -> list[Hierarchy]:
    """The hierarchies among the mounts of a ``/proc/PID/mountinfo``, each once."""
    found: dict[str, Hierarchy] = {}
    for line in mountinfo.splitlines():
        left, _dash, right = line.partition(" - ")
        path, (kind, _source, options) = left.split()[4], right.split()
        if kind in ("cgroup", "cgroup2") and pathlib.Path(path).is_relative_to(ROOT):
            version = 2 if kind == "cgroup2" else 1
            found[path] = Hierarchy(pathlib.Path(path), version, _options(options) if version == 1 else "")
    return list(found.values())


def read_hierarchies(path: str = "/proc/self/mountinfo") -> list[Hierarchy]:
    """The hierarchies that this machine has mounted below /sys/fs/cgroup."""
    return parse_hierarchies(pathlib.Path(path).read_text(encoding="utf-8"))


def _prepare(parent: pathlib.Path, folder: pathlib.Path, version: int) -> None:
    # A v1 cpuset takes no process before it has CPUs and memory nodes, from the top down.
    for name in ("cpuset.cpus", "cpuset.mems"):
        if version == 1 and (folder / name).exists() and not (folder / name).read_text(encoding="ascii").strip():
            (folder / name).write_text((parent / name).read_text(encoding="ascii"), encoding="ascii")


def make(hierarchies: list[Hierarchy], group: str) -> list[pathlib.Path]:
    """Makes a group with its parents in every hierarchy; returns the files that take its processes."""
    files = []
    for hierarchy in hierarchies:
        folder = hierarchy.path
        for part in group.split("/"):
            parent, folder = folder, folder / part
            folder.mkdir(exist_ok=True)
            _prepare(parent, folder, hierarchy.version)
        files.append(folder / "cgroup.procs")
    return files


def delegate(hierarchies: list[Hierarchy], group: str) -> None:
    """Hands a group of a v2 hierarchy every controller that its first parent has, for the limits that it sets within.

    The machine's root group is left as it is: what it does not hand out, nobody below has.
    """
    for hierarchy in hierarchies:
        folder = hierarchy.path
        for part in group.split("/")[:-1]:
            folder = folder / part
            if hierarchy.version == 2:
                names = (folder / "cgroup.controllers").read_text(encoding="ascii").split()
                (folder / "cgroup.subtree_control").write_text(" ".join("+" + name for name in names), encoding="ascii")


def members(hierarchies: list[Hierarchy], group: str) -> set[int]:
    """The processes of a group and of all groups below it, as this pid namespace numbers them."""
    pids: set[int] = set()
    for hierarchy in hierarchies:
        for file in hierarchy.folder(group).rglob("cgroup.procs"):
            try:
                pids.update(int(word) for word in file.read_text(encoding="ascii").split())
            except OSError:
                continue  # the group went away while we looked
    return pids - {0}


def _folders(top: pathlib.Path) -> list[pathlib.Path]:
    return sorted((p for p in top.rglob("*") if p.is_dir()), reverse=True) + [top]


def remove(hierarchies: list[Hierarchy], group: str, timeout_s: float = 5) -> None:
    """Removes a group and those below it, waiting for the kernel to let go of its last processes.

    Raises OSError when a process remains.
    """
    end = time.monotonic() + timeout_s
    for hierarchy in hierarchies:
        while hierarchy.folder(group).exists():
            try:
                for folder in _folders(hierarchy.folder(group)):
                    folder.rmdir()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
