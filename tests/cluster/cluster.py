# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster: up, down, and what tests and commands do with it."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Callable
from typing import Any

from tests.gate.machine import missing_packages
from tests.lab import interrupts, inventory, ssh
from tests.lab.needs import missing
from tests.lab.underlay import Underlay
from tests.nodes import cgroups, kernel, limits
from tests.nodes.node import Node as NamespaceNode

from . import build, images, pki, places, state, versions, workloads
from .node import ClusterNode
from .places import Site
from .state import ClusterError, State

_MANIFESTS = pathlib.Path(__file__).with_name("manifests")
PATIENCE_S = 240.0
"""So long each step of a start may take: some ten times what it takes on two processors."""


class Cluster:
    """A cluster that is up. ``Cluster.up`` makes one, ``Cluster.attach`` finds it again."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.kubeconfig = site.home / "admin.conf"
        self.inventory = site.home / "inventory.yml"
        self.nodes = [node.name for node in places.NODES]
        self.underlay = Underlay(site.link, site.index, site.home, site.group + "/switch")

    @classmethod
    def attach(cls, number: int = 0) -> Cluster:
        """The cluster that is up already; one that is being made is waited for."""
        made = cls(Site(number))
        while (found := state.load(made.site)) is not None and not found.left:
            if found.up:
                return made
            time.sleep(0.5)
        raise ClusterError("no cluster is up; this makes one: make cluster")

    @classmethod
    def up(
        cls, number: int | None = 0, owner: int | None = None, tell: Callable[[str], None] = lambda line: None
    ) -> Cluster:
        """Makes the cluster and returns when its workloads are as they should be; leftovers are removed first.

        ``number``: of its site; None takes the first from 1 on that is free. ``owner``: a process without which the
        cluster is a leftover. ``tell`` is given a line after each step.
        """
        _refuse_what_lacks()
        now = State()
        now.give(os.getpid())
        with state.lock():
            made = cls(_free_site(number))
            state.save(made.site, now)
            limits.hold(str(made.site.home), limits.INOTIFY)
        try:
            made._build(tell)
            now.give(owner)
            now.up = True
            state.save(made.site, now)
        except BaseException:
            made.down()
            raise
        return made

    def down(self) -> None:
        """Removes the cluster: nothing of it is left; an interrupt waits until it is gone."""
        with state.lock(), interrupts.held():
            self._down()

    def node(self, name: str) -> ClusterNode:
        """A node of the cluster."""
        for spec in places.NODES:
            if spec.name == name:
                return ClusterNode(self.site, spec, self.underlay)
        raise ClusterError("no node %s; there are %s" % (name, ", ".join(self.nodes)))

    def kubectl(self, *argv: str, input: str | None = None, timeout: float = 60, check: bool = True) -> str:
        """Runs kubectl as the administrator and returns what it printed; ClusterError with its words if ``check``."""
        fixed = ["--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.site.home / "kubectl")]
        # It does not outlive this process, however that ends.
        command = ["setpriv", "--pdeathsig", "KILL", str(build.BIN / "kubectl"), *fixed, *argv]
        stdin = subprocess.DEVNULL if input is None else None
        options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": timeout}
        done = subprocess.run(command, input=input, stdin=stdin, check=False, **options)
        if check and done.returncode:
            words = done.stderr.strip() or done.stdout.strip()
            raise ClusterError("kubectl %s ended with %d: %s" % (" ".join(argv), done.returncode, words))
        return done.stdout

    def objects(self, *argv: str) -> list[dict[str, Any]]:
        """The objects of ``kubectl get``: ``objects("pods", "-n", "shop")``."""
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", *argv, "-o", "json"))["items"]
        return items

    def load(self, archive: pathlib.Path) -> None:
        """Gives every node an image, from an archive as ``images.image`` writes it."""
        for name in self.nodes:
            with archive.open("rb") as data:
                argv = self.node(name).enter_args(["ctr", "-n", "k8s.io", "images", "import", "-"])
                subprocess.run(argv, stdin=data, stdout=subprocess.DEVNULL, check=True)

    def wait(self, what: str, ready: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Returns when ``ready`` says so; ClusterError with ``what`` was waited for."""
        end = time.monotonic() + timeout_s
        while not ready():
            if time.monotonic() > end:
                raise ClusterError("after %g s there is still no %s" % (timeout_s, what))
            time.sleep(0.2)

    def _build(self, tell: Callable[[str], None]) -> None:
        start, site = time.monotonic(), self.site
        cgroups.make(cgroups.read_hierarchies(), site.group)
        (site.home / "cp").mkdir(mode=0o700)
        ssh.make_keys(site.home, {node.name: site.address(node) for node in places.NODES})
        pki.make(site)
        pythons = dict.fromkeys(self.nodes, "/usr/bin/python3")
        self.inventory.write_text(inventory.inventory(places.NODES, site.index, site.home, pythons), encoding="utf-8")
        self.underlay.start()
        with concurrent.futures.ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(self._boot, self.nodes))
        for what, step in {
            "the API": self._wait_api,
            "the nodes": self._wait_nodes,
            "the workloads": self._start_workloads,
        }.items():
            step()
            tell("%s ready after %.1f s" % (what, time.monotonic() - start))

    def _boot(self, name: str) -> None:
        node = self.node(name)
        node.prepare()
        node.boot()

    def _wait_api(self) -> None:
        self.wait("API server that answers", lambda: self.kubectl("get", "--raw", "/readyz", check=False) == "ok")
        # The rights of the API server itself are made by it, a moment later.
        self.wait("API that takes rights", lambda: "cluster:flannel" in self._apply(_MANIFESTS / "base.yaml"))

    def _apply(self, path: pathlib.Path) -> str:
        return self.kubectl("apply", "-f", str(path), check=False)

    def _wait_nodes(self) -> None:
        self.wait("node objects", lambda: len(self.objects("nodes")) == len(self.nodes))
        self.kubectl(
            "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=%ds" % PATIENCE_S, timeout=PATIENCE_S
        )
        self.kubectl("label", "node", self.nodes[0], "node-role.kubernetes.io/control-plane=")

    def _start_workloads(self) -> None:
        self.kubectl("apply", "-f", str(_MANIFESTS / "workloads"))
        shutil.copy(
            _MANIFESTS / "static-node-b.yaml", self.node("node-b").root / "etc/kubernetes/manifests/static.yaml"
        )
        debug = ["--image", images.name("netkit"), "--container", "debugger", "--profile", "general"]
        self.kubectl("-n", "shop", "debug", "debugged", *debug, "--", "sleep", "2147483647")
        end = time.monotonic() + PATIENCE_S
        while lines := workloads.amiss(self.objects("pods", "-A")):
            if time.monotonic() > end:
                raise ClusterError("the workloads are not as they should be:\n" + "\n".join(lines))
            time.sleep(0.3)

    def _down(self) -> None:
        ssh.close(self.site.home)
        ended: set[int] = set()
        for name in self.nodes:
            node = NamespaceNode(name, self.site.home / name, "%s/%s" % (self.site.group, name), "none", {}, "", "")
            ended |= {node.pid} if node.pid else set()
            node.kill()
        self.underlay.stop()
        hierarchies = cgroups.read_hierarchies()
        others = cgroups.members(hierarchies, self.site.group)
        for pid in others:
            kernel.kill_and_wait(pid)
        kernel.wait_reaped(ended | others)
        cgroups.remove(hierarchies, self.site.group)
        limits.release(str(self.site.home))
        _remove(self.site.home)


