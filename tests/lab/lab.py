# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab as tests and commands hold it: up, down, and handles of its nodes and pods."""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
from collections.abc import Iterator

from tests.nodes import cgroups, kernel
from tests.nodes.node import CHECKOUT
from tests.nodes.node import Node as NamespaceNode

from . import addresses, interrupts, inventory, live, network, pods, snapshot, ssh
from .faults import Faults
from .handles import LabNode, LabPod
from .model import LabError, Node, read_lab
from .needs import STATE, choose_python, missing
from .underlay import Underlay

NAME = "shop"
"""The lab of ``make lab``."""
SHOP = pathlib.Path(__file__).with_name("shop.yml")
GROUP = "kube-pcap-lab"
LABS = 64


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """One lab at a time is made or removed: they share the control groups' parent and the numbers."""
    folder = os.open(STATE.parent, os.O_RDONLY | os.O_DIRECTORY)  # a lock file of our own would be left behind
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


class Lab:
    """A lab that is up. ``Lab.up`` makes one, ``Lab.attach`` finds one again by its name."""

    def __init__(self, state: live.LiveLab, run: pathlib.Path) -> None:
        self.state = state
        self.run_dir = run
        self.inventory = run / "inventory.yml"
        self.snapshot = run / "snapshot.json"
        self.group = "%s/%s" % (GROUP, state.name)
        self.underlay = Underlay(state.name, state.index, run, self.group + "/switch")
        self.faults = Faults(self)

    @classmethod
    def up(cls, name: str = NAME, file: str | pathlib.Path = SHOP, owner: int | None = None) -> Lab:
        """Makes a lab and returns when every node answers by ssh and every pod runs.

        ``owner``: a process without which the lab is a leftover that ``Lab.sweep`` removes.
        """
        if not re.fullmatch("[a-z][a-z0-9]{0,8}", name):
            raise LabError("lab name %r: it must be 1 to 9 characters of a-z and 0-9, a letter first" % name)
        spec = read_lab(file)
        lacking = missing(spec)
        if lacking:
            raise LabError("the lab cannot be made here:\n" + "\n".join("- " + line for line in lacking))
        lab = None
        try:
            with _lock():
                _refuse_second(name)
                now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
                made = live.LiveLab(name, _free_index(), spec, live.make_pods(spec), owner, created=now)
                made.owner_start = kernel.start_time(owner) if owner else None
                lab = cls(made, STATE / name)
                lab._begin(pathlib.Path(file))
            lab._build()
        except BaseException:
            if lab:
                lab.down()
            raise
        return lab

    @classmethod
    def attach(cls, name: str = NAME) -> Lab:
        """The lab of that name that is up already."""
        try:
            return cls(live.load(STATE / name), STATE / name)
        except OSError:
            raise LabError("no lab %s is up; those that are: %s" % (name, ", ".join(names()) or "none")) from None

    @classmethod
    def sweep(cls) -> list[str]:
        """Removes the labs whose owner is gone; returns their names."""
        gone = []
        for name in names():
            try:
                lab = cls.attach(name)
            except LabError:
                continue  # somebody else has just removed it
            if lab.state.owner is not None and kernel.start_time(lab.state.owner) != lab.state.owner_start:
                lab.down()
                gone.append(name)
        return gone

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def node(self, name: str) -> LabNode:
        """A node of the lab."""
        return LabNode(self, self.state.spec.node(name))

    @property
    def nodes(self) -> list[LabNode]:
        """Every node of the lab."""
        return [LabNode(self, node) for node in self.state.spec.nodes]

    def pod(self, namespace: str, name: str) -> LabPod:
        """A pod of the lab."""
        key = "%s/%s" % (namespace, name)
        if key not in self.state.pods:
            raise LabError("no pod %s in the lab; it has %s" % (key, ", ".join(sorted(self.state.pods))))
        return LabPod(self, self.state.pods[key])

    @property
    def pods(self) -> list[LabPod]:
        """Every pod of the lab, those that do not run too."""
        return [LabPod(self, pod) for pod in self.state.pods.values()]

    def service_ips(self, namespace: str, name: str) -> addresses.Pair:
        """The cluster IPs of a Service."""
        return self.state.cluster_ips("%s/%s" % (namespace, name))

    def ns_node(self, name: str) -> NamespaceNode:
        """The node as namespaces, below its handle."""
        return NamespaceNode(
            name=name,
            directory=self.run_dir / name,
            group="%s/%s" % (self.group, name),
            init=self.state.spec.node(name).init,
            hosts={addresses.underlay(self.state.index, n.ip).v4: n.name for n in self.state.spec.nodes},
            host_key=(self.run_dir / ("host_key_" + name)).read_text(encoding="ascii"),
            client_key=(self.run_dir / "client_key.pub").read_text(encoding="ascii"),
            hide=(str(CHECKOUT), str(STATE)),
            **pods.kubelet(self.state.spec.node(name)),
        )

    def _begin(self, file: pathlib.Path) -> None:
        (self.run_dir / "cp").mkdir(parents=True, mode=0o700, exist_ok=True)
        # From now on the removal of another lab leaves the groups' parent.
        cgroups.make(cgroups.read_hierarchies(), self.group)
        shutil.copy(file, self.run_dir / "lab.yml")
        live.save(self.state, self.run_dir)

    def _build(self) -> None:
        nodes, index = self.state.spec.nodes, self.state.index
        ssh.make_keys(self.run_dir, {node.name: addresses.underlay(index, node.ip).v4 for node in nodes})
        self.underlay.start()
        with concurrent.futures.ThreadPoolExecutor(len(nodes)) as pool:
            list(pool.map(self.boot_node, nodes))
        pythons = {node.name: choose_python(node.python) or node.python for node in nodes}
        self.inventory.write_text(inventory.inventory(nodes, index, self.run_dir, pythons), encoding="utf-8")
        self.save()
        for fault in self.state.spec.faults:
            self.faults.apply(fault)

    def boot_node(self, spec: Node) -> None:
        """Boots one node: namespaces, network, pods; returns when it answers by ssh."""
        node = self.ns_node(spec.name)
        self.underlay.plug(spec.ip, node.boot())
        self._connect(node, spec)
        mine = [pod for pod in self.state.pods.values() if pod.spec.node == spec.name]
        node.wait_ready()  # systemd, as it starts, removes the empty control groups that it finds
        pods.start(node, mine, self.state)
        ssh.wait(addresses.underlay(self.state.index, spec.ip).v4)

    def _connect(self, node: NamespaceNode, spec: Node) -> None:
        peers = [n.ip for n in self.state.spec.nodes]
        filtered = pathlib.Path("/proc/sys/net/bridge").exists()
        node.manage(["sysctl", "-qw", *network.SYSCTLS, *(network.BRIDGE_SYSCTLS if filtered else ())])
        links = network.node_links(self.state.index, spec.ip) + network.peer_routes(spec.ip, peers)
        node.manage(["ip", "-batch", "-"], links)
        node.manage(["bridge", "-batch", "-"], network.peer_forwarding(self.state.index, spec.ip, peers))
        self._load_services(node, spec, filtered)

    def _load_services(self, node: NamespaceNode, spec: Node, filtered: bool) -> None:
        routes = []
        for service in self.state.spec.services:
            backends = [self.state.pods[pod.key] for pod in self.state.spec.backends(service)]
            own = tuple(a for pod in backends if pod.running and (a := self.state.pod_addresses(pod)))
            routes += [network.ServiceRoute(self.state.cluster_ips(service.key), port, own) for port in service.ports]
        node.manage(["nft", "-f", "-"], network.service_rules(spec.ip, routes, filtered))

    def changed(self) -> None:
        """Tells services and snapshot that pods came or went."""
        filtered = pathlib.Path("/proc/sys/net/bridge").exists()
        for spec in self.state.spec.nodes:
            node = self.ns_node(spec.name)
            if node.pid:
                self._load_services(node, spec, filtered)
        self.save()

    def save(self) -> None:
        """Writes state and snapshot."""
        live.save(self.state, self.run_dir)
        text = json.dumps(snapshot.snapshot(self.state), indent=1)
        self.snapshot.with_suffix(".new").write_text(text, encoding="utf-8")
        self.snapshot.with_suffix(".new").rename(self.snapshot)

    def down(self) -> None:
        """Removes the lab: nothing of it is left, half-made labs included; an interrupt waits until it is gone."""
        with interrupts.held():
            self._down()

    def _down(self) -> None:
        ssh.close(self.run_dir)
        ended = []
        for spec in self.state.spec.nodes:
            node = NamespaceNode(spec.name, self.run_dir / spec.name, "%s/%s" % (self.group, spec.name), "", {}, "", "")
            ended += [node.pid] if node.pid else []
            node.kill()
        self.underlay.stop()
        kernel.wait_reaped(ended)
        hierarchies = cgroups.read_hierarchies()
        with _lock():
            cgroups.remove(hierarchies, self.group)
            for hierarchy in hierarchies:
                with contextlib.suppress(OSError):  # another lab is up
                    hierarchy.folder(GROUP).rmdir()
            shutil.rmtree(self.run_dir, ignore_errors=not self.run_dir.exists())
            with contextlib.suppress(OSError):
                STATE.rmdir()


def names() -> list[str]:
    """The labs that are up, or that were being made."""
    return sorted(file.parent.name for file in STATE.glob("*/state.json"))


def _refuse_second(name: str) -> None:
    if name in names():
        first = "make lab-down" if name == NAME else "python -m tests.lab down --name " + name
        raise LabError("lab %s is up already; this removes it: %s" % (name, first))


def _free_index() -> int:
    taken = {live.load(STATE / name).index for name in names()}
    output = subprocess.run(["ip", "-4", "-o", "addr"], capture_output=True, text=True, check=True).stdout
    taken |= {int(number) for number in re.findall(r"inet 198\.18\.(\d+)\.", output)}
    free = [index for index in range(LABS) if index not in taken]
    if not free:
        raise LabError("%d labs are up; remove one with: python -m tests.lab down --name NAME" % LABS)
    return free[0]
