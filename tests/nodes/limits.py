# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of the whole machine, raised while somebody holds them, and put back by the last one who does."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
from collections.abc import Iterator, Mapping

from . import kernel

INOTIFY = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 1048576}
"""The least that many nodes need together: each systemd, session and kubelet watches files (inotify(7))."""
_SYSCTL = pathlib.Path("/proc/sys")
_FILE = pathlib.Path("/var/lib/kube-pcap-limits.json")


@dataclasses.dataclass
class _Held:
    before: dict[str, str] = dataclasses.field(default_factory=dict)
    """Each limit that was raised, as it was."""
    holders: dict[str, list[int] | None] = dataclasses.field(default_factory=dict)
    """With the process (id, start time) without which they hold nothing; None: until they release."""


def hold(holder: str, least: Mapping[str, int], owner: int | None = None) -> None:
    """Raises each limit below ``/proc/sys`` to the least that is needed; ``owner``: a process whose end releases."""
    with _opened() as held:
        held.holders[holder] = [owner, kernel.start_time(owner) or 0] if owner else None
        for name, needed in least.items():
            file = _SYSCTL / name
            value = file.read_text(encoding="ascii").strip()
            if int(value) < needed:
                held.before.setdefault(name, value)
                file.write_text(str(needed), encoding="ascii")


def release(holder: str) -> None:
    """Puts the limits back, unless somebody else holds them."""
    with _opened() as held:
        held.holders.pop(holder, None)


@contextlib.contextmanager
def _opened() -> Iterator[_Held]:
    folder = os.open(_FILE.parent, os.O_RDONLY | os.O_DIRECTORY)  # a lock file of our own would be left behind
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        held = _Held(**json.loads(_FILE.read_text(encoding="utf-8"))) if _FILE.exists() else _Held()
        yield held
        living = {name: owner for name, owner in held.holders.items() if owner is None or _lives(*owner)}
        if living:
            new = _FILE.with_suffix(".new")
            new.write_text(json.dumps({"before": held.before, "holders": living}), encoding="utf-8")
            new.rename(_FILE)
        else:
            for name, value in held.before.items():
                (_SYSCTL / name).write_text(value, encoding="ascii")
            _FILE.unlink(missing_ok=True)
    finally:
        os.close(folder)


def _lives(pid: int, start: int) -> bool:
    return kernel.start_time(pid) == start
