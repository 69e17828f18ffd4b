# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies on this machine while the cluster is there: its folder, whose it is, and the settings to put back."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
from collections.abc import Iterator

from tests.lab.model import LabError
from tests.nodes import kernel

from .places import SITES, Site

SETTINGS = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 1048576}
"""The least that three kubelets and runtimes need of the whole machine."""
_SYSCTL = pathlib.Path("/proc/sys")


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
    settings: dict[str, str] = dataclasses.field(default_factory=dict)
    """This machine's settings as they were before."""

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


def begin(site: Site, state: State) -> None:
    """Writes the first state of a cluster, and raises this machine's settings to what it needs."""
    for name, least in SETTINGS.items():
        value = (_SYSCTL / name).read_text(encoding="ascii").strip()
        if int(value) < least:
            state.settings[name] = value
    save(site, state)
    for name in state.settings:
        (_SYSCTL / name).write_text(str(SETTINGS[name]), encoding="ascii")


def restore_settings(site: Site, state: State) -> None:
    """Puts them back, or leaves that to another cluster that is there."""
    for other in (Site(number) for number in range(SITES)):
        found = load(other) if other != site else None
        if found is not None:
            found.settings = {**state.settings, **found.settings}
            save(other, found)
            return
    for name, value in state.settings.items():
        (_SYSCTL / name).write_text(value, encoding="ascii")


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One command at a time begins or ends a cluster; another one waits."""
    folder = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)  # a lock file of our own would be left behind
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
