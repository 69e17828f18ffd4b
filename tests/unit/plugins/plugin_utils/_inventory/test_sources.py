# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where nodes and agents are read, from options, and from a snapshot."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError, OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._inventory.sources import read, read_source

OPTIONS = {"connect": "ssh", "agent_namespace": "kube-pcap", "snapshot": None, "label_selector": None}
SERVER = {"host": "https://10.0.0.1:6443", "api_key": "secret"}


def pod(name, label):
    """A Pod object that is ready."""
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-pcap", "labels": {"app.kubernetes.io/name": label}},
        "spec": {"nodeName": "node-a"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def node(name, **labels):
    """A Node object."""
    return {"kind": "Node", "metadata": {"name": name, "labels": labels}}


@pytest.fixture
def snapshot(tmp_path):
    """A snapshot of two nodes, an agent and another pod."""
    path = tmp_path / "snapshot.json"
    pods = [pod("agent-1", "kube-pcap-agent"), pod("web-1", "web")]
    path.write_text(json.dumps({"kind": "List", "items": [node("node-a", pool="edge"), node("node-b"), *pods]}))
    return str(path)


@pytest.mark.parametrize(
    "selector, names",
    [
        (None, ["node-a", "node-b"]),
        ("", ["node-a", "node-b"]),
        ("pool=edge", ["node-a"]),
        ("pool!=edge", ["node-b"]),
        ("!pool", ["node-b"]),
        ("pool in (core,edge), pool", ["node-a"]),
        ("pool=core", []),
    ],
)
def test_nodes(snapshot, selector, names):
    """A label selector means the same for a snapshot as for the API."""
    known = read(read_source({**OPTIONS, "snapshot": snapshot, "label_selector": selector}, {}))
    assert [one.name for one in known.nodes] == names
    assert known.agents == ()


@pytest.mark.parametrize("namespace, pods", [("kube-pcap", ["agent-1"]), ("other", [])])
def test_agents(snapshot, namespace, pods):
    """Agents are looked for in their namespace by their label, where they are asked for."""
    options = {**OPTIONS, "snapshot": snapshot, "connect": "agent", "agent_namespace": namespace}
    assert [one.name for one in read(read_source(options, {})).agents] == pods


@pytest.mark.parametrize(
    "given, text",
    [
        ({"label_selector": "pool=edge,!!"}, "^label_selector: .*is not a label term"),
        ({"label_selector": "*"}, "^label_selector: .*is not a label's key"),
        (
            {"agent_namespace": "../../nodes"},
            "^agent_namespace: .* is no namespace's name; write one such as kube-pcap",
        ),
        ({"host": "10.0.0.1"}, "^host: it is no URL"),
    ],
)
def test_refused(given, text):
    """An option that cannot be meant is refused before anything is read."""
    with pytest.raises(OptionError, match=text):
        read_source({**OPTIONS, **given}, {})


def test_no_snapshot(tmp_path):
    """A snapshot that cannot be read is named."""
    with pytest.raises(FileError, match="none.json cannot be read: No such file"):
        read(read_source({**OPTIONS, "snapshot": str(tmp_path / "none.json")}, {}))


@pytest.mark.parametrize(
    "given, environ, same",
    [
        ({}, {}, True),
        ({"api_key": "another"}, {}, True),
        ({"host": "https://10.0.0.2:6443"}, {}, False),
        ({"label_selector": "pool=edge"}, {}, False),
        ({"connect": "agent"}, {"K8S_AUTH_API_KEY": "x"}, False),
        ({"host": None}, {"K8S_AUTH_HOST": "https://10.0.0.3:6443"}, False),
        ({"host": None}, {"K8S_AUTH_HOST": "https://10.0.0.1:6443"}, True),
    ],
)
def test_key(given, environ, same):
    """What was kept of one cluster or selection is never another's, whoever named the cluster; no secret is in it."""
    first = read_source({**OPTIONS, **SERVER}, {}).key
    second = read_source({**OPTIONS, **SERVER, **given}, environ).key
    assert (first == second) is same


def test_one_cluster():
    """With agents, kubectl would take what stands in the environment beside an option; our own requests do not."""
    given, environ = {**OPTIONS, "kubeconfig": "/a"}, {"K8S_AUTH_HOST": "https://10.0.0.3:6443"}
    assert read_source(given, environ).access.host is None
    with pytest.raises(OptionError, match="^kubeconfig: K8S_AUTH_HOST is set, too, and may mean another cluster"):
        read_source({**given, "connect": "agent"}, environ)
    with pytest.raises(OptionError, match="^kubeconfig: K8S_AUTH_HOST is set, too"):
        read_source({**given, "connect": "agent", "snapshot": "/x"}, environ)
