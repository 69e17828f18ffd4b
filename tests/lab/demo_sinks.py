# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the demo ships to: a bucket where Go is there to build an emulator of one, else a directory of each node."""

from __future__ import annotations

import os
import pathlib
from typing import Protocol

from tests.bucket import build
from tests.gate.go import NEEDED

from .lab import Lab
from .model import LabError

WISH = "DEMO_SINK"
"""The variable that asks for ``gs`` or ``directory``."""
DIRECTORY = "/srv/captures"


class Sink(Protocol):
    """A sink as the demo needs it; objects are named by their path below it: ``demo/node-a/manifest.jsonl``."""

    url: str
    """What ``capture_sink`` is set to."""
    env: dict[str, str]
    """What a user sets for it."""

    def objects(self) -> list[tuple[str, int]]:
        """Name and bytes of everything that lies in it: node by node, oldest first."""

    def content(self, name: str) -> bytes:
        """An object's bytes."""

    def reader(self, name: str) -> list[str]:
        """A command that prints them, unpacked."""


def choose(wish: str | None = None) -> tuple[str, str]:
    """What is wished for, or what this machine can do: ``gs`` or ``directory``, and a word on why. LabError.

    For a bucket the emulator is built here, once; Go and its caches decide how long that takes.
    """
    wish = os.environ.get(WISH, "") if wish is None else wish
    if wish not in ("", "gs", "directory"):
        raise LabError("%s is %r: set it to gs or directory, or leave it out" % (WISH, wish))
    if wish == "directory":
        return wish, "as %s says" % WISH
    try:
        if not build.can_build():
            raise build.BuildError("Go %d.%d or newer, which builds the emulator of a bucket, is not on PATH" % NEEDED)
        return "gs", str(build.emulator())
    except build.BuildError as error:
        if wish == "gs":
            raise LabError("%s=gs: %s; see to that, or set %s=directory" % (WISH, error, WISH)) from None
        return "directory", str(error)


class DirectorySink:
    """A directory of each node, as a mount would be."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.url, self.env = DIRECTORY, dict[str, str]()
        for node in lab.nodes:
            node.run(["mkdir", "-p", "-m", "700", DIRECTORY])

    def objects(self) -> list[tuple[str, int]]:
        """The files of all nodes."""
        found = []
        for node in self._lab.nodes:
            top = self._top(node.name)
            files = [path for path in top.rglob("*") if path.is_file()]
            found += [(path, top) for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)]
        return [(str(path.relative_to(top)), path.stat().st_size) for path, top in found]

    def content(self, name: str) -> bytes:
        """A file's bytes, as this machine can read them."""
        return (self._top(name.split("/")[1]) / name).read_bytes()

    def reader(self, name: str) -> list[str]:
        """By ssh."""
        ssh = ["python", "-m", "tests.lab", "ssh", "--name", self._lab.state.name, "--user", "root"]
        return [*ssh, name.split("/")[1], "zcat", "%s/%s" % (DIRECTORY, name)]

    def _top(self, node: str) -> pathlib.Path:
        return self._lab.node(node).root / DIRECTORY[1:]
