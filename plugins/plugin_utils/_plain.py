# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain Python values at the edge of a controller plugin. PRIVATE to the collection.

From 2.19 on, ansible-core hands actions and filters tagged strings and lazy containers, which other libraries refuse.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence, Set
from typing import Any

_PLAIN = (type(None), bool, str, int, float)


def plain(value: Any) -> Any:
    """Return a value in the types of JSON, without Ansible's tags; what JSON does not know becomes its text.

    What is plain already stays what it is: of a large cluster it is hundreds of megabytes.
    """
    if value.__class__ in _PLAIN:
        return value
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        made = {plain(key): plain(item) for key, item in value.items()}
        return value if value.__class__ is dict and _same((*value, *value.values()), (*made, *made.values())) else made
    if isinstance(value, (list, tuple, Set)):
        listed = [plain(item) for item in value]
        return value if value.__class__ is list and _same(value, listed) else listed
    return str(value)


def _same(values: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(map(operator.is_, values, others))
