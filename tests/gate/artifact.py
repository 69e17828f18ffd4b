# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The artifact that users install: built, complete, installed, verified, documented."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import tarfile

from . import tree
from .places import GateError, run
from .tree import COLLECTIONS, TREE
from .venvs import venv

BUILT = COLLECTIONS / "built"
INSTALLED = COLLECTIONS / "installed"
SHIPPED = ("meta/", "playbooks/", "plugins/", "roles/")
"""What a playbook, a role or a plugin may need at run time lies here, and nowhere else."""
DOCUMENTED = {"modules": "module", "filter": "filter", "lookup": "lookup", "inventory": "inventory"}
"""Folders of plugins and the type that ansible-doc knows them by; an action's documentation is its module's."""


def build() -> str:
    """Builds the artifact and checks that it holds every file that is needed at run time."""
    shutil.rmtree(BUILT, ignore_errors=True)
    _tool("ansible-galaxy", "collection", "build", "--output-path", str(BUILT), cwd=TREE)
    with tarfile.open(_archive()) as archive:
        held = set(archive.getnames())
    absent = [name for name in tree.files() if name.startswith(SHIPPED) and name not in held]
    if absent:
        raise GateError("galaxy.yml, manifest: these files are not in the artifact: " + " ".join(absent))
    return f"{_archive().name}, {_archive().stat().st_size // 1024} KiB"


def install() -> str:
    """Installs the artifact where nothing else is, and compares each file with its checksum."""
    shutil.rmtree(INSTALLED, ignore_errors=True)
    where = ["--offline", "-p", str(INSTALLED)]
    _tool("ansible-galaxy", "collection", "install", *where, str(_archive()))
    _tool("ansible-galaxy", "collection", "verify", *where, "kube.pcap")
    return ""


def documentation() -> str:
    """`ansible-doc` shows every plugin and role, and every playbook parses, as installed."""
    home = INSTALLED / "ansible_collections" / "kube" / "pcap"
    names = {kind: _stems(home / "plugins" / folder) for folder, kind in DOCUMENTED.items()}
    names["role"] = sorted(path.parent.parent.name for path in home.glob("roles/*/meta/argument_specs.yml"))
    undocumented = sorted(set(_stems(home / "plugins" / "action")) - set(names["module"]))
    undocumented += sorted({path.name for path in home.glob("roles/*")} - set(names["role"]))
    for kind, wanted in names.items():
        undocumented += [f"{kind} {name}" for name in wanted if name not in _shown(kind, wanted)]
    if undocumented:
        raise GateError("ansible-doc does not show: " + " ".join(undocumented))
    for playbook in _stems(home / "playbooks", ".yml"):
        _tool("ansible-playbook", "--syntax-check", f"kube.pcap.{playbook}")
    return ", ".join(f"{len(wanted)} {kind}" for kind, wanted in names.items() if wanted)


def importer() -> str:
    """What Galaxy says of the artifact; required tags included."""
    bin_dir = venv("lint")
    env = {
        "PATH": f"{bin_dir}:{os.environ['PATH']}",
        "HOME": str(COLLECTIONS),
        "GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "True",
    }
    run([bin_dir / "python", "-m", "galaxy_importer.main", _archive()], cwd=BUILT, env=env)
    return ""


def _archive() -> pathlib.Path:
    (archive,) = BUILT.glob("kube-pcap-*.tar.gz")
    return archive


def _stems(folder: pathlib.Path, suffix: str = ".py") -> list[str]:
    return sorted(path.stem for path in folder.glob(f"*{suffix}") if path.stem != "__init__")


def _shown(kind: str, names: list[str]) -> set[str]:
    """The plugins of one kind that ansible-doc can show with their documentation."""
    if not names:
        return set()
    answer = _tool("ansible-doc", "--type", kind, "--json", *[f"kube.pcap.{name}" for name in names])
    shown = json.loads(answer[answer.index("{") :])
    return {name.rpartition(".")[2] for name, entry in shown.items() if entry.get("doc") or entry.get("entry_points")}


def _tool(*args: str, cwd: pathlib.Path = COLLECTIONS) -> str:
    bin_dir = venv("lint")
    env = {
        "PATH": f"{bin_dir}:{os.environ['PATH']}",
        "HOME": str(COLLECTIONS),
        "ANSIBLE_COLLECTIONS_PATH": str(INSTALLED),
    }
    return run([bin_dir / args[0], *args[1:]], cwd=cwd, env=env)
