# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node of the cluster as tests and commands hold it."""

from __future__ import annotations

import pathlib

from tests.lab import addresses, inventory, ssh
from tests.lab.handles import Place
from tests.lab.model import Node
from tests.lab.underlay import Underlay
from tests.nodes.node import CHECKOUT
from tests.nodes.node import Node as NamespaceNode

from . import build, places, services, settings
from .places import Site
from .state import ClusterError

_OWN = ("containerd", "kubelet", "etcd")
"""Folders of /var/lib that must lie on a real file system: an overlay on an overlay does not work."""
_CNI = pathlib.Path("/usr/lib/cni")


class ClusterNode(Place):
    """A node: programs run in it, and it is booted, killed and cut off."""

    def __init__(self, site: Site, spec: Node, underlay: Underlay) -> None:
        self._site = site
        self._spec = spec
        self._underlay = underlay
        self.name = spec.name
        self.title = "node " + spec.name
        self.address = site.address(spec)
        self.folder = site.home / spec.name

    def _node(self) -> NamespaceNode:
        own = {"/var/lib/" + name: str(self.folder / name) for name in _OWN}
        return NamespaceNode(
            name=self.name,
            directory=self.folder,
            group="%s/%s" % (self._site.group, self.name),
            init="none",
            hosts={self._site.address(node): node.name for node in places.NODES},
            host_key=(self._site.home / ("host_key_" + self.name)).read_text(encoding="ascii"),
            client_key=(self._site.home / "client_key.pub").read_text(encoding="ascii"),
            hide=(str(CHECKOUT), str(self._site.home)),
            mounts={
                **own,
                services.PKI: str(self.folder / "pki"),
                services.IMAGES: str(build.IMAGES),
                "/usr/local/bin": str(build.BIN),
                "/opt/cni/bin": str(self.folder / "cni"),
            },
            settings=settings.KERNEL,
            devices={"kmsg": (1, 11)},
            files=settings.files(self._spec),
            services=services.services(self._site, self._spec),
        )

    def prepare(self) -> None:
        """Makes the folders that its root is put together from; its keys are there."""
        for name in _OWN:
            (self.folder / name).mkdir(parents=True)
        plugins = self.folder / "cni"
        plugins.mkdir()
        for plugin in _CNI.iterdir():
            (plugins / plugin.name).symlink_to(plugin)
        (plugins / "flannel").symlink_to("/usr/local/bin/flannel-cni")

    @property
    def pid(self) -> int | None:
        """Its first process as this machine numbers it; None when it is down."""
        return self._node().pid

    @property
    def root(self) -> pathlib.Path:
        """The running node's root, as this machine can read and write it."""
        if self.pid is None:
            raise ClusterError("%s does not run" % self.title)
        return pathlib.Path("/proc/%d/root" % self.pid)

    def enter_args(self, argv: list[str]) -> list[str]:
        """The command that runs ``argv`` in the node's namespaces, as root."""
        return self._node().enter_args(argv)

    def ssh_args(self, argv: list[str], user: str = "root") -> list[str]:
        """The ssh command that runs ``argv`` on the node (its words are joined by a shell there)."""
        key = ["-i", str(self._site.home / "client_key")]
        return ["ssh", *key, *inventory.ssh_options(self._site.home), "%s@%s" % (user, self.address), *argv]

    def boot(self) -> None:
        """Boots it, with the files that it has; returns when it answers by ssh."""
        node = self._node()
        self._underlay.plug(self._spec.ip, node.boot())
        nowhere = addresses.underlay(self._site.index, addresses.NOWHERE).v4
        # A Service's address needs a route before it is translated.
        links = ("addr add %s/24 dev eth0" % self.address, "link set eth0 up", "route add default via " + nowhere)
        node.manage(["ip", "-batch", "-"], "\n".join(links) + "\n")
        node.manage(["sysctl", "-qw", "net.ipv4.ip_forward=1"])
        ssh.wait(self.address)

    def kill(self) -> None:
        """Ends the node as a power cut would; its files stay for the next ``boot``."""
        self._node().kill()

    def set_link(self, up: bool) -> None:
        """Pulls the node's plug, or puts it back."""
        self._underlay.set_link(self._spec.ip, up)

    def stop(self, service: str) -> None:
        """Ends one of its services, and keeps it from being started again."""
        (self.root / services.switch(service)).touch()
        self.restart(service)

    def start(self, service: str) -> None:
        """Lets a service run that was stopped."""
        (self.root / services.switch(service)).unlink()

    def restart(self, service: str) -> None:
        """Ends one of its services, which is started again at once; returns when the process has gone."""
        pid = (self.root / "run" / (service + ".pid")).read_text(encoding="ascii").strip()
        # The API server would wait for its watchers, who never go.
        gone = "timeout %d tail --pid=$0 -f /dev/null"
        script = "kill $0; %s || { kill -KILL $0; %s; }" % (gone % 5, gone % 60)
        self.run(["sh", "-c", script, pid], timeout=70)
