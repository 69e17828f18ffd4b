# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ``tap`` on the lab's nodes, over ssh, with systemd and without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab.ansible_run import Ansible
from tests.lab.handles import LabNode
from tests.lab.lab import Lab
from tests.lab.recording import wait_for

PODS = {"node-a": "shop/cart", "node-b": "shop/checkout", "node-c": "shop/db-0"}
"""systemd; systemd, Python 3.8 and sudo; no systemd."""
FOLDER = "/run/kube-pcap"
Taps = Callable[[str], "NodeTaps"]


class NodeTaps:
    """The taps of one trace on one node."""

    def __init__(self, ansible: Ansible, node: LabNode, trace_id: str) -> None:
        self.ansible = ansible
        self.node = node
        self.id = trace_id
        self.targets: list[dict[str, Any]] = []

    def find(self, *pods: str, node: bool = False) -> None:
        """Takes pods, and the node itself, as targets, as the node resolves them."""
        params = {"targets": ["pod " + pod for pod in pods]} if pods else None
        found = self.ansible.adhoc(self.node.name, "kube.pcap.node_pods_info", params=params)
        answer = found.of("node_pods_info")[self.node.name]
        self.targets = [*answer["pods"][: len(pods)], *([answer["node"]] if node else [])]

    def call(self, state: str, *args: str, **changes: Any) -> dict[str, Any]:
        """The module's result, with ``failed``."""
        record = {
            "id": self.id,
            "node": self.node.name,
            "targets": self.targets,
            "filter": "udp port 9000",
            "marks": [],
            **changes,
        }
        params = {"record": record} if state == "started" else {"id": self.id}
        run = self.ansible.adhoc(self.node.name, "kube.pcap.tap", *args, params={"state": state, **params})
        assert len(run.tasks) == 1 and "Traceback" not in run.stdout + run.stderr, run.stdout + run.stderr
        return {**run.tasks[0].result, "failed": run.tasks[0].status != "ok"}

    def start(self, **changes: Any) -> None:
        """Has the taps listen."""
        told = self.call("started", **changes)
        assert not told["failed"] and told["changed"], told

    def read(self) -> list[dict[str, Any]]:
        """What they have seen."""
        told = self.call("read")
        assert not told["failed"] and told["changed"], told
        taps: list[dict[str, Any]] = told["taps"]
        return taps

    def pids(self, pattern: str) -> list[str]:
        """The node's processes whose command line has the trace's folder and matches."""
        done = self.node.run(["pgrep", "-f", "--", "%s.*%s/taps/%s/" % (pattern, FOLDER, self.id)], check=False)
        return done.stdout.split()

    def left(self) -> str:
        """Processes, units and files."""
        units = self.node.run(
            ["systemctl", "list-units", "--all", "--plain", "--no-legend", "kube-pcap-tap*"], check=False
        ).stdout
        files = self.node.run(["find", FOLDER], check=False).stdout
        return " ".join(self.pids("")) + ("" if "kube-pcap" not in units else units) + files


@pytest.fixture
def taps(lab: Lab, ansible: Ansible) -> Iterator[Taps]:
    """Makes taps of a trace on a node; nothing of them is left when the test ends."""
    made: list[NodeTaps] = []

    def make(node: str) -> NodeTaps:
        made.append(NodeTaps(ansible, lab.node(node), "t-%d" % len(made)))
        return made[-1]

    yield make
    for one in made:
        assert not one.call("absent")["failed"]
        wait_for(lambda one=one: not one.left(), what="nothing left")


