# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of pods and containers from the kubelet's folders. PRIVATE to the collection.

The kubelet writes them whatever the runtime is (``pkg/kubelet/kuberuntime``, ``logs.go`` and ``legacy.go``):

    /var/log/pods/<namespace>_<name>_<uid>/<container>/
    /var/log/containers/<name>_<namespace>_<container>-<id>.log
    /var/lib/kubelet/pods/<uid>/containers/<container>/
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from .proc import Roots

# A namespace and a name hold no "_", a uid and a configuration hash neither.
_FOLDER = re.compile(r"([a-z0-9-]{1,63})_([a-z0-9.-]{1,253})_([0-9a-f-]{32,36})\Z", re.ASCII)
_LINK = re.compile(r"[a-z0-9.-]+_[a-z0-9-]+_([a-z0-9-]{1,63})-([0-9a-f]{64})\.log\Z", re.ASCII)


class Logged(NamedTuple):
    """One pod that has a folder of logs."""

    uid: str
    """With dashes, or a static pod's configuration hash."""
    namespace: str
    name: str
    containers: tuple[str, ...]
    """Names of all that has ever started, init and ephemeral containers included, in the order of the alphabet."""


def parse_folder(name: str) -> tuple[str, str, str] | None:
    """Return (namespace, name, uid) of a folder's name below /var/log/pods."""
    match = _FOLDER.match(name)
    return (match.group(1), match.group(2), match.group(3)) if match else None


def parse_link(name: str) -> tuple[str, str] | None:
    """Return (id, container) of a name below /var/log/containers."""
    match = _LINK.match(name)
    return (match.group(2), match.group(1)) if match else None


def read_logged(roots: Roots) -> dict[str, Logged]:
    """Return the pods that have a folder of logs, by uid."""
    found = {}
    top, kept = roots.at("/var/log/pods"), roots.at("/var/lib/kubelet/pods")
    for folder in _folders(top):
        parsed = parse_folder(folder)
        if parsed:
            namespace, name, uid = parsed
            names = set(_folders(os.path.join(top, folder)))
            names.update(_folders(os.path.join(kept, uid, "containers")))
            found[uid] = Logged(uid, namespace, name, tuple(sorted(names)))
    return found


def read_container_names(roots: Roots) -> dict[str, str]:
    """Return container ids and their names, as far as the kubelet's links tell."""
    try:
        names = os.listdir(roots.at("/var/log/containers"))
    except OSError:
        return {}
    return dict(filter(None, map(parse_link, names)))


def _folders(path: str) -> list[str]:
    """Return the names of the folders in a folder that may be missing."""
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []
