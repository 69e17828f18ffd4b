# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every report has in common: its shape, and lines that are told of several nodes. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from .._play import Answer
from .text import clean

Captures = list[dict[str, Any]]
"""What a module returned of captures, one for each capture and host, with the key ``host``."""


@dataclasses.dataclass(frozen=True)
class Report:
    """What a play has to say in the end."""

    id: str | None
    """The capture's, None when there are several or none."""
    captures: Captures
    unasked: tuple[dict[str, str], ...]
    """{host, reason} of each host that gave no answer."""
    text: str
    failure: str | None = None
    """Why the play must fail, though hosts answered."""
    warnings: tuple[str, ...] = ()


def nothing_there(wanted: str | None, others: str) -> str:
    """Say that no host has what was asked for; ``others`` are the captures that there are."""
    what = "no capture" if wanted is None else "no capture %s" % wanted
    return "%s on any host that answered%s" % (what, "; there are %s" % others if others else "")


def by_node(told: Iterable[tuple[str, str]]) -> list[str]:
    """Return one line for each thing that is told, with the nodes that it is true of."""
    nodes: dict[str, list[str]] = {}
    for node, text in told:
        nodes.setdefault(text, []).append(node)
    return ["  %s: %s" % (", ".join(names), text) for text, names in nodes.items()]


def conclude(
    id: str | None, captures: Captures, answers: Sequence[Answer], lines: Sequence[str], failure: str | None = None
) -> Report:
    """Return the report of these lines, with what hosts said, and why others gave no answer."""
    unasked = tuple({"host": a.host, "reason": a.problem or ""} for a in answers if a.result is None)
    said = by_node((answer.host, message) for answer in answers for message in answer.messages)
    missing = ["  %s gave no result: %s" % (a.host, a.problem) for a in answers if not a.result and not a.waiting]
    late = by_node((answer.host, answer.problem or "") for answer in answers if answer.waiting)
    text = "\n".join(clean(line) for line in (*lines, *said, *missing, *late)).rstrip("\n")
    return Report(id, captures, unasked, text, failure)


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``2 hosts``."""
    return "%d %s%s" % (number, noun, "" if number == 1 else "s")
