# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator, fake-gcs-server, built from its sources with Go; once for each version, into the gate's cache."""

from __future__ import annotations

import os
import pathlib
import tempfile

from tests.gate import go
from tests.gate.places import CACHE, GateError, lock

VERSION = "v1.56.1"
MODULE = "github.com/fsouza/fake-gcs-server"
BINARY = CACHE / ("fake-gcs-server-" + VERSION) / "fake-gcs-server"


class BuildError(Exception):
    """There is no emulator and none can be built; one sentence says why."""


def emulator() -> pathlib.Path:
    """The emulator's program, built when it is missing; BuildError."""
    with lock("fake-gcs-server"):
        if not BINARY.exists():
            _build()
    return BINARY


def can_build() -> bool:
    """Whether the emulator is built, or Go is here to build it; nothing is asked of the network."""
    return BINARY.exists() or go.find() is not None


def _build() -> None:
    """Builds in a folder beside the place where the program goes, and renames it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="fake-gcs-server-") as folder:
        try:
            go.run("install", *go.FLAGS, "-ldflags", "-s -w", "%s@%s" % (MODULE, VERSION), GOBIN=folder)
        except GateError as error:
            raise BuildError("%s %s could not be built: %s" % (MODULE, VERSION, go.last_line(error))) from None
        BINARY.parent.mkdir(exist_ok=True)
        os.replace(pathlib.Path(folder) / BINARY.name, BINARY)
