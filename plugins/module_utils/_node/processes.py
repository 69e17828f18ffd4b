# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of a node's pods, and by which of them a pod is entered. PRIVATE to the collection."""

from __future__ import annotations

import collections
from typing import Collection, Mapping, NamedTuple, Sequence

from . import kubelet
from .cgroups import Member, parse_cgroup
from .proc import read_cgroup, read_cmdline, read_netns, read_pids, read_stat


class Process(NamedTuple):
    """One process of a pod."""

    pid: int
    start_time: int
    comm: str
    netns: int
    member: Member

    @property
    def age(self) -> tuple[int, int]:
        """Sorts the oldest first."""
        return self.start_time, self.pid


class Scan(NamedTuple):
    """What one pass over /proc finds."""

    processes: Mapping[str, Sequence[Process]]
    """By the pod's uid, oldest first."""
    kubelet: Sequence[str]
    """The kubelet's arguments; empty when none runs."""


def read_processes(proc_root: str) -> Scan:
    """Return the processes of all pods, and the kubelet's arguments, in one pass."""
    found: dict[str, list[Process]] = collections.defaultdict(list)
    arguments: Sequence[str] = ()
    for pid in read_pids(proc_root):
        member = parse_cgroup(read_cgroup(proc_root, pid))
        if member is None:
            if not arguments:
                cmdline = read_cmdline(proc_root, pid)
                arguments = cmdline if kubelet.is_kubelet(cmdline) else ()
            continue
        inode, stat = read_netns(proc_root, pid), read_stat(proc_root, pid)
        if inode is not None and stat is not None:  # a zombie has no namespace
            found[member.uid].append(Process(pid, stat.start_time, stat.comm, inode, member))
    return Scan({uid: sorted(group, key=lambda p: p.age) for uid, group in found.items()}, arguments)


def choose_process(
    processes: Sequence[Process],
    sandbox_ids: Collection[str] = (),
    container_ids: Collection[str] = (),
    for_files: bool = False,
) -> Process:
    """Return the process by which a pod's network namespace is entered: the sandbox's, else a container's first.

    ``processes`` are the pod's, oldest first; the ids are those that are known. The pod's namespace is its sandbox's;
    else the one in which most containers began, then most processes live: a container may go elsewhere by itself.
    The sandbox's process lives as long as the namespace, a container's only until that ends or is started again.
    for_files: a container's comes first, since its files are wanted, too, and the sandbox has others.
    """
    sandboxes = _sandboxes(processes, sandbox_ids, container_ids)
    first: dict[str | None, Process] = {}
    for process in processes:
        first.setdefault(process.member.container_id, process)
    sandbox = next((p for p in processes if p.member.container_id in sandboxes), None)
    if sandbox and not for_files:
        return sandbox
    if sandbox:
        inode = sandbox.netns
    else:
        began = collections.Counter(process.netns for process in first.values())
        lives = collections.Counter(process.netns for process in processes)
        inode = max(processes, key=lambda p: (began[p.netns], lives[p.netns], -p.start_time, -p.pid)).netns
    inside = [p for p in [*first.values(), *processes] if p.netns == inode]
    return next((p for p in inside if p.member.container_id not in sandboxes), inside[0])


def _sandboxes(
    processes: Sequence[Process], sandbox_ids: Collection[str], container_ids: Collection[str]
) -> set[str | None]:
    """Return the ids of a pod's sandboxes: the runtime's word, a process called ``pause``, or the only unknown id.

    Where none of these tells, as with CRI-O, which may run a pod without a sandbox process, there is none.
    """
    found: set[str | None] = {p.member.container_id for p in processes if p.comm == "pause"}
    found.update(sandbox_ids)
    unknown: set[str | None] = {p.member.container_id for p in processes}
    unknown.difference_update(container_ids)
    return unknown if not found and container_ids and len(unknown) == 1 else found
