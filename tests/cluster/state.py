# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies on this machine while the cluster is there: its folder, and whose it is."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator

from tests.lab.model import LabError
from tests.nodes import kernel

from .places import Site


class ClusterError(LabError):
    """The cluster cannot be made or used as asked; one sentence that says why."""


@dataclasses.dataclass
class State:
    """What outlives a command."""

    owner: int | None = None
    """A process without which the cluster is a leftover: who makes it, then who wants it; None: it is to stay."""
    owner_start: int | None = None
    up: bool = False
    """Whether it was made to the end."""

    def give(self, owner: int | None) -> None:
        """Makes it somebody's."""
        self.owner, self.owner_start = owner, kernel.start_time(owner) if owner else None

    @property
    def left(self) -> bool:
        """Whether nobody will take it down or make it to the end."""
        gone = self.owner is not None and kernel.start_time(self.owner) != self.owner_start
        return gone or (self.owner is None and not self.up)


def save(site: Site, state: State) -> None:
    """Writes a cluster's state."""
    site.home.mkdir(mode=0o711, exist_ok=True)
    new = site.home / "state.json.new"
    new.write_text(json.dumps(dataclasses.asdict(state)), encoding="utf-8")
    new.rename(site.home / "state.json")


def load(site: Site) -> State | None:
    """The state of the cluster that is there; None when there is none."""
    try:
        return State(**json.loads((site.home / "state.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return State() if site.home.exists() else None


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One command at a time begins or ends a cluster; another one waits."""
    folder = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)  # a lock file of our own would be left behind
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
