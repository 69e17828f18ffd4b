# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts: their variables, how they are reached, and what the user is warned of."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._agents.pods import Pod
from ansible_collections.kube.pcap.plugins.plugin_utils._inventory.hosts import Reach, hosts, read_reach
from ansible_collections.kube.pcap.plugins.plugin_utils._inventory.nodes import Address, Known, Node, Taint

NODE = Node("node-a", {}, {}, (), False, {"Ready": "True"}, (Address("InternalIP", "10.0.0.1"),), None, None)
OPTIONS = {
    "connect": "ssh",
    "address": ["InternalIP"],
    "agent_namespace": "kube-pcap",
    "kubeconfig": None,
    "context": None,
    "host": None,
    "api_key": "secret",
    "ca_cert": None,
    "client_cert": None,
    "client_key": None,
}


def addressed(*pairs):
    """A node with these addresses, each a type and a text."""
    return dataclasses.replace(NODE, addresses=tuple(Address(*pair) for pair in pairs))


def test_variables():
    """A host's variables say what the API server knows, and None for what it does not."""
    node = Node(
        name="node-b",
        labels={"topology.kubernetes.io/zone": "eu-1a"},
        annotations={"note": "x"},
        taints=(Taint("lone", "", "NoExecute"),),
        unschedulable=False,
        conditions={"Ready": "Unknown"},
        addresses=(Address("InternalIP", "10.0.0.2"), Address("InternalIP", "fd00::2"), Address("Hostname", "b")),
        kubelet_version="v1.34.4",
        container_runtime="containerd://2.1.0",
    )
    (bare, full), warnings = hosts(Known((node, NODE), ()), Reach())
    assert full.variables == {
        "ansible_host": "10.0.0.2",
        "kube_node_name": "node-b",
        "kube_labels": {"topology.kubernetes.io/zone": "eu-1a"},
        "kube_annotations": {"note": "x"},
        "kube_taints": [{"key": "lone", "value": "", "effect": "NoExecute"}],
        "kube_conditions": {"Ready": "Unknown"},
        "kube_addresses": {"InternalIP": ["10.0.0.2", "fd00::2"], "Hostname": ["b"]},
        "kube_zone": "eu-1a",
        "kube_kubelet_version": "v1.34.4",
        "kube_container_runtime": "containerd://2.1.0",
    }
    assert (bare.name, bare.variables["kube_zone"], bare.variables["kube_kubelet_version"]) == ("node-a", None, None)
    assert not warnings


@pytest.mark.parametrize(
    "node, wanted, address",
    [
        (NODE, ["InternalIP"], "10.0.0.1"),
        (NODE, ["ExternalIP", "InternalIP"], "10.0.0.1"),
        (addressed(("InternalIP", "fd00::1"), ("InternalIP", "10.0.0.1")), ["InternalIP"], "fd00::1"),
        (addressed(("InternalIP", "10.0.0.1"), ("ExternalIP", "192.0.2.1")), ["ExternalIP", "InternalIP"], "192.0.2.1"),
        (addressed(("Hostname", "a.example")), ["Hostname"], "a.example"),
        (addressed(("InternalDNS", "a.internal")), ["ExternalDNS", "InternalDNS"], "a.internal"),
        (NODE, ["Hostname"], None),
        (addressed(), ["InternalIP"], None),
        (addressed(("InternalIP", "-oProxyCommand=x")), ["InternalIP"], None),
        (addressed(("InternalIP", "fe80::1%{{ x }}")), ["InternalIP"], None),
        (addressed(("Hostname", "-oProxyCommand=x")), ["Hostname"], None),
        (addressed(("Hostname", "a b")), ["Hostname"], None),
        (addressed(("Hostname", "-x"), ("InternalIP", "10.0.0.1")), ["Hostname", "InternalIP"], "10.0.0.1"),
    ],
)
def test_ssh(node, wanted, address):
    """SSH gets the first address of the first type that the node has; what is no address is never its argument."""
    (host,), warnings = hosts(Known((node,), ()), Reach(address=tuple(wanted)))
    assert host.variables.get("ansible_host") == address
    assert ("without_address" in host.groups) == (address is None)
    lacking = "no address of type %s is known of node-a; no connection is set, see group without_address"
    assert warnings == ([lacking % " or ".join(wanted)] if address is None else [])


def test_agents():
    """A node is reached by its ready agent; one without has no connection, is in a group, and in a warning with why."""
    nodes = tuple(dataclasses.replace(NODE, name="node-" + letter) for letter in "abc")
    pods = (Pod("node-a", "agent-1", False, "ErrImagePull"), Pod("node-b", "agent-7", True, "ready"))
    reach = Reach("agent", agent_namespace="probes", kubectl={"ansible_kubectl_context": "edge"}, checked=False)
    (one, other, third), warnings = hosts(Known(nodes, pods), reach)
    assert {key: value for key, value in other.variables.items() if key.startswith("ansible_")} == {
        "ansible_connection": "kubernetes.core.kubectl",
        "ansible_kubectl_namespace": "probes",
        "ansible_kubectl_pod": "agent-7",
        "ansible_kubectl_container": "agent",
        "ansible_kubectl_context": "edge",
        "ansible_kubectl_validate_certs": "",
        "ansible_kubectl_extra_args": "--insecure-skip-tls-verify=true",
        "ansible_python_interpreter": "python3",
        "ansible_become": False,
    }
    assert not [key for host in (one, third) for key in host.variables if key.startswith("ansible_")]
    assert ["without_agent" in host.groups for host in (one, other, third)] == [True, False, True]
    assert warnings == [
        "no agent pod in namespace probes is ready on node-a (ErrImagePull), node-c; "
        "no connection is set, see group without_agent"
    ]


@pytest.mark.parametrize("name", ["{{ x }}", "-x", "a b", "", "a" * 254])
def test_no_name(name):
    """What is no name of a node becomes no host."""
    found, warnings = hosts(Known((NODE, dataclasses.replace(NODE, name=name)), ()), Reach())
    assert [host.name for host in found] == ["node-a"]
    assert len(warnings) == 1 and warnings[0].endswith(" is left out: it is no name of a node")


@pytest.mark.parametrize(
    "given, kubectl",
    [
        ({}, {}),
        ({"kubeconfig": "/k", "context": "c"}, {"ansible_kubectl_kubeconfig": "/k", "ansible_kubectl_context": "c"}),
        (
            {"host": "https://h", "ca_cert": "/ca"},
            {"ansible_kubectl_host": "https://h", "ansible_kubectl_ca_cert": "/ca"},
        ),
        (
            {"client_cert": "/c", "client_key": "/k"},
            {"ansible_kubectl_client_cert": "/c", "ansible_kubectl_client_key": "/k"},
        ),
    ],
)
def test_kubectl(given, kubectl):
    """kubectl asks the server that the options name; no secret gets onto its command line."""
    assert read_reach({**OPTIONS, **given}).kubectl == kubectl


def test_no_type():
    """An empty list of types is refused."""
    with pytest.raises(OptionError, match="^address: it is empty; write at least one type"):
        read_reach({**OPTIONS, "address": []})