@pytest.mark.parametrize("name", PODS)
def test_a_pod_and_its_node(lab: Lab, taps: Taps, name: str) -> None:
    """Each has what passed it, to the packet, from the start's return to the read's call, and the interfaces."""
    one, pod = taps(name), lab.pod(*PODS[name].split("/"))
    peer = "shop/cart" if name != "node-a" else "shop/checkout"
    one.find(PODS[name], node=True)
    one.start()
    pod.send(peer, count=300, rate=3000)
    pod.send("127.0.0.1", count=50, rate=3000)
    own, node = one.read()
    assert (own["target"]["name"], own["netns"], own["problem"], own["dropped"]) == (pod.name, pod.netns, None, 0)
    assert own["packets"] == 350 and own["changed"] == [] and own["sightings"] == []
    assert (node["target"]["kind"], node["netns"], node["problem"]) == ("node", lab.node(name).netns, None)
    assert node["packets"] >= 600, "by the pod's interface and by the node's own"
    there, outside = ({link["name"]: link for link in tap["interfaces"]} for tap in (own, node))
    assert (there["eth0"]["kind"], len(there["eth0"]["mac"])) == ("veth", 17) and there["lo"]["mac"] is None
    assert pod.addresses.v4 in there["eth0"]["addresses"]
    assert there["eth0"]["parent"] in [link["index"] for link in outside.values()]
    wait_for(lambda: not one.left(), what="nothing left")


def test_a_pod_of_the_hosts_network(lab: Lab, taps: Taps) -> None:
    """It and its node share a tap."""
    one = taps("node-b")
    one.find("kube-system/node-agent-b", node=True)
    one.start()
    assert len(one.pids("/tcpdump ")) == 1
    (told,) = one.read()
    assert told["target"]["name"] == "node-agent-b" and told["netns"] == lab.node("node-b").netns


@pytest.mark.parametrize("name", PODS)
def test_the_deadline(taps: Taps, name: str) -> None:
    """After its time nothing is left, though nobody asks; who asks then is told."""
    one = taps(name)
    one.find(PODS[name])
    one.start(seconds=2)
    wait_for(lambda: not one.left(), what="nothing left")
    told = one.call("read")
    assert told["failed"] and told["msg"].startswith("no taps of trace t-0 are on this node: "), told


@pytest.mark.parametrize("name", ["node-b", "node-c"])
def test_the_end_of_ssh_changes_nothing(lab: Lab, taps: Taps, name: str) -> None:
    """PT-12: with every ssh session of the node killed, also the one that started them, they go on."""
    one, pod = taps(name), lab.pod(*PODS[name].split("/"))
    one.find(PODS[name])
    one.start()
    sessions = ["pgrep", "-f", "^sshd: .*@"]
    one.node.run(["kill", "-KILL", *one.node.run(sessions).stdout.split()], check=False)
    wait_for(lambda: not one.node.run(sessions, check=False).stdout, what="the sessions' end")
    pod.send("127.0.0.1", count=20, rate=1000)
    (told,) = one.read()
    assert (told["packets"], told["problem"]) == (20, None)


@pytest.mark.parametrize("name", ["node-a", "node-c"])
def test_a_supervisor_that_is_killed(taps: Taps, name: str) -> None:
    """Whichever of its processes it is, under systemd and without: tcpdump ends, and nothing is left."""
    for which in range(2):
        one = taps(name)
        one.find(PODS[name])
        one.start()
        one.node.run(["kill", "-KILL", one.pids(" -I -S ")[which]])
        wait_for(lambda one=one: not one.left(), what="nothing left")


@pytest.mark.parametrize("name", ["node-b", "node-c"])
def test_what_is_refused(taps: Taps, name: str) -> None:
    """One sentence each, also in check mode, and nothing is left."""
    one = taps(name)
    one.find(PODS[name])
    assert one.call("started", "--check")["changed"] and not one.left()
    for args in ([], ["--check"]):
        told = one.call("started", *args, filter="udp prot 9000")
        assert told["failed"] and told["msg"].startswith("filter: pod %s: tcpdump: " % PODS[name]), told
    told = one.call("started", targets=[{**one.targets[0], "netns": 1}])
    assert told["failed"] and told["msg"].endswith("not in 1 any more; resolve it again"), told
    assert not one.left()


def test_a_node_that_lacks_rights(taps: Taps) -> None:
    """On node-b Ansible is not root: without become it says what that takes."""
    one = taps("node-b")
    one.find(PODS["node-b"])
    told = one.call("started", "-e", json.dumps({"ansible_become": False}))
    assert told["failed"] and told["msg"] == "capturing takes root on the node; run it with become", told
