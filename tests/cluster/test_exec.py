# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools in real pods' namespaces (rows SN-4, SN-5, PT-1, 2, 3, 4, 5, 8, 9, 10, 12, 15)."""

from __future__ import annotations

import base64
import os
import re
import signal
from collections.abc import Iterator

import pytest

from tests.cluster.executing import SLEEPS, STUBBORN, execute, results
from tests.cluster.pods import ClusterPod, named
from tests.cluster.workloads import LONG_NAME
from tests.lab.playing import failed
from tests.lab.recording import wait_for
from tests.lab.sequences import sequences
from tests.lab.tools import OURS, Tools, alive, kill_controller, wait_gone

NAMES = ("client", "distroless", "debugged", "sidecar", "shared", "half", "crash", "host-network", LONG_NAME)
RUNS = "client"


@pytest.fixture
def tools(cluster, ansible) -> Iterator[Tools]:
    """The module; nothing that it starts is left on any node afterwards."""
    yield Tools(ansible)
    for name in cluster.nodes:
        assert alive(cluster.node(name), OURS + "|" + SLEEPS) == []


def addresses(text: str) -> set[tuple[str, str]]:
    """Interface and address of each line of ``ip -o addr``, as iproute2 and busybox write it."""
    found = re.findall(r"^\d+: (\S+?)(?:@\S+)?\s+inet6? (\S+)", text, re.MULTILINE)
    assert found, text
    return set(found)


def inside(cluster, pod: str, *argv: str, container: str | None = None) -> str:
    """What a program says that the kubelet starts in a pod."""
    chosen = ["-c", container] if container else []
    said: str = cluster.kubectl("-n", "shop", "exec", pod, *chosen, "--", *argv)
    return said


def test_the_pods_own_view(cluster, plays) -> None:
    """PT-1, SN-4: the node's ip in each pod of a deployment tells what kubectl exec does."""
    run = execute(plays, "deployment shop/web", argv=["ip", "-o", "addr"])
    assert run.rc == 0, run.stdout
    pods = named(cluster, "shop", "app=web")
    found = results(run)
    assert sorted(found) == sorted("shop/" + pod.name for pod in pods)
    for pod in pods:
        told = found["shop/" + pod.name]
        assert addresses(told["stdout"]) == addresses(inside(cluster, pod.name, "ip", "-o", "addr"))
        assert told["host"] == pod.node.name and "  pod shop/%s: rc 0\n  1: lo " % pod.name in run.stdout


def test_whatever_the_pod_is_like(cluster, plays) -> None:
    """PT-2, PT-3, PT-4: without a shell, crash-looping, of several containers: each is entered, and none is touched."""
    pods = [ClusterPod(cluster, "shop", name) for name in NAMES] + [ClusterPod(cluster, "other", "twin")]
    before = {pod.title: pod.untouched() for pod in pods}
    run = execute(plays, [pod.title for pod in pods], argv=["ip", "-o", "addr"])
    assert run.rc == 0, run.stdout
    for pod in pods:
        told = results(run)["%s/%s" % (pod.namespace, pod.name)]
        assert told["stdout"] == pod.run(["ip", "-o", "addr"]).stdout
        assert pod.object()["status"]["podIP"] in told["stdout"]
    assert {pod.title: pod.untouched() for pod in pods} == before


@pytest.mark.parametrize(
    "pod, container",
    [("sidecar", "web"), ("sidecar", "probe"), ("sidecar", "proxy"), ("client", "client"), ("half", "web")],
)
def test_the_pods_own_tool(cluster, tools: Tools, pod: str, container: str) -> None:
    """PT-4, PT-15: with the mount namespace it is the container's own program, and tells what kubectl exec does."""
    node = ClusterPod(cluster, "shop", pod).node.name
    look = "ip -o addr; for kind in net mnt pid uts ipc; do readlink /proc/self/ns/$kind; done"
    params = {"pod": "shop/%s[%s]" % (pod, container), "namespaces": ["net", "mount", "pid", "uts", "ipc"]}
    one = tools.well(node, **params, argv=["sh", "-c", look])
    assert one["stdout"] == inside(cluster, pod, "sh", "-c", look, container=container)
    assert one["argv"][0] in ("/bin/sh", "/usr/bin/sh")


def test_an_ephemeral_container(cluster, tools: Tools) -> None:
    """PT-4: one that kubectl debug has added has a name and programs of its own."""
    node = ClusterPod(cluster, "shop", "debugged").node.name
    argv = ["readlink", "/proc/self/ns/mnt"]
    one = tools.well(node, pod="shop/debugged[debugger]", argv=argv, namespaces=["mount", "pid"])
    assert one["stdout"] == inside(cluster, "debugged", *argv, container="debugger")


