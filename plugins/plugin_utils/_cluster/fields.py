# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fields of Kubernetes objects as JSON; one that is absent or of another type is empty. PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]


def part(item: Object, key: str) -> Object:
    """Return the object below a key, else an empty one."""
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def entries(item: Object, key: str) -> list[Object]:
    """Return the objects of the list below a key."""
    value = item.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(item: Object, key: str) -> str | None:
    """Return the text below a key; None where it is empty."""
    value = item.get(key)
    return value if isinstance(value, str) and value else None


def texts(item: Object, key: str) -> dict[str, str]:
    """Return the keys and values of the object below a key, all as text."""
    return {str(name): str(value) for name, value in part(item, key).items()}


def labels(item: Object) -> dict[str, str]:
    """Return the labels of an object."""
    return texts(item["metadata"], "labels")
