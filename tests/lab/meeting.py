# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of Ansible that wait for one another before some of their tasks, so that what is between them overlaps."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Sequence

PATIENCE_SECONDS = 45.0
"""So long a run waits; then it goes on, as when another has failed."""


class Meeting:
    """Before each of these tasks every run waits for all the others."""

    def __init__(self, folder: pathlib.Path, runs: int, tasks: Sequence[str]) -> None:
        """``folder``: is made. ``tasks``: their names, without the role's."""
        self.folders = {task: folder / str(number) for number, task in enumerate(tasks)}
        self._runs = runs
        for path in self.folders.values():
            path.mkdir(parents=True)

    @property
    def env(self) -> dict[str, str]:
        """What the environment of each run has to have."""
        folders = {task: str(path) for task, path in self.folders.items()}
        asked = {"folders": folders, "runs": self._runs, "seconds": PATIENCE_SECONDS}
        return {"ANSIBLE_CALLBACKS_ENABLED": "lab_results,lab_meeting", "LAB_MEETING": json.dumps(asked)}

    def begun_ns(self, task: str) -> list[int]:
        """When the runs began that task, in nanoseconds since 1970, the first one first."""
        return sorted(int(path.read_text(encoding="ascii")) for path in self.folders[task].iterdir())
