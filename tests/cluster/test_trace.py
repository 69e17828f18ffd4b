# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces on real kubelets, kube-proxy and overlay (rows KP-5 to KP-8, KP-11)."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.pods import ClusterPod, named
from tests.lab.ansible_run import Ansible
from tests.lab.tracing import Traces, way


@pytest.fixture
def traces(cluster: Cluster, ansible: Ansible, tmp_path: pathlib.Path) -> Traces:
    """The playbook over SSH, which asks the API."""
    return Traces(ansible, tmp_path, {"K8S_AUTH_KUBECONFIG": str(cluster.kubeconfig)})


def answered(result: dict[str, Any]) -> str:
    """Who answered, of a trace that was."""
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["confidence"]) == ("answered", "proven"), verdict
    return str(verdict["answered_by"])


def test_a_service(cluster: Cluster, traces: Traces) -> None:
    """KP-6: the endpoint that kube-proxy chose, its address there and back, and the overlay on the way."""
    result = traces.result(
        "from pod shop/client to service shop/web and tcp port 80", request="http GET /", count=4, interval="100ms"
    )
    answered(result)
    pods = {pod.name: pod for pod in named(cluster, "shop", "app=web")}
    assert result["endpoints"]["of"] == len(pods) == 3
    client = ClusterPod(cluster, "shop", "client")
    for probe in result["probes"]:
        assert probe["sent"]["received_bytes"] > 0 and probe["sent"]["error"] is None
        name = probe["verdict"]["answered_by"].split()[1].partition("/")[2]
        first = [hop for hop in result["hops"] if (hop["probe"], hop["part"]) == (probe["n"], "first")]
        back = [hop for hop in result["hops"] if (hop["probe"], hop["part"]) == (probe["n"], "answer")]
        assert (first[0]["dst"], first[0]["dport"]) == (result["destination"]["address"], 80)
        assert (first[-1]["dst"], first[-1]["dport"]) == (pods[name].object()["status"]["podIP"], 8080)
        assert (back[-1]["src"], back[-1]["sport"]) == (result["destination"]["address"], 80)
        tunnels = {layer["type"] for hop in first for layer in hop["encapsulation"]}
        assert tunnels == (set() if pods[name].node.name == client.node.name else {"vxlan"})


def test_across_nodes(cluster: Cluster, traces: Traces) -> None:
    """KP-5: each interface on the way, in order."""
    client = ClusterPod(cluster, "shop", "client")
    pod = next(one for one in named(cluster, "shop", "app=web") if one.node.name != client.node.name)
    result = traces.result("from pod shop/client to pod shop/%s and tcp port 8080" % pod.name)
    assert answered(result) == "pod shop/%s on %s" % (pod.name, pod.node.name)
    near, far = client.node.name, pod.node.name
    assert [(node, owner, out) for node, owner, _nic, out in way(result)] == [
        (near, "shop/client", True),
        (near, "shop/client", False),
        (near, None, False),
        (near, None, True),
        (near, None, True),
        (far, None, False),
        (far, None, False),
        (far, None, True),
        (far, "shop/" + pod.name, True),
        (far, "shop/" + pod.name, False),
    ], way(result)


@pytest.mark.parametrize(
    "expression, by",
    [
        ("from pod shop/client to service shop/db and tcp port 7000", "pod shop/db-"),
        ("from pod shop/client to service shop/web and udp port 7001", "pod shop/web-"),
        ("from pod shop/client to service kube-system/kube-dns and udp port 53", "pod kube-system/coredns-"),
        ("from pod shop/client to service default/kubernetes and tcp port 443", "node node-a"),
        ("from pod shop/client to node node-a and icmp", "node node-a"),
        ("from node node-b to service shop/web and tcp port 80", "pod shop/web-"),
        ("from pod shop/host-network to pod shop/distroless and icmp", "pod shop/distroless"),
        ("from pod shop/crash to pod shop/client and icmp", "pod shop/client"),
        ("from pod shop/client to node node-b and tcp port 30080", "pod shop/web-"),
        ("from here to node node-b and tcp port 30080", "pod shop/web-"),
        ("from here to node node-c and icmp", "node node-c"),
    ],
)
def test_ways(traces: Traces, expression: str, by: str) -> None:
    """KP-7: Services with and without an address, DNS, the API itself, nodes, pods without a shell or a life; node
    ports, and the controller outside of the cluster."""
    result = traces.result(expression)
    assert answered(result).startswith(by), result["verdict"]


