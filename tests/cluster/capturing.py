# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Captures on the cluster's nodes: the playbooks as users launch them, and what is in the files afterwards."""

from __future__ import annotations

import concurrent.futures
import json
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from tests.lab.ansible_run import Ansible, Run
from tests.lab.playing import Playbooks
from tests.lab.sequences import sequences
from tests.lab.traffic import Traffic

from .cluster import Cluster
from .node import ClusterNode

SPOOL = "var/lib/kube-pcap"
Result = TypeVar("Result")


class ClusterPlays(Playbooks):
    """The playbooks on the cluster, with the API at hand."""

    def __init__(self, cluster: Cluster, ansible: Ansible, kubeconfig: pathlib.Path | None = None) -> None:
        """``kubeconfig``: who asks the API; the cluster's administrator unless told."""
        super().__init__([cluster.node(name) for name in cluster.nodes], ansible)
        self.env = {"K8S_AUTH_KUBECONFIG": str(kubeconfig or cluster.kubeconfig)}

    def playbook(self, name: str, *args: str, **options: Any) -> Run:
        """Runs a playbook of the collection."""
        return super().playbook(name, *args, env=self.env, **options)


def manifest(node: ClusterNode, id: str, folder: str = SPOOL) -> list[dict[str, Any]]:
    """The lines of a capture's manifest on a node."""
    path = node.root / folder / id / "manifest.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def state(node: ClusterNode, id: str) -> dict[str, Any]:
    """The last word of a capture's recorder on a node."""
    found: dict[str, Any] = json.loads((node.root / SPOOL / id / "state.json").read_text(encoding="utf-8"))
    return found


def files(node: ClusterNode, id: str) -> dict[str, list[pathlib.Path]]:
    """The segments of each target in a node's spool; a pod is called by its name, the node by None."""
    found: dict[str, list[pathlib.Path]] = {}
    for event in manifest(node, id):
        if event["event"] == "segment":
            target = event["target"]
            name = target["name"] if target["kind"] == "pod" else None
            found.setdefault(name, []).append(node.root / SPOOL / id / "segments" / event["file"])
    return found


def from_nodes(cluster: Cluster, names: Iterable[str]) -> dict[str, int]:
    """Sends 300 numbers from each node itself to the one before it, and returns the stream of each."""
    sending = {}
    for name in names:
        beside = cluster.node(cluster.nodes[cluster.nodes.index(name) - 1])
        sending[name] = Traffic(cluster.node(name), [], {"address": beside.address, "count": 300, "rate": 5000})
    return {name: traffic.wait().stream for name, traffic in sending.items()}


def numbers(paths: list[pathlib.Path], stream: int) -> list[int]:
    """The sequence numbers of one sender in some files, in their order."""
    return [number for path in paths for number in sequences(path, stream)]


def side_by_side(*calls: Callable[[], Result]) -> list[Result]:
    """Runs playbooks, or what else takes long, at the same time, and returns what each gave."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [done.result() for done in [pool.submit(call) for call in calls]]


def clear(ansible: Ansible) -> None:
    """Removes every capture."""
    run = ansible.adhoc("all", "kube.pcap.capture", params={"state": "absent", "id": "all", "force": True})
    assert run.rc == 0, run.stdout + run.stderr
