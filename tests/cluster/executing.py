# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook exec on the cluster, and what it told."""

from __future__ import annotations

import re
from typing import Any

from tests.lab.ansible_run import Run

from .capturing import ClusterPlays

STUBBORN = "trap '' INT HUP TERM; (setsid sleep 876543 &) ; echo up; sleep 876542"
"""Of a shell, what heeds nothing but SIGKILL, and leaves something behind in another session."""
SLEEPS = "sleep 87654[23]"
"""Its command lines."""


def execute(plays: ClusterPlays, targets: Any, *args: str, **options: Any) -> Run:
    """Runs the playbook, option names without their prefix; no run shows a traceback."""
    variables = {"exec_" + name: value for name, value in {"targets": targets, **options}.items()}
    run = plays.playbook("kube.pcap.exec", *args, extra_vars=variables)
    assert not re.search("Traceback|exception", run.stdout + run.stderr, re.IGNORECASE), run.stdout
    return run


def results(run: Run) -> dict[str, dict[str, Any]]:
    """What the report returned, by namespace and name; a node is None/NAME."""
    (told,) = run.of("report").values()
    return {"%s/%s" % (one["target"]["namespace"], one["target"]["name"]): one for one in told["results"]}
