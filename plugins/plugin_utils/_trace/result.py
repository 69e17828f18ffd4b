# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a trace, as it is stored and shown: schema ``kube.pcap/trace/v1``. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ...module_utils._dns_records import Resolution
from ...module_utils._errors import FileError, shown
from ...module_utils._records import RecordError, from_result
from ...module_utils._trace_records import Mark, Sent
from .clock import Offset
from .records import Hop, NameQuestion, Proof, Verdict

SCHEMA = "kube.pcap/trace/v1"


@dataclasses.dataclass(frozen=True)
class Destination:
    """Where the probes were sent to."""

    name: str
    """As the expression has it."""
    address: str
    port: int | None = None


@dataclasses.dataclass(frozen=True)
class Endpoints:
    """At how many of the places where a probe may arrive one did."""

    seen: int
    of: int
    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Probed:
    """One probe, by what it was known, and what became of it."""

    n: int
    mark: Mark
    sent: Sent | None
    verdict: Verdict
    question: NameQuestion | None = None
    """What it asks for, where it is one for the destination's name."""
    endpoint: str | None = None
    """Which endpoint it went to, where each is probed by itself."""
    run: int = 1


@dataclasses.dataclass(frozen=True)
class Tap:
    """One tap, and how far it is to be relied upon; without an answer it has a problem alone."""

    id: int
    node: str
    namespace: str | None
    pod: str | None
    proven: tuple[Proof, ...]
    """Empty: nothing is, whatever it did not see may have passed."""
    interfaces: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Index to name."""
    changed: tuple[str, ...] = ()
    packets: int | None = None
    received: int | None = None
    dropped: int | None = None
    left_out: int | None = None
    problem: str | None = None
    run: int = 1
    """In which it watched: a trace that is sent a second time has taps of both."""
    blind: tuple[str, ...] = ()
    """Programs that may keep packets from it, and whether it is not known if there are."""


@dataclasses.dataclass(frozen=True)
class Result:
    """All of it."""

    schema: str
    id: str
    expression: str
    started: str | None
    source: str
    destination: Destination
    endpoints: Endpoints
    probes: tuple[Probed, ...]
    taps: tuple[Tap, ...]
    hops: tuple[Hop, ...]
    clock: tuple[Offset, ...]
    verdict: Verdict
    resolution: Resolution | None = None
    """What the source's resolver said of the destination's name, before the taps listened."""


def read_result(stored: object) -> Result:
    """Return a stored result; raise FileError for what is none, or of another schema."""
    schema = stored.get("schema") if isinstance(stored, Mapping) else None
    if schema != SCHEMA:
        told = "no schema" if schema is None else "the schema %s" % shown(schema)
        raise FileError("it is no result of a trace: it has %s, and %s is read" % (told, SCHEMA))
    try:
        return from_result(Result, stored)
    except RecordError as error:
        raise FileError("it is no result of a trace: %s" % error) from None


def read_earlier(plan: Mapping[str, Any]) -> Result | None:
    """Return what a first run came to, as the plan of a second one has it; None where there was none."""
    earlier = plan.get("earlier")
    return None if earlier is None else read_result(earlier)
