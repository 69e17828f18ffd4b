# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod of the cluster as tests hold it: who it is, what it must not lose, and programs in its network namespace."""

from __future__ import annotations

import json
from typing import Any

from tests.lab.handles import Place
from tests.lab.traffic import Result, Traffic

from .cluster import Cluster
from .node import ClusterNode

CRASHES = "crash"
"""The container that ends as soon as it is started, of the pods ``crash`` and ``half``."""


class ClusterPod(Place):
    """A pod that the API knows. Programs run as the node's own, in the pod's network namespace alone."""

    def __init__(self, cluster: Cluster, namespace: str, name: str) -> None:
        self._cluster = cluster
        self.namespace, self.name = namespace, name
        self.title = "pod %s/%s" % (namespace, name)
        found = self.object()
        self.uid: str = found["metadata"]["uid"]
        self.node: ClusterNode = cluster.node(found["spec"]["nodeName"])
        self._pid: int | None = None

    def object(self) -> dict[str, Any]:
        """The pod as the API has it now."""
        found: dict[str, Any] = json.loads(
            self._cluster.kubectl("-n", self.namespace, "get", "pod", self.name, "-o", "json")
        )
        return found

    @property
    def pid(self) -> int:
        """Its sandbox's process as the node numbers it, by the runtime's word."""
        if self._pid is None:
            listed = ["crictl", "pods", "-q", "--no-trunc", "--state", "ready", "--namespace", self.namespace]
            (sandbox,) = self.node.run([*listed, "--name", "^%s$" % self.name]).stdout.split()
            self._pid = json.loads(self.node.run(["crictl", "inspectp", sandbox]).stdout)["info"]["pid"]
        return self._pid

    def enter_args(self, argv: list[str]) -> list[str]:
        """The command that runs ``argv`` in its network namespace."""
        return self.node.enter_args(["nsenter", "-t", str(self.pid), "-n", *argv])

    def start_traffic(self, address: str = "127.0.0.1", count: int = 500, rate: float = 5000) -> Traffic:
        """Starts counted datagrams from this pod; returns while they run."""
        return Traffic(self, [], {"address": address, "count": count, "rate": rate})

    def send(self, address: str = "127.0.0.1", count: int = 500, rate: float = 5000) -> Result:
        """Sends counted datagrams from this pod."""
        return self.start_traffic(address, count, rate).wait()

    def untouched(self) -> dict[str, Any]:
        """What a capture must not change: specification, uid, restarts, and the members of its control groups.

        Containers called ``crash`` are started again by the kubelet, and have restarts and groups of their own.
        """
        found = self.object()
        metadata = found["metadata"]
        uid = metadata.get("annotations", {}).get("kubernetes.io/config.hash", metadata["uid"])
        look = ["find", "/sys/fs/cgroup", "-path", "*/pod%s*" % uid, "-name", "cgroup.procs"]
        lines = self.node.run([*look, "-exec", "grep", "-Hs", "", "{}", "+"], check=False).stdout.splitlines()
        labels = ["--label", "io.kubernetes.pod.uid=" + metadata["uid"], "--name", "^%s$" % CRASHES]
        crashed = self.node.run(["crictl", "ps", "-aq", "--no-trunc", *labels]).stdout.split()
        members = {
            path.split("/pod", 1)[1] + ":" + pid for path, _colon, pid in (line.partition(":") for line in lines)
        }
        assert members, "the control groups of %s have no process" % self.title
        return {
            "spec": found["spec"],
            "uid": metadata["uid"],
            "restarts": {
                one["name"]: one["restartCount"]
                for one in found["status"]["containerStatuses"]
                if one["name"] != CRASHES
            },
            "members": sorted(one for one in members if not any(id in one for id in crashed)),
        }


def named(cluster: Cluster, namespace: str, label_selector: str) -> list[ClusterPod]:
    """The pods with these labels that run, by name; those that are about to end are left out."""
    found = cluster.objects("pods", "-n", namespace, "-l", label_selector)
    alive = [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
    return sorted((ClusterPod(cluster, namespace, pod["metadata"]["name"]) for pod in alive), key=lambda pod: pod.name)
