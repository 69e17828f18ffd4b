# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks as users launch them, on the lab, and what their runs tell."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from collections.abc import Sequence
from typing import Any, Protocol

import yaml

from tests.lab.ansible_run import Ansible, Run
from tests.lab.lab import Lab

WEB = {"node-a": "web-6f8d5c7b9d-4hx2k", "node-b": "web-6f8d5c7b9d-j7pq9", "node-c": "web-6f8d5c7b9d-zt5mw"}


NODES = list(WEB)


class Node(Protocol):
    """A node, of the lab or of the cluster."""

    name: str

    @property
    def root(self) -> pathlib.Path:
        """Its root, as this machine can read it."""

    def run(self, argv: list[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a program on it."""


class Playbooks:
    """The playbooks, and nothing left on the nodes afterwards."""

    def __init__(self, nodes: Sequence[Node], ansible: Ansible) -> None:
        self.nodes = nodes
        self.ansible = self._cleaner = ansible

    def capture(self, targets: Any, *args: str, **options: Any) -> Run:
        """Runs the playbook capture; option names without their prefix."""
        return self.run("capture", *args, targets=targets, **options)

    def run(self, name: str, *args: str, **options: Any) -> Run:
        """Runs a playbook of the collection; no run shows a traceback or an exception."""
        variables = {"capture_" + key: value for key, value in options.items()}
        done = self.playbook("kube.pcap." + name, *args, extra_vars=variables)
        assert not re.search("Traceback|exception|deprecat", done.stdout + done.stderr, re.IGNORECASE), done.stdout
        return done

    def playbook(self, name: str, *args: str, **options: Any) -> Run:
        """Runs a playbook of the collection, whatever it shows."""
        return self.ansible.playbook(name, *args, **options)

    def spool(self) -> dict[str, list[str]]:
        """Captures in the spool of each node."""
        folders = {node.name: node.root / "var/lib/kube-pcap" for node in self.nodes}
        return {name: sorted(p.name for p in path.iterdir()) for name, path in folders.items() if path.exists()}

    def tcpdumps(self) -> int:
        """How many tcpdumps run on the nodes."""
        found = [node.run(["pgrep", "-c", "tcpdump"], check=False).stdout for node in self.nodes]
        return sum(int(count) for count in found)

    def clean(self) -> None:
        """Removes every capture."""
        if self.spool():
            done = self._cleaner.adhoc(
                "nodes", "kube.pcap.capture", params={"state": "absent", "id": "all", "force": True}
            )
            assert self.spool() == {}, done.stdout
        assert self.tcpdumps() == 0


class Plays(Playbooks):
    """The playbooks on a lab, with its snapshot."""

    def __init__(self, lab: Lab, ansible: Ansible) -> None:
        super().__init__(lab.nodes, ansible)
        self.lab = lab

    def capture(self, targets: Any, *args: str, snapshot: bool = True, **options: Any) -> Run:
        """Runs the playbook capture; option names without their prefix."""
        known = {"snapshot": str(self.lab.snapshot)} if snapshot else {}
        return super().capture(targets, *args, **options, **known)


def changed(run: Run) -> dict[str, int]:
    """The recap's count of changed tasks by host."""
    return {
        host: int(count) for host, count in re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+)", run.stdout, re.MULTILINE)
    }


def failed(run: Run) -> list[str]:
    """Messages of the tasks that failed."""
    return [task.result["msg"] for task in run.tasks if task.status == "failed"]


def told(run: Run) -> dict[str, Any]:
    """What the report returned, which is in the variable capture_result."""
    (result,) = run.of("report").values()
    return result


def started(run: Run) -> list[tuple[str, str, str]]:
    """(host, target, phase) of what was started."""
    found = []
    for one in told(run)["captures"]:
        for target in one["targets"]:
            found.append((one["host"], target["name"], one["phase"]))
    return sorted(found)


def hosts(run: Run) -> list[str]:
    """The hosts on which something was started, one for each target."""
    return [row[0] for row in started(run)]


def said(run: Run) -> str:
    """Everything that was printed, without the breaks of lines."""
    return " ".join((run.stdout + run.stderr).split())


def remote_tasks(run: Run) -> dict[str, int]:
    """How many tasks each host was asked, by connection."""
    local = ("plan", "report", "targets_info")
    asked = [task.host for task in run.tasks if not task.action.endswith(local)]
    return {host: asked.count(host) for host in asked}


def inventory(lab: Lab, file: pathlib.Path, **hosts: dict[str, Any]) -> pathlib.Path:
    """The lab's inventory with other hosts: variables that are added to node-a's, and None takes one away."""
    known = yaml.safe_load(lab.inventory.read_text())
    nodes = known["all"]["children"]["nodes"]["hosts"]
    for name, variables in hosts.items():
        merged = {**nodes.get(name, nodes["node-a"]), **variables}
        nodes[name] = {key: value for key, value in merged.items() if value is not None}
    file.write_text(json.dumps(known))
    return file
