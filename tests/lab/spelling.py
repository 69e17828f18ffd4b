# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the kubelet and the runtimes spell a pod's control groups and files. Pure functions.

Spellings as kubelet 1.24 to 1.31 writes them with containerd, CRI-O and dockershim's successor cri-dockerd.
"""

from __future__ import annotations

_SCOPES = {"containerd": "cri-containerd", "cri-o": "crio", "docker": "docker"}
SCHEMES = {"containerd": "containerd", "cri-o": "cri-o", "docker": "docker"}


def pod_group(driver: str, qos: str, uid: str) -> str:
    """The pod's group below the node's root: ``kubepods/burstable/pod<uid>`` or its systemd spelling."""
    if driver == "cgroupfs":
        return "/".join(["kubepods", *([] if qos == "guaranteed" else [qos]), "pod" + uid])
    chain = "kubepods" if qos == "guaranteed" else "kubepods-" + qos
    parents = ["kubepods.slice"] if qos == "guaranteed" else ["kubepods.slice", chain + ".slice"]
    return "/".join([*parents, "%s-pod%s.slice" % (chain, uid.replace("-", "_"))])


def container_group(driver: str, runtime: str, qos: str, uid: str, container_id: str) -> str:
    """A container's group (a sandbox is one, too) below the node's root."""
    if driver == "systemd":
        leaf = "%s-%s.scope" % (_SCOPES[runtime], container_id)
    else:
        leaf = ("crio-" if runtime == "cri-o" else "") + container_id
    return "%s/%s" % (pod_group(driver, qos, uid), leaf)


def log_folder(namespace: str, name: str, uid: str) -> str:
    """Where the kubelet keeps a pod's logs."""
    return "/var/log/pods/%s_%s_%s" % (namespace, name, uid)


def log_link(namespace: str, name: str, container: str, container_id: str) -> str:
    """The kubelet's link that ties a container's id to its pod."""
    return "/var/log/containers/%s_%s_%s-%s.log" % (name, namespace, container, container_id)


def kubelet_folder(uid: str) -> str:
    """Where the kubelet keeps a pod's files."""
    return "/var/lib/kubelet/pods/" + uid
