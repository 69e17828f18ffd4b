# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON Schema of records, as ``from_result`` reads them: every key, and no type but the record's own.

Its caller writes ``docs/trace.schema.json`` where the records have changed.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import OUTCOMES
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.result import SCHEMA, Result

_SCALARS = {"str": "string", "int": "integer", "bool": "boolean"}
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def trace_schema() -> dict[str, Any]:
    """The schema of a trace's result."""
    found: dict[str, Any] = {}
    _define(Result, found)
    found["Result"]["properties"]["schema"] = {"const": SCHEMA}
    found["Verdict"]["properties"]["outcome"] = {"enum": list(OUTCOMES)}
    return {"$schema": _DIALECT, "title": SCHEMA, "$ref": "#/$defs/Result", "$defs": dict(sorted(found.items()))}


def _define(kind: type, found: dict[str, Any]) -> str:
    if kind.__name__ not in found:
        found[kind.__name__] = {}
        names = vars(sys.modules[kind.__module__])
        properties = {field.name: _of(str(field.type), names, found) for field in dataclasses.fields(kind)}
        found[kind.__name__] = {"type": "object", "properties": properties, "required": list(properties)}
    return kind.__name__


def _of(annotation: str, names: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    if annotation.endswith(" | None"):
        return {"anyOf": [_of(annotation[: -len(" | None")], names, found), {"type": "null"}]}
    if annotation in _SCALARS:
        return {"type": _SCALARS[annotation]}
    outer, _bracket, inner = annotation.partition("[")
    if outer == "tuple":
        return {"type": "array", "items": _of(inner[: -len(", ...]")], names, found)}
    if outer == "Mapping":
        return {"type": "object", "additionalProperties": _of(inner[len("str, ") : -1], names, found)}
    return {"$ref": "#/$defs/" + _define(names[annotation], found)}
