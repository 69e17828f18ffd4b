# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port of a Service that a trace goes to. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ...module_utils._errors import shown
from .._cluster.fields import Object, text
from . import bpf
from .conditions import Packet
from .expression import Expression
from .wanted import Wanted, wanted_of

_MOST_SHOWN = 10


class ServicePort(NamedTuple):
    """A port of a Service."""

    protocol: str
    """``tcp``, ``udp`` or ``sctp``."""
    port: int
    name: str | None

    @property
    def title(self) -> str:
        """How messages call it: ``5432/TCP "postgres"``."""
        return "%d/%s" % (self.port, self.protocol.upper()) + (" %s" % shown(self.name) if self.name else "")


def choose(expression: Expression, ports: Iterable[Object]) -> Wanted:
    """Return what to send to the Service that an expression leads to, its protocol and port known.

    ``ports`` are those of the Service, ``spec.ports`` as the API has them. Raises OptionError, with the column and the
    Service's ports, where the filter fits none of them or several.
    """
    wanted = wanted_of(expression)
    known = read_ports(ports)
    found = bpf.read(expression.filter_place, expression.filter)
    versions = (wanted.ip_version,) if wanted.ip_version else (4, 6)
    fitting = [
        one
        for one in known
        if any(found.passes(Packet(v, one.protocol, wanted.sport, one.port)) is not False for v in versions)
    ]
    if len(fitting) == 1:
        return dataclasses.replace(wanted, protocol=fitting[0].protocol, dport=fitting[0].port)
    title, place = expression.destination.title, expression.filter_place
    if not known:
        raise place.error("%s has no ports" % title, "trace to a pod behind it", 0)
    if not fitting:
        wrong = "%s has no port that the filter lets through, but %s" % (title, _titles(known))
        raise place.error(wrong, "write one of its own, such as %s port %d" % known[0][:2], 0)
    wrong = "%s has several ports that the filter lets through: %s" % (title, _titles(fitting))
    raise place.error(wrong, "choose one, such as %s port %d" % fitting[0][:2], 0)


def read_ports(ports: Iterable[Object]) -> tuple[ServicePort, ...]:
    """Return the ports of a Service, from ``spec.ports``; what is none is left out."""
    return tuple(
        ServicePort((text(one, "protocol") or "TCP").lower(), one["port"], text(one, "name"))
        for one in ports
        if isinstance(one.get("port"), int)
    )


def _titles(ports: Sequence[ServicePort]) -> str:
    more = ["%d more" % (len(ports) - _MOST_SHOWN)] if len(ports) > _MOST_SHOWN else []
    return ", ".join([one.title for one in ports[:_MOST_SHOWN]] + more)
