# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One default for each option, wherever it is written: modules, documentation, the role, its tasks, the record."""

from __future__ import annotations

import ast
import pathlib
import re
from typing import Any

import pytest
import yaml

from ansible_collections.kube.pcap.plugins.doc_fragments._gcp import ModuleDocFragment
from ansible_collections.kube.pcap.plugins.module_utils._command import NAMES as COMMAND_NAMES
from ansible_collections.kube.pcap.plugins.module_utils._command import command_options
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._options import NAMES, capture_options
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions, CommandOptions
from ansible_collections.kube.pcap.plugins.plugin_utils._exec import REQUEST
from ansible_collections.kube.pcap.plugins.plugin_utils._variables import EXEC, Strange, strange

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "capture"
PREFIX = "capture_"
ROLE_DEFAULTS: dict[str, Any] = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
SPECS: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
EXEC_ROLE = ROOT / "roles" / "exec"
EXEC_DEFAULTS: dict[str, Any] = yaml.safe_load((EXEC_ROLE / "defaults" / "main.yml").read_text())
EXEC_OPTIONS: dict[str, Any] = yaml.safe_load((EXEC_ROLE / "meta" / "argument_specs.yml").read_text())[
    "argument_specs"
]["main"]["options"]
MODULES = ("capture", "capture_info", "dns_info", "netns_command", "node_pods_info")
SHARED = [(entry, name) for entry, spec in SPECS.items() for name in spec["options"]]


def given(value: Any) -> Any:
    """A default as options compare it: empty is none."""
    return None if value == "" else value


def argument_spec(module: str) -> dict[str, Any]:
    """The argument specification of a module, without importing it."""
    tree = ast.parse((ROOT / "plugins" / "modules" / (module + ".py")).read_text())
    words = [word for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords]
    (found,) = [word.value for word in words if word.arg == "argument_spec"]
    spec: dict[str, Any] = ast.literal_eval(found)
    return spec


def documented(module: str) -> dict[str, Any]:
    """The options in a module's documentation."""
    tree = ast.parse((ROOT / "plugins" / "modules" / (module + ".py")).read_text())
    texts = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    told = yaml.safe_load(ast.literal_eval(texts["DOCUMENTATION"]))
    options: dict[str, Any] = dict(told["options"])
    if "kube.pcap._gcp" in told.get("extends_documentation_fragment", ()):
        options.update(yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"])
    return options


def defaults(options: dict[str, Any]) -> dict[str, Any]:
    """The default of each option."""
    return {name: given(option.get("default")) for name, option in options.items()}


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_as_documented(module: str) -> None:
    """Argument specification and documentation have the same options, types and defaults."""
    spec, told = argument_spec(module), documented(module)
    assert defaults(spec) == defaults(told)
    assert {n: o["type"] for n, o in spec.items()} == {n: o["type"] for n, o in told.items()}


@pytest.mark.parametrize("entry, name", SHARED)
def test_the_role_is_as_documented(entry: str, name: str) -> None:
    """Every option of every entry point has the default of defaults/main.yml."""
    option = SPECS[entry]["options"][name]
    assert given(option.get("default")) == given(ROLE_DEFAULTS[name])


def test_the_role_has_no_other_option() -> None:
    """What defaults/main.yml sets is an option of some entry point."""
    assert set(ROLE_DEFAULTS) == {name for _entry, name in SHARED}


@pytest.mark.parametrize("module, entry", [("capture", "main"), ("capture", "stop"), ("capture_info", "status")])
def test_the_role_is_as_its_modules(module: str, entry: str) -> None:
    """An option of the role that a module has, too, has the module's type and default."""
    spec = argument_spec(module)
    shared = {n: o for n, o in SPECS[entry]["options"].items() if n.startswith(PREFIX) and n[len(PREFIX) :] in spec}
    assert len(shared) >= 3
    for name, option in shared.items():
        own = spec[name[len(PREFIX) :]]
        assert (option["type"], given(option.get("default"))) == (own["type"], given(own.get("default"))), name


@pytest.mark.parametrize("entry", ["main", "status", "stop"])
def test_the_tasks_fall_back_to_the_same(entry: str) -> None:
    """What stands in a task for an option that is empty is its default."""
    text = (ROLE / "tasks" / (entry + ".yml")).read_text()
    for name, value in re.findall(r"\b(capture_\w+) \| default\(('[^']*'|\w+), true\)", text):
        literal = yaml.safe_load(value)
        expected = "all" if (entry, name) == ("status", "capture_id") else ROLE_DEFAULTS[name]
        assert given(literal) == given(expected), name


@pytest.mark.parametrize("source", ["record", "module", "role"])
def test_what_is_recorded(source: str) -> None:
    """Nothing given, the module's defaults and the role's make the record's own."""
    values = {
        "record": {},
        "module": {name: argument_spec("capture")[name].get("default") for name in NAMES},
        "role": {name: ROLE_DEFAULTS[PREFIX + name] for name in NAMES},
    }[source]
    assert capture_options(values) == CaptureOptions()
    longest = argument_spec("capture")["max_duration"]["default"]
    assert capture_options({**values, "duration": longest}).duration_seconds == 7 * 86400
    with pytest.raises(OptionError, match="duration"):
        capture_options({**values, "duration": 7 * 86400 + 1})


def test_no_option_is_called_a_slip():
    """Whatever a role takes is known to the check of misspelled variables."""
    assert strange(ROLE_DEFAULTS) == Strange()
    assert strange(EXEC_DEFAULTS, EXEC) == Strange()


def test_the_role_exec_is_as_documented_and_as_its_module() -> None:
    """Its options have one default; those that the module and the plan know are the same."""
    assert set(EXEC_DEFAULTS) == set(EXEC_OPTIONS) == {*REQUEST, "exec_api", "exec_snapshot"}
    assert defaults(EXEC_OPTIONS) == {name: given(value) for name, value in EXEC_DEFAULTS.items()}
    spec = argument_spec("netns_command")
    for name in COMMAND_NAMES:
        own, option = spec[name], EXEC_OPTIONS[EXEC + name]
        assert option["type"] == own["type"], name
        assert (given(option.get("default")) or None) == given(own.get("default")), name


@pytest.mark.parametrize("source", ["record", "module", "role"])
def test_how_a_tool_runs(source: str) -> None:
    """Nothing given, the module's defaults and the role's make the record's own."""
    values = {
        "record": {},
        "module": {name: argument_spec("netns_command")[name].get("default") for name in COMMAND_NAMES},
        "role": {name: EXEC_DEFAULTS[EXEC + name] for name in COMMAND_NAMES},
    }[source]
    assert command_options({**values, "argv": ["ip"]}) == CommandOptions(("ip",))