def test_an_endpoint_on_the_sources_own_node(cluster: Cluster, traces: Traces) -> None:
    """KP-7: the node gives its request another source before any tap sees it; a bridge shows the answer for its own."""
    pod = next(one for one in named(cluster, "shop", "app=db") if one.name == "db-0")
    result = traces.result("from node %s to service shop/db-primary and tcp port 7000" % pod.node.name)
    assert answered(result) == "pod shop/db-0 on %s" % pod.node.name
    (probe,) = result["probes"]
    first, last = result["hops"][0], [hop for hop in result["hops"] if hop["part"] == "answer"][-1]
    assert first["interface"] == last["interface"] == "cni0"
    assert (first["src"], first["sport"]) != (last["dst"], last["dport"])
    assert (last["dst"], last["dport"]) == (probe["sent"]["source"], probe["sent"]["source_port"])


@pytest.mark.parametrize(
    "name, by",
    [
        ("web", "pod shop/web-"),
        ("web-headless.shop.svc.cluster.local", "pod shop/web-"),
        ("kubernetes.default", "node "),
    ],
)
def test_by_name(traces: Traces, name: str, by: str) -> None:
    """KP-7: CoreDNS answers what the pod's own search list asks, and the questions' way there and back is told."""
    port = {"kubernetes.default": 443, "web": 80}.get(name, 8080)
    result = traces.result("from pod shop/client to %s and ip and tcp port %d" % (name, port))
    assert answered(result).startswith(by), result["verdict"]
    questions = [probe for probe in result["probes"] if probe["question"] is not None]
    assert len(questions) == {"kubernetes.default": 2, "web": 1}.get(name, 4), result["resolution"]
    for probe in questions:
        assert probe["verdict"]["answered_by"].startswith("pod kube-system/coredns-"), probe["verdict"]
        hops = [hop for hop in result["hops"] if hop["probe"] == probe["n"]]
        assert {hop["leg"] for hop in hops} == {"dns"} and {hop["part"] for hop in hops} == {"first", "answer"}
        assert {hop["dst"] for hop in hops if hop["part"] == "first"} > {probe["question"]["server"]}


def test_a_name_that_nobody_has(traces: Traces) -> None:
    """Its questions are followed, and nothing is sent."""
    result = traces.result("from pod shop/client to nosuch and ip and tcp port 80")
    assert (result["verdict"]["outcome"], result["verdict"]["leg"]) == ("unsent", "dns"), result["verdict"]
    assert "NXDOMAIN" in result["verdict"]["text"]


def test_lost(cluster: Cluster, traces: Traces) -> None:
    """KP-8: a rule on the destination's node drops it, and the trace says where it ended."""
    client = ClusterPod(cluster, "shop", "client")
    pod = next(one for one in named(cluster, "shop", "app=web") if one.node.name != client.node.name)
    rule = ["-p", "tcp", "--dport", "8080", "-j", "DROP"]
    pod.node.run(["iptables", "-I", "FORWARD", *rule])
    try:
        result = traces.result(
            "from pod shop/client to pod shop/%s and tcp port 8080" % pod.name, taps="all", timeout="1s"
        )
    finally:
        pod.node.run(["iptables", "-D", "FORWARD", *rule])
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["leg"], verdict["confidence"]) == ("lost", "request", "proven"), verdict
    assert verdict["between"] == ["node %s" % pod.node.name, "pod shop/%s on %s" % (pod.name, pod.node.name)]
