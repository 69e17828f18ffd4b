# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the machine has: Debian packages, Pythons, root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from .places import CACHE, GATE, GateError, run
from .venvs import venv

PACKAGES = ("git", "python3-venv", "shellcheck")
"""Debian packages of the gate; the lab knows its own."""
COMPARED = ("tshark",)
"""Debian packages of what only tests look at, beside the collection's own answers."""
PYTHONS = {"2.16": ("3.8", "3.9", "3.10", "3.11", "3.12"), "2.19": ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")}
"""The Pythons of nodes that each ansible-core supports and the collection promises."""


def pythons(core: str) -> list[str]:
    """Those Pythons that this machine has."""
    return [version for version in PYTHONS[core] if shutil.which(f"python{version}")]


def describe_pythons() -> str:
    """One line: which Pythons are tested, which are not."""
    absent = [version for version in PYTHONS["2.19"] if version not in pythons("2.19")]
    found = "Python " + " ".join(pythons("2.19"))
    return f"{found}; not here, so not tested: {' '.join(absent)}" if absent else found


def as_root(args: list[str]) -> list[str]:
    """The command that runs `args` as root with this PATH, with sudo where needed."""
    if os.geteuid() == 0:
        return args
    kept = [
        f"{name}={os.environ[name]}"
        for name in ("PATH", "LC_ALL", "PYTHONDONTWRITEBYTECODE", "CI", "DEMO_SINK", "KUBE_PCAP_CLUSTER_KEEP")
        if name in os.environ
    ]
    return ["sudo", "env", f"XDG_CACHE_HOME={CACHE.parent}", *kept, *args]  # what was built here is found there


def install_packages(wanted: Sequence[str] = PACKAGES) -> str:
    """Installs those Debian packages that are missing, and tells which they were."""
    missing = missing_packages(wanted)
    if missing:
        run(as_root([str(GATE / "apt.sh"), *missing]))
    return "installed " + " ".join(missing) if missing else ""


def install_lab_packages() -> str:
    """The same for what the lab says that it needs."""
    return install_packages(run([venv("run") / "python", "-m", "tests.lab", "needs", "--packages"]).split())


def missing_packages(wanted: Sequence[str]) -> list[str]:
    """Those Debian packages that are not installed."""
    if not shutil.which("dpkg-query"):
        raise GateError("This is no Debian. Needed are the programs of these packages: " + " ".join(wanted))
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted]
    answer = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    installed = {line.split()[0] for line in answer.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]
