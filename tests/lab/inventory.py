# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's inventory: how Ansible reaches the nodes. Pure functions."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from typing import Any

import yaml

from . import addresses
from .model import Node


def ssh_options(run: pathlib.Path) -> list[str]:
    """Options that keep the lab's keys and hosts apart from the user's."""
    options = ["IdentitiesOnly=yes", "UserKnownHostsFile=%s/known_hosts" % run, "GlobalKnownHostsFile=/dev/null"]
    options += ["StrictHostKeyChecking=yes", "PreferredAuthentications=publickey", "LogLevel=ERROR"]
    return [word for option in options for word in ("-o", option)]


def host_variables(node: Node, index: int, run: pathlib.Path, python: str) -> dict[str, Any]:
    """The variables of one node."""
    variables: dict[str, Any] = {
        "ansible_host": addresses.underlay(index, node.ip).v4,
        "ansible_user": node.user,
        "ansible_python_interpreter": python,
        "kube_node_name": node.name,
    }
    if node.user != "root":
        variables["ansible_become"] = True
    return variables


def inventory(nodes: Iterable[Node], index: int, run: pathlib.Path, pythons: dict[str, str]) -> str:
    """The inventory as YAML: group ``nodes`` with one host per node, connection sockets in the run folder."""
    hosts = {node.name: host_variables(node, index, run, pythons[node.name]) for node in nodes}
    common = {
        "ansible_ssh_private_key_file": "%s/client_key" % run,
        "ansible_ssh_common_args": " ".join(ssh_options(run)),
        "ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=60s",
        "ansible_control_path_dir": "%s/cp" % run,
        "ansible_pipelining": True,
    }
    groups = {"all": {"children": {"nodes": {"hosts": hosts, "vars": common}}}}
    return yaml.safe_dump(groups, sort_keys=False)
