# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the test cluster needs before root makes it: Debian packages, and programs that are the user's to build."""

from __future__ import annotations

from . import machine
from .places import run
from .venvs import venv


def install_packages() -> str:
    """Installs those of its Debian packages that are missing, and tells which they were."""
    return machine.install_packages(_ask("needs").split())


def build() -> str:
    """Builds what is missing or was built from another version, and tells what that was; GateError."""
    return _ask("build").strip().replace("\n", "; ")


def fetch_kubernetes_core() -> str:
    """Downloads the collection through which Ansible reaches agents, and tells where it is; GateError."""
    return run([venv("run") / "python", "-m", "tests.cluster.kubernetes_core"]).strip()


def _ask(command: str) -> str:
    return run([venv("run") / "python", "-m", "tests.cluster", command])
