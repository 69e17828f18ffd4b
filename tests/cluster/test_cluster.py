# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster keeps its word: real nodes, the workloads, Services and DNS, services that stop and nodes that reboot."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.cluster import versions, workloads
from tests.lab.sequences import sequences

CLIENT = ("-n", "shop", "exec", "client", "--")


def ask(cluster, *words):
    """What netkit says in the pod client."""
    return cluster.kubectl(*CLIENT, "netkit", *words)


def pods(cluster, name):
    """The pods of shop with that label app."""
    return cluster.objects("pods", "-n", "shop", "-l", "app=" + name)


def containers(cluster, node):
    """The containers that run on a node, with the process of each."""
    run = cluster.node(node).run
    ids = run(["crictl", "ps", "-q"]).stdout.split()
    return {i: json.loads(run(["crictl", "inspect", i]).stdout)["info"]["pid"] for i in ids}


def test_the_workloads_are_there(cluster):
    """Every kind of pod is there, in its state; web is on all nodes."""
    assert workloads.amiss(cluster.objects("pods", "-A")) == []
    assert sorted(pod["spec"]["nodeName"] for pod in pods(cluster, "web")) == cluster.nodes
    assert len(workloads.LONG_NAME) == 63


def test_what_is_amiss_is_told(cluster):
    """A pod that is missing, or in another state, is named."""
    there = cluster.objects("pods", "-A")
    gone = [pod for pod in there if pod["metadata"]["name"] != "db-1"]
    for pod in gone:
        if pod["metadata"]["name"] == "completed":
            pod["status"]["phase"] = "Failed"
    assert workloads.amiss(gone) == ["shop/db-*: 1 of 2 running", "shop/completed: 0 of 1 succeeded"]


def test_versions(cluster):
    """Nodes and runtime are what versions.py says."""
    infos = [node["status"]["nodeInfo"] for node in cluster.objects("nodes")]
    assert {info["kubeletVersion"] for info in infos} == {"v" + versions.KUBERNETES}
    assert all(info["containerRuntimeVersion"].startswith("containerd://") for info in infos)
    assert cluster.node("node-b").run(["crictl", "--version"]).stdout.split()[-1] == "v" + versions.CRICTL


@pytest.mark.parametrize("name, answers", [("web", 1), ("web-headless", 3), ("db", 2), ("db-0.db", 1)])
def test_dns_answers(cluster, name, answers):
    """A Service has its address, a headless one those of its pods."""
    words = cluster.kubectl(*CLIENT, "nslookup", "-type=a", name + ".shop.svc.cluster.local")
    assert words.count("Name:") == answers, words


@pytest.mark.parametrize("source", ["node-a", "node-b", "node-c"])
def test_a_service_is_reached_across_nodes(cluster, source):
    """From a pod of each node, in time every pod behind the Service answers, the one on the same node too."""
    (pod,) = [p["metadata"]["name"] for p in pods(cluster, "agentless") if p["spec"]["nodeName"] == source]
    want, seen = {"host=" + p["metadata"]["name"] for p in pods(cluster, "web")}, set()

    def all_answer():
        get = ["netkit", "get", "http://web.shop.svc.cluster.local/"]
        seen.add(cluster.kubectl("-n", "shop", "exec", pod, "--", *get).split()[0])
        return seen == want

    cluster.wait("answer of every pod", all_answer, 60)


@pytest.mark.parametrize(
    "place, answer",
    [
        ("http://198.18.%d.11:30080/", "host=web-"),  # a port of every node
        ("http://198.18.%d.12:18080/", "host=distroless "),  # a port of one node
        ("http://198.18.%d.13:9080/", "host=node-c "),  # a pod on the node's network
        ("udp://web:7001", "udp netkit "),
        ("tcp://web:7000", "tcp netkit "),
    ],
)
def test_ports_answer(cluster, place, answer):
    """NodePort, hostPort, host network; UDP and TCP through a Service."""
    assert ask(cluster, "get", place % cluster.site.index if "%" in place else place).startswith(answer)


