# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of the gate, cheap ones first. One that passes tells one line, one that fails tells why in its last."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from . import artifact, cluster, emulator, machine, tree
from .ansible_test import ansible_test, sanity, units
from .places import GateError, run
from .tree import COLLECTIONS, TREE
from .venvs import venv

Step = tuple[str, Callable[[], str]]
TYPED = [f"ansible_collections/kube/pcap/plugins/{name}" for name in ("module_utils", "plugin_utils")]


def lint_tool(*args: str, collections: bool = False) -> str:
    """Runs a program of the lint environment in the copied tree, or in the folder that holds ansible_collections."""
    bin_dir = venv("lint")
    env = {
        "PATH": f"{bin_dir}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "HOME": str(COLLECTIONS),
        "RUFF_CACHE_DIR": str(COLLECTIONS / "ruff"),
        "MYPY_CACHE_DIR": str(COLLECTIONS / "mypy"),
    }
    run([bin_dir / args[0], *args[1:]], cwd=COLLECTIONS if collections else TREE, env=env)
    return ""


def docs_lint() -> str:
    """References, markup and plugin documentation as antsibull-docs reads them."""
    checks = ["--plugin-docs", "--validate-collection-refs=all", "--check-extra-docs-refs"]
    return lint_tool("antsibull-docs", "lint-collection-docs", *checks, ".")


def mypy() -> str:
    """Strict types of what runs on a node, and of what stays on the controller."""
    return lint_tool("mypy", "--config-file", str(TREE / "pyproject.toml"), *TYPED, collections=True)


PREPARE: list[Step] = [
    ("Debian packages", machine.install_packages),
    ("Pythons of nodes", machine.describe_pythons),
    ("virtual environment: run", lambda: str(venv("run"))),
    ("Debian packages of the lab", machine.install_lab_packages),
]
TESTS: list[Step] = [("Debian packages of the tests", lambda: machine.install_packages(machine.COMPARED))]
EMULATOR: list[Step] = [("emulator of Cloud Storage", emulator.build)]
DEMO_SINK: list[Step] = [("sink of the demo", emulator.choose_sink)]
CLUSTER: list[Step] = [
    ("Debian packages of the cluster", cluster.install_packages),
    ("programs of the cluster", cluster.build),
]
KUBERNETES_CORE: list[Step] = [("collection kubernetes.core", cluster.fetch_kubernetes_core)]
LINT: list[Step] = [
    ("virtual environment: lint", lambda: str(venv("lint"))),
    ("copy as ansible_collections/kube/pcap", tree.copy),
    ("ruff check", lambda: lint_tool("ruff", "check", "--output-format", "concise")),
    ("ruff format", lambda: lint_tool("ruff", "format", "--check", "--diff")),
    ("mypy, strict", mypy),
    ("antsibull-changelog lint", lambda: lint_tool("antsibull-changelog", "lint")),
    ("antsibull-docs lint", docs_lint),
    ("ansible-lint, production", lambda: lint_tool("ansible-lint", "--offline", "--profile", "production")),
]
ARTIFACT: list[Step] = [
    ("artifact: build", artifact.build),
    ("artifact: install, verify", artifact.install),
    ("artifact: documentation of every plugin", artifact.documentation),
    ("artifact: galaxy-importer", artifact.importer),
]
ANSIBLE_TEST: list[Step] = [
    ("virtual environment: ansible-core 2.16", lambda: str(venv("core-2.16"))),
    ("ansible-test units", lambda: ansible_test(units())),
    ("ansible-test sanity", lambda: ansible_test(sanity())),
]


def passes(steps: list[Step]) -> bool:
    """Runs the steps up to the first that fails."""
    for name, action in steps:
        print(f"{name:<42}", end="", flush=True)
        started = time.monotonic()
        try:
            note = action()
        except GateError as error:
            print(f"FAILED after {time.monotonic() - started:.1f} s\n\n{error.output}".rstrip())
            print(f"\n{name}: {error}", flush=True)
            return False
        print(f"ok {time.monotonic() - started:6.1f} s  {note}".rstrip(), flush=True)
    return True
