# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces of a target of any kind: opened by a process, verified, entered (setns(2)). PRIVATE to the collection.

Network, uts and ipc namespaces belong to a pod, mount and pid namespaces to each of its containers. Control groups are
not namespaces: whoever enters stays in those of the caller, and none of a pod's limits counts it.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
from typing import Collection, Mapping, NamedTuple

from .._errors import NodeError, TargetError
from .._records import Target
from .cgroups import parse_cgroup
from .netns import open_target, setns
from .proc import read_cgroup, read_stat

_NEW_MOUNT, _NEW_PID = 0x00020000, 0x20000000  # linux/sched.h
_FLAGS = {"cgroup": 0x02000000, "ipc": 0x08000000, "uts": 0x04000000, "net": 0x40000000, "mount": _NEW_MOUNT}
"""In the order of entering: the mount namespace last, since the others' files may be out of sight in there."""
_FILES = {"mount": "mnt"}
_OWN = ("mount", "pid", "cgroup")
"""What each container has for itself."""
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_SLAVE = 2, 4, 8, 1 << 14, 1 << 19  # linux/mount.h
_LIBC = ctypes.CDLL(None, use_errno=True)


class Namespaces(NamedTuple):
    """Descriptors of one process's namespaces."""

    files: Mapping[str, int]
    """By kind."""
    root: int
    """Of the process's root folder."""


def open_namespaces(target: Target, kinds: Collection[str], proc_root: str = "/proc") -> Namespaces:
    """Return verified descriptors of a target's namespaces; raise TargetError as ``netns.open_target`` does.

    Where the kinds are a container's own, they are those of ``target.container``.
    """
    asked = _process(target, kinds)
    pid = asked.pid or 0
    before = read_stat(proc_root, pid)
    files = {"net": open_target(asked, proc_root)}
    try:
        for kind in set(kinds) - {"net"}:
            files[kind] = os.open("%s/%d/ns/%s" % (proc_root, pid, _FILES.get(kind, kind)), os.O_RDONLY | os.O_CLOEXEC)
        root = os.open("%s/%d/root" % (proc_root, pid), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise TargetError("%s: process %d cannot be entered: %s" % (target.title, pid, error.strerror)) from None
    member, after = parse_cgroup(read_cgroup(proc_root, pid)), read_stat(proc_root, pid)
    if before is None or after is None or after.start_time != before.start_time:
        raise TargetError("%s: process %d has ended; resolve it again" % (target.title, pid))
    ids = [c.id for c in target.containers if c.pid == pid and c.id]
    if member is not None and member.container_id and ids and member.container_id not in ids:
        raise TargetError("%s: process %d is another container's by now; resolve it again" % (target.title, pid))
    if "net" not in kinds:
        os.close(files.pop("net"))
    return Namespaces(files, root)


def _process(target: Target, kinds: Collection[str]) -> Target:
    """Return the target with the process whose namespaces these kinds are."""
    if target.kind != "pod" or target.container is None or not set(kinds) & set(_OWN):
        return target
    pid = next((c.pid for c in target.containers if c.name == target.container), None)
    if pid is None:
        running = ", ".join(c.name for c in target.containers if c.pid) or "none"
        text = "%s: its container %s does not run, and has no %s namespace; those that run: %s"
        own = " or ".join(kind for kind in _OWN if kind in kinds)
        raise TargetError(text % (target.title, target.container, own, running))
    return dataclasses.replace(target, pid=pid)


def enter_pid(found: Namespaces) -> None:
    """Have what this process starts from now on live in the pid namespace, where that is asked for."""
    if "pid" in found.files:
        setns(found.files["pid"], _NEW_PID, "pid")


def enter(found: Namespaces) -> None:
    """Move this process into all but the pid namespace; its folder is the root folder there. Raises NodeError.

    With a pid namespace and without a mount namespace, /proc becomes one that shows it, for this process alone.
    """
    for kind, flag in _FLAGS.items():
        if kind in found.files:
            setns(found.files[kind], flag, kind)
    try:
        if "mount" in found.files:
            os.fchdir(found.root)
            os.chroot(".")
        elif "pid" in found.files:
            _show_processes()
        os.chdir("/")
    except OSError as error:
        raise NodeError("the root folder, or /proc, cannot be changed: %s" % error.strerror) from None


def _show_processes() -> None:
    _check(_LIBC.unshare(_NEW_MOUNT))
    _check(_LIBC.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None))
    flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _check(_LIBC.mount(b"proc", b"/proc", b"proc", flags, None))


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
