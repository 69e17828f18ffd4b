# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab's file becomes when it is made: uids, container ids, addresses. Kept as JSON in the run folder."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import secrets
import uuid
from typing import Any

from . import addresses, spelling
from .addresses import Pair
from .model import Container, LabSpec, Pod, read_lab


@dataclasses.dataclass
class LivePod:
    """A pod that has been made, or that the API alone knows."""

    spec: Pod
    uid: str
    """``metadata.uid`` in the API."""
    local_uid: str
    """What the node calls it: the uid, or a static pod's configuration hash."""
    number: int
    """Its place among its node's pods; 0 for a pod without an address of its own."""
    sandbox_id: str
    container_ids: dict[str, str]
    runtime: str
    driver: str
    running: bool

    @property
    def key(self) -> str:
        """``namespace/name``."""
        return self.spec.key

    def group(self, container_id: str) -> str:
        """The control group of one of its containers, or of its sandbox, below the node's root."""
        return spelling.container_group(self.driver, self.runtime, self.spec.qos, self.local_uid, container_id)

    def veth(self) -> str:
        """The node's end of its eth0."""
        return "veth" + hashlib.sha256(self.key.encode()).hexdigest()[:8]

    def renew(self, new_uid: bool) -> None:
        """New container ids, as after a crash; with ``new_uid`` another pod of the same name."""
        self.sandbox_id, self.container_ids = _ids(self.spec)
        if new_uid:
            self.uid = str(uuid.uuid4())
            self.local_uid = self.local_uid if self.spec.static else self.uid


def _ids(pod: Pod) -> tuple[str, dict[str, str]]:
    return secrets.token_hex(32), {container.name: secrets.token_hex(32) for container in pod.containers}


@dataclasses.dataclass
class LiveLab:
    """A lab that has been made: its file's text and what was added to it."""

    name: str
    index: int
    spec: LabSpec
    pods: dict[str, LivePod]
    owner: int | None = None
    """A process whose end makes the lab a leftover."""
    owner_start: int | None = None
    created: str = ""

    def pod_addresses(self, pod: LivePod) -> Pair | None:
        """A pod's two addresses; its node's for a pod on the node's network; None for one without a node."""
        if pod.spec.node is None:
            return None
        node = self.spec.node(pod.spec.node)
        if pod.spec.host_network:
            return addresses.underlay(self.index, node.ip)
        return addresses.pod(node.ip, pod.number)

    def cluster_ips(self, key: str) -> Pair:
        """The cluster IPs of a Service."""
        return addresses.service(10 + [service.key for service in self.spec.services].index(key))


def make_pods(spec: LabSpec) -> dict[str, LivePod]:
    """Gives every pod of a lab its identity."""
    made: dict[str, LivePod] = {}
    counts: dict[str, int] = {}
    for pod in spec.pods:
        node = spec.node(pod.node) if pod.node else None
        uid, (sandbox, containers) = str(uuid.uuid4()), _ids(pod)
        number = 0
        if node and not pod.host_network:
            number = counts[node.name] = counts.get(node.name, 1) + 1
        made[pod.key] = LivePod(
            spec=pod,
            uid=uid,
            local_uid=hashlib.md5(pod.key.encode(), usedforsecurity=False).hexdigest() if pod.static else uid,
            number=number,
            sandbox_id=sandbox,
            container_ids=containers,
            runtime=pod.runtime or (node.runtime if node else "containerd"),
            driver=pod.cgroup_driver or (node.cgroup_driver if node else "cgroupfs"),
            running=pod.phase == "Running" and node is not None,
        )
    return made


def save(lab: LiveLab, folder: pathlib.Path) -> None:
    """Writes the lab's state beside the copy of its file."""
    state: dict[str, Any] = dataclasses.asdict(lab)
    del state["spec"]
    for pod in state["pods"].values():
        del pod["spec"]
    new = folder / "state.json.new"
    new.write_text(json.dumps(state, indent=1), encoding="utf-8")
    new.rename(folder / "state.json")


def load(folder: pathlib.Path) -> LiveLab:
    """Reads a lab back. Raises OSError when there is none."""
    state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    spec = read_lab(folder / "lab.yml")
    by_key = {pod.key: pod for pod in spec.pods}
    pods = {key: LivePod(spec=by_key[key], **pod) for key, pod in state.pop("pods").items()}
    return LiveLab(spec=spec, pods=pods, **state)


def running_containers(pod: LivePod) -> list[Container]:
    """The containers that have a process."""
    return [container for container in pod.spec.containers if not container.init]
