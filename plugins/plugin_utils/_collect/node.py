# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The node of a task, as collecting asks it: by modules, and by its files' bytes. PRIVATE to the collection.

A connection's own way to fetch a file works as the user who logs in, and the spool is root's. So blocks are read by a
command, with become where the task has it. Its standard input holds the program, which keeps a terminal away from what
it writes: that would not stay as it is.
"""

from __future__ import annotations

import contextlib
import secrets
import shlex
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase

from ...module_utils._errors import NodeError
from .._play import first_line
from .fetching import BLOCK

_PAUSES = (0.5, 2.0, 5.0)
"""Seconds before the connection is tried again."""
_PROGRAM = b"""[ -e "$1" ] || { echo "$4 gone"; exit 0; }
echo "$4 here"
dd if="$1" bs="$2" skip="$3" count=1 && echo "$4 end"
"""
"""What a cut leaves has no end, whatever status ssh gives it."""


BLOCK_SECONDS, CALL_SECONDS = 120, 600
"""So long a block, or a module, may take: a connection of ssh that was cut off is silent for a quarter of an hour."""


class CutError(Exception):
    """An answer has no end."""


def read_answer(out: bytes, token: bytes) -> bytes | None:
    """Return the block in what the program wrote, None where the file is gone; raise CutError.

    What a login shell writes before it is no part of it.
    """
    _before, _here, rest = out.partition(token + b" here\n")
    block, end, _after = rest.rpartition(token + b" end\n")
    if end:
        return block
    if token + b" gone\n" in out:
        return None
    raise CutError


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Run the body; raise AnsibleConnectionFailure in it when it takes longer. Its task's ``timeout`` holds too."""

    def give_up(number: int, frame: object) -> None:
        raise AnsibleConnectionFailure("no answer within %g s" % seconds)

    began, (left, _interval) = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)
    if 0 < left < seconds:
        yield
        return
    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (time.monotonic() - began)) if left else 0)
        signal.signal(signal.SIGALRM, before)


class Node:
    """Asks one host; every failure is a NodeError."""

    def __init__(self, action: ActionBase, variables: Mapping[str, Any]) -> None:
        self._action, self._variables = action, variables
        self._token = secrets.token_hex(16)

    def call(self, module: str, **params: Any) -> dict[str, Any]:
        """Return a module's result."""
        name = "kube.pcap." + module
        try:
            with within(CALL_SECONDS):
                result: dict[str, Any] = self._action._execute_module(
                    module_name=name, module_args=params, task_vars=self._variables
                )
        except AnsibleError as error:  # told with what was collected before
            raise NodeError("the host cannot be reached: %s" % first_line(error)) from None
        if result.get("failed"):
            raise NodeError(first_line(result.get("msg")) or "module %s has failed" % module)
        return result

    def read(self, path: str, number: int) -> bytes | None:
        """Return a block of a file, shorter at the file's end; None where the file is gone.

        A connection that is cut off is made anew, a few times.
        """
        problem = ""
        for pause in (0.0, *_PAUSES):
            if pause:
                time.sleep(pause)
                self._action._connection.reset()
            try:
                status, out, said = self._run(["/bin/sh", "-s", "--", path, str(BLOCK), str(number), self._token])
            except AnsibleError as error:
                problem = str(error)
                continue
            try:
                return read_answer(out, self._token.encode())
            except CutError:
                problem = first_line(said.decode(errors="replace")) or "it was cut off (%d)" % status
        raise NodeError("%s cannot be read: %s" % (path, first_line(problem)))

    def _run(self, words: Sequence[str]) -> tuple[int, bytes, bytes]:
        connection, command = self._action._connection, shlex.join(words)
        if connection.become and self._becomes():
            command = connection.become.build_become_command(command, connection._shell)
        with self._untold(), within(BLOCK_SECONDS):
            status, out, said = connection.exec_command(command, in_data=_PROGRAM, sudoable=True)
        return int(status), bytes(out), bytes(said)

    def _becomes(self) -> bool:
        """Return whether root is another than who logs in, as for any module."""
        root, user = self._action.get_become_option("become_user"), self._action._get_remote_user()
        return bool(constants.BECOME_ALLOW_SAME_USER or root != user or not (root or user))

    @contextlib.contextmanager
    def _untold(self) -> Iterator[None]:
        """Keep packets out of what -vvv shows of each answer."""
        context = self._action._connection._play_context
        before, context.no_log = context.no_log, True
        try:
            yield
        finally:
            context.no_log = before
