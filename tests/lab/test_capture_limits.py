# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bounds, refusals, and what a capture leaves alone and leaves behind."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.ansible_run import Ansible
from tests.lab.conftest import lab_name
from tests.lab.handles import LabNode, LabPod
from tests.lab.lab import Lab
from tests.lab.recording import Record, Recording, seen, wait_for

HOSTILE: list[dict[str, Any]] = [
    {"targets": "pod shop/../../etc"},
    {"targets": 'pod shop/"cart"'},
    {"targets": "pod shop/ca\nrt"},
    {"targets": "pod shop/" + "x" * 254},
    {"targets": "pods"},
    {"targets": "nodes"},
    {"targets": ""},
    {"targets": "pod shop/cart", "filter": "-w /tmp/x"},
    {"targets": "pod shop/cart", "filter": "--version"},
    {"targets": "pod shop/cart", "filter": "tcp port"},
    {"targets": "pod shop/cart", "filter": "udp; touch /tmp/hostile"},
    {"targets": "pod shop/cart", "interface": "eth7"},
    {"targets": "pod shop/cart", "interface": "-i"},
    {"targets": "pod shop/cart", "interface": "../eth0"},
    {"targets": "pod shop/cart", "segment_size": "-1"},
    {"targets": "pod shop/cart", "keep": "1e9"},
    {"targets": "pod shop/cart", "keep": "1M"},
    {"targets": "pod shop/cart", "memory": "10"},
    {"targets": "pod shop/cart", "duration": "10 parsecs"},
    {"targets": "pod shop/cart", "duration": "0"},
    {"targets": "pod shop/cart", "duration": "-5"},
    {"targets": "pod shop/cart", "duration": "8d"},
    {"targets": "pod shop/cart", "duration": "2h", "max_duration": "1h"},
    {"targets": "pod shop/cart", "snaplen": -1},
    {"targets": "pod shop/cart", "packet_count": 0},
    {"targets": "pod shop/cart", "min_free": "100%"},
    {"targets": "pod shop/cart", "min_free": "999Ti"},
    {"targets": "pod shop/cart", "sink": "relative/path"},
    {"targets": "pod shop/cart", "sink": "/no/such/folder"},
    {"targets": "pod shop/cart", "sink": "/srv/$(touch x)"},
    {"targets": "pod shop/cart", "spool": "/var/lib/../../etc"},
    {"targets": "pod shop/cart", "id": "../escape"},
    {"targets": "pod shop/cart", "id": "all"},
    {"targets": "pod shop/cart", "id": "x" * 64},
    {"targets": "pod shop/nobody"},
    {"targets": "pod shop/cart[nobody]"},
    {"targets": "pods shop app=web"},
    {"targets": "deployment shop/web"},
    {"targets": "node node-z"},
]


def left(node: LabNode) -> dict[str, Any]:
    """What a capture could leave on a node: processes, units, its spool, mounts, rules."""
    processes = node.run(["ps", "-eo", "args="]).stdout.splitlines()
    ours = ("tcpdump", "recorder.pyz", "systemd-run")
    units = node.run(["systemctl", "list-units", "--all", "--plain", "--no-legend", "kube-pcap*"], check=False).stdout
    return {
        "processes": sorted(line for line in processes if any(word in line for word in ours)),
        "units": units if "kube-pcap" in units else "",
        "spool": node.run(["find", "/var/lib/kube-pcap"], check=False).stdout,
        "mounts": node.run(["cat", "/proc/self/mounts"]).stdout,
        "rules": node.run(["nft", "-s", "list", "ruleset"]).stdout,
        "hostile": node.run(["find", "/tmp", "-name", "*hostile*"]).stdout,
    }


def test_what_is_refused_is_one_sentence_and_leaves_nothing(lab: Lab, ansible: Ansible, tmp_path: pathlib.Path) -> None:
    """KD-4, KD-5, KD-12, PT-5: hostile and wrong values never start anything, and no traceback is shown."""
    node = lab.node("node-a")
    before = left(node)
    tasks = [
        {"name": "try %d" % n, "kube.pcap.capture": one, "register": "tried", "ignore_errors": True}
        for n, one in enumerate(HOSTILE)
    ]
    play = tmp_path / "hostile.yml"
    play.write_text(json.dumps([{"hosts": "node-a", "gather_facts": False, "tasks": tasks}]))
    run = ansible.playbook(play)
    assert "Traceback" not in run.stdout + run.stderr
    assert len(run.tasks) == len(HOSTILE)
    for one, task in zip(HOSTILE, run.tasks, strict=True):
        assert task.status == "ignored", one
        message = task.result["msg"]
        assert 10 < len(message) < 500 and "\n" not in message, one
    words = {json.dumps(one): task.result["msg"] for one, task in zip(HOSTILE, run.tasks, strict=True)}
    assert any("eth7" in message and "tcpdump" in message for message in words.values())
    assert left(node) == before


