# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups of nodes, by what the API server knows of them. PRIVATE to the collection.

A group's name holds letters, digits and ``_``, so two labels that differ in other characters alone share one group.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible.inventory.group import to_safe_group_name

from .nodes import Node

ALL = "nodes"
"""The group of every host."""
ZONE = "topology.kubernetes.io/zone"

_HOSTNAME = "kubernetes.io/hostname"
_ROLE = "node-role.kubernetes.io/"
_ROLE_VALUE = "kubernetes.io/role"


def groups(node: Node) -> tuple[str, ...]:
    """Return the names of a node's groups, each once, sorted."""
    return tuple(sorted({_safe(name) for name in _names(node)}))


def _names(node: Node) -> Iterator[str]:
    yield ALL
    yield "ready" if node.conditions.get("Ready") == "True" else "not_ready"
    if node.unschedulable:
        yield "unschedulable"
    for key, value in node.labels.items():
        if key != _HOSTNAME:  # it would make one group for each host
            yield _joined("label", key, value)
        if key.startswith(_ROLE):
            yield _joined("role", key[len(_ROLE) :])
        if key == _ROLE_VALUE:
            yield _joined("role", value)
        if key == ZONE:
            yield _joined("zone", value)
    for taint in node.taints:
        yield _joined("taint", taint.key, taint.value, taint.effect)


def _joined(*parts: str) -> str:
    return "_".join(part for part in parts if part)


def _safe(name: str) -> str:
    return str(to_safe_group_name(name, force=True, silent=True))
