# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces from the controller, and what node ports lead to (rows KP-2, KP-6, KP-8)."""

from __future__ import annotations

import contextlib
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab
from tests.lab.model import Fault
from tests.lab.playing import WEB, said
from tests.lab.tracing import Traces, serving, way

NODE_PORT = 30080
TO_NODE_PORT = "from here to node node-a and tcp port %d" % NODE_PORT


class Here:
    """The playbook, whose runs leave nothing on the controller either, on which other tests trace at the same time."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def result(self, expression: str, **options: Any) -> dict[str, Any]:
        """Runs it to its end, and returns the result."""
        result = self._traces.result(expression, **options)
        assert not pathlib.Path("/run/kube-pcap/taps", result["id"]).exists()
        return result


@pytest.fixture
def here(traces: Traces) -> Here:
    """The playbook; nothing of it is left anywhere afterwards."""
    return Here(traces)


@pytest.fixture
def web(lab: Lab) -> Iterator[None]:
    """A server in each pod behind the Service."""
    with contextlib.ExitStack() as stack:
        for name in WEB.values():
            stack.enter_context(serving(lab.pod("shop", name), "http", 8080))
        yield


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_to_a_node_port(here: Here, lab: Lab, family: str) -> None:
    """KP-6: from the controller's own interface to the node that is asked, and on to the endpoint that it chose."""
    expression = TO_NODE_PORT.replace("tcp", family + " and tcp")
    for _attempt in range(9):  # the node chooses among three
        result = here.result(expression, request="http GET /")
        verdict = result["verdict"]
        assert (verdict["outcome"], verdict["confidence"]) == ("answered", "proven"), verdict
        assert result["source"] == "the controller" and result["endpoints"]["of"] == 3
        (endpoint,) = result["endpoints"]["names"]
        node = next(node for node, name in WEB.items() if endpoint == "pod shop/" + name)
        if node != "node-a":
            break
    assert verdict["answered_by"] == "%s on %s" % (endpoint, node)
    there, back = way(result), way(result, "answer")
    assert [hop[0] for hop in there] == ["(here)"] + ["node-a"] * 3 + [node] * 5
    assert there[0] == ("(here)", None, lab.underlay.link, True)
    assert back == [(*hop[:3], not hop[3]) for hop in reversed(there)]
    hop = next(hop for hop in result["hops"] if hop["part"] == "first" and hop["node"] == "node-a" and hop["changes"])
    assert any(change.startswith("dst ") and change.endswith(":8080") for change in hop["changes"])
    taps = {tap["node"]: tap["proven"] for tap in result["taps"] if tap["pod"] is None}
    for node in ("node-a", "node-b", "node-c"):
        proof = {"direction": "in", "source": "the controller", "destination": "node " + node}
        assert {**proof, "interfaces": ["eth0"], "encapsulation": []} in taps[node]
        proof = {"direction": "in", "source": "node " + node, "destination": "the controller"}
        assert {**proof, "interfaces": [lab.underlay.link], "encapsulation": []} in taps["(here)"]


def test_to_a_pod_and_a_node(here: Here, lab: Lab) -> None:
    """KP-2: by ICMP to a node, by UDP too."""
    result = here.result("from here to node node-b and icmp")
    assert (result["verdict"]["outcome"], result["verdict"]["confidence"]) == ("answered", "proven")
    assert way(result) == [("(here)", None, lab.underlay.link, True), ("node-b", None, "eth0", False)]
    with serving(lab.node("node-b"), "udp", 7007, "echo"):
        result = here.result("from here to node node-b and udp port 7007")
    assert result["verdict"]["outcome"] == "answered"


def test_lost_behind_the_node_port(here: Here, lab: Lab) -> None:
    """KP-8: it came to the asked node, and to none of the endpoints to which that may send it."""
    fault = Fault("drop", "node-a", arguments="tcp dport 8080")
    lab.faults.apply(fault)
    try:
        result = here.result(TO_NODE_PORT, taps="all", timeout="2s")
    finally:
        lab.faults.clear(fault)
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["confidence"], verdict["at"]) == ("lost", "proven", "eth0 of node node-a"), (
        verdict
    )
    endpoints = "pod shop/%s on node-a or node node-b or node node-c" % WEB["node-a"]
    assert verdict["between"] == ["node node-a", endpoints]


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_lost_before_the_node(here: Here, lab: Lab, family: str) -> None:
    """KP-8: what the controller's own interface sent, and the node's did not get, was lost between the two."""
    switch = ["nsenter", "-t", str(lab.underlay.pid), "-n", "nft"]
    rule = "table bridge t { chain c { type filter hook forward priority 0; tcp dport %d drop; }; }" % NODE_PORT
    subprocess.run([*switch, "-f", "-"], input=rule, text=True, check=True)
    try:
        expression = TO_NODE_PORT.replace("tcp", family + " and tcp")
        result = here.result(expression, taps="all", timeout="2s")
    finally:
        subprocess.run([*switch, "delete", "table", "bridge", "t"], check=True)
    verdict = result["verdict"]
    assert (verdict["outcome"], verdict["confidence"]) == ("lost", "proven"), verdict
    assert verdict["between"] == ["the controller", "node node-a"]
    assert [hop[0] for hop in way(result)] == ["(here)"]


def test_a_controller_that_may_not_watch(lab: Lab, tmp_path: pathlib.Path) -> None:
    """Nothing is sent, nobody watches any more, and the sentence says what it takes."""
    inventory = tmp_path / "inventory"
    (inventory / "host_vars").mkdir(parents=True)
    (inventory / "hosts.yml").symlink_to(lab.inventory)
    nobody = "ansible_become: true\nansible_become_user: nobody\nansible_become_method: su\n"
    (inventory / "host_vars" / "localhost.yml").write_text(nobody)
    traces = Traces(Ansible(inventory, tmp_path), tmp_path, snapshot=str(lab.snapshot))
    done = traces.run(TO_NODE_PORT)
    assert done.rc == 2 and "nothing was sent; (here): " in said(done), said(done)
    for node in lab.nodes:
        assert node.run(["pgrep", "-c", "tcpdump"], check=False).stdout == "0\n"
