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

HOME = pathlib.Path("/var/lib/kube-pcap-cluster")
GROUP = "kube-pcap-cluster"
"""Its control group in every hierarchy."""
SETTINGS = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 1048576}
"""The least that three kubelets and runtimes need of the whole machine."""
_SYSCTL = pathlib.Path("/proc/sys")


class ClusterError(LabError):
    """The cluster cannot be made or used as asked; one sentence that says why."""


@dataclasses.dataclass
class State:
    """What outlives a command."""

    owner: int | None = None
    """A process without which the cluster is a leftover; None: it stays until it is taken down."""
    owner_start: int | None = None
    up: bool = False
    """Whether it was made to the end."""
    settings: dict[str, str] = dataclasses.field(default_factory=dict)
    """This machine's settings as they were before."""

    @property
    def left(self) -> bool:
        """Whether nobody will take it down: it is half made, or its owner is gone."""
        gone = self.owner is not None and kernel.start_time(self.owner) != self.owner_start
        return gone or not self.up

    def save(self) -> None:
        """Writes it."""
        HOME.mkdir(mode=0o711, exist_ok=True)
        new = HOME / "state.json.new"
        new.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")
        new.rename(HOME / "state.json")


def load() -> State | None:
    """The state that is there; None when there is no cluster."""
    try:
        return State(**json.loads((HOME / "state.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return State() if HOME.exists() else None


def raise_settings(state: State) -> None:
    """Raises this machine's settings to what the cluster needs, and remembers what they were."""
    for name, least in SETTINGS.items():
        value = (_SYSCTL / name).read_text(encoding="ascii").strip()
        if int(value) < least:
            state.settings[name] = value
    state.save()
    for name in state.settings:
        (_SYSCTL / name).write_text(str(SETTINGS[name]), encoding="ascii")


def restore_settings(state: State) -> None:
    """Puts them back."""
    for name, value in state.settings.items():
        (_SYSCTL / name).write_text(value, encoding="ascii")


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One command at a time makes or removes the cluster; another one waits."""
    folder = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)  # a lock file of our own would be left behind
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
