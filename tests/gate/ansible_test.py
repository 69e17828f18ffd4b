# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-test with each ansible-core, without what it would fetch from a host of its own, and without silent skips.

ansible-test hands HOME and almost nothing else of the environment to its commands. So each job gets a HOME,
which keeps its caches out of the user's and holds what the user's pip is configured to do, and a copy of what the
linters have read: it keeps virtual environments in both.
"""

from __future__ import annotations

import ast
import configparser
import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator, Sequence

from . import machine
from .places import CACHE, Command, GateError, lock, run, run_all
from .tree import COLLECTIONS, PLACE, TREE, copy
from .venvs import venv

VENVS = {"2.16": "core-2.16", "2.19": "run"}
HOME = CACHE / "ansible-test"
GET_PIP = """\
import subprocess
import sys

packages = [arg for arg in sys.argv[1:] if arg not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
subprocess.check_call([sys.executable, "-m", "pip", "install"] + packages)
"""
"""Stands in for get-pip: brings the pip that the Python itself carries, and lets that one install the pip asked for."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One call of ansible-test, on one Python or, without a word about it, on all that it supports and finds."""

    core: str
    command: str
    only: str | None = None

    @property
    def found(self) -> list[str]:
        """The Pythons that it may not skip."""
        return [self.only] if self.only else machine.pythons(self.core)

    def prepared(self) -> Command:
        """The command."""
        bin_dir, home, tree = venv(VENVS[self.core]), HOME / self.core, COLLECTIONS / self.core / PLACE
        _seed(bin_dir, home)
        copy(tree, TREE)
        only = ["--python", self.only] if self.only else []
        argv = [bin_dir / "ansible-test", self.command, "--venv", "--color", "no", *only]
        return Command(argv, {"HOME": str(home), "PATH": f"{bin_dir}:{os.environ['PATH']}"}, tree)


def units() -> list[Job]:
    """The unit tests: on every Python, and with the older core on the oldest that its controller may have, 3.10.

    What runs on a node does not depend on the core, so that every Python once is enough.
    """
    controller = next(version for version in machine.pythons("2.16") if version not in ("3.8", "3.9"))
    return [Job("2.16", "units", controller), Job("2.19", "units")]


def sanity() -> list[Job]:
    """What ansible-test has to say about the files, by each core."""
    return [Job(core, "sanity") for core in machine.PYTHONS]


def ansible_test(jobs: Sequence[Job]) -> str:
    """Runs jobs side by side, and tells which Pythons they had; GateError when one fails or skips one of these."""
    with lock("ansible-test"):
        outputs = run_all([job.prepared() for job in jobs])
    for job, output in zip(jobs, outputs, strict=True):
        skipped = list(skips(output, job.found))
        if skipped:
            raise GateError("\n".join(["what may not be skipped was:", *skipped]), output)
    return "; ".join("ansible-core %s: Python %s" % (job.core, " ".join(job.found)) for job in jobs)


def skips(output: str, found: Sequence[str]) -> Iterator[str]:
    """The lines that tell of a skipped test, but for Pythons that this machine does not have."""
    for line in output.splitlines():
        absent = re.search(r"on Python (\S+) because it could not be found", line)
        if absent and absent[1] not in found:
            continue
        if "Skipping" in line or "could not be found" in line:
            yield line


def _seed(bin_dir: pathlib.Path, home: pathlib.Path) -> None:
    """Puts into a home folder what ansible-test and pip look for there."""
    (source,) = bin_dir.parent.glob("lib/*/site-packages/ansible_test/_internal/python_requirements.py")
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in set(re.findall(r"pip='([0-9.]+)'", source.read_text())):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)

    settings = home / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.touch(mode=0o600)
    listed = run([bin_dir / "python", "-m", "pip", "config", "list"])
    where = run([bin_dir / "python", "-m", "pip", "cache", "dir"]).splitlines()[-1]
    with settings.open("w") as file:
        pip_settings(listed, where).write(file)


def pip_settings(listed: str, cache_dir: str) -> configparser.RawConfigParser:
    """One configuration file out of what `pip config list` shows; the environment's word is the last, as for pip.

    An installation tells only what went wrong: a page of what it did would stand before what a failed test says.
    """
    lines = [line.partition("=") for line in listed.splitlines()]
    config = configparser.RawConfigParser()
    config.read_dict({"global": {"cache-dir": cache_dir}, "install": {"quiet": "1"}})
    for key, _equals, value in sorted(lines, key=lambda line: line[0].startswith(":env:")):
        section, _dot, name = key.replace(":env:", "global").partition(".")
        config.read_dict({section: {name: ast.literal_eval(value)}})
    return config
