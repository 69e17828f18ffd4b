# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds a node's root: what a node sees of files, devices, kernel settings and control groups.

The mounts are those that container managers give systemd: its controllers where it looks for them, no device of the
machine, kernel settings read-only except the network's, which are the namespace's own.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import stat
import subprocess
import uuid
from collections.abc import Mapping, Sequence

from . import kernel
from .cgroups import Hierarchy

_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
_LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where a node keeps its files on this machine: ``upper`` holds what it wrote, over all its boots."""

    base: pathlib.Path

    @property
    def upper(self) -> pathlib.Path:
        """The writable layer."""
        return self.base / "upper"

    @property
    def work(self) -> pathlib.Path:
        """What overlayfs needs for itself."""
        return self.base / "work"

    @property
    def root(self) -> pathlib.Path:
        """Where the node's root is put together."""
        return self.base / "root"

    def make(self) -> None:
        """Makes the three folders."""
        for folder in (self.upper, self.work, self.root):
            folder.mkdir(parents=True, exist_ok=True)


@dataclasses.dataclass(frozen=True)
class Shown:
    """In what a node's root differs from this machine's; the fields are those of ``node.Node``."""

    hide: list[str]
    mounts: dict[str, str]
    settings: dict[str, str]
    devices: dict[str, list[int]]


def build(folders: Folders, hierarchies: list[Hierarchy], shown: Shown) -> pathlib.Path:
    """Mounts the node's root below its folder and returns the path; runs in the node's own mount namespace."""
    root = folders.root
    kernel.mount("overlay", root, "overlay", 0, "lowerdir=/,upperdir=%s,workdir=%s" % (folders.upper, folders.work))
    _kernel_views(root)
    _devices(root / "dev", {**_DEVICES, **shown.devices})
    for name, mode in (("run", "755"), ("tmp", "1777"), ("var/tmp", "1777"), ("dev/shm", "1777")):
        kernel.mount("tmpfs", root / name, "tmpfs", 0, "mode=" + mode)
    _settings(root, {"kernel/random/boot_id": str(uuid.uuid4()), **shown.settings})
    _controllers(root, hierarchies)
    for path, source in shown.mounts.items():
        place = root / path.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        kernel.bind(source, place)
    for path in shown.hide:
        place = root / path.lstrip("/")
        if place.is_dir():
            kernel.mount("tmpfs", place, "tmpfs", kernel.MS_RDONLY, "size=4k,mode=755")
    return root


def _kernel_views(root: pathlib.Path) -> None:
    kernel.mount("proc", root / "proc", "proc")
    # Most settings are the whole machine's: systemd and its units would write them.
    kernel.bind(root / "proc/sys", root / "proc/sys")
    kernel.bind(root / "proc/sys/net", root / "proc/sys/net")
    kernel.mount("none", root / "proc/sys", None, kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)
    # A read-only sysfs also tells udev and the like that they are not wanted.
    kernel.mount("sysfs", root / "sys", "sysfs", kernel.MS_RDONLY)


def _devices(dev: pathlib.Path, devices: Mapping[str, Sequence[int]]) -> None:
    kernel.mount("tmpfs", dev, "tmpfs", 0, "mode=755")
    for name, (major, minor) in devices.items():
        os.mknod(dev / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        os.chmod(dev / name, 0o666)
    for name, target in _LINKS.items():
        (dev / name).symlink_to(target)
    (dev / "pts").mkdir()
    (dev / "shm").mkdir()
    kernel.mount("devpts", dev / "pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620,gid=5")


def _settings(root: pathlib.Path, settings: dict[str, str]) -> None:
    for path, value in settings.items():
        file = root / "run/settings" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value + "\n", encoding="ascii")
        kernel.bind(file, root / "proc/sys" / path)


def _controllers(root: pathlib.Path, hierarchies: list[Hierarchy]) -> None:
    if any(h.version == 1 for h in hierarchies):
        kernel.mount("tmpfs", root / "sys/fs/cgroup", "tmpfs", 0, "mode=755")
    for hierarchy in hierarchies:
        place = root / str(hierarchy.path).lstrip("/")
        place.mkdir(exist_ok=True)
        kind = "cgroup2" if hierarchy.version == 2 else "cgroup"
        kernel.mount(kind, place, kind, 0, hierarchy.options or None)
        names = place.name.split(",")
        for name in names if len(names) > 1 else []:
            (place.parent / name).symlink_to(place.name)


def enter(root: pathlib.Path) -> None:
    """Makes the built root the root of this mount namespace and lets go of the machine's."""
    (root / "oldroot").mkdir(exist_ok=True)
    os.chdir(root)
    subprocess.run(["pivot_root", ".", "oldroot"], check=True)
    os.chdir("/")
    kernel.unmount("/oldroot")
    os.rmdir("/oldroot")
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_SHARED)
