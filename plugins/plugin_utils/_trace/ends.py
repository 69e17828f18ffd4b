# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From which namespace probes are sent, to which address, and where they may arrive. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Sequence

from ...module_utils._dns_records import Question, Resolution
from ...module_utils._errors import OptionError, TargetError
from ...module_utils._matching import usable
from ...module_utils._records import CONTROLLER, Candidate, Selection, Target
from .._cluster.services import AddressPort, Endpoint, Service, ServicePort
from .._plan import Places, choose_targets
from . import service
from .controller import Controller
from .expression import HERE, NODE, OPTION, POD, SERVICE, End, Expression, parse
from .host import DNS, IP
from .names import DNS_PORT, questions
from .wanted import Wanted, wanted_of


@dataclasses.dataclass(frozen=True)
class Landing:
    """An address and port at which probes may arrive, and who has it where that is known."""

    address: str
    port: int | None
    target: Target | None = None
    """A pod or node on a host of the play."""
    title: str | None = None


@dataclasses.dataclass(frozen=True)
class Ends:
    """Both ends of a trace."""

    source: Target
    wanted: Wanted
    address: str
    """To which probes are sent."""
    landings: tuple[Landing, ...]
    warnings: tuple[str, ...]
    entry: Target | None = None
    """The node to whose own address they are sent, where it is to send them on to a landing."""
    endpoints: tuple[Landing, ...] = ()
    """All of the Service that the address leads to, of the address' version; none where it is no Service's."""
    questions: tuple[Asked, ...] = ()
    """For the name of the destination, where it is one."""
    problem: str | None = None
    """Why the name has no address: then its questions alone are sent."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """A question for a name, and where it may arrive."""

    question: Question
    landings: tuple[Landing, ...]
    entry: Target | None


def find(
    expression: Expression,
    places: Places,
    services: Sequence[Service],
    controller: Controller | None = None,
    resolved: Resolution | None = None,
) -> Ends:
    """Return both ends; raise PcapError where one is not there, or cannot be watched.

    services: those that the expression names, or to which it may lead. controller: where it is the source. resolved:
    where the destination is a name.
    """
    source, warnings = _source(expression, places, controller)
    end = expression.destination
    if end.kind == SERVICE:
        return _to_service(expression, source, places, services, warnings)
    wanted = wanted_of(expression)
    if resolved is not None:
        return _to_name(resolved, Ends(source, wanted, "", (), tuple(warnings)), places, services)
    if end.kind == IP:
        return _to_address(end.name or "", Ends(source, wanted, "", (), tuple(warnings)), places, services)
    target, more = _chosen(end, places)
    address = _address(expression, target.title, target.addresses, wanted, source)
    landing = Landing(address, wanted.dport, target, target.title)
    return _led(Ends(source, wanted, address, (landing,), (*warnings, *more)), places, services)


def named(raw: object) -> list[str]:
    """Return the selections of what an expression names in the cluster, for who asks about them; raise OptionError."""
    expression = parse(raw)
    return [end.title for end in (expression.source, expression.destination) if end.kind in (NODE, POD, SERVICE)]


def leading(raw: object, resolved: Resolution | None = None) -> tuple[AddressPort, ...]:
    """Return the ports of nodes and addresses that a trace may go to, which may be Services'; raise OptionError."""
    expression = parse(raw)
    end = expression.destination
    if end.kind not in (NODE, IP, DNS):
        return ()
    wanted = wanted_of(expression)
    if resolved is None:
        return _reached(wanted, end.name if end.kind == IP else None)
    servers = dict.fromkeys(one.server for one in questions(resolved))
    told = [_reached(wanted, address) for address in resolved.addresses]
    return (*(one for some in told for one in some), *(AddressPort(DNS_PORT, "udp", server) for server in servers))


def _reached(wanted: Wanted, address: str | None) -> tuple[AddressPort, ...]:
    return () if wanted.dport is None else (AddressPort(wanted.dport, wanted.protocol or "", address),)


def _to_name(resolved: Resolution, ends: Ends, places: Places, services: Sequence[Service]) -> Ends:
    asked = []
    for one in questions(resolved):
        wanted = Wanted("udp", None, DNS_PORT, _version(one.server))
        to = _to_address(one.server, dataclasses.replace(ends, wanted=wanted), places, services)
        asked.append(Asked(one, to.landings, to.entry))
    ends = dataclasses.replace(ends, questions=tuple(asked))
    own = {_version(one) for one in ends.source.addresses}
    versions = {ends.wanted.ip_version} if ends.wanted.ip_version else own
    fitting = [one for one in resolved.addresses if _version(one) in versions]
    if fitting:
        return _to_address(fitting[0], ends, places, services)
    which = "is wanted" if ends.wanted.ip_version else "the source has"
    known = ", ".join(resolved.addresses)
    problem = resolved.problem or "it has no address of a version that %s, but %s" % (which, known)
    if not asked:
        raise TargetError("%s: %s: %s" % (OPTION, resolved.name, problem))
    return dataclasses.replace(ends, problem=problem)


def _to_address(address: str, ends: Ends, places: Places, services: Sequence[Service]) -> Ends:
    if ipaddress.ip_address(address).is_loopback:
        landing = Landing(address, ends.wanted.dport, ends.source, ends.source.title)
        return dataclasses.replace(ends, address=address, landings=(landing,))
    landing = _known(address, ends.wanted.dport, places.candidates, ends.source)
    return _led(dataclasses.replace(ends, address=landing.address, landings=(landing,)), places, services)


