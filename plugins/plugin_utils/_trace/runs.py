# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace is sent a second time where a loss cannot be called, and the result holds both. PRIVATE to the collection.

A loss can only be called where every node was watched in that same run. Where the first run watched those on the way
alone, and its packets are gone, a second one watches them all. It adds to what the first one came to, and replaces
nothing of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from . import verdict
from .answers import Told
from .assembling import assemble
from .controller import NAME
from .records import Planned, Verdict
from .request import ALL, ID, TAPS
from .result import Endpoints, Probed, Result


def lacks_nodes(planned: Planned, told: Told) -> Result | None:
    """Return what a first run came to, where nothing but the other nodes' taps kept a loss from being called one."""
    if not planned.again or planned.every_node or told.sent is None:
        return None
    everywhere = assemble(dataclasses.replace(planned, every_node=True), told.tapped, told.sent, told.problems)
    if everywhere.verdict.outcome != verdict.LOST:  # a question that is lost keeps no probe from being answered
        return None
    return assemble(planned, told.tapped, told.sent, told.problems)


def once_more(request: Mapping[str, Any], planned: Planned) -> dict[str, Any]:
    """Return the request of the second run."""
    return {**request, ID: planned.id, TAPS: ALL}


def fallen(watching: Iterable[str], hosts: Collection[str]) -> str | None:
    """Return why a second run cannot be: hosts that are to watch and have failed; ``hosts`` are those that have not.

    They would not take part in it, and what they have registered is the first run's.
    """
    gone = [host for host in watching if host != NAME and host not in hosts]
    return "%s failed in the first run" % " and ".join(gone) if gone else None


def joined(first: Result, second: Result) -> Result:
    """Return the result of both; numbers of probes, taps and hops go on where the first run's end."""
    probes, taps, hops = len(first.probes), len(first.taps), len(first.hops)
    names = tuple(dict.fromkeys((*first.endpoints.names, *second.endpoints.names)))
    return dataclasses.replace(
        first,
        endpoints=Endpoints(len(names), max(first.endpoints.of, second.endpoints.of), names),
        probes=(*first.probes, *(_moved(probe, probes) for probe in second.probes)),
        taps=(*first.taps, *(dataclasses.replace(tap, id=tap.id + taps) for tap in second.taps)),
        hops=(
            *first.hops,
            *(
                dataclasses.replace(hop, n=hop.n + hops, probe=hop.probe + probes, tap=hop.tap + taps)
                for hop in second.hops
            ),
        ),
        clock=(*first.clock, *second.clock),
        verdict=_whole(first.verdict, second.verdict),
    )


def _moved(probe: Probed, by: int) -> Probed:
    number = probe.n + by
    return dataclasses.replace(
        probe,
        n=number,
        mark=dataclasses.replace(probe.mark, probe=number),
        sent=None if probe.sent is None else dataclasses.replace(probe.sent, number=number),
        question=None if probe.question is None else dataclasses.replace(probe.question, probe=number),
    )


def _whole(first: Verdict, second: Verdict) -> Verdict:
    """Return the worse of two runs' verdicts, which tells of the other run, too."""
    if verdict.severity(second) <= verdict.severity(first):
        text = "%s; this is of a second run, with every node watched, and the first was %s"
        return dataclasses.replace(second, text=text % (second.text, first.outcome))
    text = "%s; a second run, with every node watched, was %s: %s"
    return dataclasses.replace(first, text=text % (first.text, second.outcome, second.text))
