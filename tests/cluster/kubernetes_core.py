# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection kubernetes.core, out of the wheel that has it: ``python -m tests.cluster.kubernetes_core``."""

from __future__ import annotations

import contextlib
import pathlib
import sys
import tempfile
import zipfile

from tests.gate.places import CACHE, GATE, digest, lock, run

REQUIREMENTS = GATE / "requirements-kubectl.txt"
_PREFIX = "ansible_collections/kubernetes/core/"


def fetch() -> pathlib.Path:
    """The folder of the collection, downloaded where it is missing; GateError."""
    top = CACHE / ("kubernetes-core-" + digest(REQUIREMENTS.read_text(encoding="utf-8")))
    with lock("kubernetes-core"):
        if not top.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as made:
                _unpack(pathlib.Path(made))
                (pathlib.Path(made) / "collections").rename(top)
    return top / _PREFIX


def _unpack(folder: pathlib.Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    run([*pip, "--dest", folder, "--requirement", REQUIREMENTS])
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(_PREFIX)]
        archive.extractall(folder / "collections", names)


def link(collections: pathlib.Path) -> None:
    """Adds the collection to a collections path."""
    place = collections / "ansible_collections" / "kubernetes" / "core"
    place.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # a call that runs beside this one made it
        place.symlink_to(fetch())


if __name__ == "__main__":
    print(fetch())
