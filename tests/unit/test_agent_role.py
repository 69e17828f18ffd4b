# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ``agent``: one default for each option wherever it is written, and a manifest that is what it says."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import jinja2
import pytest
import yaml

from ansible_collections.kube.pcap.plugins.plugin_utils._agents import pods
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.request import DEFAULTS, PREFIX, asked
from ansible_collections.kube.pcap.tests.cluster import versions
from ansible_collections.kube.pcap.tests.gate import go

LABEL = "app.kubernetes.io/name"
ROLE = pathlib.Path(__file__).resolve().parents[2] / "roles" / "agent"


def read(name: str) -> dict[str, Any]:
    """A YAML file of the role."""
    values: dict[str, Any] = yaml.safe_load((ROLE / name).read_text())
    return values


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Defaults as options compare them: empty text is none."""
    return {name: None if value == "" else value for name, value in values.items()}


SPECS = read("meta/argument_specs.yml")["argument_specs"]


def test_defaults() -> None:
    """Those of the role are those that an empty option has."""
    assert given(read("defaults/main.yml")) == {PREFIX + name: value for name, value in DEFAULTS.items()}


@pytest.mark.parametrize("entry", SPECS)
def test_documentation(entry: str) -> None:
    """...and those that are documented, of every option."""
    told = {name: option["default"] for name, option in SPECS[entry]["options"].items()}
    assert told == read("defaults/main.yml")


def test_every_option_is_handed_over() -> None:
    """The request holds each option under its own name."""
    request = read("vars/main.yml")["agent__request"]
    assert request == {name: "{{ %s }}" % name for name in read("defaults/main.yml")}


@pytest.mark.parametrize("file", sorted(path.name for path in (ROLE / "tasks").glob("*.yml")))
def test_no_request_waits_for_ever(file: str) -> None:
    """An API server that is silent ends the task, whose name says who did not answer; a wait has its own time first."""
    for task in read("tasks/" + file) or ():
        (module,) = [name for name in task if "." in name]
        if module.startswith("kubernetes.core."):
            waited = task[module].get("wait_timeout")
            assert ("+ 60 }}" in task["timeout"]) if waited else task["timeout"] in (60, 120), task["name"]
            assert "the API server" in task["name"] or waited


def test_rights() -> None:
    """Who brings agents has, by the manifest that is shipped, whatever the tasks read, apply and remove."""
    items = yaml.safe_load((ROLE.parents[1] / "docs" / "rbac-agents.yml").read_text())["items"]
    rights = {
        (resource, verb)
        for item in items
        for rule in item.get("rules", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if item["kind"] == "Role"
    }
    namespace, *applied = manifest()
    asked_of = {"%ss" % one["kind"].lower() for one in applied}
    wanted = {(resource, verb) for resource in asked_of for verb in ("get", "create", "patch", "delete")}
    wanted |= {("namespaces", "get"), ("pods", "get"), ("pods", "list"), ("pods/exec", "create"), ("pods/exec", "get")}
    assert rights == wanted and items[0]["metadata"]["name"] == namespace["metadata"]["name"]
    assert not pods.owns_namespace(items[0])


def manifest(**options: Any) -> list[dict[str, Any]]:
    """The manifest as it is applied."""
    environment = jinja2.Environment(trim_blocks=True)
    environment.filters["to_json"] = json.dumps
    environment.globals["lookup"] = lambda _plugin, name: (ROLE / "files" / name).read_text()
    text = environment.from_string((ROLE / "templates/daemonset.yml.j2").read_text()).render(
        agent__asked={"asked": asked({"agent_image": "registry/agent:1", **options})},
        agent__found={"owns_namespace": options.get("agent_namespace") is None},
    )
    return [document for document in yaml.safe_load_all(text) if document]


def test_manifest() -> None:
    """Least rights, and where the inventory and the removal look for it."""
    namespace, account, daemonset = manifest()
    assert pods.owns_namespace(namespace) and account["automountServiceAccountToken"] is False
    assert daemonset["metadata"]["name"] == account["metadata"]["name"] == pods.NAME
    template = daemonset["spec"]["template"]
    assert template["metadata"]["labels"][LABEL] == pods.NAME
    assert daemonset["spec"]["selector"]["matchLabels"] == {LABEL: pods.NAME}
    (container,) = template["spec"]["containers"]
    context = container["securityContext"]
    assert container["name"] == pods.CONTAINER and "privileged" not in context and context["readOnlyRootFilesystem"]
    assert context["capabilities"]["drop"] == ["ALL"]
    assert template["spec"]["hostPID"] and template["spec"]["hostNetwork"] and "hostIPC" not in template["spec"]
    assert container["command"][-2:] == [(ROLE / "files/agent.py").read_text(), "/var/lib/kube-pcap"]


def test_manifest_of_options() -> None:
    """Each option stands where Kubernetes wants it; a namespace of others is not touched."""
    options = {
        "agent_namespace": "tools",
        "agent_pull_policy": "Never",
        "agent_pull_secrets": ["registry"],
        "agent_node_selector": {"pool": "edge"},
        "agent_tolerations": [{"key": "a", "operator": "Exists"}],
        "agent_resources": {"limits": {"memory": "1Gi"}},
        "agent_spool": "/srv/pcap",
    }
    account, daemonset = manifest(**options)
    assert account["metadata"]["namespace"] == daemonset["metadata"]["namespace"] == "tools"
    spec = daemonset["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert (container["image"], container["imagePullPolicy"]) == ("registry/agent:1", "Never")
    assert spec["imagePullSecrets"] == [{"name": "registry"}] and spec["nodeSelector"] == {"pool": "edge"}
    assert spec["tolerations"] == options["agent_tolerations"]
    assert container["resources"] == options["agent_resources"]
    assert pods.read_spool(daemonset) == container["volumeMounts"][0]["mountPath"] == "/srv/pcap"


def test_versions_of_the_image() -> None:
    """The image that is shipped holds what the tests build."""
    text = (ROLE / "files" / "Containerfile").read_text()
    assert re.findall(r"(?m)^ARG CRICTL=(\S+)$", text) == [versions.CRICTL]
    assert re.findall(r"(?m)^FROM docker\.io/library/golang:([0-9.]+)-", text) == ["%d.%d" % go.NEEDED]
