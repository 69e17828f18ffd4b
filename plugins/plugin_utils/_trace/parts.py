# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace expression's parts as plain data. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from typing import Any

from .expression import End, parse, to_text
from .wanted import wanted_of


def parts(raw: object) -> dict[str, Any]:
    """Return what filter ``trace_expression`` documents; raise OptionError for text that is no trace expression."""
    expression = parse(raw)
    return {
        "expression": to_text(expression),
        "source": _end(expression.source),
        "destination": _end(expression.destination),
        "filter": expression.filter,
        **dataclasses.asdict(wanted_of(expression)),
    }


def _end(end: End) -> dict[str, str | None]:
    return {"kind": end.kind, "namespace": end.namespace, "name": end.name}
