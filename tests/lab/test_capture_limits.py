# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bounds, refusals, and what a capture leaves alone and leaves behind."""

from __future__ import annotations

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.ansible_run import Ansible
from tests.lab.conftest import lab_name
from tests.lab.handles import LabPod
from tests.lab.lab import Lab
from tests.lab.recording import Record, Recording, left, oldest_went, seen, wait_for
from tests.nodes.root import Folders

HOSTILE: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"targets": "pod shop/../../etc"}, ("targets: column 5", '"shop/../../etc" is not NAMESPACE/NAME')),
    ({"targets": 'pod shop/"cart"'}, ("targets: column 10", "is not a pod's name")),
    ({"targets": "pod shop/ca\nrt"}, ("targets: column 12", "control character")),
    ({"targets": "pod shop/" + "x" * 254}, ("targets: column 10", "at most 253")),
    ({"targets": "pods"}, ("targets: column 5", 'bare "pods" means nothing')),
    ({"targets": "nodes"}, ("targets: column 6", 'bare "nodes" means nothing')),
    ({"targets": ""}, ("targets: ", "it is empty")),
    ({"targets": "pod shop/cart", "filter": "-w /tmp/x"}, ("filter: ", "cannot begin with -")),
    ({"targets": "pod shop/cart", "filter": "--version"}, ("filter: ", "cannot begin with -")),
    ({"targets": "pod shop/cart", "filter": "tcp port"}, ("filter: pod shop/cart: tcpdump: ", "syntax error")),
    (
        {"targets": "pod shop/cart", "filter": "udp; touch /tmp/hostile"},
        ("filter: pod shop/cart: tcpdump: ", "syntax error"),
    ),
    (
        {"targets": "pod shop/cart", "interface": "eth7"},
        ("interface: pod shop/cart: tcpdump: eth7: ", "No such device"),
    ),
    ({"targets": "pod shop/cart", "interface": "-i"}, ("interface: ", "'-i' is no interface's name")),
    ({"targets": "pod shop/cart", "interface": "../eth0"}, ("interface: ", "'../eth0' is no interface's name")),
    ({"targets": "pod shop/cart", "segment_size": "-1"}, ("segment_size: ", '"-1" is not a size')),
    ({"targets": "pod shop/cart", "keep": "1e9"}, ("keep: ", '"1e9" is not a size')),
    ({"targets": "pod shop/cart", "keep": "1M"}, ("keep: ", '"1M" is out of range')),
    ({"targets": "pod shop/cart", "memory": "10"}, ("memory: ", '"10" is out of range')),
    ({"targets": "pod shop/cart", "duration": "10 parsecs"}, ("duration: ", '"10 parsecs" is not a time')),
    ({"targets": "pod shop/cart", "duration": "0"}, ("duration: ", '"0" is out of range')),
    ({"targets": "pod shop/cart", "duration": "-5"}, ("duration: ", '"-5" is not a time')),
    ({"targets": "pod shop/cart", "duration": "8d"}, ("duration: ", '"8d" is out of range', "7d")),
    (
        {"targets": "pod shop/cart", "duration": "2h", "max_duration": "1h"},
        ("duration: ", '"2h" is out of range', "1h"),
    ),
    ({"targets": "pod shop/cart", "snaplen": -1}, ("snaplen: ", '"-1" is not taken', "0 to 262144")),
    ({"targets": "pod shop/cart", "packet_count": 0}, ("packet_count: ", '"0" is not taken', "from 1")),
    ({"targets": "pod shop/cart", "min_free": "100%"}, ("min_free: ", '"100%" is neither a share nor a size')),
    ({"targets": "pod shop/cart", "min_free": "999Ti"}, ("min_free: ", "999 TiB must stay free")),
    (
        {"targets": "pod shop/cart", "sink": "relative/path"},
        ("sink: ", "'relative/path' is no sink", "a directory of the node"),
    ),
    ({"targets": "pod shop/cart", "sink": "/no/such/folder"}, ("sink: ", "/no/such/folder is not a directory")),
    ({"targets": "pod shop/cart", "sink": "/srv/$(touch x)"}, ("sink: ", "'/srv/$(touch x)' is not taken")),
    ({"targets": "pod shop/cart", "spool": "/var/lib/../../etc"}, ("spool: ", "'/var/lib/../../etc' is not taken")),
    ({"targets": "pod shop/cart", "id": "../escape"}, ("id: ", "'../escape' is not an id")),
    ({"targets": "pod shop/cart", "id": "all"}, ("id: ", '"all" means every capture')),
    ({"targets": "pod shop/cart", "id": "x" * 64}, ("id: ", "is not an id", "at most 63 characters")),
    ({"targets": "pod shop/cart[nobody]"}, ('pod shop/cart has no container "nobody"',)),
    ({"targets": "pods shop app=web"}, ("targets: pods shop app=web: ", "labels of pod shop/cart are not known")),
    ({"targets": "deployment shop/web"}, ("targets: deployment shop/web: ", "not what owns them")),
]
"""Options, and what the refusal begins with and says is wrong."""
ELSEWHERE: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"targets": "pod shop/nobody"}, ("pod shop/nobody matches no pod", "cart")),
    ({"targets": "node node-z"}, ("node node-z matches no node", "node-a")),
]
"""What no target of this node matches: it has no part, as called ad hoc on many, and says so."""


