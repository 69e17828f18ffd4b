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
from typing import Any, NamedTuple

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


class Piece(NamedTuple):
    """What is kept of an object: a cluster has tens of thousands, and this is a tenth of one."""

    key: Key
    owners: tuple[Key, ...]
    target: Target | None
    """Of a pod or node."""
    phase: str | None
    rest: Object
    """Of any other kind what tells of pods, and how they are reached: its selector, addresses, ports, endpoints."""


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


def read(item: Object) -> Piece:
    """Return what is kept of an object."""
    key, kind = key_of(item), item["kind"]
    if kind == "Pod":
        return Piece(key, _owners(item), _pod(item), text(part(item, "status"), "phase") or "Unknown", {})
    if kind == "Node":
        return Piece(key, (), _node(item), "Running", {})
    rest = {"kind": kind, "metadata": _only(item["metadata"], "name", "namespace", "labels")}
    return Piece(
        key,
        _owners(item),
        None,
        None,
        {
            **rest,
            "spec": _only(part(item, "spec"), "selector", "clusterIP", "clusterIPs", "externalIPs", "ports"),
            "status": _only(part(item, "status"), "loadBalancer"),
            **_only(item, "endpoints", "ports"),
        },
    )


def _only(item: Object, *names: str) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}


def candidates(objects: Iterable[Object], whole: bool = False) -> tuple[Candidate, ...]:
    """Return every node and pod, with its workloads and services as far as the objects tell.

    whole: there is nothing beside these objects that matters. Otherwise what they do not tell is None.
    """
    return join([read(item) for item in objects], whole)


def join(pieces: Sequence[Piece], whole: bool = False) -> tuple[Candidate, ...]:
    """Return every node and pod, as ``candidates`` does."""
    owners = {piece.key: piece.owners for piece in pieces}
    services = _services(pieces, whole)
    nodes, pods = [], []
    for piece in pieces:
        if piece.target is None:
            continue
        if piece.target.kind == "node":
            nodes.append(Candidate(piece.target))
            continue
        behind = None if services is None else tuple(sorted(services.get(piece.key, ())))
        pods.append(Candidate(piece.target, piece.phase, _workloads(piece, owners, whole), behind))
    return (*nodes, *pods)


def _node(item: Object) -> Target:
    name = item["metadata"]["name"]
    listed = entries(part(item, "status"), "addresses")
    return Target(
        kind="node",
        name=name,
        uid=text(item["metadata"], "uid"),
        node=name,
        host_network=True,
        addresses=addresses(text(a, "address") for a in listed if a.get("type") in ("InternalIP", "ExternalIP")),
        labels=labels(item),
    )


def _pod(item: Object) -> Target:
    metadata, spec, status = item["metadata"], part(item, "spec"), part(item, "status")
    annotations = part(metadata, "annotations")
    containers = _containers(spec, status)
    listed = [text(entry, "ip") for entry in entries(status, "podIPs")] or [text(status, "podIP")]
    return Target(
        kind="pod",
        namespace=text(metadata, "namespace") or "default",
        name=metadata["name"],
        uid=text(metadata, "uid"),
        node=text(spec, "nodeName"),
        container=containers[0].name if containers else None,
        containers=containers,
        host_network=spec.get("hostNetwork") is True,
        addresses=addresses(listed),
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


def _workloads(pod: Piece, owners: Mapping[Key, Sequence[Key]], whole: bool) -> tuple[tuple[str, str], ...] | None:
    """Return what owns a pod, all the way up; None where an owner that has one itself is missing, unless ``whole``."""
    found: list[tuple[str, str]] = []
    waiting, seen = list(pod.owners), set()
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


def _services(pieces: Sequence[Piece], whole: bool) -> Mapping[Key, set[str]] | None:
    """Return the services of each pod, by endpoint slices, else by selector.

    None where no service is known at all, unless ``whole``.
    """
    slices = [piece.rest for piece in pieces if piece.key[0] == "EndpointSlice"]
    services = [piece for piece in pieces if piece.key[0] == "Service"]
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
    for piece in services:
        _kind, namespace, service = piece.key
        selector = texts(part(piece.rest, "spec"), "selector")
        if (namespace, service) in told or not selector:
            continue
        terms = ["%s=%s" % pair for pair in selector.items()]
        for pod in pieces:
            own = pod.target.labels if pod.target else None
            if pod.key[:2] == ("Pod", namespace) and match_labels(terms, own or {}):
                found[pod.key].add(service)
    return found


def key_of(item: Object) -> Key:
    """Return what names an object in its cluster."""
    metadata = item["metadata"]
    return item["kind"], text(metadata, "namespace") or "", metadata["name"]


def _owners(item: Object) -> tuple[Key, ...]:
    """Return an object's controller, else all its owners; they are in its own namespace."""
    metadata = item["metadata"]
    listed = entries(metadata, "ownerReferences")
    chosen = [entry for entry in listed if entry.get("controller") is True] or listed
    namespace = text(metadata, "namespace") or ""
    return tuple((str(entry.get("kind")), namespace, str(entry.get("name"))) for entry in chosen)


def addresses(given: Iterable[Any]) -> tuple[str, ...]:
    """Return addresses in the one form in which the nodes' kernels give them, so that both can be compared.

    What is none, such as a name or ``None``, is left out.
    """
    found = []
    for one in given:
        try:
            found.append(str(ipaddress.ip_address(str(one))))
        except ValueError:
            continue
    return tuple(found)
