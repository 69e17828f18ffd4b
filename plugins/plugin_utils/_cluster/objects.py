# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods and nodes as candidates, from Kubernetes objects as JSON. PRIVATE to the collection.

Pure functions over what the API sends and what ``kubectl get -o json`` prints: both lead through here.
"""

from __future__ import annotations

import collections
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...module_utils._matching import match_labels
from ...module_utils._records import Candidate, Container, Target
from .fields import Object, entries, labels, part, text, texts

Key = tuple[str, str, str]
"""(kind, namespace, name) of an object."""

SERVICE_NAME = "kubernetes.io/service-name"
"""The label that tells whose an endpoint slice is."""
_CONFIG_HASH = "kubernetes.io/config.hash"
_CONFIG_MIRROR = "kubernetes.io/config.mirror"
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_BETWEEN = ("ReplicaSet", "Job")
"""Kinds that own pods and mostly have an owner of their own; without them the way up is not known."""


def flatten(document: Any, where: str = "it") -> Iterator[dict[str, Any]]:
    """Yield the objects of an object, a List, a list of Lists, or a List of one kind, whose items leave their kind out.

    Raises ValueError, which says what at which place is no Kubernetes object.
    """
    if isinstance(document, list):
        for index, item in enumerate(document):
            yield from flatten(item, "%s[%d]" % (where, index))
        return
    kind = document.get("kind") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        raise ValueError("%s is no Kubernetes object: it has no kind" % where)
    if kind.endswith("List"):
        items = document.get("items")
        if not isinstance(items, list):
            raise ValueError("%s is a %s without a list of items" % (where, kind))
        for index, item in enumerate(items):
            whole = {"kind": kind[: -len("List")], **item} if isinstance(item, dict) and kind != "List" else item
            yield from flatten(whole, "%s.items[%d]" % (where, index))
        return
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise ValueError("%s is a %s without metadata.name" % (where, kind))
    yield document


def lean(item: Object) -> Object:
    """Return an object with no more than what is read here, a tenth of a pod: a cluster has tens of thousands."""
    metadata, spec, status = item["metadata"], part(item, "spec"), part(item, "status")
    annotations = _only(part(metadata, "annotations"), _CONFIG_HASH, _CONFIG_MIRROR)
    kept = {**_only(metadata, "name", "namespace", "uid", "labels", "ownerReferences"), "annotations": annotations}
    if item["kind"] != "Pod":
        body = {"spec": _only(spec, "selector"), "status": _only(status, "addresses"), **_only(item, "endpoints")}
        return {"kind": item["kind"], "metadata": kept, **body}
    containers = {where: [_only(c, "name") for c in entries(spec, where)] for where in _CONTAINERS}
    statuses = {where: [_only(c, "name", "containerID") for c in entries(status, where)] for where in _STATUSES}
    return {
        "kind": "Pod",
        "metadata": kept,
        "spec": {**_only(spec, "nodeName", "hostNetwork"), **containers},
        "status": {**_only(status, "phase", "podIP", "podIPs"), **statuses},
    }


def _only(item: Object, *names: str) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}


def candidates(objects: Iterable[Object], whole: bool = False) -> tuple[Candidate, ...]:
    """Return every node and pod, with its workloads and services as far as the objects tell.

    whole: there is nothing beside these objects that matters. Otherwise what they do not tell is None.
    """
    known = list(objects)
    owners = {key_of(item): _owners(item) for item in known}
    services = _services(known, whole)
    found = [Candidate(_node(item)) for item in known if item["kind"] == "Node"]
    for item in known:
        if item["kind"] == "Pod":
            found.append(
                Candidate(
                    target=_pod(item),
                    phase=text(part(item, "status"), "phase") or "Unknown",
                    workloads=_workloads(item, owners, whole),
                    services=None if services is None else tuple(sorted(services.get(key_of(item), ()))),
                )
            )
    return tuple(found)


def _node(item: Object) -> Target:
    name = item["metadata"]["name"]
    listed = entries(part(item, "status"), "addresses")
    return Target(
        kind="node",
        name=name,
        uid=text(item["metadata"], "uid"),
        node=name,
        host_network=True,
        addresses=_addresses(text(a, "address") for a in listed if a.get("type") in ("InternalIP", "ExternalIP")),
        labels=labels(item),
    )


def _pod(item: Object) -> Target:
    metadata, spec, status = item["metadata"], part(item, "spec"), part(item, "status")
    annotations = part(metadata, "annotations")
    containers = _containers(spec, status)
    addresses = [text(entry, "ip") for entry in entries(status, "podIPs")] or [text(status, "podIP")]
    return Target(
        kind="pod",
        namespace=text(metadata, "namespace") or "default",
        name=metadata["name"],
        uid=text(metadata, "uid"),
        node=text(spec, "nodeName"),
        container=containers[0].name if containers else None,
        containers=containers,
        host_network=spec.get("hostNetwork") is True,
        addresses=_addresses(addresses),
        labels=labels(item),
        static_hash=text(annotations, _CONFIG_HASH) if _CONFIG_MIRROR in annotations else None,
    )


def _containers(spec: Object, status: Object) -> tuple[Container, ...]:
    """Return the containers in the specification's order, init and ephemeral ones after the others."""
    ids = {}
    for key in _STATUSES:
        for entry in entries(status, key):
            ids[entry.get("name")] = str(entry.get("containerID") or "").rpartition("://")[2] or None
    names = [entry["name"] for key in _CONTAINERS for entry in entries(spec, key) if isinstance(entry.get("name"), str)]
    return tuple(Container(name, ids.get(name)) for name in names)


