# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible, recorders and tools could leave on nodes, compared before and after."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from .node import ClusterNode

Footprint = dict[str, frozenset[str]]
"""By node: command lines of processes, and paths of files."""
_PLACES = ("/run", "/tmp", "/var/tmp", "/dev/shm")
"""Folders of a node that are in memory, and so in no layer of its files."""
_OWN = re.compile(r"sshd|ps -eo|find /|/var/log/|/run/(containerd|utmp|netns|xtables)|/etc/cni|/var/lib/cni")
"""Of the cluster itself and of what looks here: sessions that stay for a while, logs, the runtime's and CNI's state."""


def footprint(nodes: Iterable[ClusterNode]) -> Footprint:
    """What runs on nodes, and the files that were written there; not in the folders of containerd, kubelet and etcd."""
    return {node.name: frozenset(line for line in _lines(node) if not _OWN.search(line)) for node in nodes}


def _lines(node: ClusterNode) -> list[str]:
    processes = node.run(["ps", "-eo", "args="]).stdout.splitlines()
    in_memory = node.run(["find", *_PLACES, "-xdev"], check=False).stdout.splitlines()
    upper = node.folder / "upper"
    return [*processes, *in_memory, *("/%s" % os.path.relpath(path, upper) for path in upper.rglob("*"))]


def left(before: Footprint, nodes: Iterable[ClusterNode]) -> dict[str, list[str]]:
    """What is there and was not there before, by node."""
    now = footprint(nodes)
    return {name: sorted(now[name] - before[name]) for name in now if now[name] - before[name]}
