# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie, and how the gate runs a command. Nothing that the gate makes lies in the checkout."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..lab.interrupts import Interrupted

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATE = ROOT / "tests" / "gate"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "kube-pcap"
PATIENCE_SECONDS = 300.0
"""So long a command that was interrupted may clean up; a lab with its captures is gone in a few."""


class GateError(Exception):
    """A step failed: the cause in a line or two, and ``output``, what a tool had to say."""

    def __init__(self, cause: str, output: str = "") -> None:
        super().__init__(cause)
        self.output = output


def call(args: Sequence[str | os.PathLike[str]], **options: Any) -> tuple[int, str]:
    """Runs a command to its end; returns its status and what it printed into a pipe; ``options`` are Popen's.

    When the gate is interrupted the command is too, and the gate waits until that has cleaned up.
    """
    with subprocess.Popen(args, **options) as child:
        try:
            output = child.communicate()[0]
        except Interrupted:
            _interrupt(child)
            raise
    return child.returncode, output or ""


def _interrupt(child: subprocess.Popen[str]) -> None:
    """Ends a command in its own way. A terminal has interrupted it already; twice is not worse than once."""
    print("\ninterrupted: what was started is being taken down", file=sys.stderr, flush=True)
    with contextlib.suppress(PermissionError):  # a sudo that may not be signalled is waited for
        child.send_signal(signal.SIGINT)
        try:
            child.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            left = "it did not end within %d s and was killed; `make lab-down` removes what it left" % PATIENCE_SECONDS
            print(left, file=sys.stderr, flush=True)


def run(args: Sequence[str | os.PathLike[str]], cwd: pathlib.Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Runs a command to its end and returns what it printed on both streams; GateError when it fails."""
    status, output = call(
        args,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if status != 0:
        raise GateError(f"exit status {status}: {' '.join([pathlib.Path(args[0]).name, *map(str, args[1:])])}", output)
    return output


def digest(*texts: str) -> str:
    """Ten hex digits that stand for the texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:10]


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Lets one gate at a time do what `name` says; a second one waits."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
