# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house's rules: who may import whom, what travels to a node, and that no plugin is forgotten."""

from __future__ import annotations

import ast
import graphlib
import pathlib
import sys
from collections.abc import Iterator

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.kube.pcap"
PLUGINS = COLLECTION + ".plugins"
LIBRARIES = ("module_utils", "plugin_utils")
HEADER = (ROOT / "plugins" / "module_utils" / "_errors.py").read_text().splitlines()[:3]
LONGEST_FUNCTION = 60


def dotted(path: pathlib.Path) -> str:
    """The full name that a file is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join((COLLECTION, *(part for part in parts if part != "__init__")))


FILES = {dotted(path): path for path in sorted((ROOT / "plugins").rglob("*.py"))}


def imports(name: str, source: str, is_package: bool = False) -> Iterator[str]:
    """Full names that a module imports, wherever in it; of `from x import y`, x.y when that is a module of ours."""
    package = name if is_package else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{origin}.{alias.name}" if f"{origin}.{alias.name}" in FILES else origin


def imports_of(name: str) -> set[str]:
    """Full names that one file below plugins/ imports."""
    return set(imports(name, FILES[name].read_text(), FILES[name].name == "__init__.py"))


def folder(name: str) -> str:
    """modules, action, module_utils, ... of a full name below plugins/."""
    return name[len(PLUGINS) + 1 :].partition(".")[0]


def within(*folders: str) -> list[str]:
    """Full names of all files in these folders of plugins/."""
    return [name for name in FILES if folder(name) in folders]


def plugins(*folders: str) -> set[str]:
    """Names of the plugins in these folders of plugins/."""
    return {name.rpartition(".")[2] for name in within(*folders) if FILES[name].name != "__init__.py"}


@pytest.mark.parametrize(
    "line, origin",
    [
        ("import os.path", "os.path"),
        ("from . import _units", PLUGINS + ".module_utils._units"),
        ("from ._units import parse_size", PLUGINS + ".module_utils._units"),
        ("def f():\n    from ..plugin_utils import x", PLUGINS + ".plugin_utils"),
    ],
)
def test_imports_are_seen(line, origin):
    """A relative import, and one inside a function, is an import as any other."""
    assert list(imports(PLUGINS + ".module_utils._names", line)) == [origin]


@pytest.mark.parametrize("name", within("module_utils"))
def test_what_travels_is_standard_library(name):
    """module_utils runs on a node that has Python and nothing else."""
    strangers = {
        origin
        for origin in imports_of(name)
        if origin.partition(".")[0] not in sys.stdlib_module_names and folder(origin) != "module_utils"
    }
    assert not strangers


@pytest.mark.parametrize("name", FILES)
def test_imports_point_down(name):
    """Plugins stand on the two libraries, plugin_utils on module_utils, and no plugin on another plugin."""
    allowed = {
        "module_utils": {"module_utils"},
        "modules": {"module_utils"},
        "doc_fragments": set(),
    }.get(folder(name), set(LIBRARIES))
    ours = {origin for origin in imports_of(name) if origin.startswith(COLLECTION + ".")}
    assert {folder(origin) if origin.startswith(PLUGINS) else origin for origin in ours} <= allowed


def test_no_import_runs_in_a_circle():
    """The libraries can be put in an order in which each file imports only earlier ones."""
    names = within(*LIBRARIES)
    order = graphlib.TopologicalSorter({name: imports_of(name) & set(names) - {name} for name in names})
    assert set(order.static_order()) == set(names)


def test_no_plugin_is_forgotten():
    """`module_defaults: group/kube.pcap.pcap` reaches every module and action that there is."""
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert set(runtime["action_groups"]["pcap"]) == plugins("modules", "action")


@pytest.mark.parametrize("name", FILES)
def test_functions_are_short(name):
    """A function fits on a screen."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(FILES[name].read_text())) if isinstance(node, functions)]
    assert not [node.name for node in nodes if node.end_lineno - node.lineno >= LONGEST_FUNCTION]


@pytest.mark.parametrize("place", ["plugins", "tests"])
def test_every_file_names_its_licence(place):
    """Three lines: copyright, licence, SPDX identifier; below a #! line where there is one."""
    output = ROOT / "tests" / "output"
    for path in (ROOT / place).rglob("*.py"):
        lines = [line for line in path.read_text().splitlines()[:4] if not line.startswith("#!")]
        assert not lines or output in path.parents or lines[:3] == HEADER, path
