# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handles: what tests and commands do with one node or one pod of a lab that is up."""

from __future__ import annotations

import os
import pathlib
import subprocess
from typing import TYPE_CHECKING, Any

from tests.nodes import cgroups, kernel
from tests.nodes.boot import ENVIRONMENT
from tests.nodes.node import join_args

from . import addresses, inventory, pods
from .destination import resolve
from .live import LivePod
from .model import LabError, Node
from .traffic import Result, Traffic

if TYPE_CHECKING:
    from .lab import Lab


class Place:
    """What nodes and pods have in common: programs run there."""

    title: str

    def popen(self, argv: list[str], **options: Any) -> subprocess.Popen[str]:
        """Starts a program here; ``options`` are Popen's."""
        return subprocess.Popen(self.enter_args(argv), text=True, env=ENVIRONMENT, **options)

    def run(
        self, argv: list[str], *, input: str | None = None, timeout: float = 60, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program here as root; raises LabError with the program's words when it fails and ``check`` is set."""
        stdin = subprocess.DEVNULL if input is None else None
        options: dict[str, Any] = {"capture_output": True, "text": True, "env": ENVIRONMENT, "timeout": timeout}
        done = subprocess.run(self.enter_args(argv), input=input, stdin=stdin, check=False, **options)
        if check and done.returncode:
            words = (done.stderr or done.stdout).strip()
            raise LabError("%s in %s ended with %d: %s" % (argv[0], self.title, done.returncode, words))
        return done

    def enter_args(self, argv: list[str]) -> list[str]:
        """The command that runs ``argv`` here."""
        raise NotImplementedError


class _Sender(Place):
    """A place of the lab: counted traffic starts there."""

    _lab: Lab

    def start_traffic(self, to: str, *, count: int, rate: float, family: int = 4, **options: int) -> Traffic:
        """Starts counted datagrams to a pod, Service, node or address; see ``send``. Returns while they run."""
        address, receivers, listen = resolve(self._lab, to, family, options.get("port"))
        request = {"address": address, "count": count, "rate": rate, "listen": listen, **options}
        return Traffic(self, receivers, request)

    def send(self, to: str, *, count: int, rate: float, family: int = 4, **options: int) -> Result:
        """Sends ``count`` datagrams at ``rate`` per second, and counts what arrives.

        ``to``: ``namespace/name`` of a pod or Service, a node's name, or an address. Options: ``size`` of the payload
        in bytes (64; at least 16), ``port`` (9000), ``source`` port (any), ``first`` sequence number (0).
        """
        return self.start_traffic(to, count=count, rate=rate, family=family, **options).wait()


class LabNode(_Sender):
    """A node of the lab."""

    def __init__(self, lab: Lab, spec: Node) -> None:
        self._lab = lab
        self.spec = spec
        self.name = spec.name
        self.title = "node " + spec.name
        self.addresses = addresses.underlay(lab.state.index, spec.ip)
        self._node = lab.ns_node(spec.name)

    @property
    def pid(self) -> int | None:
        """Its first process as this machine numbers it; None when it is down."""
        return self._node.pid

    @property
    def root(self) -> pathlib.Path:
        """The running node's root, as this machine can read and write it."""
        return pathlib.Path("/proc/%s/root" % self._pid())

    @property
    def netns(self) -> int | None:
        """Inode of its network namespace."""
        return kernel.namespace_inode(self._pid(), "net")

    def _pid(self) -> int:
        if self.pid is None:
            raise LabError("%s does not run" % self.title)
        return self.pid

    def enter_args(self, argv: list[str]) -> list[str]:
        """The command that runs ``argv`` here."""
        return self._node.enter_args(argv)

    def ssh_args(self, argv: list[str], user: str | None = None) -> list[str]:
        """The ssh command that runs ``argv`` on the node (its words are joined by a shell there)."""
        key = ["-i", str(self._lab.run_dir / "client_key")]
        place = "%s@%s" % (user or self.spec.user, self.addresses.v4)
        return ["ssh", *key, *inventory.ssh_options(self._lab.run_dir), place, *argv]

    def kill(self) -> None:
        """Ends the node as a power cut would; its files stay for the next ``boot``."""
        self._node.kill()

    def boot(self) -> None:
        """Boots the node again: same files, new boot id, its pods in new namespaces under their old uids."""
        if self.pid:
            raise LabError("%s runs already" % self.title)
        self._node.kill()  # what a node that ended by itself left of its control groups
        for pod in self._lab.state.pods.values():
            if pod.spec.node == self.name:
                pod.renew(new_uid=False)
        self._lab.boot_node(self.spec)
        self._lab.save()

    def reboot(self) -> None:
        """``kill`` and ``boot``."""
        self.kill()
        self.boot()


class LabPod(_Sender):
    """A pod of the lab."""

    def __init__(self, lab: Lab, state: LivePod) -> None:
        self._lab = lab
        self.state = state
        self.namespace, self.name = state.spec.namespace, state.spec.name
        self.key = state.key
        self.title = "pod " + state.key
        self.addresses = lab.state.pod_addresses(state)

    @property
    def uid(self) -> str:
        """Its uid in the API."""
        return self.state.uid

    @property
    def node(self) -> LabNode:
        """The node it runs on."""
        if self.state.spec.node is None:
            raise LabError("%s is on no node" % self.title)
        return self._lab.node(self.state.spec.node)

    def pids(self, container: str | None = None) -> list[int]:
        """Its processes as this machine numbers them; of one container, the first is its oldest."""
        return pods.processes(self.node._node, self.state, container)

    def node_pids(self, container: str | None = None) -> list[int]:
        """The same processes as its node numbers them."""
        return [_number_in(pid, self.node._pid()) for pid in self.pids(container)]

    @property
    def netns(self) -> int | None:
        """Inode of its network namespace."""
        return kernel.namespace_inode(self._first(), "net")

    def _first(self, container: str | None = None) -> int:
        names = [c.name for c in self.state.spec.containers if not c.init]
        found = self.pids(container or names[0])
        if not found:
            raise LabError("%s does not run" % self.title)
        return found[0]

    def enter_args(self, argv: list[str]) -> list[str]:
        """The command that runs ``argv`` here, as ``kubectl exec`` does in the first container."""
        first = self._first()
        containers = [c.name for c in self.state.spec.containers if not c.init]
        group = "%s/%s" % (self.node._node.group, self.state.group(self.state.container_ids[containers[0]]))
        files = cgroups.make(cgroups.read_hierarchies(), group)
        return join_args(files, ["nsenter", "-t", str(first), "-n", "-m", "-u", "-i", "-p", "-C", *argv])

    def delete(self) -> None:
        """Ends the pod's processes and namespaces; it leaves the Services and the snapshot's endpoints."""
        pods.stop(self.node._node, self.state)
        self.state.running = False
        self._lab.changed()

    def create(self, new_uid: bool = False) -> None:
        """Starts a deleted pod again in new namespaces: with its old uid, or as another pod of the same name."""
        if self.state.running:
            raise LabError("%s runs already" % self.title)
        self.state.renew(new_uid)
        self.state.running = True
        pods.start(self.node._node, [self.state], self._lab.state)
        self._lab.changed()


def _number_in(pid: int, node_pid: int) -> int:
    """A process's number in the pid namespace of a node's first process."""
    depth = len(_numbers(node_pid)) - 1
    return _numbers(pid)[depth]


def _numbers(pid: int) -> list[int]:
    text = pathlib.Path("/proc/%d/status" % pid).read_text(encoding="utf-8")
    return [int(word) for word in text.partition("NSpid:")[2].partition(os.linesep)[0].split()]
