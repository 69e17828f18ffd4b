# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which requests a selection needs, as few as there can be. PRIVATE to the collection.

    first(selection)                what is asked first
    then(selection, objects)        what is asked when that is known
    finished(requests)              what tells whether finished pods would match
    nearby(selection)               what tells a user what exists, where a selection matches nothing
    everything()                    what is asked without a selection

Pure functions. A label term of ours is one of Kubernetes' own, so that the server selects by it as written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ...module_utils._records import Selection
from ...module_utils._selection import ALL
from .fields import Object, entries, part, text, texts
from .objects import SERVICE_NAME

NEARBY_MOST = 2000
"""Most objects of a kind that are looked at only to tell what exists."""
CUT = f"to tell what exists, the API was asked for no more than {NEARBY_MOST:,} objects of a kind"
"""What is said where there may be more."""
UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
"""Which pods can be targets: those of jobs stay in the cluster when they have finished, and may be thousands."""

_ROOTS = {
    "pods": "/api/v1",
    "nodes": "/api/v1",
    "services": "/api/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
}
_FORMS = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}", "DoesNotExist": "!{key}"}


class Request(NamedTuple):
    """One GET of an object, or one LIST."""

    resource: str
    namespace: str | None = None
    """None: of the whole cluster."""
    name: str | None = None
    """The object's; None for a list."""
    label_selector: str = ""
    fresh: bool = True
    """Whether a list must hold what is there now: pods come and go, nodes stay."""
    most: int | None = None
    field_selector: str = ""

    @property
    def path(self) -> str:
        """The path of the API."""
        parts = [_ROOTS[self.resource], *(["namespaces", self.namespace] if self.namespace else []), self.resource]
        return "/".join([*parts, *([self.name] if self.name else [])])


EVERY_NODE = Request("nodes", fresh=False)
EVERY_SERVICE = Request("services", fresh=False)


def first(selection: Selection) -> tuple[Request, ...]:
    """Return what is asked first; ``then`` tells what follows of a workload and a service."""
    kind, name = selection.kind, selection.name
    namespace = None if selection.namespace == ALL else selection.namespace
    if kind in ("pods", "nodes"):
        listed = Request(kind, namespace, label_selector=",".join(selection.label_selectors), fresh=kind == "pods")
        return (listed._replace(field_selector=UNFINISHED) if kind == "pods" else listed,)
    if kind == "service":
        return (Request("services", namespace, name), slices(namespace, name))
    return (Request(kind + "s", namespace, name),)


def slices(namespace: str | None, service: str | None) -> Request:
    """Return what is asked for the endpoints of a Service."""
    return Request("endpointslices", namespace, label_selector="%s=%s" % (SERVICE_NAME, service))


def then(selection: Selection, objects: Iterable[Object]) -> tuple[Request, ...]:
    """Return what is asked when ``first`` was answered by these objects: the pods of a workload or service.

    The selector narrows what is sent; whose a pod is, its owners and the endpoint slices tell.
    """
    if selection.kind in ("pod", "pods", "node", "nodes"):
        return ()
    own = next((item for item in objects if item["kind"].lower() == selection.kind), None)
    if own is None:
        return ()
    spec = part(own, "spec")
    terms = _flat(spec, "selector") if selection.kind == "service" else _terms(part(spec, "selector"))
    pods = Request("pods", selection.namespace, label_selector=terms, field_selector=UNFINISHED)
    sets = Request("replicasets", selection.namespace, label_selector=terms)
    return (pods, sets) if selection.kind == "deployment" else (pods,)


def finished(asked: Iterable[Request]) -> tuple[Request, ...]:
    """Return the requests among those that were asked that left finished pods out, as they are with them."""
    return tuple(one._replace(field_selector="", most=NEARBY_MOST) for one in asked if one.field_selector)


def nearby(selection: Selection) -> tuple[tuple[Request, ...], ...]:
    """Return steps of requests, of which the next is asked only where the one before found no pod or node."""
    if selection.kind in ("node", "nodes"):
        return ((EVERY_NODE,),)
    everywhere = Request("pods", most=NEARBY_MOST)
    if selection.namespace == ALL:
        return ((everywhere,),)
    inside = everywhere._replace(namespace=selection.namespace)
    beside = {"service": "endpointslices", "deployment": "replicasets"}.get(selection.kind)
    return (inside, *((inside._replace(resource=beside),) if beside else ())), (everywhere,)


def everything() -> tuple[Request, ...]:
    """Return what a whole cluster is asked for; all but the first, the pods, can be done without."""
    still = ("services", "endpointslices", "replicasets", "jobs")
    return (Request("pods"), EVERY_NODE, *(Request(resource, fresh=False) for resource in still))


def _flat(item: Object, key: str) -> str:
    return ",".join("%s=%s" % pair for pair in sorted(texts(item, key).items()))


def _terms(selector: Object) -> str:
    """Return a workload's selector as a query has it; what is not known there narrows nothing."""
    terms = [_flat(selector, "matchLabels")]
    for one in entries(selector, "matchExpressions"):
        values = one.get("values")
        shown = ",".join(map(str, values)) if isinstance(values, list) else ""
        terms.append(_FORMS.get(text(one, "operator") or "", "").format(key=text(one, "key"), values=shown))
    return ",".join(filter(None, terms))