def test_a_pod_without_a_shell(cluster, tools: Tools) -> None:
    """PT-2, PT-15: the node's ps shows its processes; that it has no shell is told."""
    pod = ClusterPod(cluster, "shop", "distroless")
    one = tools.well(
        pod.node.name, pod="shop/distroless", argv=["ps", "-eo", "pid,user,args"], namespaces=["net", "pid"]
    )
    first = one["stdout"].splitlines()[1].split()
    assert first[:2] == ["1", "nobody"] and len(one["stdout"].splitlines()) <= 5
    one = tools.one(pod.node.name, pod="shop/distroless", argv=["sh", "-c", "id"], namespaces=["mount"])
    assert one["failed"] and "container web of pod shop/distroless has no program sh; looked in /usr" in one["msg"]


def test_outside_of_the_pods_control_groups(cluster, tools: Tools) -> None:
    """PT-2: the tool is in those of the caller, and none of the pod's limits counts it."""
    pod = ClusterPod(cluster, "shop", "distroless")
    one = tools.well(pod.node.name, pod="shop/distroless", argv=["cat", "/proc/self/cgroup"])
    assert pod.uid not in one["stdout"] and pod.uid.replace("-", "_") not in one["stdout"]
    assert pod.uid in pod.node.run(["cat", "/proc/%d/cgroup" % pod.pid]).stdout


def test_packets_byte_by_byte(cluster, tools: Tools) -> None:
    """PT-6, PT-8, PT-10: tcpdump's packets are whole in the result and in the file, which is root's alone."""
    pod = ClusterPod(cluster, "shop", RUNS)
    traffic = pod.start_traffic(count=20_000, rate=500)
    try:
        command = "tcpdump -i any -c 50 -w - 'udp port 9000 and dst host 127.0.0.1'"
        params = {"command": command, "encoding": "base64", "dest": "/srv/exec.pcap", "timeout": "1m"}
        one = tools.well(pod.node.name, pod="shop/client", **params)
    finally:
        traffic.stop()
    raw = base64.b64decode(one["stdout"])
    assert len(set(sequences(raw, traffic.stream))) >= 25
    assert (pod.node.root / "srv/exec.pcap").read_bytes() == raw
    assert pod.node.run(["stat", "-c", "%a %u", "/srv/exec.pcap"]).stdout == "600 0\n"
    pod.node.run(["rm", "/srv/exec.pcap"])


@pytest.mark.parametrize("namespaces", [["net"], ["net", "mount", "pid"]])
def test_nothing_is_left(cluster, tools: Tools, namespaces: list[str]) -> None:
    """PT-9, PT-12, SN-5: a tool that does not heed SIGINT, and all that it has started, at its timeout."""
    pod = ClusterPod(cluster, "shop", RUNS)
    before = pod.untouched()
    one = tools.one(pod.node.name, pod="shop/client", argv=["sh", "-c", STUBBORN], timeout="1s", namespaces=namespaces)
    assert (one["timed_out"], one["rc"], one["stdout"]) == (True, -9, "up\n") and 3 <= one["seconds"] < 30
    assert alive(pod.node, SLEEPS) == [] and pod.untouched() == before


def test_a_controller_that_is_killed(cluster, tools: Tools) -> None:
    """PT-12: no tool outlives it, in the pod's own pid namespace either."""
    pod = ClusterPod(cluster, "shop", RUNS)
    before, mark = pod.untouched(), "mark-%d" % os.getpid()
    argv = ["sh", "-c", STUBBORN, mark]
    wait = tools.begin(pod.node.name, pod="shop/client", argv=argv, timeout="10m", namespaces=["net", "mount", "pid"])
    wait_for(lambda: alive(pod.node, "sleep 876543$") and alive(pod.node, "sleep 876542"), what="the tool")
    kill_controller(mark)
    wait_gone(pod.node, SLEEPS, 120)
    assert wait().rc == -signal.SIGKILL and pod.untouched() == before


@pytest.mark.parametrize(
    "target, message",
    [
        ("pod shop/pending", "exec_targets: pod shop/pending is Pending"),
        ("pod shop/clint", "exec_targets: pod shop/clint matches no pod; namespace shop has the pods a-name-of-sixty"),
        ("pod shop/client[x]", 'exec_targets: pod shop/client has no container "x"; its containers are client'),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_what_cannot_be_entered(plays, target: str, message: str) -> None:
    """PT-5: one sentence, once, and no node runs anything; others are those of captures."""
    run = execute(plays, target, argv=["ip", "addr"])
    assert run.rc == 2 and not run.of("netns_command") and len(failed(run)) == 1
    assert failed(run)[0].startswith(message), failed(run)


def test_a_container_that_does_not_run(cluster, plays) -> None:
    """PT-4, PT-5: one that crashes has no files and processes of its own, and the pod's network all the same."""
    run = execute(plays, "pod shop/crash", argv=["ip", "addr"])
    assert run.rc == 0, run.stdout
    run = execute(plays, "pod shop/sidecar[setup]", argv=["ip", "addr"], namespaces=["net", "mount"])
    assert (
        run.rc == 2
        and "its container setup does not run, and has no mount namespace; those that run:" in failed(run)[0]
    )
