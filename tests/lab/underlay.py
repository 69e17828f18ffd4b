# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wire between the nodes: a bridge in a network namespace of its own, with one link to this machine.

The bridge is not in the machine's own namespace so that the machine's firewall and forwarding have no say in it.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import time

from tests.nodes import cgroups, kernel
from tests.nodes.node import join_args

from . import addresses
from .model import LabError


def _run(argv: list[str], text: str | None = None) -> None:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError("%s failed: %s" % (" ".join(argv[:6]), done.stderr.strip()))


class Underlay:
    """The switch of one lab; its process holds the namespace, and its end takes all links along."""

    def __init__(self, name: str, index: int, run: pathlib.Path, group: str) -> None:
        self.link = "kp-" + name
        self._index = index
        self._pid_file = run / "switch.pid"
        self._group = group

    @property
    def pid(self) -> int | None:
        """The process that holds the switch."""
        try:
            pid, inode = (int(word) for word in self._pid_file.read_text(encoding="ascii").split())
        except OSError:
            return None
        return pid if kernel.namespace_inode(pid, "net") == inode else None

    def start(self) -> None:
        """Makes the switch and the machine's link to it."""
        files = cgroups.make(cgroups.read_hierarchies(), self._group)
        argv = join_args(files, ["unshare", "--net", "sleep", "infinity"])
        with open("/dev/null", "r+b") as null:
            holder = subprocess.Popen(argv, stdin=null, stdout=null, stderr=null, start_new_session=True)
        own = kernel.namespace_inode(os.getpid(), "net")  # not the holder's, which may have left it already
        end = time.monotonic() + 10
        while (inode := kernel.namespace_inode(holder.pid, "net")) in (own, None):
            if holder.poll() is not None or time.monotonic() > end:
                raise LabError("no network namespace for the lab's switch: unshare ended with %s" % holder.poll())
            time.sleep(0.005)
        self._pid_file.write_text("%d %d" % (holder.pid, inode or 0), encoding="ascii")
        self._links("link set lo up\nlink add br0 type bridge mcast_snooping 0\nlink set br0 up\n")
        _run(["ip", "link", "add", self.link, "type", "veth", "peer", "name", "host", "netns", str(holder.pid)])
        self._links("link set host master br0 up\n")
        own = addresses.underlay(self._index, addresses.HOST)
        _run(["ip", "addr", "add", own.v4 + "/24", "dev", self.link])
        _run(["ip", "addr", "add", own.v6 + "/64", "dev", self.link, "nodad"])
        _run(["ip", "link", "set", self.link, "up"])

    def _links(self, text: str) -> None:
        _run(self._inside("-batch", "-"), text)

    def _inside(self, *words: str) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-n", "ip", *words]

    def plug(self, number: int, node_pid: int) -> None:
        """Gives a node its eth0 on the switch."""
        # The end of a killed node's link goes when the kernel gets to it.
        subprocess.run(self._inside("link", "del", "n%d" % number), capture_output=True, check=False)
        mac = addresses.underlay_mac(self._index, number)
        self._links("link add n%d type veth peer name eth0 address %s netns %d\n" % (number, mac, node_pid))
        self._links("link set n%d master br0 up\n" % number)

    def set_link(self, number: int, up: bool) -> None:
        """Pulls a node's plug, or puts it back."""
        self._links("link set n%d %s\n" % (number, "up" if up else "down"))

    def stop(self) -> None:
        """Takes the switch away with every link to it."""
        ended = cgroups.members(cgroups.read_hierarchies(), self._group)
        for pid in ended:
            kernel.kill_and_wait(pid)
        kernel.wait_reaped(ended)
        self._pid_file.unlink(missing_ok=True)
        # The kernel takes the namespace's links away in its own time: this one is ours to remove now.
        subprocess.run(["ip", "link", "del", self.link], capture_output=True, check=False)
        cgroups.remove(cgroups.read_hierarchies(), self._group)
