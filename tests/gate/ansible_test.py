# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-test on one ansible-core, without what it would fetch from a host of its own, and without silent skips.

ansible-test hands HOME and almost nothing else of the environment to its commands. So it gets a HOME of its own here,
which keeps its caches out of the user's, and which holds what the user's pip is configured to do.
"""

from __future__ import annotations

import ast
import configparser
import os
import pathlib
import re
from collections.abc import Iterator

from . import machine
from .places import CACHE, GateError, lock, run
from .tree import TREE
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


def ansible_test(core: str, command: str, only: str | None = None) -> str:
    """Runs `ansible-test COMMAND` on the machine's Pythons, or on one; GateError when it fails or skips one of them."""
    bin_dir = venv(VENVS[core])
    found = [only] if only else machine.pythons(core)
    with lock("ansible-test"):
        _seed(bin_dir)
        env = {"HOME": str(HOME), "PATH": f"{bin_dir}:{os.environ['PATH']}"}
        argv = [bin_dir / "ansible-test", command, "--venv", "--color", "no", *(["--python", only] if only else [])]
        output = run(argv, cwd=TREE, env=env)
    skipped = list(skips(output, found))
    if skipped:
        raise GateError("\n".join(["what may not be skipped was:", *skipped]), output)
    return "Python " + " ".join(found)


def skips(output: str, found: list[str]) -> Iterator[str]:
    """The lines that tell of a skipped test, but for Pythons that this machine does not have."""
    for line in output.splitlines():
        absent = re.search(r"on Python (\S+) because it could not be found", line)
        if absent and absent[1] not in found:
            continue
        if "Skipping" in line or "could not be found" in line:
            yield line


def _seed(bin_dir: pathlib.Path) -> None:
    """Puts into HOME what ansible-test and pip look for there."""
    (source,) = bin_dir.parent.glob("lib/*/site-packages/ansible_test/_internal/python_requirements.py")
    cache = HOME / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in set(re.findall(r"pip='([0-9.]+)'", source.read_text())):
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP)

    settings = HOME / ".config" / "pip" / "pip.conf"
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