def test_what_is_refused_is_one_sentence_and_leaves_nothing(lab: Lab, ansible: Ansible, tmp_path: pathlib.Path) -> None:
    """KD-4, KD-5, KD-12, PT-5: hostile and wrong values never start anything, and no traceback is shown."""
    node = lab.node("node-a")
    before = left(node)
    tasks = [
        {"name": "try %d" % n, "kube.pcap.capture": one, "register": "tried", "ignore_errors": True}
        for n, (one, _words) in enumerate(HOSTILE + ELSEWHERE)
    ]
    play = tmp_path / "hostile.yml"
    play.write_text(json.dumps([{"hosts": "node-a", "gather_facts": False, "tasks": tasks}]))
    run = ansible.playbook(play)
    assert "Traceback" not in run.stdout + run.stderr
    for (one, (begin, *words)), task in zip(HOSTILE + ELSEWHERE, run.tasks, strict=True):
        assert task.status == ("ok" if (one, (begin, *words)) in ELSEWHERE else "ignored"), one
        assert not task.result["changed"] and not task.result.get("capture"), one
        message = task.result["msg"]
        assert len(message) < 500 and "\n" not in message, one
        assert message.startswith(begin) and all(word in message for word in words), (one, message)
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


NODES_OWN = ("/var/lib/kube-pcap", "/var/log/journal", "/root/.ansible", "/home/ops/.ansible")


def untouched(pod: LabPod, since: float) -> dict[str, Any]:
    """What a capture must not change of a pod: its processes, their groups and namespaces, its files.

    A pod of the lab has its node's root, and ``upper`` holds whatever is written there by anybody: what the node's
    own programs write is left out, and the time of the folder in which the spool is made.
    """
    pids, node = pod.node_pids(), pod.node
    upper, stamp = str(Folders(node._node.directory).upper), "@%.6f" % since
    not_its = [word for folder in NODES_OWN for word in ("-path", upper + folder, "-prune", "-o")]
    changed = [
        "-mindepth",
        "1",
        *not_its,
        "!",
        "-path",
        upper + "/var/lib",
        "(",
        "-newermt",
        stamp,
        "-o",
        "-newerct",
        stamp,
        ")",
        "-printf",
        "/%P\n",
    ]
    files = subprocess.run(["find", upper, *changed], capture_output=True, text=True, check=True).stdout.splitlines()
    return {
        "uid": pod.uid,
        "pids": pids,
        "cgroups": [node.run(["cat", "/proc/%d/cgroup" % pid]).stdout for pid in pids],
        "namespaces": [sorted(os.readlink(path) for path in _namespaces(pid)) for pid in pod.pids()],
        "members": sorted(
            line
            for pid in node.run(["ps", "-eo", "pid="]).stdout.split()
            for line in node.run(["cat", "/proc/%s/cgroup" % pid], check=False).stdout.splitlines()
            if pod.state.local_uid.replace("-", "_") in line or pod.state.local_uid in line
        ),
        "files": sorted(files),
    }


def _namespaces(pid: int) -> Iterator[pathlib.Path]:
    return pathlib.Path("/proc/%d/ns" % pid).iterdir()


def test_the_pod_is_untouched(lab: Lab, record: Record) -> None:
    """SN-2: uid, processes, control groups' members, namespaces and files are the same before, while and after."""
    pod, one = lab.pod("shop", "checkout"), record("node-b")
    one.call("capture_info")  # a session's first files: those of whoever logs in
    since = time.time()
    before = untouched(pod, since)
    assert before["files"] == [], "nothing else writes there"
    assert before["namespaces"] and all(len(found) >= 7 for found in before["namespaces"])
    one.start("pod shop/checkout")
    while_ = untouched(pod, since)
    tcpdump = one.node.run(["cat", "/proc/%d/cgroup" % one.tcpdump_pids()[0]]).stdout
    one.stop()
    assert while_ == before == untouched(pod, since)
    assert pod.state.local_uid not in tcpdump and "kubepods" not in tcpdump
    pod.run(["touch", "/opt/written"])
    assert "/opt/written" in untouched(pod, since)["files"], "a written file would be seen"
    pod.run(["rm", "/opt/written"])