def test_a_failed_start_leaves_nothing_on_any_kind_of_node(lab: Lab, record: Record) -> None:
    """KD-4: one target that cannot be recorded fails the start whole, in tcpdump's words, with nothing left."""
    for name in ("node-a", "node-b", "node-c"):
        node = lab.node(name)
        before = left(node)
        one = Recording(record(name).ansible, node, "failing")
        pod = {"node-a": "shop/cart", "node-b": "shop/checkout", "node-c": "shop/db-0"}[name]
        result = one.call(targets=["node " + name, "pod " + pod], interface="cni0", sink="/srv")
        assert result["failed"] and "cni0" in result["msg"] and "pod " + pod in result["msg"]
        assert not (node.root / "srv/failing").exists()
        assert left(node) == before


def untouched(pod: LabPod) -> dict[str, Any]:
    """What a capture must not change of a pod: its processes, their groups and namespaces, its files."""
    pids = pod.node_pids()
    node = pod.node
    return {
        "uid": pod.uid,
        "pids": pids,
        "cgroups": [node.run(["cat", "/proc/%d/cgroup" % pid]).stdout for pid in pids],
        "namespaces": [node.run(["ls", "-l", "/proc/%d/ns" % pid]).stdout.count(":[") for pid in pids],
        "members": sorted(
            line
            for pid in node.run(["ps", "-eo", "pid="]).stdout.split()
            for line in node.run(["cat", "/proc/%s/cgroup" % pid], check=False).stdout.splitlines()
            if pod.state.local_uid.replace("-", "_") in line or pod.state.local_uid in line
        ),
        "files": pod.run(["find", "/etc", "/root", "-xdev", "-newermt", "-2 minutes"], check=False).stdout,
    }


def test_the_pod_is_untouched(lab: Lab, record: Record) -> None:
    """SN-2: uid, processes, control groups' members, namespaces and files are the same before, while and after."""
    pod, one = lab.pod("shop", "checkout"), record("node-b")
    before = untouched(pod)
    one.start("pod shop/checkout")
    while_ = untouched(pod)
    tcpdump = one.node.run(["cat", "/proc/%d/cgroup" % one.tcpdump_pids()[0]]).stdout
    one.stop()
    assert while_ == before == untouched(pod)
    assert pod.state.local_uid not in tcpdump and "kubepods" not in tcpdump


def test_the_disk_stays_within_its_bound(lab: Lab, record: Record) -> None:
    """KNT-9, KD-10: never above ``keep``; the oldest go first; sent = in files + given up, to the packet."""
    one = record("node-a")
    keep = 8_000_000
    one.start("pod shop/cart", filter="udp port 9000", keep="8M", segment_size="1M", compress=False)
    running = lab.pod("shop", "cart").start_traffic("127.0.0.1", count=200_000, rate=20_000)
    most = 0

    def flowing() -> bool:
        nonlocal most
        done = one.node.run(["sh", "-c", "cat %s/segments/* %s/taps/*/* | wc -c" % (path, path)], check=False)
        most = max(most, int(done.stdout))
        return running._sender.poll() is not None

    path = "/var/lib/kube-pcap/" + one.id
    wait_for(flowing, what="the traffic's end")
    sent = running.wait()
    info = one.stop()
    numbers = seen(one.segments(), sent.stream)
    assert 4_000_000 < most <= keep
    assert len(numbers) + info["evicted_packets"] == sent.sent == 200_000 and info["targets"][0]["dropped_kernel"] == 0
    assert numbers == list(range(numbers[0], 200_000)), "the newest are kept"
    assert {event["reason"] for event in one.events("evicted")} == {"keep"}