def _source(expression: Expression, places: Places, controller: Controller | None) -> tuple[Target, list[str]]:
    if expression.source.kind != HERE or controller is None:
        return _chosen(expression.source, places)
    # On a cluster of one machine the controller may be a node itself.
    own = [one for one in places.candidates if one.target.kind == NODE and one.target.node in places.hosts]
    node = next((one.target for one in own if controller.has(one.target.addresses)), None)
    return (node if node is not None and node.netns == controller.netns else controller.target), []


def _led(ends: Ends, places: Places, services: Sequence[Service]) -> Ends:
    """Return ends whose landings are what is behind the Service to which the address and port lead, if any."""
    (there,) = ends.landings
    of_node = there.target is not None and there.target.kind == NODE
    for reached in _reached(ends.wanted, ends.address):
        for own in services:
            port = own.reached(reached, of_node)
            found = _landings(own, port, places, ends.address) if port is not None else ()
            if port is not None and found:
                # Other addresses of a Service than its node ports are translated on every node, first on the source's.
                asks_node = port.node_port == reached.port or ends.source.kind == CONTROLLER
                entry = there.target if of_node and asks_node and reached.address not in own.addresses else None
                return dataclasses.replace(ends, landings=found, entry=entry, endpoints=found)
    return ends


def _landings(own: Service, port: ServicePort, places: Places, address: str) -> tuple[Landing, ...]:
    """Return where packets to a Service's port may arrive, of the address' version."""
    behind = [one for one in own.behind(port) if _version(one.address) == _version(address)]
    return tuple(_landing(one, own, places.candidates) for one in behind)


def _chosen(end: End, places: Places) -> tuple[Target, list[str]]:
    """Return the one target that an end names, on a host of the play; raise TargetError."""
    targets, warnings = choose_targets(OPTION, [Selection(end.kind, end.namespace, end.name)], places, False)
    if len(targets) != 1:
        raise TargetError("%s: %s are %d" % (OPTION, end.title, len(targets)))
    return targets[0], warnings


def _to_service(
    expression: Expression, source: Target, places: Places, services: Sequence[Service], warnings: Sequence[str]
) -> Ends:
    end = expression.destination
    own = next((one for one in services if (one.namespace, one.name) == (end.namespace, end.name)), None)
    if own is None:
        if places.told.source is None:
            right = "let the API be asked (K8S_AUTH_KUBECONFIG, or trace_api: always), or set trace_snapshot"
            raise OptionError(OPTION, "nodes do not know what %s is" % end.title, right)
        said = "; the API was of no help: %s" % places.told.problem if places.told.problem else ""
        raise TargetError("%s: there is no %s in the %s%s" % (OPTION, end.title, places.told.source, said))
    wanted, port = service.choose(expression, own.ports)
    behind = own.behind(port)
    if not behind:
        raise TargetError("%s: nothing is behind %s on port %s" % (OPTION, end.title, port.title))
    addresses = own.addresses or tuple(dict.fromkeys(one.address for one in behind))
    address = _address(expression, end.title, addresses, wanted, source)
    found = every = _landings(own, port, places, address)
    if not own.addresses:  # headless: clients speak with an endpoint, on its own port
        found = tuple(one for one in every if one.address == address)
        wanted = dataclasses.replace(wanted, dport=found[0].port)
    return Ends(source, wanted, address, found, tuple(warnings), endpoints=every)


def _landing(endpoint: Endpoint, own: Service, candidates: Iterable[Candidate]) -> Landing:
    if endpoint.pod is not None:
        pod = (own.namespace, endpoint.pod)
        candidates = [one for one in candidates if _is_it(one.target, pod)]
    known = _known(endpoint.address, endpoint.port, candidates)
    if known.title is None and endpoint.pod is not None:
        return dataclasses.replace(known, title="pod %s/%s" % (own.namespace, endpoint.pod))
    return known


def _is_it(target: Target, pod: tuple[str, str]) -> bool:
    """Say whether a target is a pod, or a node, on whose network a pod may be."""
    return target.kind == NODE or (target.namespace, target.name) == pod


def _known(address: str, port: int | None, candidates: Iterable[Candidate], source: Target | None = None) -> Landing:
    """Return an address with the pod or node that has it; a pod on its node's network is the node.

    A pod that has ended may have an address that another has by now. An address that several nodes have, such as a
    bridge's or a node's own cache of DNS, is that of the source's node, or nobody knows whose.
    """
    own = [one for one in candidates if address in one.target.addresses]
    own = [one for one in own if not (one.target.kind == POD and one.target.host_network)]
    nodes = {one.target.node for one in own if one.target.kind == NODE}
    if len(nodes) > 1:
        own = [one for one in own if source is not None and one.target.node == source.node]
    for candidate in sorted(own, key=lambda one: not usable(one)):
        target = candidate.target
        there = target if usable(candidate) and target.netns is not None else None
        return Landing(address, port, there, target.title)
    return Landing(address, port)


def _address(expression: Expression, title: str, addresses: Sequence[str], wanted: Wanted, source: Target) -> str:
    """Return the address to send to: of the version that is wanted, else of the first that the source has, too."""
    own = {_version(one) for one in source.addresses}
    for address in addresses:
        if _version(address) == wanted.ip_version or (wanted.ip_version is None and _version(address) in own):
            return address
    kind = "IPv%d address" % wanted.ip_version if wanted.ip_version else "address of a version that the source has"
    known = ", ".join(addresses) or "none"
    raise expression.filter_place.error("%s has no %s, but %s" % (title, kind, known), "choose another", 0)


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version