def test_the_disk_stays_within_its_bound(lab: Lab, record: Record) -> None:
    """KNT-9, KD-10: never above ``keep``; the oldest go first; sent = in files + given up, to the packet."""
    one = record("node-a")
    keep = 16_000_000
    one.start("pod shop/cart", filter="udp port 9000", keep="16M", segment_size="2M", compress=False)
    running = lab.pod("shop", "cart").start_traffic("127.0.0.1", count=200_000, rate=10_000)
    most = 0

    def flowing() -> bool:
        nonlocal most
        done = one.node.run(["find", path, "-name", "*.pcap*", "-printf", "%i %s\n"], check=False)
        most = max(
            most, sum(int(line.split()[1]) for line in set(done.stdout.splitlines()))
        )  # one file may have two names
        return running._sender.poll() is not None

    path = "/var/lib/kube-pcap/" + one.id
    wait_for(flowing, what="the traffic's end")
    sent = running.wait()
    info = one.stop()
    numbers = seen(one.segments(), sent.stream)
    assert 4_000_000 < most <= keep
    assert len(numbers) == len(set(numbers)) and info["targets"][0]["dropped_kernel"] == 0
    assert len(numbers) + info["evicted_packets"] == sent.sent == 200_000
    assert oldest_went(numbers, 200_000, 2 * max(event["packets"] for event in one.events("segment")))
    assert {event["reason"] for event in one.events("evicted")} == {"keep"}


def test_a_manifest_that_grows_too_large_ends_the_capture(lab: Lab, record: Record) -> None:
    """KNT-9, KD-10: before it takes the room of the segments; they stay, and the reason is told."""
    one, pod = record("node-c"), lab.pod("shop", "db-0")
    one.start("pod shop/db-0", filter="udp port 9000", keep="4M")
    sent = pod.send("127.0.0.1", count=100, rate=1000)

    def counted() -> bool:
        one.call(state="refreshed")
        return one.state()["targets"][0]["packets"] == 100

    wait_for(counted, what="the packets")
    one.node.run(["kill", "-KILL", str(one.recorder_pid())])
    wait_for(lambda: not one.tcpdump_pids(), what="tcpdump's end")
    line = json.dumps({"event": "clock_stepped", "at_ns": 1, "target": None, "by_ns": 1}) + "\n"
    with (one.folder / "manifest.jsonl").open("a") as file:
        file.write(line * (1_000_000 // len(line) + 1))
    assert one.call(state="refreshed")["changed"]
    one.wait_phase("failed")
    reason = one.info()["reason"]
    assert reason.startswith("the manifest has grown to ") and reason.endswith("more than a quarter of capture_keep")
    assert seen(one.segments(), sent.stream) == list(range(100)) and one.events("evicted") == []


def test_a_node_takes_eight_captures(lab: Lab, ansible: Ansible, record: Record) -> None:
    """KD-10: never more, also of two that start at once; the refusal names them; one that has ended makes room."""
    first = record("node-b")

    def started(name: str) -> dict[str, Any]:
        return first.call(id=name, targets="pod shop/checkout", filter="udp port 9000")

    def living() -> int:
        return sum(one["phase"] == "ready" for one in first.call("capture_info", id="all")["captures"])

    for number in range(7):
        assert not started("eight-%d" % number)["failed"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = list(pool.map(started, ("eight-7", "eight-8")))
    assert living() == 8 and sorted(one["failed"] for one in both) == [False, True]
    before = sorted(one["id"] for one in first.call("capture_info", id="all")["captures"])
    refused = started("one-more")
    assert refused["failed"] and living() == 8 and not (first.folder.parent / "one-more").exists()
    text = "8 captures in /var/lib/kube-pcap have not ended, and a further one would be too many: %s; stop one of them"
    assert refused["msg"].startswith(text % ", ".join(before))
    assert not started("eight-3")["failed"], "one that is there is none more"
    assert not first.call(id="eight-3", state="stopped")["failed"]
    assert not started("one-more")["failed"] and living() == 8


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
    seconds = (ready[-1]["at_ns"] - started[0]["at_ns"]) / 1e9
    print("50 taps ready %.2f s after the first was opened" % seconds)
    assert len(started) == len(ready) == 50 and seconds <= 10
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
    assert 11.5 < told["seconds"] < 100


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
    assert len(late) == 2 and all(-0.01 <= seconds <= 20 for seconds in late), late
    print("taps of %s ended %s s after the deadline" % (name, ", ".join("%.2f" % seconds for seconds in late)))
    one.remove()
    wait_for(lambda: left(node) == before, what="the spool's end")