def test_datagrams_arrive_once(cluster):
    """What the client sends to a pod of another node passes that node's bridge, each datagram once."""
    (pod,) = [p for p in pods(cluster, "web") if p["spec"]["nodeName"] == "node-a"]
    address = pod["status"]["podIP"]
    argv = ["tcpdump", "-p", "-n", "-Z", "root", "-i", "cni0", "-c", "500", "-w", "-", "udp dst port 7001"]
    watcher = subprocess.Popen(cluster.node("node-a").enter_args(argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while b"listening on" not in watcher.stderr.readline():
        assert watcher.poll() is None
    assert json.loads(ask(cluster, "send", address + ":7001", "500", "5000", "7"))["sent"] == 500
    assert sequences(watcher.communicate(timeout=60)[0], 7) == list(range(500))


def test_every_node_is_an_ansible_host(cluster, ansible):
    """Ansible reaches all nodes as root, with Debian's Python and the node's name in the API."""
    run = ansible.adhoc("nodes", "ansible.builtin.setup", params={"gather_subset": ["!all", "min"]})
    facts = {host: result["ansible_facts"] for host, result in run.of("setup").items()}
    assert {host: fact["ansible_hostname"] for host, fact in facts.items()} == {name: name for name in cluster.nodes}
    assert {fact["ansible_python"]["executable"] for fact in facts.values()} == {"/usr/bin/python3"}


@pytest.mark.parametrize("user, argv", [("root", ["id", "-u"]), ("ops", ["sudo", "-n", "id", "-u"])])
def test_ssh_for_root_and_for_ops_who_may_sudo(cluster, user, argv):
    """Both log in by key and can be root."""
    done = subprocess.run(cluster.node("node-b").ssh_args(argv, user), capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_a_node_sees_only_its_own(cluster):
    """A node has no view of the cluster's files on this machine, and its first process reaps orphans."""
    node = cluster.node("node-b")
    assert node.run(["ls", "-A", str(cluster.site.home)]).stdout == ""
    node.run(["sh", "-c", "(sleep 0.01 &)"])
    cluster.wait("end of orphans", lambda: "Z" not in node.run(["ps", "-e", "-o", "stat="]).stdout, 10)


def test_containers_survive_their_runtime_and_kubelet(cluster):
    """Both are started again, and the containers have the processes that they had."""
    node, before = cluster.node("node-b"), containers(cluster, "node-b")
    for service in ("containerd", "kubelet"):
        node.restart(service)
    cluster.wait("runtime", lambda: node.run(["crictl", "info"], check=False).returncode == 0)
    assert containers(cluster, "node-b") == before and len(before) > 5


def test_the_api_server_stops_and_comes_back(cluster):
    """Stopped it refuses connections and stays so; the nodes' pods go on."""
    node, before = cluster.node("node-a"), containers(cluster, "node-b")
    try:
        node.stop("kube-apiserver")
        assert cluster.kubectl("get", "--raw", "/readyz", check=False) == ""
        assert containers(cluster, "node-b") == before
    finally:
        node.start("kube-apiserver")
        cluster.wait("API", lambda: cluster.kubectl("get", "--raw", "/readyz", check=False) == "ok")


def test_a_node_reboots(cluster):
    """Killed and booted again, a node has its pods under their old uids in new sandboxes."""
    before = {p["metadata"]["name"]: p["metadata"]["uid"] for p in pods(cluster, "db")}
    node, old = cluster.node("node-c"), containers(cluster, "node-c")
    node.kill()
    assert node.pid is None
    node.boot()

    def of_before():
        there = cluster.objects("pods", "-A", "--field-selector", "spec.nodeName=node-c")
        statuses = [status for pod in there for status in pod["status"].get("containerStatuses", [])]
        return [status for status in statuses if status.get("containerID", "").rpartition("/")[2] in old]

    cluster.wait("new containers", lambda: not of_before())
    cluster.wait("workloads", lambda: workloads.amiss(cluster.objects("pods", "-A")) == [])
    assert not set(containers(cluster, "node-c")) & set(old)
    assert {p["metadata"]["name"]: p["metadata"]["uid"] for p in pods(cluster, "db")} == before
