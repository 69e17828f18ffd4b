# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents on the cluster, as the playbook ``kube.pcap.agent`` brings them, and Ansible by way of them."""

from __future__ import annotations

import json
import os
import pathlib
import sys
from typing import Any

import yaml

from tests.lab.ansible_run import Ansible, Run

from . import agent_image, build, kubernetes_core
from .capturing import ClusterPlays
from .cluster import Cluster

NAMESPACE = "kube-pcap"
AGENTS, SSH = "agents", "ssh"
"""The ways to nodes."""


class Agents:
    """The playbook, and an Ansible whose inventory are the agents."""

    def __init__(self, cluster: Cluster, folder: pathlib.Path, kubeconfig: pathlib.Path | None = None) -> None:
        """``kubeconfig``: who asks for everything; the cluster's administrator unless told."""
        self.cluster = cluster
        known = kubeconfig or cluster.kubeconfig
        inventory = folder / "agents.pcap.yml"
        configuration = {"plugin": "kube.pcap.nodes", "connect": "agent", "kubeconfig": str(known)}
        inventory.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        self.ansible = Kubectl(inventory, folder, known)
        self.plays = ClusterPlays(cluster, self.ansible, known)

    def playbook(self, *args: str, timeout: float = 300, **options: Any) -> Run:
        """Runs the playbook; option names without their prefix."""
        variables = {"agent_" + name: value for name, value in options.items()}
        return self.ansible.playbook("kube.pcap.agent", *args, extra_vars=variables, timeout=timeout)

    def bring(self, *args: str, **options: Any) -> Run:
        """Brings the agents, or changes them."""
        return self.playbook(*args, **{"image": agent_image.name(), "pull_policy": "Never", **options})

    def pods(self) -> dict[str, dict[str, Any]]:
        """The agents' pods by node, without those on their way out."""
        found = self.cluster.objects("pods", "-n", NAMESPACE)
        return {pod["spec"]["nodeName"]: pod for pod in found if "deletionTimestamp" not in pod["metadata"]}

    def is_ready(self, node: str) -> bool:
        """Whether a node's agent is ready: without that the inventory has no way to the node."""
        conditions = self.pods()[node]["status"].get("conditions", [])
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)

    def listed(self, file: pathlib.Path) -> pathlib.Path:
        """An inventory of them without the plugin, which asks for the API's client on the controller."""
        hosts = {
            node: {
                "ansible_connection": "kubernetes.core.kubectl",
                "ansible_kubectl_namespace": NAMESPACE,
                "ansible_kubectl_pod": pod["metadata"]["name"],
                "ansible_kubectl_container": "agent",
            }
            for node, pod in self.pods().items()
        }
        file.write_text(yaml.safe_dump({"all": {"hosts": hosts}}), encoding="utf-8")
        return file

    def run(self, node: str, *argv: str) -> str:
        """What a program in a node's agent prints."""
        return self.cluster.kubectl("-n", NAMESPACE, "exec", self.pods()[node]["metadata"]["name"], "--", *argv)


class Kubectl(Ansible):
    """Ansible with kubectl and credentials in its environment."""

    def __init__(
        self, inventory: pathlib.Path, folder: pathlib.Path, kubeconfig: pathlib.Path, python: str = sys.executable
    ) -> None:
        super().__init__(inventory, folder, python)
        kubernetes_core.link(folder)
        path = "%s:%s/bin:/usr/sbin:/usr/bin:/sbin:/bin" % (build.BIN, os.path.dirname(os.path.dirname(self.python)))
        self._env = {"PATH": path, "K8S_AUTH_KUBECONFIG": str(kubeconfig)}

    def _run(self, command: list[str], *args: str, env: dict[str, str] | None = None, **options: Any) -> Run:
        return super()._run(command, *args, env={**self._env, **(env or {})}, **options)


def views(ansible: Ansible) -> dict[str, dict[str, Any]]:
    """What ``node_pods_info`` tells of each node, without what is of the connection."""
    run = ansible.adhoc("all", "kube.pcap.node_pods_info")
    assert run.rc == 0, run.stdout + run.stderr
    found = {}
    for host, result in run.of("node_pods_info").items():
        kept = {key: result[key] for key in ("node", "pods", "gone", "default_interface", "runtime_problem")}
        found[host] = json.loads(json.dumps(kept))
    return found


def infos(ansible: Ansible) -> dict[str, list[dict[str, Any]]]:
    """What ``capture_info`` tells of each node's captures, with their segments."""
    run = ansible.adhoc("all", "kube.pcap.capture_info", params={"segments": True})
    assert run.rc == 0 and not any(result["changed"] for result in run.of("capture_info").values()), run.stdout
    return {host: result["captures"] for host, result in sorted(run.of("capture_info").items())}


def report(run: Run) -> str:
    """What the role printed last."""
    return [str(task.result["text"]) for task in run.tasks if "text" in task.result and task.host == "localhost"][-1]
