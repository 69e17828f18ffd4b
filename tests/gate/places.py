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
import subprocess
from collections.abc import Iterator, Mapping, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATE = ROOT / "tests" / "gate"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "kube-pcap"


class GateError(Exception):
    """A step failed; the text is all that its author needs to see."""


def run(args: Sequence[str | os.PathLike[str]], cwd: pathlib.Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Runs a command to its end and returns what it printed on both streams; GateError when it fails."""
    done = subprocess.run(
        args,
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise GateError(f"{done.stdout}\nexit status {done.returncode}: {' '.join(map(str, args))}")
    return done.stdout


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
