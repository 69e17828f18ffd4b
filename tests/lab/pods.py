# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts and ends pods in a node: what the kubelet leaves on disk, and the record that ``sandbox`` works from."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import yaml

from tests.nodes import cgroups, kernel
from tests.nodes.node import Node

from . import addresses, network, spelling
from .addresses import MTU
from .live import LiveLab, LivePod, running_containers
from .model import Node as NodeSpec

SANDBOX = pathlib.Path(__file__).with_name("sandbox.py")
_HOSTS = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost\n%s\t%s\n%s\t%s\n"


_STAND_IN = """\
#!/bin/sh
# Stands for the kubelet: tools that look for one read its arguments. The lab starts the pods itself.
while :; do sleep 3600; done
"""
_CONFIG = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: %s\n"


def kubelet(node: NodeSpec) -> dict[str, Any]:
    """The files and services of a node that stand for its kubelet."""
    if node.kubelet is None:
        return {}
    program, config = "/usr/local/bin/kubelet", "/var/lib/kubelet/config.yaml"
    argv = [program, "--config=" + config, "--hostname-override=" + node.kubelet]
    return {"files": {program: _STAND_IN, config: _CONFIG % node.cgroup_driver}, "services": {"kubelet": argv}}


def _logs(pod: LivePod) -> tuple[dict[str, str], dict[str, str]]:
    """The log files of a pod's containers and the links to them, by path."""
    files, links = {}, {}
    for name, container_id in pod.container_ids.items():
        log = "%s/%s/0.log" % (spelling.log_folder(pod.spec.namespace, pod.spec.name, pod.local_uid), name)
        links[spelling.log_link(pod.spec.namespace, pod.spec.name, name, container_id)] = log
        if pod.runtime == "docker":
            real = "/var/lib/docker/containers/%s/%s-json.log" % (container_id, container_id)
            files[real] = '{"log":"started\\n","stream":"stdout","time":"2026-01-01T00:00:00.000000000Z"}\n'
            links[log] = real
        else:
            files[log] = "2026-01-01T00:00:00.000000000Z stdout F started\n"
    return files, links


def _kubelet_files(pod: LivePod, lab: LiveLab) -> dict[str, str]:
    own = lab.pod_addresses(pod)
    folder = spelling.kubelet_folder(pod.local_uid)
    files = {"%s/containers/%s/%s" % (folder, name, cid[:8]): "" for name, cid in pod.container_ids.items()}
    if own and not pod.spec.host_network:
        files[folder + "/etc-hosts"] = _HOSTS % (own.v4, pod.spec.name, own.v6, pod.spec.name)
    if pod.spec.static:
        name = pod.spec.name.removesuffix("-" + str(pod.spec.node))
        containers = [{"name": c.name, "command": list(c.command)} for c in pod.spec.containers]
        metadata = {"name": name, "namespace": pod.spec.namespace, "labels": pod.spec.labels}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}
        files["/etc/kubernetes/manifests/%s.yaml" % name] = yaml.safe_dump(manifest)
    return files


def _procs_files(pod: LivePod, container_id: str, hierarchies: list[cgroups.Hierarchy]) -> list[str]:
    return [str(h.folder(pod.group(container_id)) / "cgroup.procs") for h in hierarchies]


def sandbox_record(pod: LivePod, lab: LiveLab, hierarchies: list[cgroups.Hierarchy]) -> dict[str, Any]:
    """What ``sandbox`` needs to know of a pod."""
    own = lab.pod_addresses(pod)
    number = lab.spec.node(str(pod.spec.node)).ip
    files, links = _logs(pod)
    files.update(_kubelet_files(pod, lab))
    hosts = spelling.kubelet_folder(pod.local_uid) + "/etc-hosts"
    commands = {container.name: list(container.command) for container in running_containers(pod)}
    return {
        "key": pod.key,
        "running": pod.running,
        "host_network": pod.spec.host_network,
        "hostname": pod.spec.node if pod.spec.host_network else pod.spec.name[:63],
        "groups": _procs_files(pod, pod.sandbox_id, hierarchies),
        "containers": [
            {"name": name, "command": command, "groups": _procs_files(pod, pod.container_ids[name], hierarchies)}
            for name, command in commands.items()
        ],
        "veth": pod.veth(),
        "mac": addresses.pod_mac(number, pod.number),
        "links": network.pod_links(number, own) if own and pod.number else "",
        "etc_hosts": hosts if hosts in files else None,
        "files": files,
        "links_to": links,
    }


def start(node: Node, pods: list[LivePod], lab: LiveLab) -> dict[str, Any]:
    """Makes pods on a node; returns the process ids of each as the node numbers them."""
    hierarchies = cgroups.read_hierarchies()
    for pod in pods:
        for container_id in [pod.sandbox_id, *pod.container_ids.values()] if pod.running else []:
            cgroups.make(hierarchies, "%s/%s" % (node.group, pod.group(container_id)))
    records = [sandbox_record(pod, lab, hierarchies) for pod in pods]
    request = json.dumps({"bridge": "cni0", "mtu": MTU, "pods": records})
    python = str(pathlib.Path(sys.executable).resolve())
    printed = node.manage([python, "-I", "-S", "-c", SANDBOX.read_text(encoding="utf-8")], request)
    result: dict[str, Any] = json.loads(printed)
    return result


def processes(node: Node, pod: LivePod, container: str | None = None) -> list[int]:
    """The processes of a container, or of the whole pod, as this machine numbers them; the first is the oldest."""
    ids = [pod.container_ids[container]] if container else [pod.sandbox_id, *pod.container_ids.values()]
    hierarchy = cgroups.read_hierarchies()[:1]
    found: list[int] = []
    for container_id in ids:
        members = cgroups.members(hierarchy, "%s/%s" % (node.group, pod.group(container_id)))
        # Not by their numbers: those begin again from 1 after the highest.
        found += sorted(members, key=lambda pid: (kernel.start_time(pid) or 0, pid))
    return found


def stop(node: Node, pod: LivePod) -> None:
    """Ends a pod: its processes, namespaces and control groups; its logs stay, as they do for a while on a node."""
    for pid in processes(node, pod):
        kernel.kill_and_wait(pid)
    group = spelling.pod_group(pod.driver, pod.spec.qos, pod.local_uid)
    cgroups.remove(cgroups.read_hierarchies(), "%s/%s" % (node.group, group))
    if pod.number:
        # The kernel would remove the pair a moment later, in its own time.
        node.manage(["ip", "link", "del", pod.veth()], check=False)
