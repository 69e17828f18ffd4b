# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port of a Service that a trace goes to. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from .._cluster.services import ServicePort
from . import bpf
from .conditions import Packet
from .expression import Expression
from .wanted import Wanted, wanted_of

_MOST_SHOWN = 10


def choose(expression: Expression, known: Sequence[ServicePort]) -> tuple[Wanted, ServicePort]:
    """Return what to send to the Service that an expression leads to, and its port; ``known`` are all it has.

    Raises OptionError, with the column and the Service's ports, where the filter fits none of them or several.
    """
    wanted = wanted_of(expression)
    found = bpf.read(expression.filter_place, expression.filter)
    versions = (wanted.ip_version,) if wanted.ip_version else (4, 6)
    fitting = [
        one
        for one in known
        if any(found.passes(Packet(v, one.protocol, wanted.sport, one.port)) is not False for v in versions)
    ]
    if len(fitting) == 1:
        return dataclasses.replace(wanted, protocol=fitting[0].protocol, dport=fitting[0].port), fitting[0]
    title, place = expression.destination.title, expression.filter_place
    if not known:
        raise place.error("%s has no ports" % title, "trace to a pod behind it", 0)
    if not fitting:
        wrong = "%s has no port that the filter lets through, but %s" % (title, _titles(known))
        raise place.error(wrong, "write one of its own, such as %s port %d" % _words(known[0]), 0)
    wrong = "%s has several ports that the filter lets through: %s" % (title, _titles(fitting))
    raise place.error(wrong, "choose one, such as %s port %d" % _words(fitting[0]), 0)


def _words(port: ServicePort) -> tuple[str, int]:
    return port.protocol, port.port


def _titles(ports: Sequence[ServicePort]) -> str:
    more = ["%d more" % (len(ports) - _MOST_SHOWN)] if len(ports) > _MOST_SHOWN else []
    return ", ".join([one.title for one in ports[:_MOST_SHOWN]] + more)
