# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces: opened by a process, verified, entered (setns(2)). PRIVATE to the collection.

An open file pins a namespace: what was verified once stays true for that descriptor, whatever happens to the process.
Entering moves the calling thread only: callers have one thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Iterator, NamedTuple

from .._errors import NodeError, TargetError
from .._records import CONTROLLER, Target
from . import links
from .cgroups import parse_cgroup
from .proc import Stat, read_cgroup, read_stat

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_LIBC = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12

_LOOPBACK = "lo"
_SERVICE_INTERFACE = "kube-ipvs0"
"""kube-proxy's IPVS mode puts every Service's address there; none of them is the node's."""
_SCOPE_GLOBAL = 0


class Network(NamedTuple):
    """What a network namespace holds."""

    interfaces: dict[str, int]
    addresses: tuple[str, ...]
    """Of global scope, in the order of the interfaces; loopback's and Services' left out."""


def setns(fd: int, flag: int = _CLONE_NEWNET, kind: str = "network") -> None:
    """Move the calling thread into a namespace, and its children for a pid namespace; raise NodeError.

    flag: what ``fd`` must be a namespace of (CLONE_NEW… in linux/sched.h). kind: how messages call that.
    """
    if _LIBC.setns(fd, flag):
        code = ctypes.get_errno()
        text = "a %s namespace cannot be entered: %s; this takes CAP_SYS_ADMIN (run as root, or with become)"
        raise NodeError(text % (kind, os.strerror(code)))


@contextlib.contextmanager
def inside(fd: int) -> Iterator[None]:
    """Run the body in a network namespace and come back to the own one, also after an error."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(fd)
        try:
            yield
        finally:
            setns(own)
    finally:
        os.close(own)


def open_netns(pid: int, proc_root: str = "/proc") -> int:
    """Return a descriptor of a process's network namespace; raise TargetError when the process is gone."""
    try:
        return os.open("%s/%d/ns/net" % (proc_root, pid), os.O_RDONLY | os.O_CLOEXEC)
    except PermissionError:
        raise NodeError("process %d's network namespace cannot be opened; run as root, or with become" % pid) from None
    except OSError as error:
        raise TargetError("process %d has no network namespace any more: %s" % (pid, error.strerror)) from error


def open_target(target: Target, proc_root: str = "/proc") -> int:
    """Return a verified descriptor of a target's network namespace.

    It must have the inode that was resolved, and be that of a process whose cgroup still names the pod: one and the
    same process, as its start time before and after tells, so that a reused id can lend neither. Raises TargetError,
    which tells to resolve again, when any of them differs.
    """
    if target.kind == CONTROLLER:
        return _open_own(target)
    if target.pid is None or target.netns is None:
        raise TargetError("%s has no process on this node" % target.title)
    before = read_stat(proc_root, target.pid)
    fd = open_netns(target.pid, proc_root)
    try:
        _verify(target, fd, proc_root, before)
    except TargetError:
        os.close(fd)
        raise
    return fd


def _open_own(target: Target) -> int:
    """Return a descriptor of the own network namespace, which must be the one that the controller was found in."""
    fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    inode = os.fstat(fd).st_ino
    if inode == target.netns:
        return fd
    os.close(fd)
    text = "%s is in network namespace %s, and this is %d; run Ansible where its tasks run"
    raise TargetError(text % (target.title, target.netns, inode))


def _verify(target: Target, fd: int, proc_root: str, before: Stat | None) -> None:
    pid = target.pid or 0
    inode = os.fstat(fd).st_ino
    if inode != target.netns:
        text = "%s: process %d is in network namespace %d, not in %d any more; resolve it again"
        raise TargetError(text % (target.title, pid, inode, target.netns))
    if target.kind == "pod":
        member = parse_cgroup(read_cgroup(proc_root, pid))
        if member is None or member.uid != target.node_uid:
            raise TargetError("%s: process %d does not belong to it any more; resolve it again" % (target.title, pid))
    after = read_stat(proc_root, pid)
    if before is None or after is None or after.start_time != before.start_time:
        raise TargetError("%s: process %d has ended; resolve it again" % (target.title, pid))


def observe(pid: int, inode: int, proc_root: str = "/proc") -> Network | None:
    """Return what a process's network namespace holds; None when it is gone, or another than ``inode`` by now."""
    try:
        fd = open_netns(pid, proc_root)
    except TargetError:
        return None
    try:
        if os.fstat(fd).st_ino != inode:
            return None
        with inside(fd):
            sock = links.open_socket()
        with contextlib.closing(sock):
            return network(links.read_links(sock), links.read_addresses(sock))
    finally:
        os.close(fd)


def network(found: list[links.Link], addresses: list[links.Address]) -> Network:
    """Return names, indexes and the addresses by which others know the namespace."""
    left_out = {link.index for link in found if link.name in (_LOOPBACK, _SERVICE_INTERFACE)}
    kept = [a.address for a in addresses if a.scope == _SCOPE_GLOBAL and a.index not in left_out]
    return Network({link.name: link.index for link in found}, tuple(dict.fromkeys(kept)))
