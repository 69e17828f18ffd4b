# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node as a tree of files: /proc, /var and /etc as a real one has them, spelled by its kubelet and its runtime."""

from __future__ import annotations

import hashlib
import os
import pathlib

from ansible_collections.kube.pcap.plugins.module_utils._node.proc import Roots

HOST = 4026531840
UID = "0f3c8f4e-6d0b-4c2e-9d5c-3a4f9f6f0b11"
HASH = "f110fb44af52cfba1c2777cfa978f453"


def long_id(word: str) -> str:
    """A container's id: 64 hex digits that stand for a word."""
    return hashlib.sha256(word.encode()).hexdigest()


def containerd_v2_systemd(uid: str, word: str, qos: str = "burstable") -> str:
    """Containerd with ``SystemdCgroup = true``, unified hierarchy."""
    own = "kubepods-%s-pod%s.slice" % (qos, uid.replace("-", "_"))
    return "0::/kubepods.slice/kubepods-%s.slice/%s/cri-containerd-%s.scope\n" % (qos, own, long_id(word))


def containerd_v1_cgroupfs(uid: str, word: str, qos: str = "besteffort") -> str:
    """Containerd with cgroupfs, hybrid hierarchy: every v1 line has the path, the unified one has not."""
    lines = ["%d:%s:/kubepods/%s/pod%s/%s" % (n, c, qos, uid, long_id(word)) for n, c in ((11, "pids"), (4, "memory"))]
    return "\n".join([*lines, "1:name=systemd:/kubepods/%s/pod%s/%s" % (qos, uid, long_id(word)), "0::/", ""])


def crio_systemd(uid: str, word: str, prefix: str = "crio") -> str:
    """CRI-O, a guaranteed pod; conmon's prefix is ``crio-conmon``."""
    own = "kubepods-pod%s.slice" % uid.replace("-", "_")
    return "0::/kubepods.slice/%s/%s-%s.scope\n" % (own, prefix, long_id(word))


def docker_systemd(uid: str, word: str) -> str:
    """Docker by cri-dockerd."""
    own = "kubepods-besteffort-pod%s.slice" % uid.replace("-", "_")
    return "0::/kubepods.slice/kubepods-besteffort.slice/%s/docker-%s.scope\n" % (own, long_id(word))


SCOPES = {"containerd": "cri-containerd-%s.scope", "CRI-O": "crio-%s.scope", "docker": "docker-%s.scope"}
GROUPS = {"containerd": "%s", "CRI-O": "crio-%s", "docker": "%s"}


def spelled(runtime: str, version: str, driver: str, uid: str, word: str) -> str:
    """``/proc/PID/cgroup`` of a burstable pod's container, for each runtime, version of cgroups, and driver."""
    if driver == "systemd":
        own = "kubepods-burstable-pod%s.slice" % uid.replace("-", "_")
        path = "/kubepods.slice/kubepods-burstable.slice/%s/%s" % (own, SCOPES[runtime] % long_id(word))
    else:
        path = "/kubepods/burstable/pod%s/%s" % (uid, GROUPS[runtime] % long_id(word))
    if version == "v2":
        return "0::%s\n" % path
    return "".join("%d:%s:%s\n" % (n, name, path) for n, name in ((12, "pids"), (4, "memory"), (1, "name=systemd")))


class NodeTree:
    """Writes the files; ``roots`` leads a reader there."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.roots = Roots(str(path / "proc"), str(path))
        self.write("proc/sys/kernel/hostname", "Node-A\n")
        self.process(1, HOST, "0::/init.scope\n", comm="systemd", start=1)

    def write(self, name: str, text: str) -> None:
        """Write one file."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text)

    def process(
        self, pid: int, netns: int | None, cgroup: str, comm: str = "app", start: int | None = None, cmdline: str = ""
    ) -> None:
        """Write one process; without a namespace it is a zombie."""
        state = "S" if netns else "Z"
        fields = " ".join([state, "1"] + ["0"] * 17 + [str(start or pid * 10)] + ["0"] * 30)
        self.write("proc/%d/stat" % pid, "%d (%s) %s\n" % (pid, comm, fields))
        self.write("proc/%d/cgroup" % pid, cgroup)
        self.write("proc/%d/cmdline" % pid, cmdline)
        (self.path / "proc" / str(pid) / "ns").mkdir()
        if netns:
            os.symlink("net:[%d]" % netns, str(self.path / "proc" / str(pid) / "ns/net"))

    def logs(self, namespace: str, name: str, uid: str, *containers: str, linked: bool = True) -> None:
        """Write the kubelet's folders of a pod; each container's id stands for its name."""
        for container in containers:
            folder = "var/log/pods/%s_%s_%s/%s" % (namespace, name, uid, container)
            self.write(folder + "/0.log", "")
            link = "var/log/containers/%s_%s_%s-%s.log" % (name, namespace, container, long_id(container))
            if linked:
                self.write(link, "")
