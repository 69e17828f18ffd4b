# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pod and container a cgroup belongs to. PRIVATE to the collection.

How kubelets and runtimes spell the path of a container (kubelet ``pkg/kubelet/cm``, runc's cgroup drivers):

    cgroupfs   /kubepods/burstable/pod<uid>/<id>                     guaranteed pods: /kubepods/pod<uid>/<id>
    systemd    /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid with _>.slice/<runtime>-<id>.scope
    mixed      /system.slice/containerd.service/kubepods-burstable-pod<uid with _>.slice:cri-containerd:<id>

``<runtime>`` is ``cri-containerd``, ``crio`` or ``docker``, and CRI-O's cgroupfs names begin with ``crio-`` too.
Anything may stand before (``/kubelet.slice/kubelet-``, a node that is a container itself) and after (``/init.scope``).
A static pod's uid is its configuration's hash: 32 hex digits without dashes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_POD = re.compile(
    r"[/-]pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice)?(?=[/:]|\Z)", re.ASCII
)
_CONTAINER = re.compile(r"[/:](?:(?P<runtime>[a-z-]+)[-:])?(?P<id>[0-9a-f]{64})(?:\.scope)?(?=/|\Z)", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)


class Member(NamedTuple):
    """What a cgroup path says of a process."""

    uid: str
    """The pod's uid with dashes, or a static pod's configuration hash."""
    container_id: str | None
    """64 hex digits; None for a process directly in the pod's group."""


def parse_cgroup(text: str) -> Member | None:
    """Return the pod and container of /proc/PID/cgroup; None for a process of no pod, and for CRI-O's conmon.

    The innermost pod counts: a node may itself run in a pod's cgroup.
    """
    found = None
    for line in text.splitlines():
        path = line.split(":", 2)[-1]
        pods = list(_POD.finditer(path))
        if not pods:
            continue
        container = _CONTAINER.search(path, pods[-1].end())
        if container and "conmon" in (container.group("runtime") or ""):
            return None
        found = Member(pods[-1].group("uid").replace("_", "-"), container.group("id") if container else None)
        if found.container_id:
            return found
    return found


def is_static_hash(uid: str) -> bool:
    """Say whether a pod's uid on the node is a static pod's configuration hash."""
    return bool(_HASH.match(uid))
