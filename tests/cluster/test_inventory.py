# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin against a real API server, and the playbooks through it."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

from tests.cluster import build, images, kubernetes_core, laptop
from tests.cluster.capturing import ClusterPlays, numbers
from tests.cluster.pods import named
from tests.lab.ansible_run import Ansible, environment
from tests.lab.playing import started
from tests.nodes.node import CHECKOUT

TEMPLATE = "{{ 6 * 7 }}"
SPACE = "inventory-test"
GRAPH = "$ ansible-inventory -i cluster.pcap.yml --graph\n"


@pytest.fixture
def folder(cluster, tmp_path):
    """An inventory: the plugin's configuration, how SSH gets to nodes, and nothing else: Ansible runs all it finds."""
    made = tmp_path / "inventory"
    (made / "group_vars").mkdir(parents=True)
    configure(made, cluster)
    known = yaml.safe_load(cluster.inventory.read_text())["all"]["children"]["nodes"]
    own = {name: known["hosts"][cluster.nodes[0]][name] for name in ("ansible_user", "ansible_python_interpreter")}
    (made / "group_vars" / "nodes.yml").write_text(yaml.safe_dump({**known["vars"], **own}))
    return made


def configure(folder: pathlib.Path, cluster, **options) -> None:
    """Writes the plugin's configuration."""
    given = {"plugin": "kube.pcap.nodes", "kubeconfig": str(cluster.kubeconfig), **options}
    (folder / "cluster.pcap.yml").write_text(yaml.safe_dump(given))


