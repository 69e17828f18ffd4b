# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.nodes.boot``: starts one node; its record comes as JSON on standard input.

Joins the node's control groups, makes its namespaces, prints the process id of the node's first process and ends.
The first process builds the node's root, moves into it, and becomes systemd or the small init of ``first``.
"""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
import traceback
from typing import Any

from . import cgroups, files, first, kernel, root

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}
SYSTEMD = "/lib/systemd/systemd"
ENTERED = "run/node-entered"
"""Where a node says that its root is its own: nothing may be run in it before."""
SSHD = ["/usr/sbin/sshd", "-D", "-e"]
_NAMESPACES = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWCGROUP
    | kernel.CLONE_NEWPID
)


def _redirect(log: pathlib.Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for source, target in ((null, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    os.closerange(3, 64)


def _first_process(spec: dict[str, Any], hierarchies: list[cgroups.Hierarchy]) -> None:
    folders = root.Folders(pathlib.Path(spec["directory"]))
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    socket.sethostname(spec["name"])
    place = root.build(folders, hierarchies, root.Shown(**{name: spec[name] for name in root.Shown.__annotations__}))
    files.prepare(place, spec)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    root.enter(place)
    (pathlib.Path("/") / ENTERED).write_text("", encoding="ascii")
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    if spec["init"] == "systemd":
        # "container" is what makes systemd leave the kernel, clock, modules and consoles alone.
        argv = [SYSTEMD, "--system", "systemd.unit=multi-user.target"]
        os.execve(SYSTEMD, argv, {"container": "kube-pcap", "PATH": PATH})
    pathlib.Path("/run/sshd").mkdir()
    first.run({"sshd": SSHD, **spec["services"]})


def main() -> None:
    """Reads the record, forks the first process, prints its process id."""
    spec = json.load(sys.stdin)
    hierarchies = cgroups.read_hierarchies()
    joined = cgroups.make(hierarchies, spec["group"])
    cgroups.delegate(hierarchies, spec["group"])
    for file in joined:
        file.write_text(str(os.getpid()), encoding="ascii")
    os.setsid()
    kernel.unshare(_NAMESPACES)
    pid = os.fork()
    if pid:
        print(pid)
        return
    _redirect(pathlib.Path(spec["directory"]) / "boot.log")
    try:
        _first_process(spec, hierarchies)
    except (OSError, subprocess.SubprocessError):
        traceback.print_exc()
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
