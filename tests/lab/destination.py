# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a destination of counted traffic means: the address to send to, and who should receive."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from .model import LabError
from .traffic import PORT, Place

if TYPE_CHECKING:
    from .lab import Lab


def resolve(lab: Lab, to: str, family: int, port: int | None) -> tuple[str, list[Place], int]:
    """The address, the places that receive, and the port that they listen on.

    ``to``: ``namespace/name`` of a pod or of a Service, a node's name, or an address; an address that is no pod's or
    node's has no receiver. ``family`` is 4 or 6.
    """
    pick = {4: 0, 6: 1}[family]
    if to in lab.state.pods:
        pod = lab.pod(*to.split("/"))
        if pod.addresses is None or not pod.state.running:
            raise LabError("%s does not run" % pod.title)
        return list(pod.addresses)[pick], [pod], port or PORT
    for service in lab.state.spec.services:
        if service.key == to:
            listen = [p.target for p in service.ports if p.protocol == "UDP" and p.port == (port or PORT)]
            if not listen:
                raise LabError("service %s has no UDP port %d" % (to, port or PORT))
            backends = [lab.pod(p.namespace, p.name) for p in lab.state.spec.backends(service)]
            return list(lab.state.cluster_ips(to))[pick], [p for p in backends if p.state.running], listen[0]
    for node in lab.nodes:
        if node.name == to:
            return list(node.addresses)[pick], [node], port or PORT
    return _address(lab, to), _owners(lab, to), port or PORT


def _address(lab: Lab, to: str) -> str:
    try:
        return str(ipaddress.ip_address(to))
    except ValueError:
        services = ", ".join(service.key for service in lab.state.spec.services)
        raise LabError("%r is no pod, Service (%s), node or address of the lab" % (to, services)) from None


def _owners(lab: Lab, address: str) -> list[Place]:
    places: list[Place] = [*lab.nodes, *(pod for pod in lab.pods if pod.state.number and pod.state.running)]
    return [place for place in places if address in (place.addresses or ())]  # type: ignore[attr-defined]
