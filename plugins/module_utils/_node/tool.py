# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A tool in namespaces, and the keeper that is its parent there. PRIVATE to the collection.

    guardian ── keeper ── tool ── whatever the tool starts

A process is adopted within its own pid namespace alone. So in a pod's pid namespace there must be a process that takes
in what the tool leaves behind: the keeper. It does nothing else, and is ended last.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
from typing import Any, Mapping, NamedTuple, NoReturn, Sequence

from .._errors import NodeError, PcapError
from . import descendants, namespaces
from .process import adopt_orphans, close_all_but, die_with_parent, environment, reap, rename

TITLE = "kube-pcap-exec"
"""How process listings call keeper and guardian."""
_POD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)
"""What Python, the guardian, or whoever started the module may ignore, which a tool would inherit."""
_NOT_STARTED = 127
_MESSAGE_MOST = 1 << 16


class Start(NamedTuple):
    """What is to be started, and where."""

    argv: Sequence[str]
    place: str
    """How messages call where it is: ``node node-a``, or a pod."""
    found: namespaces.Namespaces
    streams: Sequence[int]
    """Descriptors that become its 0, 1 and 2."""
    pretend: bool
    """Only find the program."""

    @property
    def path(self) -> str:
        """Where programs are looked for."""
        return _POD_PATH if "mount" in self.found.files else environment()["PATH"]


class Keeper:
    """The keeper, as its parent sees it."""

    def __init__(self, start: Start) -> None:
        """Start keeper and tool; raise NodeError where the pid namespace cannot be entered."""
        namespaces.enter_pid(start.found)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            _keep(start, theirs)
        theirs.close()
        self._socket.send(b"go")

    def fileno(self) -> int:
        """Return what a selector waits on."""
        return self._socket.fileno()

    def receive(self) -> dict[str, Any] | None:
        """Return what it says next: the program's ``path``, an ``error``, a ``status`` of wait(2); None at its end."""
        message = self._socket.recv(_MESSAGE_MOST)
        told: dict[str, Any] | None = json.loads(message) if message else None
        return told

    def interrupt(self) -> None:
        """Send SIGINT to the tool's process group; the tool is the first that the keeper has started."""
        tool = descendants.oldest_child(self.pid)
        if tool is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(tool, signal.SIGINT)

    def end_tool(self) -> list[int]:
        """Kill the tool, and all that it has started; return what has not ended."""
        return descendants.end(self.pid)


def find(name: str, path: str, place: str) -> str:
    """Return a program's absolute path; raise NodeError, which says where it was looked for."""
    found = shutil.which(name, path=path)
    if found is not None:
        return found
    if "/" in name:
        raise NodeError("%s has no program %s" % (place, name))
    folders = ", ".join(dict.fromkeys(folder for folder in path.split(os.pathsep) if folder))
    raise NodeError("%s has no program %s; looked in %s" % (place, name, folders))


def _keep(start: Start, channel: socket.socket) -> NoReturn:
    """Start the tool, tell how it ended, and take in orphans until the guardian ends this process."""
    signal.signal(signal.SIGTERM, _orphaned)
    try:
        die_with_parent(signal.SIGTERM)
        rename(TITLE)
        adopt_orphans()
        if channel.recv(2):  # else the guardian ended before that could be told
            own = os.getpid()
            pid = os.fork()
            if pid == 0:
                _become(start, channel, own)
            close_all_but(channel.fileno())
            while True:
                _wait(channel, pid)
    except _Orphaned:
        descendants.end(descendants.own_pid())
        reap()  # a pod's first process may be none that waits for others' children
    finally:
        os._exit(1)


class _Orphaned(Exception):
    """The guardian has ended."""


def _orphaned(_number: int, _frame: object) -> None:
    raise _Orphaned


def _wait(channel: socket.socket, tool: int) -> None:
    try:
        ended, status = os.waitpid(-1, 0)
    except ChildProcessError:
        signal.pause()
        return
    if ended == tool:
        _tell(channel, {"status": status})


def _become(start: Start, channel: socket.socket, keeper: int) -> NoReturn:
    """Become the tool, in a session of its own, with the signals' default actions."""
    try:
        die_with_parent(signal.SIGKILL)
        os.setsid()
        for number in _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for descriptor, own in zip(start.streams, (0, 1, 2)):
            os.dup2(descriptor, own)
        path = start.path
        variables = {**environment(), "PATH": path}
        namespaces.enter(start.found)
        program = find(start.argv[0], path, start.place)
        _tell(channel, {"path": program})
        if start.pretend:
            os._exit(0)
        if os.getppid() == keeper:
            _execute(program, start.argv, variables, channel)
    except PcapError as error:
        _tell(channel, {"error": str(error)})
    finally:
        os._exit(_NOT_STARTED)


def _execute(program: str, argv: Sequence[str], variables: Mapping[str, str], channel: socket.socket) -> None:
    try:
        os.execve(program, [program, *argv[1:]], variables)
    except OSError as error:
        _tell(channel, {"error": "%s cannot be started: %s" % (program, error.strerror)})


def _tell(channel: socket.socket, message: Mapping[str, Any]) -> None:
    channel.send(json.dumps(message).encode())
