# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services and what is behind them, from Kubernetes objects as JSON. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...module_utils._errors import shown
from ...module_utils._records import from_result
from .fields import Object, entries, labels, part, text
from .objects import SERVICE_NAME, Piece, addresses, key_of


@dataclasses.dataclass(frozen=True)
class ServicePort:
    """A port that a Service has."""

    protocol: str
    """``tcp``, ``udp`` or ``sctp``."""
    port: int
    name: str | None = None
    node_port: int | None = None
    """On every node's own addresses."""

    @property
    def title(self) -> str:
        """How messages call it: ``5432/TCP "postgres"``."""
        return "%d/%s" % (self.port, self.protocol.upper()) + (" %s" % shown(self.name) if self.name else "")


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """One address and port behind a port of a Service."""

    address: str
    port: int
    protocol: str
    port_name: str | None = None
    """Of the Service's port that leads here."""
    pod: str | None = None
    """Its name, in the Service's namespace; None for what is no pod."""
    ready: bool = True


@dataclasses.dataclass(frozen=True)
class AddressPort:
    """An address and port that may be a Service's."""

    port: int
    protocol: str
    address: str | None = None
    """None: a node's."""


@dataclasses.dataclass(frozen=True)
class Service:
    """A Service, as far as a packet that is sent to it goes."""

    namespace: str
    name: str
    addresses: tuple[str, ...] = ()
    """Its cluster IPs; a headless one has none."""
    ports: tuple[ServicePort, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    external: tuple[str, ...] = ()
    """Other addresses that lead to it: its external IPs, and those of its load balancers."""

    def reached(self, asked: AddressPort, of_node: bool = True) -> ServicePort | None:
        """Return its port to which a destination leads, if it does; ``of_node``: the address may be a node's."""
        own = asked.address in (*self.addresses, *self.external)
        of_node = of_node and asked.address not in self.addresses
        for port in self.ports:
            ports = ([port.port] if own else []) + ([port.node_port] if of_node else [])
            if port.protocol == asked.protocol and asked.port in ports:
                return port
        return None

    def behind(self, port: ServicePort) -> tuple[Endpoint, ...]:
        """Return where packets to a port may go: what is ready, or else whatever there is, as kube-proxy does."""
        known = [one for one in self.endpoints if (one.port_name, one.protocol) == (port.name, port.protocol)]
        return tuple([one for one in known if one.ready] or known)


@dataclasses.dataclass(frozen=True)
class _Answer:
    """What the result of ``targets_info`` has of Services."""

    services: tuple[Service, ...] = ()


def services(pieces: Iterable[Piece]) -> tuple[Service, ...]:
    """Return the Services among objects, each with the endpoints that its slices tell."""
    own: dict[tuple[str, str], Object] = {}
    behind: dict[tuple[str, str], list[Endpoint]] = {}
    for piece in pieces:
        kind, namespace, name = piece.key
        if kind == "Service":
            own[namespace, name] = piece.rest
        elif kind == "EndpointSlice":
            service = labels(piece.rest).get(SERVICE_NAME)
            if service is not None:
                behind.setdefault((key_of(piece.rest)[1], service), []).extend(_endpoints(piece.rest))
    return tuple(_service(key, item, tuple(behind.get(key, ()))) for key, item in own.items())


def told_services(result: Mapping[str, Any]) -> tuple[Service, ...]:
    """Return the Services in the result of ``targets_info``; raise RecordError for anything else."""
    return from_result(_Answer, result).services


def _service(key: tuple[str, str], item: Object, endpoints: tuple[Endpoint, ...]) -> Service:
    spec = part(item, "spec")
    given = spec.get("externalIPs")
    balancers = entries(part(part(item, "status"), "loadBalancer"), "ingress")
    outside = (*(given if isinstance(given, list) else ()), *(one.get("ip") for one in balancers))
    return Service(*key, _addresses(spec), read_ports(entries(spec, "ports")), endpoints, addresses(outside))


def read_ports(ports: Iterable[Object]) -> tuple[ServicePort, ...]:
    """Return the ports of a Service, from ``spec.ports``; what is none is left out."""
    return tuple(
        ServicePort((text(one, "protocol") or "TCP").lower(), one["port"], text(one, "name"), _number(one, "nodePort"))
        for one in ports
        if isinstance(one.get("port"), int)
    )


def _number(item: Object, key: str) -> int | None:
    value = item.get(key)
    return value if isinstance(value, int) else None


def _addresses(spec: Object) -> tuple[str, ...]:
    listed = spec.get("clusterIPs")
    given: Sequence[Any] = listed if isinstance(listed, list) else [spec.get("clusterIP")]
    return addresses(given)


def _endpoints(item: Object) -> Iterable[Endpoint]:
    for endpoint in entries(item, "endpoints"):
        reference = part(endpoint, "targetRef")
        pod = text(reference, "name") if reference.get("kind") == "Pod" else None
        ready = part(endpoint, "conditions").get("ready") is not False
        listed = endpoint.get("addresses")
        for port in read_ports(entries(item, "ports")):
            for address in addresses(listed if isinstance(listed, list) else ()):
                yield Endpoint(address, port.port, port.protocol, port.name, pod, ready)