def _workloads(pod: Object, owners: Mapping[Key, Sequence[Key]], whole: bool) -> tuple[tuple[str, str], ...] | None:
    """Return what owns a pod, all the way up; None where an owner that has one itself is missing, unless ``whole``."""
    found: list[tuple[str, str]] = []
    waiting, seen = list(_owners(pod)), set()
    while waiting:
        key = waiting.pop(0)
        if key in seen or key[0] == "Node":
            continue
        seen.add(key)
        if key[0] in _BETWEEN and key not in owners and not whole:
            return None
        found.append((key[0].lower(), key[2]))
        waiting.extend(owners.get(key, ()))
    return tuple(found)


def _services(objects: Sequence[Object], whole: bool) -> Mapping[Key, set[str]] | None:
    """Return the services of each pod, by endpoint slices, else by selector.

    None where no service is known at all, unless ``whole``.
    """
    slices = [item for item in objects if item["kind"] == "EndpointSlice"]
    services = [item for item in objects if item["kind"] == "Service"]
    if not slices and not services and not whole:
        return None
    found: dict[Key, set[str]] = collections.defaultdict(set)
    told = set()
    for item in slices:
        namespace, service = key_of(item)[1], labels(item).get(SERVICE_NAME)
        if service is None:
            continue
        told.add((namespace, service))
        for endpoint in entries(item, "endpoints"):
            reference = part(endpoint, "targetRef")
            if reference.get("kind") == "Pod":
                found[("Pod", namespace, str(reference.get("name")))].add(service)
    for item in services:
        _kind, namespace, service = key_of(item)
        selector = texts(part(item, "spec"), "selector")
        if (namespace, service) in told or not selector:
            continue
        terms = ["%s=%s" % pair for pair in selector.items()]
        for pod in objects:
            if pod["kind"] == "Pod" and key_of(pod)[1] == namespace and match_labels(terms, labels(pod)):
                found[key_of(pod)].add(service)
    return found


def key_of(item: Object) -> Key:
    """Return what names an object in its cluster."""
    metadata = item["metadata"]
    return item["kind"], text(metadata, "namespace") or "", metadata["name"]


def _owners(item: Object) -> list[Key]:
    """Return an object's controller, else all its owners; they are in its own namespace."""
    metadata = item["metadata"]
    listed = entries(metadata, "ownerReferences")
    chosen = [entry for entry in listed if entry.get("controller") is True] or listed
    return [(str(e.get("kind")), text(metadata, "namespace") or "", str(e.get("name"))) for e in chosen]


def _addresses(given: Iterable[str | None]) -> tuple[str, ...]:
    """Return addresses in the one form in which the nodes' kernels give them, so that both can be compared."""
    found = []
    for one in given:
        try:
            found.append(str(ipaddress.ip_address(one or "")))
        except ValueError:
            continue
    return tuple(found)
