# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many nodes and pods that are objects of the API alone, kept in their states by kwok."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.nodes import cgroups
from tests.nodes.node import join_args

from . import build, places
from .cluster import Cluster
from .places import Site
from .state import ClusterError

NAMESPACES = 50
APPS = 300
"""Values of the label ``app``: one label selects a 300th of the pods."""
_NODE = {"type": "kwok"}
_THREADS = 8
_PORT = 6443


class _Api:
    """Creates objects over connections that stay, one for each thread."""

    def __init__(self, site: Site) -> None:
        self._host = site.address(places.CONTROL_PLANE)
        self._tls = ssl.create_default_context(cafile=str(site.home / "node-a" / "pki" / "ca.crt"))
        self._tls.load_cert_chain(site.home / "admin.crt", site.home / "admin.key")
        self._local = threading.local()

    def create(self, path: str, name: str, body: dict[str, Any]) -> None:
        """Creates an object, unless there is one of that name; ClusterError."""
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPSConnection(self._host, _PORT, context=self._tls, timeout=120)
        connection: http.client.HTTPSConnection = self._local.connection
        data = json.dumps({**body, "metadata": {"name": name, **body.get("metadata", {})}})
        connection.request("POST", path, data, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        words = answer.read()
        if answer.status not in (201, 409):
            raise ClusterError("%s %s could not be created: %d %s" % (path, name, answer.status, words[:300]))


def node_name(number: int) -> str:
    """The name of one of the nodes."""
    return "kwok-%05d" % number


def _node(number: int) -> dict[str, Any]:
    room = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    labels = {**_NODE, "kubernetes.io/hostname": node_name(number)}
    taint = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}
    return {
        "metadata": {"labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": {"taints": [taint]},
        "status": {"allocatable": room, "capacity": room},
    }


def _pod(number: int, nodes: int) -> dict[str, Any]:
    containers = [{"name": name, "image": "kube-pcap.test/%s:1" % name} for name in ("main", "side")]
    return {
        "metadata": {"labels": {"app": "app-%03d" % (number % APPS), "tier": "fake"}},
        "spec": {
            "nodeName": node_name(number % nodes),
            "tolerations": [{"operator": "Exists"}],
            "containers": containers,
        },
    }


def _start_kwok(cluster: Cluster) -> None:
    hierarchies, group = cgroups.read_hierarchies(), cluster.site.group + "/kwok"
    if cgroups.members(hierarchies, group):
        return
    selector = ",".join("%s=%s" % pair for pair in _NODE.items())
    argv = [str(build.BIN / "kwok"), "--config", str(build.BIN / "kwok-stages.yaml")]
    argv += ["--kubeconfig", str(cluster.kubeconfig), "--manage-nodes-with-label-selector", selector]
    argv += ["--manage-all-nodes=false", "--cidr", "10.250.0.1/16", "--node-lease-duration-seconds", "40"]
    with open(cluster.site.home / "kwok.log", "ab") as log, open("/dev/null", "rb") as null:
        command = join_args(cgroups.make(hierarchies, group), ["nice", *argv])
        subprocess.Popen(command, stdin=null, stdout=log, stderr=log, start_new_session=True)


def scale(cluster: Cluster, nodes: int, pods: int, tell: Callable[[str], None]) -> None:
    """Has so many nodes and pods in the API beside the real ones; only ``down`` takes them away."""
    build.build(build.KWOK, tell=tell)
    _start_kwok(cluster)
    api = _Api(cluster.site)
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        start = time.monotonic()
        list(pool.map(lambda n: api.create("/api/v1/nodes", node_name(n), _node(n)), range(nodes)))
        tell("%d nodes in %.1f s" % (nodes, time.monotonic() - start))
        names = ["fake-%02d" % number for number in range(NAMESPACES)]
        list(pool.map(lambda name: api.create("/api/v1/namespaces", name, {}), names))
        cluster.wait("accounts of the namespaces", lambda: _accounts(cluster) >= NAMESPACES)
        start = time.monotonic()
        path = "/api/v1/namespaces/%s/pods"
        list(pool.map(lambda n: api.create(path % names[n % NAMESPACES], "pod-%06d" % n, _pod(n, nodes)), range(pods)))
        tell("%d pods in %.1f s; kwok lets them run in the minutes that follow" % (pods, time.monotonic() - start))


def _accounts(cluster: Cluster) -> int:
    found = cluster.objects("serviceaccounts", "-A", "--field-selector", "metadata.name=default")
    return sum(one["metadata"]["namespace"].startswith("fake-") for one in found)
