# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From which namespace probes are sent, to which address, and where they may arrive. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Sequence

from ...module_utils._errors import OptionError, TargetError
from ...module_utils._matching import usable
from ...module_utils._records import Candidate, Selection, Target
from .._cluster.services import Endpoint, Service
from .._plan import Places, choose_targets
from . import service
from .expression import HERE, NODE, OPTION, POD, SERVICE, End, Expression, parse
from .host import DNS, IP
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


def find(expression: Expression, places: Places, services: Sequence[Service]) -> Ends:
    """Return both ends; raise PcapError where one is not there, or cannot be watched."""
    source, warnings = _source(expression, places)
    end = expression.destination
    if end.kind == SERVICE:
        return _to_service(expression, source, places, services, warnings)
    wanted = wanted_of(expression)
    if end.kind == DNS:
        right = "write the address that it has, or the service"
        raise OptionError(OPTION, "names are not resolved yet: %s" % end.name, right)
    if end.kind == IP:
        landing = _known(end.name or "", wanted.dport, places.candidates)
        return Ends(source, wanted, landing.address, (landing,), tuple(warnings))
    target, more = _chosen(end, places)
    address = _address(expression, target.title, target.addresses, wanted, source)
    landing = Landing(address, wanted.dport, target, target.title)
    return Ends(source, wanted, address, (landing,), (*warnings, *more))


def named(raw: object) -> list[str]:
    """Return the selections of what an expression names in the cluster, for who asks about them; raise OptionError."""
    expression = parse(raw)
    return [end.title for end in (expression.source, expression.destination) if end.kind in (NODE, POD, SERVICE)]


def _source(expression: Expression, places: Places) -> tuple[Target, list[str]]:
    if expression.source.kind == HERE:
        right = "write from node NAME, or from pod NAMESPACE/NAME"
        raise OptionError(OPTION, "nothing can be sent from the controller yet", right)
    return _chosen(expression.source, places)


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
    found = [_landing(one, own, places.candidates) for one in behind if _version(one.address) == _version(address)]
    if not own.addresses:  # headless: clients speak with an endpoint, on its own port
        found = [one for one in found if one.address == address]
        wanted = dataclasses.replace(wanted, dport=found[0].port)
    return Ends(source, wanted, address, tuple(found), tuple(warnings))


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


def _known(address: str, port: int | None, candidates: Iterable[Candidate]) -> Landing:
    """Return an address with the pod or node that has it; a pod on its node's network is the node.

    A pod that has ended may have an address that another has by now.
    """
    for candidate in sorted(candidates, key=lambda one: not usable(one)):
        target = candidate.target
        if address in target.addresses and not (target.kind == POD and target.host_network):
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
