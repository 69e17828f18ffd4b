# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs Ansible as a user would, with the lab's inventory, this checkout as the collection, and no other setting.

Only Python's search for cycles is off.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from tests.nodes.node import CHECKOUT

_CALLBACKS = pathlib.Path(__file__).with_name("callback_plugins")
_KEPT = ("HOME", "LANG", "TMPDIR", "USER")


@dataclasses.dataclass(frozen=True)
class Task:
    """One host's result of one task."""

    host: str
    task: str
    action: str
    status: str
    """ok, failed, ignored, unreachable, skipped."""
    result: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Run:
    """What one run of Ansible gave."""

    rc: int
    stdout: str
    stderr: str
    tasks: list[Task]

    def of(self, action: str) -> dict[str, dict[str, Any]]:
        """The last result of a module or action, by host; ``action`` is its name or the end of it."""
        return {t.host: t.result for t in self.tasks if t.action == action or t.action.endswith("." + action)}


def link_collection(folder: pathlib.Path) -> pathlib.Path:
    """Makes ``folder`` a collections path in which ``kube.pcap`` is this checkout; returns it."""
    link = folder / "ansible_collections" / "kube" / "pcap"
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # it was made before, or by a call that runs beside this one
        link.symlink_to(CHECKOUT)
    return folder


def environment(folder: pathlib.Path, python: str = sys.executable) -> dict[str, str]:
    """The environment of Ansible: nothing of the user's settings, no pyenv shims, ``folder`` for its own files."""
    path = [str(pathlib.Path(python).parent), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"]
    config = folder / "ansible.cfg"
    config.touch()
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "LC_ALL": "C.UTF-8",
        "PATH": ":".join([*path, "/sbin", "/bin"]),
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_COLLECTIONS_PATH": str(link_collection(folder)),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "lab_results",
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


_ANSIBLE = """
import gc, runpy
gc.disable()  # a run is too short for it to be worth the seventh part of all processor time
runpy.run_module("ansible", run_name="__main__", alter_sys=True)
"""


class Ansible:
    """Runs playbooks and modules on the nodes of one inventory."""

    def __init__(
        self,
        inventory: pathlib.Path,
        folder: pathlib.Path,
        python: str = sys.executable,
        prefix: Sequence[str] = (),
    ) -> None:
        """``python``: of the environment in which Ansible is installed; ``prefix``: the command that runs commands."""
        self.inventory = inventory
        self.folder = folder
        self.python = python
        self.prefix = prefix

    def playbook(self, name: str | pathlib.Path, *args: str, **options: Any) -> Run:
        """Runs ``ansible-playbook``: a playbook of the collection (``kube.pcap.capture``) or a file's path."""
        return self._run(["playbook", str(name)], *args, **options)

    def adhoc(self, pattern: str, module: str, *args: str, params: dict[str, Any] | None = None, **options: Any) -> Run:
        """Runs one module on the hosts that match; ``params`` are its options."""
        words = ["-a", json.dumps(params)] if params else []
        return self._run(["adhoc", pattern, "-m", module, *words], *args, **options)

    def _run(
        self,
        command: list[str],
        *args: str,
        extra_vars: dict[str, Any] | None = None,
        env: dict[str, str] | None = None,
        cwd: pathlib.Path | None = None,
        timeout: float = 300,
    ) -> Run:
        with tempfile.NamedTemporaryFile("r", dir=self.folder, prefix="results-") as results:
            variables = ["-e", json.dumps(extra_vars)] if extra_vars else []
            argv = [*self.prefix, self.python, "-c", _ANSIBLE, *command, "-i", str(self.inventory), *variables, *args]
            done = subprocess.run(
                argv,
                env={**environment(self.folder, self.python), "LAB_RESULTS": results.name, **(env or {})},
                cwd=cwd or self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
            tasks = [Task(**json.loads(line)) for line in results]
        return Run(done.returncode, done.stdout, done.stderr, tasks)
