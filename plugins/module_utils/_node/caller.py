# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whoever started this module and waits for its answer. PRIVATE to the collection.

A module that writes nothing does not notice that nobody listens any more. Without a terminal, sshd closes the module's
standard output and sends no signal. Where sudo stands between with a terminal of its own, not even that is seen, and
the session's process is watched instead. Of an ``ansible-playbook`` that was killed, the client of its ssh may live on:
that finds out when it has something to hand over, and so it gets an empty line now and then. Ansible skips what stands
before a module's answer.
Where Ansible itself runs below that session's process, as with ``ansible_connection: local``, it reads the output by
itself and may outlive the session (nohup), which then is not watched.
"""

from __future__ import annotations

import os
import re
import select
import time
from typing import NamedTuple, Sequence

from .proc import read_cmdline, read_stat

_SERVER = "sshd"
_ANSIBLE = re.compile(r"ansible(-[a-z]+)?\Z")
_STDOUT = 1
_EVERY_SECONDS = 5.0


class _Process(NamedTuple):
    pid: int
    start_time: int


class Caller:
    """The caller, as it was when this was made."""

    def __init__(self, output: int = _STDOUT, proc_root: str = "/proc") -> None:
        self._output = output
        self._proc_root = proc_root
        self._write_at = time.monotonic() + _EVERY_SECONDS
        self._session = find_session(os.getppid(), proc_root)
        self._poll = select.poll()
        self._poll.register(output, 0)  # an error and a hang-up are told unasked

    def is_gone(self) -> bool:
        """Say whether nobody can read the answer any more."""
        return bool(self._poll.poll(0)) or not self._session_lives() or not self._is_heard()

    def _is_heard(self) -> bool:
        if time.monotonic() < self._write_at:
            return True
        self._write_at = time.monotonic() + _EVERY_SECONDS
        try:
            os.write(self._output, b"\n")
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def _session_lives(self) -> bool:
        if self._session is None:
            return True
        stat = read_stat(self._proc_root, self._session.pid)
        return stat is not None and stat.start_time == self._session.start_time


def find_session(pid: int, proc_root: str = "/proc") -> _Process | None:
    """Return the sshd by which a process was started, None where there is none, or Ansible is between."""
    stat = read_stat(proc_root, pid)
    while stat is not None and not stat.comm.startswith(_SERVER):
        if _is_ansible(read_cmdline(proc_root, pid)):
            return None
        pid = stat.parent
        stat = read_stat(proc_root, pid) if pid > 0 else None
    return _Process(pid, stat.start_time) if stat is not None else None


def _is_ansible(arguments: Sequence[str]) -> bool:
    """Say whether these are the arguments of one of Ansible's own programs, which Python mostly runs by their path."""
    name = arguments[0] if arguments else ""
    if os.path.basename(name).startswith("python"):
        name = next((word for word in arguments[1:] if not word.startswith("-")), "")
    return _ANSIBLE.match(os.path.basename(name)) is not None
