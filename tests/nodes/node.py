# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node as this machine handles it: boot, kill, run a program in it."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable

from . import cgroups, kernel
from .boot import ENTERED, ENVIRONMENT
from .root import Folders

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
_JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1" || exit 126; shift; done; shift; exec "$@"'


class NodeFailure(Exception):
    """A node did not boot, or something in it did not work; the text says what."""


def join_args(groups: list[pathlib.Path], argv: list[str]) -> list[str]:
    """The command that joins control groups (files ``cgroup.procs``) and then becomes another command."""
    return ["sh", "-c", _JOIN, "sh", *map(str, groups), "--", *argv]


@dataclasses.dataclass(frozen=True)
class Node:
    """One node of namespaces. Its files, all below ``directory``, outlive its boots; ``remove`` takes them away."""

    name: str
    directory: pathlib.Path
    group: str
    """Its control group in every hierarchy of this machine."""
    init: str
    """``systemd``, or ``none`` for a small init of our own."""
    hosts: dict[str, str]
    """Address to name, for its /etc/hosts."""
    host_key: str
    """The text of sshd's private key."""
    client_key: str
    """The text of the public key that root and ops log in with."""
    hide: tuple[str, ...] = ()
    """Folders of this machine that the node must not see."""
    mounts: dict[str, str] = dataclasses.field(default_factory=dict)
    """Folders of this machine by where the node has them; what cannot lie on an overlay, or is shared."""
    settings: dict[str, str] = dataclasses.field(default_factory=dict)
    """Kernel settings (``vm/overcommit_memory``) that it reads with these values; nothing is changed."""
    devices: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """Character devices beside the usual few, by name: major and minor number."""
    files: dict[str, str] = dataclasses.field(default_factory=dict)
    """Programs and settings that its first boot writes, by path; mode 0755."""
    services: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """What its init keeps running beside sshd, by name."""

    @property
    def pid(self) -> int | None:
        """The first process as this machine numbers it; None when the node does not run."""
        try:
            pid, inode = (self.directory / "pid").read_text(encoding="ascii").split()
        except OSError:
            return None
        return int(pid) if kernel.namespace_inode(int(pid), "pid") == int(inode) else None

    def boot(self) -> int:
        """Starts the node, waits until its init has taken over, and returns its first process."""
        if self.pid:
            raise NodeFailure("node %s runs already" % self.name)
        Folders(self.directory).make()
        spec = {**dataclasses.asdict(self), "directory": str(self.directory)}
        argv = [sys.executable, "-m", "tests.nodes.boot"]
        done = subprocess.run(argv, input=json.dumps(spec), capture_output=True, text=True, cwd=CHECKOUT, check=False)
        if done.returncode:
            raise NodeFailure("node %s cannot be made: %s" % (self.name, done.stderr.strip().splitlines()[-1]))
        pid = int(done.stdout)
        inode = kernel.namespace_inode(pid, "pid")
        (self.directory / "pid").write_text("%d %s" % (pid, inode), encoding="ascii")
        self._wait_for(lambda: pathlib.Path("/proc/%d/root" % pid, ENTERED).exists(), 10)
        return pid

    def _wait_for(self, ready: Callable[[], bool], timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while not ready():
            if self.pid is None or time.monotonic() > end:
                state = "ended while it booted" if self.pid is None else "did not boot within %g s" % timeout_s
                raise NodeFailure("node %s %s: %s" % (self.name, state, self.log().strip()[-500:]))
            time.sleep(0.02)

    def wait_ready(self, timeout_s: float = 30) -> None:
        """Returns when the init has started everything: the default target of systemd."""
        if self.init == "systemd":
            self._wait_for(self._systemd_is_up, timeout_s)

    def _systemd_is_up(self) -> bool:
        state = self.manage(["systemctl", "is-system-running", "--wait"], check=False).strip()
        return state in ("running", "degraded")

    def log(self) -> str:
        """What the first process said."""
        try:
            return (self.directory / "boot.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def enter_args(self, argv: list[str]) -> list[str]:
        """The command that runs another one in the node: in its namespaces, in a control group of its own."""
        files = cgroups.make(cgroups.read_hierarchies(), self.group + "/console")
        return join_args(files, self._nsenter(argv))

    def _nsenter(self, argv: list[str]) -> list[str]:
        if self.pid is None:
            raise NodeFailure("node %s does not run" % self.name)
        return ["nsenter", "-t", str(self.pid), "-a", *argv]

    def manage(self, argv: list[str], text: str | None = None, timeout: float = 60, check: bool = True) -> str:
        """Runs a short command in the node's namespaces, outside its control groups, as whoever builds the node does.

        (systemd, as it starts, removes empty groups: there is nothing to join yet.) Returns what the command printed.
        Raises NodeFailure with its words if ``check``.
        """
        done = subprocess.run(
            self._nsenter(argv),
            input=text or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            env=ENVIRONMENT,
            check=False,
        )
        if check and done.returncode:
            words = (done.stderr or done.stdout).strip()[-2000:]
            raise NodeFailure("%s in node %s ended with %d: %s" % (argv[0], self.name, done.returncode, words))
        return done.stdout

    def kill(self) -> None:
        """Ends the node with everything in it, as a power cut would; its files stay."""
        if self.pid:
            kernel.kill_and_wait(self.pid)
        hierarchies = cgroups.read_hierarchies()
        for pid in cgroups.members(hierarchies, self.group):
            kernel.kill_and_wait(pid)  # entered from outside: in the node's groups, not in its pid namespace
        (self.directory / "pid").unlink(missing_ok=True)
        cgroups.remove(hierarchies, self.group)
