# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process beside the module that runs one tool, and ends it when the module is gone. PRIVATE to the collection.

The module may be killed, and must leave no tool behind. So its guardian has another name and another session, and
waits for the end of their channel: the kernel closes it with the module, however that ends.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from typing import Any, NoReturn

from .._errors import PcapError, TargetError, reason_of
from .process import adopt_orphans, close_all_but, rename
from .running import Abandoned, Job, nothing, run
from .tool import TITLE

_CHUNK = 1 << 16


class Guardian:
    """A guardian, as the module sees it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._answer = b""
        self._channel, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            _serve(job, theirs)
        theirs.close()

    def fileno(self) -> int:
        """Return what a selector waits on."""
        return self._channel.fileno()

    def receive(self) -> dict[str, Any] | None:
        """Return the outcome once it is whole, None before; call it when there is something to read."""
        try:
            data = self._channel.recv(_CHUNK)
        except ConnectionError:
            data = b""
        self._answer += data
        if data:
            return None
        self._channel.close()
        os.waitpid(self.pid, 0)
        try:
            outcome: dict[str, Any] = json.loads(self._answer)
        except ValueError:
            lost = nothing(self.job, "the process that watched the tool was killed, and the tool with it")
            return {**lost, "lost": True}
        return outcome

    def abandon(self) -> None:
        """Have it end its tool at once."""
        self._channel.shutdown(socket.SHUT_WR)


def _serve(job: Job, channel: socket.socket) -> NoReturn:
    """Run the tool and answer; never returns."""
    try:
        os.setsid()
        rename(TITLE)
        adopt_orphans()
        close_all_but(channel.fileno())
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):  # whoever started the module must see them close with it
            os.dup2(null, number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # the module decides
        channel.sendall(json.dumps(_outcome(job, channel)).encode())
    finally:
        os._exit(0)


def _outcome(job: Job, channel: socket.socket) -> dict[str, Any]:
    try:
        return run(job, channel)
    except TargetError as error:
        return nothing(job, str(error), found=False)
    except PcapError as error:
        return nothing(job, str(error))
    except OSError as error:
        return nothing(job, reason_of(error))
    except Abandoned:
        return nothing(job, "nobody waits for it any more, and it was ended")
