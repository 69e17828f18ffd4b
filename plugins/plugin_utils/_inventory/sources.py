# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where nodes and agents are read: the API server, or a snapshot. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ...module_utils._matching import match_labels
from ...module_utils._records import to_result
from ...module_utils._selection import parse
from .._agents.pods import NAME, read_pods
from .._agents.request import check_namespace
from .._cluster.access import Access, check_cluster, read_access
from .._cluster.client import connect
from .._cluster.fields import Object, labels, text
from .._cluster.snapshot import read_objects
from .nodes import Known, read_node

_AGENTS = "app.kubernetes.io/name=" + NAME


@dataclasses.dataclass(frozen=True)
class Source:
    """What is read, and where; nothing was read yet."""

    access: Access
    snapshot: str | None = None
    """Path of the file that stands in for the API."""
    terms: tuple[str, ...] = ()
    """Label terms that a node must satisfy."""
    agent_namespace: str | None = None
    """Where agent pods are looked for; None: nowhere."""

    @property
    def selector(self) -> str:
        """The label terms as Kubernetes writes them."""
        return ",".join(self.terms)

    @property
    def key(self) -> str:
        """What tells two sources apart, without a secret: 16 hex digits."""
        asked = to_result(self)
        for secret in ("api_key", "password"):
            del asked["access"][secret]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def read_source(options: Mapping[str, Any], environ: Mapping[str, str]) -> Source:
    """Return what a plugin's options ask for; raise OptionError. Paths are absolute."""
    namespace, by_agent = options["agent_namespace"], options["connect"] == "agent"
    check_namespace(namespace)
    if by_agent:
        check_cluster(options, environ)
    return Source(
        access=read_access(options, environ),
        snapshot=options["snapshot"],
        terms=_terms(options["label_selector"]),
        agent_namespace=namespace if by_agent else None,
    )


def read(source: Source) -> Known:
    """Return the nodes and agents of a source; raise PcapError."""
    return _from_snapshot(source) if source.snapshot else _from_api(source)


def _terms(selector: str | None) -> tuple[str, ...]:
    if not selector:
        return ()
    (selection,) = parse("label_selector", {"kind": "nodes", "label_selectors": [selector]})
    return selection.label_selectors


def _from_api(source: Source) -> Known:
    with connect(source.access) as client:
        # An inventory may be a moment old, an agent pod may not: a new one has another name.
        nodes = client.list("/api/v1/nodes", label_selector=source.selector, fresh=False)
        known = tuple(read_node(item) for item in nodes)
        if source.agent_namespace is None:
            return Known(known, ())
        path = "/api/v1/namespaces/%s/pods" % source.agent_namespace
        return Known(known, read_pods(client.list(path, label_selector=_AGENTS)))


def _from_snapshot(source: Source) -> Known:
    objects, namespace = read_objects(source.snapshot or ""), source.agent_namespace
    nodes = [item for item in objects if item["kind"] == "Node" and match_labels(source.terms, labels(item))]
    pods = [item for item in objects if namespace is not None and _is_agent(item, namespace)]
    return Known(tuple(read_node(item) for item in nodes), read_pods(pods))


def _is_agent(item: Object, namespace: str) -> bool:
    own = text(item["metadata"], "namespace") == namespace
    return item["kind"] == "Pod" and own and match_labels([_AGENTS], labels(item))