def _refuse_what_lacks() -> None:
    packages = missing_packages(versions.PACKAGES)
    lacking = ["packages: apt-get install " + " ".join(packages)] if packages else []
    lacking += missing()
    if lacking:
        raise ClusterError("the cluster cannot be made here:\n" + "\n".join("- " + line for line in lacking))


def sweep() -> None:
    """Removes the clusters that killed processes have left."""
    with state.lock():
        _sweep()


def _free_site(number: int | None) -> Site:
    numbers = _sweep()
    if not numbers or number not in (None, *numbers):
        remedy = "python -m tests.cluster down --number %d" % number if number else "make cluster-down"
        raise ClusterError("this cluster is up already, or being made; this removes it: %s" % remedy)
    # The first is whose who calls for one by hand; tests that make another take the last.
    return Site(next(filter(None, numbers), 0) if number is None else number)


def _sweep() -> list[int]:
    """Removes leftovers, with the lock held; returns the numbers that no cluster has."""
    numbers = []
    for number in range(places.SITES):
        found = state.load(Site(number))
        if found is not None and found.left:
            with interrupts.held():
                Cluster(Site(number))._down()
        if found is None or found.left:
            numbers.append(number)
    return numbers


def _remove(folder: pathlib.Path, timeout_s: float = 20) -> None:
    """Removes a folder of which the kernel is still unmounting parts."""
    end = time.monotonic() + timeout_s
    while folder.exists():
        with contextlib.suppress(OSError) if time.monotonic() < end else contextlib.nullcontext():
            shutil.rmtree(folder)
            return
        time.sleep(0.05)
