# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of the Makefile: ``tests/gate/run test``, ``lint``, ``lab``, ``cluster`` …; README.md says more."""

from __future__ import annotations

import os
import shutil
import sys

from ..lab import interrupts
from . import machine
from .places import CACHE, ROOT, call
from .steps import ANSIBLE_TEST, ARTIFACT, CLUSTER, DEMO_SINK, EMULATOR, KUBERNETES_CORE, LINT, PREPARE, TESTS, passes
from .venvs import venv

PYTEST = ["pytest", "-p", "no:cacheprovider"]
KEPT = os.environ.get("KUBE_PCAP_CLUSTER_KEEP") == "1"
"""Whether the tests share one cluster, which two of them would change at once."""
FILES = ["--dist", "loadfile", "--no-loadscope-reorder"]
"""A file's tests stay together, and files in their order."""
LAB = {
    "demo": ["tests.lab", "demo"],
    "lab": ["tests.lab", "up"],
    "lab-down": ["tests.lab", "down"],
    "cluster": ["tests.cluster", "up"],
    "cluster-down": ["tests.cluster", "down"],
    "cluster-scale": ["tests.cluster", "scale"],
    "bench": ["tests.bench"],
    # Most of what a test does is to wait: several workers keep two processors busy (tests/lab/turns.py).
    "test": [*PYTEST, "-n", "3", "--maxschedchunk", "1"],
    "test-cluster": [*PYTEST, "-n", "0" if KEPT else "2", *FILES, "-o", "testpaths=tests/cluster"],
}
"""What runs in namespaces, as root, once everything that it needs is installed."""
STEPS = {
    "test": PREPARE + TESTS + EMULATOR + LINT + ARTIFACT + ANSIBLE_TEST,
    "lint": PREPARE[:1] + LINT,
    "bench": PREPARE + EMULATOR,
    "cluster": PREPARE + CLUSTER,
    "cluster-scale": PREPARE + CLUSTER,
    "test-cluster": PREPARE + EMULATOR + CLUSTER + KUBERNETES_CORE,
    "demo": PREPARE + DEMO_SINK,
}
"""What comes before; of any other command PREPARE."""


def run_module(module: list[str]) -> int:
    """Runs a Python module of the run environment as root, in the foreground, with its own words."""
    bin_dir = venv("run")
    os.environ["PATH"] = f"{bin_dir}:{os.environ['PATH']}"
    return call(machine.as_root([str(bin_dir / "python"), "-m", "tests.gate.child", *module]), cwd=ROOT)


def main(command: str, *arguments: str) -> int:
    """Runs one command; 0 when all is well. What runs in namespaces is given the arguments."""
    if command == "clean":
        shutil.rmtree(CACHE, ignore_errors=True)
        return 0
    steps = STEPS.get(command, PREPARE)
    if not passes(steps):
        return 1
    return run_module([*LAB[command], *arguments]) if command in LAB else 0


if __name__ == "__main__":
    interrupts.arm()
    try:
        sys.exit(main(*sys.argv[1:]))
    except interrupts.Interrupted as interrupted:
        sys.exit(interrupted.status)
