# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain Python values at the edge of a controller plugin. PRIVATE to the collection.

From 2.19 on, ansible-core hands actions and filters tagged strings and lazy containers, which other libraries refuse.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any


def plain(value: Any) -> Any:
    """Return a value in the types of JSON, without Ansible's tags; what JSON does not know becomes its text."""
    if value is None or isinstance(value, bool):
        return value if value is None else bool(value)
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Set)):
        return [plain(item) for item in value]
    return str(value)
