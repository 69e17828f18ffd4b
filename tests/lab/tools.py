# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools in pods' namespaces, as tests start them by the module, watch them, and look for what is left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from typing import Any, Protocol

from tests.lab.ansible_run import Ansible, Run
from tests.lab.recording import wait_for

OURS = "kube-pcap-exec|AnsiballZ_netns_command"
"""Command lines of what stands beside a tool."""
Result = dict[str, Any]


class Node(Protocol):
    """A node, of the lab or of the cluster."""

    name: str

    def run(self, argv: list[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a program on it."""


class Tools:
    """The module ``netns_command`` on nodes."""

    def __init__(self, ansible: Ansible) -> None:
        self._ansible = ansible

    def run(self, pattern: str, /, *args: str, **params: Any) -> dict[str, Result]:
        """Calls the module and returns each host's result, with ``failed``."""
        return results(self._ansible.adhoc(pattern, "kube.pcap.netns_command", *args, params=params))

    def one(self, host: str, /, *args: str, **params: Any) -> Result:
        """Calls the module on one node."""
        return self.run(host, *args, **params)[host]

    def well(self, host: str, /, **params: Any) -> Result:
        """Calls the module on one node, where it must not fail."""
        result = self.one(host, **params)
        assert not result["failed"], result["msg"]
        return result

    def begin(self, pattern: str, variables: dict[str, Any] | None = None, /, **params: Any) -> Callable[[], Run]:
        """Starts the module, with variables of Ansible's; what is returned waits for its end."""
        done: list[Run] = []

        def call() -> None:
            module = "kube.pcap.netns_command"
            done.append(self._ansible.adhoc(pattern, module, params=params, extra_vars=variables))

        thread = threading.Thread(target=call, daemon=True)
        thread.start()

        def wait() -> Run:
            thread.join(120)
            assert done, "the module has not ended within 120 s"
            return done[0]

        return wait


def kill_controller(mark: str) -> None:
    """Kills the Ansible that runs the module with ``mark`` among its options; its ssh lives on."""
    kill_all(" adhoc .*" + mark)


def kill_all(pattern: str) -> None:
    """Kills the processes of this machine whose command line matches, of which there is one at least."""
    found = subprocess.run(["pgrep", "-f", "--", pattern], capture_output=True, text=True, check=True)
    for pid in map(int, found.stdout.split()):
        os.kill(pid, signal.SIGKILL)


def results(run: Run) -> dict[str, Result]:
    """Each host's result of the module, with ``failed``; no run shows a traceback."""
    assert not re.search("Traceback|deprecat", run.stdout + run.stderr), run.stdout + run.stderr
    assert run.tasks, run.stdout + run.stderr
    return {task.host: {**task.result, "failed": task.status != "ok"} for task in run.tasks}


def alive(node: Node, pattern: str) -> list[str]:
    """The processes of a node whose command line matches, ended ones left out."""
    lines = node.run(["ps", "-eo", "pid=,stat=,args="]).stdout.splitlines()
    return [line for line in lines if re.search(pattern, line) and line.split()[1][0] not in "ZX"]


def ended(node: Node) -> list[str]:
    """The processes of a node that have ended, and that nobody has waited for, but sshd's."""
    lines = node.run(["ps", "-eo", "stat=,comm="]).stdout.splitlines()
    return [line for line in lines if line.startswith("Z") and "sshd" not in line]


def wait_gone(node: Node, pattern: str, seconds: float = 60.0) -> None:
    """Waits until neither such a process nor what stands beside a tool is left on a node."""
    wait_for(lambda: not alive(node, "%s|%s" % (pattern, OURS)), seconds, "the end of %s" % pattern)
