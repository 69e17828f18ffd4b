# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lab needs of the machine, checked by trying it; each lack has its name and the way to get it."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tempfile

from tests.nodes import cgroups

from .model import LabSpec

PACKAGES = {
    "tcpdump": "tcpdump",
    "nft": "nftables",
    "ethtool": "ethtool",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "sysctl": "procps",
    "nsenter": "util-linux",
    "sudo": "sudo",
}
STATE = pathlib.Path("/var/lib/kube-pcap-lab")
"""Where labs keep their files, one folder each."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TRIES = {
    "namespaces (CAP_SYS_ADMIN: run as root; in a container: --privileged)": "true",
    "a network of its own (CAP_NET_ADMIN: run as root; in a container: --privileged)": "ip link set lo up",
    "veth (kernel CONFIG_VETH; modprobe veth)": "ip link add probe0 type veth peer name probe1",
    "a bridge (kernel CONFIG_BRIDGE; modprobe bridge)": "ip link add probe0 type bridge",
    "vxlan (kernel CONFIG_VXLAN; modprobe vxlan)": "ip link add probe0 type vxlan id 1 dstport 8472",
    "IPv6 (boot without ipv6.disable=1)": "ip addr add fd00::1/64 dev lo",
    "nftables address translation (kernel CONFIG_NFT_NAT; modprobe nft_chain_nat)": "nft add table inet t;"
    " nft add chain inet t c '{ type nat hook postrouting priority 100 ; }'; nft add rule inet t c masquerade",
}
_NAMESPACES = ["unshare", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--pid", "--fork"]


def find_python(name: str) -> str | None:
    """The interpreter of that name: on PATH (pyenv's shims left out), else among pyenv's versions; None if nowhere."""
    path = [p for p in _PATH.split(":") + os.environ.get("PATH", "").split(":") if not p.endswith("/shims")]
    found = shutil.which(name, path=":".join(path))
    if found:
        return str(pathlib.Path(found).resolve() if name != "python3" else found)
    versions = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv") / "versions"
    there = sorted(versions.glob("*/bin/" + name))
    return str(there[-1]) if there else None


def choose_python(names: str) -> str | None:
    """The first interpreter that is there of ``python3.8 or python3``; None if none is."""
    return next((found for found in map(find_python, names.split(" or ")) if found), None)


def second_choices(spec: LabSpec) -> list[str]:
    """The nodes that do without the interpreter they would rather have, one line each."""
    wished = [(node.name, *node.python.split(" or ")) for node in spec.nodes if " or " in node.python]
    text = "node %s: %s is not on this machine; Ansible uses %s there"
    return [text % (name, first, rest[0]) for name, first, *rest in wished if find_python(first) is None]


def _lacking_packages(spec: LabSpec | None) -> list[str]:
    commands = dict(PACKAGES)
    lacking = [package for command, package in commands.items() if shutil.which(command, path=_PATH) is None]
    if (spec is None or any(n.init == "systemd" for n in spec.nodes)) and not os.path.exists("/lib/systemd/systemd"):
        lacking.append("systemd")
    return lacking


def _lacking_rights() -> list[str]:
    if os.geteuid() != 0:
        return ["root (use sudo)"]
    lacking = []
    for what, command in _TRIES.items():
        done = subprocess.run([*_NAMESPACES, "sh", "-ec", command], capture_output=True, text=True, check=False)
        if done.returncode:
            lacking.append("%s: %s" % (what, (done.stderr.strip() or "failed").splitlines()[-1]))
            if command in ("true", "ip link set lo up"):
                return lacking  # whatever follows would fail for the same reason
    if not cgroups.read_hierarchies():
        lacking.append("control groups (mount -t cgroup2 cgroup2 /sys/fs/cgroup)")
    return lacking + _lacking_overlay()


def _lacking_overlay() -> list[str]:
    with tempfile.TemporaryDirectory(dir=STATE.parent, prefix="overlay-") as folder:
        for name in ("upper", "work", "root"):
            os.mkdir(os.path.join(folder, name))
        options = "lowerdir=/,upperdir=%s/upper,workdir=%s/work" % (folder, folder)
        argv = [*_NAMESPACES, "mount", "-t", "overlay", "overlay", "-o", options, folder + "/root"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    hint = "kernel CONFIG_OVERLAY_FS, modprobe overlay; in a container %s must be a volume" % STATE.parent
    return ["overlayfs (%s): %s" % (hint, (done.stderr.strip() or "failed").splitlines()[-1])]


def missing(spec: LabSpec | None = None) -> list[str]:
    """What this machine lacks for a lab, one line each with the way to get it; empty when all is there."""
    packages = _lacking_packages(spec)
    lines = ["packages: apt-get install " + " ".join(packages)] if packages else []
    for names in sorted({node.python for node in spec.nodes} if spec else set()):
        if choose_python(names) is None:
            version = names.split(" or ")[0].removeprefix("python")
            lines.append("%s: install it, with pyenv for one (pyenv install %s)" % (names, version))
    return lines + (_lacking_rights() if not packages else [])
