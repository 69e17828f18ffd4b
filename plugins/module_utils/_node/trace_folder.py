# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a trace's taps on its node. PRIVATE to the collection.

    /run/kube-pcap/taps/<id>/tapping.pyz    the supervisor
                             record.json    what is watched: the plan's record
                             state.json     what is: {phase, problem, until_ns, pid}, phase listening or failed
                             control        the supervisor's socket
                             tapping.log    only without systemd: what the supervisor said
                             <number>/      of each tap: any.pcap, which tcpdump writes
                             <number>/<index>-both/, -leaving/    of a trunk: frames.pcap

Below /dev/shm where /run cannot be written to, as in agents. It is in memory, readable by root alone, and goes with its
taps. The supervisor holds a lock (flock(2)) on the folder itself as long as any process of it lives; what is not locked
was left by one that was killed, and is cleared away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
from typing import Any

from .._errors import CaptureError
from .._records import from_result, to_result
from .._trace_records import NodeTap
from . import jsonfile

_ROOTS = ("/run/kube-pcap/taps", "/dev/shm/kube-pcap/taps")
_GOING = ".going-"
"""What a folder's name begins with once it is being removed; no id does."""
_CONNECT_SECONDS = 5.0


class TraceFolder:
    """Paths, files, the lock and the socket of one trace's taps."""

    def __init__(self, trace_id: str, root: str) -> None:
        self.root = root
        self.id = trace_id
        self.folder = os.path.join(root, trace_id)

    def path(self, *parts: str) -> str:
        """Return a path below the folder."""
        return os.path.join(self.folder, *parts)

    @property
    def exists(self) -> bool:
        """Whether there is such a folder, locked or left."""
        return os.path.isdir(self.folder)

    @property
    def is_held(self) -> bool:
        """Whether a process of its supervisor lives."""
        try:
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def hold(self) -> int:
        """Take the lock, which whoever looks has for a moment, too; return its descriptor, which children share."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def write_record(self, asked: NodeTap) -> None:
        """Write down what is watched."""
        jsonfile.replace(self.path("record.json"), to_result(asked), sync=False)

    def read_record(self) -> NodeTap | None:
        """Return what is watched; None where the folder is gone, or whoever made it was cut off."""
        try:
            values = jsonfile.read(self.path("record.json"))
        except CaptureError:
            return None
        return None if values is None else from_result(NodeTap, values)

    def write_state(self, state: dict[str, Any]) -> None:
        """Replace ``state.json``."""
        jsonfile.replace(self.path("state.json"), state, sync=False)

    def read_state(self) -> dict[str, Any] | None:
        """Return ``state.json``; None before all taps listen, or could not."""
        return jsonfile.read(self.path("state.json"))

    def listen(self) -> socket.socket:
        """Return the socket at which the supervisor is asked."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind(self.path("control"))
        made.listen()
        return made

    def connect(self) -> socket.socket | None:
        """Return a connection to the supervisor; None where none runs."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(_CONNECT_SECONDS)
        try:
            made.connect(self.path("control"))
        except OSError:
            made.close()
            return None
        return made

    def remove(self, held: int | None = None) -> None:
        """Remove the folder and, where it was the last, those above it.

        held: the descriptor of ``hold``; a folder that has taken its place meanwhile is another's. It goes by one
        rename first, so that another call finds all of it or nothing.
        """
        with contextlib.suppress(OSError):
            if held is None or os.path.samestat(os.fstat(held), os.stat(self.folder)):
                going = os.path.join(self.root, _GOING + "%s-%d" % (self.id, os.getpid()))
                os.rename(self.folder, going)
                shutil.rmtree(going, ignore_errors=True)
        remove_root(self.root)


def default_root() -> str:
    """Return the folder below which those of all traces of this node are."""
    writable = [root for root in _ROOTS if os.access(os.path.dirname(os.path.dirname(root)), os.W_OK)]
    return (writable or _ROOTS)[0]


def left(root: str) -> list[TraceFolder]:
    """Return the folders whose supervisor was killed, or never began; whoever asks has the turn (``turns.py``)."""
    try:
        names = sorted(os.listdir(root))
    except FileNotFoundError:
        return []
    return [one for one in (TraceFolder(name, root) for name in names) if not one.is_held]


def remove_root(root: str) -> None:
    """Remove the folder of all traces where it is empty and nobody has the turn there (``turns.py``).

    Who has, does so afterwards.
    """
    with contextlib.suppress(OSError):
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rmdir(root)
            os.rmdir(os.path.dirname(root))
        finally:
            os.close(descriptor)