def inventory(folder: pathlib.Path, tmp: pathlib.Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs ansible-inventory."""
    argv = [sys.executable, "-m", "ansible", "inventory", "-i", str(folder), *args]
    return subprocess.run(argv, env=environment(tmp), capture_output=True, text=True, timeout=120, check=True)


def graph(folder: pathlib.Path, tmp: pathlib.Path) -> dict[str, list[str]]:
    """The hosts of each group, as ``ansible-inventory --graph`` draws them."""
    found: dict[str, list[str]] = {}
    for line in inventory(folder, tmp, "--graph").stdout.splitlines():
        name = line.lstrip(" |-")
        if name.startswith("@"):
            last = found.setdefault(name[1:-1], [])
        else:
            last.append(name)
    return {name: hosts for name, hosts in found.items() if hosts}


@pytest.fixture
def marked(cluster):
    """A node with a zone, a taint that keeps nobody away, an annotation that is a template, and no new pods."""
    cluster.wait("node without a taint", lambda: not any(n["spec"].get("taints") for n in cluster.objects("nodes")))
    name = cluster.nodes[-1]
    cluster.kubectl("label", "node", name, "topology.kubernetes.io/zone=east-1")
    cluster.kubectl("taint", "node", name, "example.com/edge=true:PreferNoSchedule")
    cluster.kubectl("annotate", "node", name, "example.com/note=" + TEMPLATE)
    cluster.kubectl("cordon", name)
    yield name
    cluster.kubectl("uncordon", name)
    cluster.kubectl("annotate", "node", name, "example.com/note-")
    cluster.kubectl("taint", "node", name, "example.com/edge-")
    cluster.kubectl("label", "node", name, "topology.kubernetes.io/zone-")


def test_graph(cluster, folder, tmp_path, marked):
    """Groups are what the API server says of its nodes."""
    found = graph(folder, tmp_path)
    nodes = cluster.nodes
    assert {name: found[name] for name in found if not name.startswith("label_")} == {
        "nodes": nodes,
        "ready": nodes,
        "unschedulable": [marked],
        "role_control_plane": nodes[:1],
        "zone_east_1": [marked],
        "taint_example_com_edge_true_PreferNoSchedule": [marked],
        "taint_node_kubernetes_io_unschedulable_NoSchedule": [marked],
    }
    labels = {key for node in cluster.objects("nodes") for key in node["metadata"]["labels"]}
    wanted = {"label_" + re.sub(r"\W", "_", key) for key in labels - {"kubernetes.io/hostname"}}
    groups = [name for name in found if name.startswith("label_")]
    assert not [key for key in wanted if not any(name.startswith(key) for name in groups)]
    configure(folder, cluster, label_selector="topology.kubernetes.io/zone in (east-1)")
    assert graph(folder, tmp_path)["nodes"] == [marked]


def test_the_graph_of_the_documentation(folder, tmp_path, marked):
    """It stands there as the command prints it."""
    _before, _command, rest = (CHECKOUT / "docs" / "inventory.md").read_text().partition(GRAPH)
    assert inventory(folder / "cluster.pcap.yml", tmp_path, "--graph").stdout == rest.partition("```\n")[0]


def test_variables(cluster, folder, tmp_path, marked):
    """A host's variables are the node's own, and a template among them stays text in a play."""
    variables = json.loads(inventory(folder, tmp_path, "--host", marked).stdout)
    node = cluster.node(marked)
    (item,) = [one for one in cluster.objects("nodes") if one["metadata"]["name"] == marked]
    assert variables["ansible_host"] == node.address
    assert variables["kube_node_name"] == marked
    assert variables["kube_labels"] == item["metadata"]["labels"]
    assert variables["kube_zone"] == "east-1"
    assert variables["kube_kubelet_version"] == item["status"]["nodeInfo"]["kubeletVersion"]
    assert variables["kube_conditions"]["Ready"] == "True"
    run = Ansible(folder, tmp_path).adhoc(
        marked,
        "ansible.builtin.debug",
        params={"msg": "{{ kube_annotations['example.com/note'] }}"},
    )
    assert run.of("debug")[marked]["msg"] == TEMPLATE


def test_a_laptop_lacks_what_only_linux_has():
    """Whoever asks finds no process, no node's socket, no right of root and no call that only Linux knows."""
    code = "import os; print(os.listdir('/proc'), hasattr(os, 'setns')); os.chown('/proc', 1, 1)"
    argv = [*laptop.PREFIX, sys.executable, "-c", code]
    done = subprocess.run(argv, env={**os.environ, **laptop.ENVIRONMENT}, capture_output=True, text=True, check=False)
    assert done.stdout == "[] False\n" and done.stderr.splitlines()[-1].startswith("PermissionError"), done


def test_playbooks(cluster, folder, tmp_path):
    """PT-14: they run through it over SSH from a laptop, where the inventory ties hosts to nodes by their names."""
    plays = ClusterPlays(cluster, Ansible(folder, tmp_path, prefix=laptop.PREFIX))
    plays.env.update(laptop.ENVIRONMENT)
    pods = named(cluster, "shop", "app=web")
    try:
        run = plays.capture("pods shop app=web", id="through", filter="udp port 9000")
        assert run.rc == 0 and [row[0] for row in started(run)] == cluster.nodes, run.stdout
        sent = {pod.name: pod.send(count=200).stream for pod in pods}
        status = plays.run("status", id="through")
        assert status.rc == 0 and status.stdout.count("pod shop/web-") == 3, status.stdout
        assert plays.run("stop", id="through").rc == 0
        assert plays.run("collect", id="through", dest=str(tmp_path / "here")).rc == 0
        for name, stream in sent.items():
            assert numbers(list((tmp_path / "here").rglob("*--%s--*.pcap.gz" % name)), stream) == list(range(200))
        tool = plays.playbook(
            "kube.pcap.exec", extra_vars={"exec_targets": "pods shop app=web", "exec_command": "ip -o -4 address"}
        )
        assert tool.rc == 0 and all(pod.object()["status"]["podIP"] in tool.stdout for pod in pods), tool.stdout
    finally:
        plays.clean()


@pytest.fixture
def agents(cluster):
    """Pods that are labelled as agents, of which the last one is never ready."""
    cluster.kubectl("create", "namespace", SPACE)
    for name in cluster.nodes:
        cluster.kubectl("apply", "-f", "-", input=json.dumps(pod(name, ready=name != cluster.nodes[-1])))
    wait = ["wait", "--for=jsonpath={.status.phase}=Running", "pods", "--all", "--timeout=120s"]
    cluster.kubectl("-n", SPACE, *wait, timeout=130)
    ready = ["wait", "--for=condition=Ready", "--timeout=120s", *["pod/agent-" + name for name in cluster.nodes[:-1]]]
    cluster.kubectl("-n", SPACE, *ready, timeout=130)
    yield
    cluster.kubectl("delete", "namespace", SPACE, "--timeout=120s", timeout=130)


def pod(node: str, ready: bool) -> dict[str, object]:
    """A pod on that node."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "agent-" + node,
            "namespace": SPACE,
            "labels": {"app.kubernetes.io/name": "kube-pcap-agent"},
        },
        "spec": {
            "nodeName": node,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "agent",
                    "image": images.name("netkit"),
                    "command": ["sleep", "2147483647"],
                    "readinessProbe": {"exec": {"command": ["true" if ready else "false"]}, "periodSeconds": 1},
                }
            ],
        },
    }


def test_agents(cluster, folder, tmp_path, agents):
    """A node is reached by the agent on it; one whose agent is not ready is named, and has no connection."""
    configure(folder, cluster, connect="agent", agent_namespace=SPACE)
    one, *_rest, last = cluster.nodes
    variables = json.loads(inventory(folder, tmp_path, "--host", one).stdout)
    assert (variables["ansible_connection"], variables["ansible_kubectl_pod"]) == (
        "kubernetes.core.kubectl",
        "agent-" + one,
    )
    assert variables["ansible_kubectl_kubeconfig"] == str(cluster.kubeconfig)
    assert "ansible_connection" not in json.loads(inventory(folder, tmp_path, "--host", last).stdout)
    assert graph(folder, tmp_path)["without_agent"] == [last]
    told = " ".join(inventory(folder, tmp_path, "--list").stderr.split())
    assert "no agent pod in namespace %s is ready on %s" % (SPACE, last) in told
    kubernetes_core.link(tmp_path)
    path = {"PATH": "%s:%s" % (build.BIN, environment(tmp_path)["PATH"])}
    run = Ansible(folder, tmp_path).adhoc("nodes:!without_agent", "ansible.builtin.raw", "-a", "hostname", env=path)
    assert {host: result["stdout"].split() for host, result in run.of("raw").items()} == {
        name: ["agent-" + name] for name in cluster.nodes[:-1]
    }, run.stdout + run.stderr
