# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that a control group's sockets meet when they connect. PRIVATE to the collection.

Load balancers of sockets, such as Cilium's in place of kube-proxy, give a Service's address another one there. What no
socket has made does not pass them, and nothing else need translate it.
"""

from __future__ import annotations

import errno
import os
import re
from typing import Iterable, NamedTuple, Sequence

from .._errors import NodeError
from .._records import CONTROLLER, Target
from . import bpf
from .proc import ROOTS, Roots, read_cgroup, read_text

_ESCAPED = re.compile(r"\\([0-7]{3})")
"""In a path of /proc/PID/mountinfo: a space, a tab, a newline or a backslash (proc(5))."""
_OUTSIDE = "/.."
"""With what the path of a group begins that is not below the reader's own (cgroup_namespaces(7))."""


class Mount(NamedTuple):
    """A control group of version 2, and where it is mounted."""

    group: str
    path: str


def check(target: Target, versions: Iterable[int]) -> str | None:
    """Return why it is not known whether a target's sockets of these IP versions meet programs; None where none do.

    Raises NodeError where they do.
    """
    try:
        found = any(_count(target, version) for version in versions)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    if found:
        text = "%s: programs are attached to what its sockets connect to, as load balancers of sockets are, and a lone"
        text += " SYN to a Service, which no socket has made, passes them by; send a connection, or a lone SYN to a pod"
        raise NodeError((text + " behind the Service") % target.title)
    return None


def mounts(mountinfo: str) -> list[Mount]:
    """Return the mounts of version 2 in the text of /proc/PID/mountinfo."""
    found = []
    for line in mountinfo.splitlines():
        left, _dash, right = line.partition(" - ")
        if right.split(" ")[0] == "cgroup2":
            group, path = (_ESCAPED.sub(lambda one: chr(int(one.group(1), 8)), word) for word in left.split(" ")[3:5])
            found.append(Mount(group, path))
    return found


def folders(cgroup: str, mounted: Sequence[Mount]) -> list[str]:
    """Return where the group of version 2 is that the text of /proc/PID/cgroup names; none where it is not mounted."""
    own = next((line[len("0::") :] for line in cgroup.splitlines() if line.startswith("0::/")), _OUTSIDE)
    if own.startswith(_OUTSIDE):
        return []
    inner = [(one, os.path.relpath(own, one.group)) for one in mounted if not one.group.startswith(_OUTSIDE)]
    return [os.path.normpath(os.path.join(one.path, path)) for one, path in inner if not path.startswith("..")]


def _count(target: Target, version: int, roots: Roots = ROOTS) -> int:
    pid = os.getpid() if target.kind == CONTROLLER else target.pid or 0
    found = folders(read_cgroup(roots.proc, pid), mounts(read_text("%s/1/mountinfo" % roots.proc) or ""))
    if not found:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    folder = os.open(roots.at(found[0]), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        attachment = bpf.CGROUP_INET6_CONNECT if version == 6 else bpf.CGROUP_INET4_CONNECT
        return bpf.count(folder, attachment, bpf.QUERY_EFFECTIVE)
    finally:
        os.close(folder)
