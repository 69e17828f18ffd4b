# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual environments, one per requirements file, made when they are missing."""

from __future__ import annotations

import pathlib
import shutil
import sys

from .places import CACHE, GATE, digest, lock, run


def venv(name: str) -> pathlib.Path:
    """The ``bin`` folder of the environment of ``requirements-NAME.txt``."""
    requirements = GATE / f"requirements-{name}.txt"
    home = CACHE / f"{name}-{digest(requirements.read_text(), sys.version)}"
    ready = home / "ready"
    with lock(name):
        if not ready.exists():
            shutil.rmtree(home, ignore_errors=True)
            run([sys.executable, "-m", "venv", home])
            (home / "tmp").mkdir()  # what pip has unpacked goes with the folder, also when it was interrupted
            pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--requirement", requirements]
            run(pip, env={"TMPDIR": str(home / "tmp")})
            shutil.rmtree(home / "tmp")
            ready.touch()
    return home / "bin"
