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
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

from ..lab.interrupts import Interrupted

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATE = ROOT / "tests" / "gate"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "kube-pcap"
PATIENCE_SECONDS = 300.0
"""So long a command that was interrupted may clean up; a lab with its captures is gone in a few."""

Argv = Sequence[str | os.PathLike[str]]


class GateError(Exception):
    """A step failed: the cause in a line or two, and ``output``, what a tool had to say."""

    def __init__(self, cause: str, output: str = "") -> None:
        super().__init__(cause)
        self.output = output


def call(args: Argv, **options: Any) -> int:
    """Runs a command to its end and returns its status; ``options`` are Popen's."""
    with _children() as children:
        children.append(subprocess.Popen(args, **options))
    return int(children[0].returncode)


def run(args: Argv, cwd: pathlib.Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Runs a command to its end and returns what it printed on both streams; GateError when it fails."""
    return run_all([Command(args, env or {}, cwd)])[0]


class Command(NamedTuple):
    """A command that waits for nobody's input."""

    args: Argv
    env: Mapping[str, str]
    """Variables beside those of this process."""
    cwd: pathlib.Path

    def __str__(self) -> str:
        return " ".join([pathlib.Path(self.args[0]).name, *map(str, self.args[1:])])


def run_all(commands: Sequence[Command]) -> list[str]:
    """Runs commands side by side; returns what each printed; GateError once all have ended, when one failed."""
    with contextlib.ExitStack() as stack:
        files = []
        with _children() as children:
            for args, env, cwd in commands:
                file = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
                variables = {**os.environ, "NO_COLOR": "1", **env}
                into = {"stdin": subprocess.DEVNULL, "stdout": file, "stderr": subprocess.STDOUT}
                children.append(subprocess.Popen(args, cwd=cwd, env=variables, **into))
                files.append(file)
        outputs = [_whole(file) for file in files]
    failed = [number for number, child in enumerate(children) if child.returncode]
    if failed:
        words = [f"exit status {children[number].returncode}: {commands[number]}" for number in failed]
        raise GateError("; ".join(words), "\n".join(outputs[number] for number in failed))
    return outputs


def _whole(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


@contextlib.contextmanager
def _children() -> Iterator[list[subprocess.Popen[Any]]]:
    """Commands to start within, and to wait for then. When the gate is interrupted they are too, and clean up."""
    children: list[subprocess.Popen[Any]] = []
    try:
        yield children
        for child in children:
            child.wait()
    except BaseException as error:
        if isinstance(error, Interrupted):
            print("\ninterrupted: what was started is being taken down", file=sys.stderr, flush=True)
        _end(children)
        raise


def _end(children: list[subprocess.Popen[Any]]) -> None:
    """Ends commands in their own way. A terminal has interrupted them already; twice is not worse than once."""
    for child in children:
        with contextlib.suppress(PermissionError):  # a sudo that may not be signalled is waited for
            child.send_signal(signal.SIGINT)
    until = time.monotonic() + PATIENCE_SECONDS
    for child in children:
        try:
            child.wait(timeout=max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(PermissionError):
                child.kill()
            left = "it did not end within %d s and was killed; `make lab-down` removes what it left" % PATIENCE_SECONDS
            print(left, file=sys.stderr, flush=True)


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
