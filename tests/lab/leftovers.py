# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab or a cluster has left on this machine, or changed: compared before and after."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import subprocess
import time

from tests.nodes import cgroups, kernel


def writable_settings() -> dict[str, str]:
    """Kernel settings that somebody could have changed; other labs' interfaces and a counter are left out."""
    found = {}
    for path in pathlib.Path("/proc/sys").rglob("*"):
        if path.is_file() and path.stat().st_mode & 0o200 and "/kp-" not in str(path) and path.name != "ns_last_pid":
            try:
                found[str(path)] = path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
    return found


def output(*argv: str) -> str:
    """What a program prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def traces(folder: pathlib.Path, group: str, link: str) -> dict[str, list[str]]:
    """Whatever on this machine carries the name of a lab or cluster, by kind.

    ``folder``: where it keeps its files; ``group``: its control group; ``link``: this machine's link to it.
    """
    run, processes = str(folder), []
    of_it = re.compile(b"%s/|/%s(/|\n)" % (re.escape(run).encode(), re.escape(group).encode()))
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if of_it.search((process / "cmdline").read_bytes() + (process / "cgroup").read_bytes()):
                processes.append(process.name)
    everything = {
        "processes": processes,
        "links": re.findall(r"\d+: (%s)[@:]" % link, output("ip", "-o", "link")),
        "mounts": [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if run + "/" in line],
        "groups": [str(h.folder(group)) for h in cgroups.read_hierarchies() if h.folder(group).exists()],
        "files": [run] if os.path.exists(run) else [],
    }
    return {kind: found for kind, found in everything.items() if found}


def namespaces(pids: list[int]) -> set[tuple[str, int]]:
    """The namespaces of processes; one that has ended has none."""
    kinds = ("net", "pid", "mnt", "uts", "ipc")
    found = ((kind, kernel.namespace_inode(pid, kind)) for pid in pids for kind in kinds)
    return {(kind, inode) for kind, inode in found if inode is not None}


def ticks() -> int:
    """The clock in which the kernel tells when a process started."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def held(until: int) -> set[tuple[str, int]]:
    """Every namespace of this machine that a process from before ``until``, a descriptor or a mount holds.

    Later processes are left out: the kernel gives the inode of a namespace that is gone away again, at once.
    """
    pids = [int(folder.name) for folder in pathlib.Path("/proc").glob("[0-9]*")]
    pids = [pid for pid in pids if (kernel.start_time(pid) or until + 1) <= until]
    found = namespaces(pids)
    words = [line.split()[3] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    for pid in pids:
        with contextlib.suppress(OSError):
            words += [os.readlink(path) for path in pathlib.Path("/proc/%d/fd" % pid).iterdir()]
    pairs = [re.fullmatch(r"(net|pid|mnt|uts|ipc):\[(\d+)\]", word) for word in words]
    return found | {(pair[1], int(pair[2])) for pair in pairs if pair}
