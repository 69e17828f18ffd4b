# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the cluster's programs into the gate's cache: what is missing, or of another version, source or recipe."""

from __future__ import annotations

import dataclasses
import inspect
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable

from tests.gate import go
from tests.gate.places import CACHE, GateError, digest, lock

from . import images, recipes, versions

HOME = CACHE / "cluster"
BIN = HOME / "bin"
IMAGES = HOME / "images"
_STAMPS = HOME / "stamps"
_SOURCES = pathlib.Path(__file__).with_name("src")


@dataclasses.dataclass(frozen=True)
class Program:
    """One program, or a set of files of which it is the first."""

    name: str
    version: str
    make: Callable[[pathlib.Path, pathlib.Path], None]
    """Makes it from a folder with a copy of its source."""
    source: str = ""
    """That folder's name below ``src``; empty: there is none."""
    beside: str = ""
    """The version of another program whose modules it takes."""

    @property
    def stamp(self) -> str:
        """What tells it from the same program of another version, source or recipe."""
        files = sorted((_SOURCES / self.source).iterdir()) if self.source else []
        texts = [file.read_text(encoding="utf-8") for file in files]
        return digest(self.name, self.version, self.beside, inspect.getsource(self.make), *texts)

    @property
    def built(self) -> bool:
        """Whether the cache has it."""
        return (BIN / self.name).exists() and _read(_STAMPS / self.name) == self.stamp


PROGRAMS = (
    Program("pause", "", recipes.pause, "pause"),
    Program("netkit", "", recipes.plain, "netkit"),
    Program("kube", versions.KUBERNETES, recipes.kube, "kube"),
    Program("flanneld", versions.FLANNEL, recipes.flanneld, beside=versions.KUBERNETES),
    Program("flannel-cni", versions.FLANNEL_CNI, recipes.flannel_cni),
    Program("coredns", versions.COREDNS, recipes.coredns, "coredns", versions.KUBERNETES),
    Program("crictl", versions.CRICTL, recipes.crictl, "crictl"),
)
KWOK = Program("kwok", versions.KWOK, recipes.kwok)


def _read(file: pathlib.Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def _make(program: Program) -> None:
    """Builds in a folder beside the place where the program goes, and renames what came of it."""
    with tempfile.TemporaryDirectory(dir=HOME, prefix=program.name + "-") as folder:
        work, out = pathlib.Path(folder, "src", program.name), pathlib.Path(folder, "out")
        out.mkdir()
        if program.source:
            shutil.copytree(_SOURCES / program.source, work)
        work.mkdir(parents=True, exist_ok=True)
        try:
            program.make(work, out / program.name)
        except GateError as error:
            reason = "%s %s could not be built: %s" % (program.name, program.version, go.last_line(error))
            raise GateError(reason, error.output) from None
        for file in out.iterdir():
            os.replace(file, BIN / file.name)
    (_STAMPS / program.name).write_text(program.stamp, encoding="utf-8")


def build(*more: Program, tell: Callable[[str], None] = print) -> None:
    """Has every program and image in the cache, ``more`` too; tells what it built; GateError."""
    with lock("cluster"):
        for folder in (BIN, IMAGES, _STAMPS):
            folder.mkdir(parents=True, exist_ok=True)
        for program in (*PROGRAMS, *more):
            if not program.built:
                start = time.monotonic()
                _make(program)
                size = (BIN / program.name).stat().st_size >> 20
                tell("%s: built in %.0f s, %d MiB" % (program.name, time.monotonic() - start, size))
        images.build(BIN, IMAGES, digest(inspect.getsource(images), *(program.stamp for program in PROGRAMS)))