MANY = """
nodes:
  - {name: node-a, ip: 11, runtime: containerd, cgroup_driver: systemd, kubelet: node-a}
pods:
%s
services: []
"""


@pytest.fixture(scope="module")
def crowd() -> Iterator[Lab]:
    """A lab of one node with 50 pods."""
    pods = "".join(
        "  - {namespace: crowd, name: pod-%02d, node: node-a, labels: {app: crowd}, containers: [main]}\n" % n
        for n in range(50)
    )
    file = pathlib.Path("/tmp/kube-pcap-crowd-%d.yml" % os.getpid())
    file.write_text(MANY % pods)
    try:
        with Lab.up(lab_name("c"), file, owner=os.getpid()) as made:
            yield made
    finally:
        file.unlink()


def test_fifty_targets_are_ready_in_one_call(crowd: Lab, tmp_path: pathlib.Path) -> None:
    """KD-10: one call; every tap listens; the rings' sum is within ``memory``; all of them end."""
    one = Recording(Ansible(crowd.inventory, tmp_path), crowd.node("node-a"), "crowd")
    result = one.start(["pod crowd/pod-%02d" % n for n in range(50)], filter="udp port 9000", memory="64Mi")
    assert result["capture"]["phase"] == "ready" and len(result["capture"]["targets"]) == 50
    state = one.state()
    assert {target["phase"] for target in state["targets"]} == {"ready"}
    assert sum(target["buffer_kib"] for target in state["targets"]) <= 64 * 1024
    assert len(one.tcpdump_pids()) == 50
    started, ready = one.events("started"), one.events("ready")
    print("50 taps ready %.2f s after the first was opened" % ((ready[-1]["at_ns"] - started[0]["at_ns"]) / 1e9))
    sent = [crowd.pod("crowd", "pod-%02d" % n).send("127.0.0.1", count=20, rate=1000) for n in (0, 25, 49)]
    one.stop()
    for n, stream in zip((0, 25, 49), sent, strict=True):
        assert seen(one.segments("--pod-%02d--" % n), stream.stream) == list(range(20))
    assert seen(one.segments("--pod-01--"), sent[0].stream) == []
    refused = one.call(id="crowded", targets="nodes *", memory="512Ki", buffer=4096)
    assert not refused["failed"]
    Recording(one.ansible, one.node, "crowded").remove()
    refused = one.call(id="crowded", targets=["pod crowd/pod-%02d" % n for n in range(50)], memory="4Mi")
    assert refused["failed"] and refused["msg"].startswith("memory: 50 packet rings of at least 512 KiB need")
    one.remove()


def test_the_clock_may_step_back(tmp_path: pathlib.Path) -> None:
    """A step of 10 s back is told; names still sort by time, no packet is lost, and the deadline does not move."""
    done = subprocess.run(
        [
            "unshare",
            "--net",
            "--pid",
            "--mount-proc",
            "--fork",
            sys.executable,
            "-m",
            "tests.lab.stepping",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["phase"] == "done" and told["reason"] == "deadline"
    assert -10.5e9 < told["step_ns"] < -9.5e9
    assert told["names"] == sorted(told["names"]) and len(told["names"]) >= 2
    assert told["packets"] == told["sent"] and told["gaps"] == []
    assert 3.5 < told["seconds"] < 60


@pytest.mark.parametrize("name, pod", [("node-a", "shop/cart"), ("node-b", "shop/checkout"), ("node-c", "shop/db-0")])
def test_nothing_is_left_behind(lab: Lab, ansible: Ansible, name: str, pod: str) -> None:
    """SN-15, KD-6: after the deadline only the spool is there, with nobody's help; after ``absent`` nothing is."""
    node = lab.node(name)
    before = left(node)
    one = Recording(ansible, node, "leaving")
    one.start(["pod " + pod, "node " + name], filter="udp port 9000", duration=2)
    deadline_ns = one.state()["deadline_ns"]
    one.wait_phase("done")
    wait_for(lambda: {**left(node), "spool": ""} == {**before, "spool": ""}, what="the end of everything but the spool")
    late = [(event["at_ns"] - deadline_ns) / 1e9 for event in one.events("stopped")]
    print("taps of %s ended %s s after the deadline" % (name, ", ".join("%.2f" % seconds for seconds in late)))
    one.remove()
    wait_for(lambda: left(node) == before, what="the spool's end")
