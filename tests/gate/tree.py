# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of the checkout at a path that Ansible's tools accept: ``.../ansible_collections/kube/pcap``, no symlink.

It holds what git tracks and what it does not ignore, so that uncommitted work is tested too. The copy is a git
repository of its own, since without one ansible-test looks at every file below it, virtual environments included.
"""

from __future__ import annotations

import os
import pathlib
import shutil

from .places import CACHE, ROOT, digest, run

COLLECTIONS = CACHE / f"tree-{digest(str(ROOT))}"
PLACE = pathlib.PurePath("ansible_collections", "kube", "pcap")
TREE = COLLECTIONS / PLACE
KEPT = {".git", "tests/output"}
"""ansible-test keeps its virtual environments in tests/output of its copies: minutes to make again."""


def files(root: pathlib.Path = ROOT) -> list[str]:
    """Paths, from the checkout's root or a copy's, of the files that make the collection."""
    # The clone may belong to another user than the one who tests it.
    args = ["git", "-c", f"safe.directory={root}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = run(args, cwd=root).split("\0")
    return [name for name in names if name and (root / name).is_file()]


def copy(tree: pathlib.Path = TREE, root: pathlib.Path = ROOT) -> str:
    """Makes a folder what the checkout is now, or another copy."""
    tree.mkdir(parents=True, exist_ok=True)
    _empty(tree, tree)
    names = files(root)
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, tree / name, follow_symlinks=False)
    run(["git", "init", "--quiet"], cwd=tree)
    run(["git", "add", "--all"], cwd=tree)
    return f"{len(names)} files"


def _empty(folder: pathlib.Path, tree: pathlib.Path) -> None:
    for entry in os.scandir(folder):
        path = pathlib.Path(entry.path)
        name = str(path.relative_to(tree))
        if name in KEPT:
            continue
        if not entry.is_dir(follow_symlinks=False):
            path.unlink()
        elif any(kept.startswith(name + "/") for kept in KEPT):
            _empty(path, tree)
        else:
            shutil.rmtree(path)
