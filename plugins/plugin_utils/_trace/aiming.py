# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""At what the probes of a trace are sent, and by what they are known. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Sequence

from ...module_utils._errors import OptionError
from ...module_utils._records import CONTROLLER
from ...module_utils._trace_records import Mark, Probe
from . import probing
from .ends import Ends
from .request import COUNT, EACH, PROBE, SYN, TraceOptions


def each_apart(options: TraceOptions, found: Ends) -> Ends:
    """Return ends whose landings are all endpoints of the Service, none of them behind a node that is asked."""
    if found.problem is None and not found.endpoints:
        right = "leave it empty, or write a destination that is a Service"
        raise OptionError(EACH, "%s is no Service" % options.expression.destination.title, right)
    return dataclasses.replace(found, landings=found.endpoints, entry=None)


def routes(found: Ends, aimed: Sequence[probing.Aim]) -> list[str]:
    """Return a warning where the controller sends to pods: whose their addresses are there, its routes tell."""
    pods = {one.address for one in found.landings if one.target is not None and one.target.kind == "pod"}
    if found.source.kind != CONTROLLER or not pods & {aim.address for aim in aimed}:
        return []
    text = "the controller sends to addresses of pods, as its own routes have it; where none of them leads into the"
    return [text + " cluster, another machine may answer"]


def aims(options: TraceOptions, found: Ends) -> tuple[probing.Aim, ...]:
    """Return at what probes are sent: at the destination, at each of its endpoints, or, without an address, at none.

    Raises OptionError for more than may be sent.
    """
    if found.problem is not None:
        return ()
    led = [port for landing in found.landings if (port := landing.port)]
    ends = [(found.address, dict.fromkeys([*filter(None, [found.wanted.dport]), *led]))]
    if options.each_endpoint:
        ends = [(one.address, dict.fromkeys([one.port] if one.port else [])) for one in found.landings]
    kind, source = options.probe, _source(found, options.probe)
    made = []
    for address, ports in ends:
        said = options.said(address, next(iter(ports), None))
        made.append(probing.Aim(found.wanted, address, tuple(ports), said, kind, source, options.ttl))
    options.check_all(options.count * len(made))
    if options.count * len(made) > 1 and found.wanted.sport is not None:
        wrong = "the filter names source port %d, which one probe alone can have" % found.wanted.sport
        raise OptionError(COUNT, wrong, "send one, or leave the source port out")
    return tuple(made)


def probes(
    options: TraceOptions, found: Ends, aimed: Sequence[probing.Aim], seed: bytes
) -> tuple[tuple[Probe, ...], tuple[Mark, ...]]:
    """Return what is sent, and by what it is known: questions for the destination's name, then the probes."""
    asked = [(one.question, [port for landing in one.landings if (port := landing.port)]) for one in found.questions]
    made, marks = probing.questions(asked, options.count * len(aimed), seed)
    if aimed:
        own = probing.probes(aimed, options.count, seed, len(asked))
        made, marks = (*made, *own[0]), (*marks, *own[1])
    return made, marks


def translated(found: Ends, aimed: Sequence[probing.Aim]) -> bool:
    """Say whether probes go to a Service's address, and not to where one of its endpoints is."""
    own = {(one.address, one.port) for one in found.endpoints}
    return bool(own) and any((aim.address, next(iter(aim.ports), None)) not in own for aim in aimed)


def _source(found: Ends, kind: str | None) -> str:
    """Return the address that a lone SYN comes from; of all others the kernel chooses it. Raises OptionError."""
    if kind != SYN:
        return ""
    version = ipaddress.ip_address(found.address).version
    for address in found.source.addresses:
        if ipaddress.ip_address(address).version == version:
            return address
    wrong = "%s has no IPv%d address that is known, from which to send a lone SYN" % (found.source.title, version)
    raise OptionError(PROBE, wrong, "write connection, or another destination")
