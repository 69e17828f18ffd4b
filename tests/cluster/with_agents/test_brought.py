# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents: brought as asked for, deleted, and their recorders killed (rows KNT-1, KNT-11, KNT-15, PT-13)."""

from __future__ import annotations

import json
import pathlib
import re

from ansible_collections.kube.pcap.plugins.plugin_utils._collect.fetching import BLOCK
from tests.cluster.agents import NAMESPACE, Agents, report
from tests.cluster.capturing import ClusterPlays, files, numbers
from tests.cluster.pods import ClusterPod, named
from tests.lab.playing import changed
from tests.lab.recording import wait_for
from tests.lab.traffic import Traffic

RIGHTS = {"NET_RAW", "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "SYS_CHROOT", "DAC_READ_SEARCH", "SETGID"}
ROOT = "/var/lib/kube-pcap"


def test_brought(agents: Agents) -> None:
    """KNT-15, PT-13: one on each node, tainted ones too; without privileges, account or a file system to write to."""
    pods = agents.pods()
    assert sorted(pods) == agents.cluster.nodes
    for pod in pods.values():
        (container,) = pod["spec"]["containers"]
        context = container["securityContext"]
        assert not context.get("privileged") and context["readOnlyRootFilesystem"]
        assert set(context["capabilities"]["add"]) == RIGHTS and context["capabilities"]["drop"] == ["ALL"]
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == [ROOT, "/tmp"]
        assert container["resources"]["limits"] == {"memory": "512Mi"}
    node = agents.cluster.nodes[0]
    assert "Read-only" in agents.run(node, "sh", "-c", "touch /usr/x 2>&1 || true")
    account = "--as=system:serviceaccount:%s:kube-pcap-agent" % NAMESPACE
    may = agents.cluster.kubectl("auth", "can-i", "--list", account)
    assert not re.search(r"^(pods|nodes|secrets|\*)", may, re.MULTILINE), may


def test_the_same_again(agents: Agents) -> None:
    """Nothing is changed, and each agent is told; check mode says what would change, and changes nothing."""
    run = agents.bring()
    assert run.rc == 0 and changed(run) == {"localhost": 0}
    lines = report(run).splitlines()
    assert lines[0] == "3 agents of 3 nodes"
    assert [line.split()[::2] for line in lines[2:]] == [[name, "ready"] for name in agents.cluster.nodes]
    before = agents.pods()
    run = agents.bring("--check", resources={"limits": {"memory": "600Mi"}})
    assert run.rc == 0 and changed(run) == {"localhost": 1}
    assert report(run).splitlines()[0] == "check mode: nothing was changed; 3 agents now"
    assert {node: pod["metadata"]["uid"] for node, pod in agents.pods().items()} == {
        node: pod["metadata"]["uid"] for node, pod in before.items()
    }


def test_an_agent_is_deleted(agents: Agents, plays: ClusterPlays, tmp_path: pathlib.Path) -> None:
    """KNT-1, KNT-11: the next one goes on with its captures, after a gap, and hands over all files byte by byte."""
    cluster = agents.cluster
    (pod,) = [one for one in named(cluster, "shop", "app=web") if one.node.name == "node-b"]
    request = {"filter": "udp port 9000", "snaplen": 0, "compress": False}
    assert plays.capture(pod.title, id="deleted", **request).rc == 0
    large = {"address": "127.0.0.1", "count": 4000, "rate": 2000, "size": 1400}
    first = Traffic(pod, [], large).wait().stream
    old = agents.pods()["node-b"]["metadata"]
    cluster.kubectl("-n", NAMESPACE, "delete", "pod", old["name"], timeout=120)
    cluster.wait("next agent", lambda: agents.pods().get("node-b", old) != old and agents.is_ready("node-b"))
    wait_for(lambda: phases(pod, "deleted") == ["ready"], 60, "the capture's recorder")
    second = pod.send(count=200).stream
    status = plays.run("status", id="deleted")
    assert status.rc == 0 and set(changed(status).values()) == {0}, status.stdout
    assert "1 gap" in status.stdout and "the recorder was told to end" in status.stdout
    assert plays.run("stop", id="deleted").rc == 0
    found = files(pod.node, "deleted")[pod.name]
    assert (numbers(found, first), numbers(found, second)) == (list(range(4000)), list(range(200)))
    assert max(path.stat().st_size for path in found) > BLOCK
    whole = {path.name: path.read_bytes() for path in found}
    assert plays.run("collect", id="deleted", dest=str(tmp_path)).rc == 0
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.pcap")} == whole
    assert pod.node.run(["sh", "-c", "ps -eo stat | grep -c ^Z"], check=False).stdout == "0\n"


def test_a_recorder_is_killed(agents: Agents, plays: ClusterPlays) -> None:
    """The next status starts it again; what is left of it is reaped by the container's runtime."""
    pod = ClusterPod(agents.cluster, "shop", "distroless")
    assert plays.capture(pod.title, id="killed", filter="udp port 9000").rc == 0
    pid = recorder(pod, "killed")
    pod.node.run(["kill", "-KILL", str(pid)])
    wait_for(lambda: pod.node.run(["ps", "-p", str(pid)], check=False).returncode == 1, 60, "its end")
    status = plays.run("status", id="killed")
    assert changed(status)[pod.node.name] == 1 and recorder(pod, "killed") != pid, status.stdout


def recorder(pod: ClusterPod, id: str) -> int:
    """The process of a capture's recorder, as its node numbers it."""
    return int(json.loads((pod.node.root / ROOT[1:] / id / "state.json").read_text())["pid"])


def phases(pod: ClusterPod, id: str) -> list[str]:
    """The phases of a capture's targets, by its recorder's last word."""
    state = json.loads((pod.node.root / ROOT[1:] / id / "state.json").read_text())
    return [target["phase"] for target in state["targets"]]
