# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture holds, to the packet."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import pathlib
import subprocess
import sys

import pytest

from tests.gate.venvs import venv
from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab
from tests.lab.recording import Record, Recording, seen, sightings, wait_for

NODES = ["node-a", "node-b", "node-c"]
"""systemd; systemd, Python 3.8 and sudo; no systemd."""


def pod_on(lab: Lab, node: str) -> str:
    """A shop pod of the node with a namespace of its own."""
    return {"node-a": "shop/cart", "node-b": "shop/checkout", "node-c": "shop/db-0"}[node]


@pytest.mark.parametrize("node", NODES)
def test_a_pods_capture_holds_the_pods_packets_and_not_the_hosts(lab: Lab, record: Record, node: str) -> None:
    """KD-1, KD-2: what the pod sent and received is there, to the packet; what only the host sent is not."""
    one, pod = record(node), lab.pod(*pod_on(lab, node).split("/"))
    peer = lab.pod("shop", "cart" if node != "node-a" else "checkout")
    one.start("pod " + pod.key, filter="udp port 9000")
    sent = pod.send(peer.key, count=500, rate=5000)
    received = peer.send(pod.key, count=500, rate=5000)
    local = pod.send("127.0.0.1", count=100, rate=5000)
    host = lab.node(node).send(lab.node("node-a" if node != "node-a" else "node-b").name, count=500, rate=5000)
    info = one.stop()
    files = one.segments()
    assert seen(files, sent.stream) == list(range(500))
    assert seen(files, received.stream) == list(range(500))
    assert seen(files, local.stream) == list(range(100))
    assert seen(files, host.stream) == []
    assert info["targets"][0]["packets"] == 1100 and info["targets"][0]["dropped_kernel"] == 0


def test_a_nodes_capture_is_of_the_default_routes_interface(lab: Lab, record: Record) -> None:
    """KD-3, KNT-1, KNT-4: the node's own packets, with 40 more interfaces present; a pod's loopback is not there."""
    one, node = record("node-a"), lab.node("node-a")
    for number in range(20):
        node.run(["ip", "link", "add", "dummy%d" % number, "type", "veth", "peer", "name", "dpeer%d" % number])
    try:
        one.start("node node-a", filter="udp port 9000")
        sent = node.send("node-b", count=300, rate=3000)
        inside = lab.pod("shop", "cart").send("127.0.0.1", count=50, rate=3000)
        one.stop()
    finally:
        for number in range(20):
            node.run(["ip", "link", "del", "dummy%d" % number])
    assert seen(one.segments("--_node--_host--eth0--"), sent.stream) == list(range(300))
    assert seen(one.segments(), inside.stream) == []


@pytest.mark.alone  # none of 20,000 packets a second may be dropped
@pytest.mark.parametrize("node, seconds", [("node-a", 5), ("node-b", 30), ("node-c", 5)])
def test_size_and_time_rotation_together_lose_nothing(lab: Lab, record: Record, node: str, seconds: int) -> None:
    """KNT-8, KNT-7: 20,000 packets a second for 30 s; the union of the segments holds each one once."""
    total = 20_000 * seconds
    one, pod = record(node), lab.pod(*pod_on(lab, node).split("/"))
    one.start("pod " + pod.key, filter="udp port 9000", segment_size="5M", segment_seconds=2)
    sent = pod.send("shop/cart" if node != "node-a" else "shop/checkout", count=total, rate=20_000)
    info = one.stop()
    files = one.segments()
    numbers = seen(files, sent.stream)
    lost = info["targets"][0]["dropped_kernel"]
    assert sent.sent == total and sent.seconds < 2 * seconds, "it was to be sent at that rate"
    assert len(numbers) == len(set(numbers)), "a packet is in two segments"
    assert len(numbers) + lost == total
    assert lost == 0
    sizes = [path.stat().st_size for path in files]
    assert len(files) > seconds // 2 and all(sizes)
    assert sum(event["packets"] for event in one.events("segment")) == info["targets"][0]["packets"] == total


def test_the_manifest_tells_each_segment_exactly(lab: Lab, record: Record) -> None:
    """SN-3, KNT-2: names, digests, counts, times and interfaces in the manifest are those of the files."""
    one = record("node-b")
    one.start("pod shop/checkout", filter="udp port 9000", segment_size="1M", snaplen=96, buffer=1000)
    lab.pod("shop", "checkout").send("shop/cart", count=30_000, rate=15_000)
    one.stop()
    events = {event["file"]: event for event in one.events("segment")}
    assert sorted(events) == [path.name for path in one.segments()] and len(events) >= 3
    for path in one.segments():
        event, data = events[path.name], path.read_bytes()
        assert event["sha256"] == hashlib.sha256(data).hexdigest() and event["bytes"] == len(data)
        assert event["damage"] is None and event["first_ns"] <= event["last_ns"]
        assert event["interfaces"]["2"] == ["eth0", "eth0"]
        text = subprocess.run(
            ["tcpdump", "-n", "-r", "-"], input=gzip.decompress(data), capture_output=True, check=True
        ).stdout.decode()
        assert len(text.splitlines()) == event["packets"]
    args = one.events("started")[0]["args"]
    assert args[args.index("-s") + 1] == "96" and args[args.index("-B") + 1] == "1000"
    assert "-U" not in args and "--immediate-mode" not in args
    capture = json.loads((one.folder / "capture.json").read_text())["capture"]
    assert capture["options"]["snaplen"] == 96


def test_the_last_packet_before_stop_is_in_the_last_segment(
    lab: Lab, ansible: Ansible, record: Record, tmp_path: pathlib.Path
) -> None:
    """KNT-10: 21 times of 21, on all three kinds of node, each packet the kernel saw before ``stop`` is there.

    A capture that goes on tells when each packet was seen; ``capture.json`` is written at the moment of the stop.
    """
    captures = {node: [record(node) for _round in range(8)] for node in NODES}
    start = {"id": "{{ item }}", "targets": "pod {{ pod }}", "filter": "udp port 9000", "compress": False}
    _loop(ansible, tmp_path, captures, start)
    with contextlib.ExitStack() as running:
        for node in NODES:
            traffic = lab.pod(*pod_on(lab, node).split("/")).start_traffic("127.0.0.1", count=10**6, rate=400)
            running.callback(traffic.stop)
        _loop(
            ansible,
            tmp_path,
            {node: these[1:] for node, these in captures.items()},
            {"id": "{{ item }}", "state": "stopped"},
        )
    for reference, *others in captures.values():
        reference.stop()
        when = dict(sightings(reference.segments()))
        for one in others:
            stopped_ns = (one.folder / "capture.json").stat().st_mtime_ns
            due = {number for number, seen_ns in when.items() if seen_ns < stopped_ns}
            there = {number for number, _seen_ns in sightings(one.segments())}
            assert len(due) > 10 and due <= there, "missing: %s" % sorted(due - there)[:5]


def _loop(
    ansible: Ansible, folder: pathlib.Path, captures: dict[str, list[Recording]], options: dict[str, object]
) -> None:
    """Calls the module once for each capture, one after another, on all nodes side by side."""
    hosts = {
        node: {"captures": [one.id for one in these], "pod": pod_on(these[0].node._lab, node)}
        for node, these in captures.items()
    }
    variables = {"all": {"hosts": hosts}}
    (folder / "variables.yml").write_text(json.dumps(variables))
    task = {"name": "call", "kube.pcap.capture": options, "loop": "{{ captures }}"}
    (folder / "loop.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    run = ansible.playbook(folder / "loop.yml", "-i", str(folder / "variables.yml"))
    assert run.rc == 0, run.stdout


def test_a_packet_count_is_exact(lab: Lab, record: Record) -> None:
    """SN-3, SN-5: -c stops after exactly so many packets, and the capture ends early by itself."""
    one = record("node-a")
    one.start("pod shop/cart", filter="udp port 9000", packet_count=100, duration="10m")
    sent = lab.pod("shop", "cart").send("shop/checkout", count=500, rate=1000)
    state = one.wait_phase("done")
    assert state["reason"] == "packet count reached"
    assert seen(one.segments(), sent.stream) == list(range(100))
    assert one.tcpdump_pids() == []


def test_a_packet_count_goes_on_after_somebody_ended_tcpdump(lab: Lab, record: Record) -> None:
    """SN-5: a tcpdump that was told to end by others has not counted to the end; the next one counts the rest."""
    one, pod = record("node-a"), lab.pod("shop", "cart")
    one.start("pod shop/cart", filter="udp port 9000", packet_count=100, duration="10m")
    first = pod.send("shop/checkout", count=30, rate=1000)
    wait_for(lambda: one.call(state="refreshed") and one.state()["targets"][0]["packets"] == 30, what="30 packets")
    one.node.run(["kill", "-TERM", str(one.tcpdump_pids()[0])])
    wait_for(lambda: len(one.events("ready")) == 2, what="another tcpdump")
    second = pod.send("shop/checkout", count=500, rate=1000)
    assert one.wait_phase("done")["reason"] == "packet count reached"
    assert seen(one.segments(), first.stream) == list(range(30))
    assert seen(one.segments(), second.stream) == list(range(70))
    assert len(one.events("gap")) == 1


def test_a_filter_of_many_words_is_taken_verbatim(lab: Lab, record: Record) -> None:
    """KNT-3, KD-5: parentheses, spaces and ``and`` reach tcpdump as one expression."""
    one, pod = record("node-a"), lab.pod("shop", "cart")
    other = lab.pod("shop", "checkout")
    one.start("pod shop/cart", filter="udp and (port 9001 or port 9002) and host %s" % other.addresses.v4)
    kept = pod.send(other.key, count=50, rate=1000, port=9001)
    left = pod.send(other.key, count=50, rate=1000, port=9003)
    elsewhere = pod.send("shop/db-0", count=50, rate=1000, port=9001)
    one.stop()
    assert seen(one.segments(), kept.stream) == list(range(50))
    assert seen(one.segments(), left.stream) == seen(one.segments(), elsewhere.stream) == []


def test_one_call_records_several_targets_at_once(lab: Lab, record: Record) -> None:
    """SN-1: each pod's packets are in its own files; ``capture_info`` tells each target."""
    one = record("node-b")
    one.start(["pod shop/checkout", "pod test/cart", "node node-b"], filter="udp port 9000")
    first = lab.pod("shop", "checkout").send("127.0.0.1", count=20, rate=1000)
    second = lab.pod("test", "cart").send("127.0.0.1", count=30, rate=1000)
    info = one.stop()
    assert seen(one.segments("--shop--checkout--"), first.stream) == list(range(20))
    assert seen(one.segments("--test--cart--"), second.stream) == list(range(30))
    assert seen(one.segments("--test--cart--"), first.stream) == []
    packets = {one["target"]["name"]: one["packets"] for one in info["targets"]}
    assert packets == {"checkout": 20, "cart": 30, "node-b": 0}
    assert {target["phase"] for target in info["targets"]} == {"done"}


def test_a_directory_sink_has_every_segment_before_the_spool_lets_it_go(lab: Lab, record: Record) -> None:
    """KNT-5, SN-7: each object is whole, at its place, equal to its manifest line; the manifest comes last."""
    one, node = record("node-a"), lab.node("node-a")
    node.run(["mkdir", "-p", "/srv/captures"])
    one.start("pod shop/cart", filter="udp port 9000", segment_size="1M", sink="/srv/captures")
    sent = lab.pod("shop", "cart").send("shop/checkout", count=30_000, rate=15_000)
    info = one.stop()
    sink = node.root / "srv/captures" / one.id / "node-a"
    objects = sorted((sink / "shop" / "cart").iterdir())
    assert (
        info["phase"] == "done" and info["reason"] == "stopped" and info["shipped"] == info["segments"] == len(objects)
    )
    assert one.segments() == [] and info["backlog_bytes"] == 0
    assert seen(objects, sent.stream) == list(range(30_000))
    stored = {event["seq"]: event for event in one.events("stored")}
    for event in one.events("segment"):
        data = (node.root / "srv/captures" / stored[event["seq"]]["object"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == event["sha256"]
    assert (sink / "manifest.jsonl").read_text() == (one.folder / "manifest.jsonl").read_text()
    node.run(["rm", "-r", "/srv/captures"])


def test_hostile_names_stay_below_the_sink(lab: Lab, record: Record) -> None:
    """SN-9, KNT-7: ``../../x`` as a namespace, a pod or a node neither leaves the sink nor takes another's object."""
    one, node = record("node-a"), lab.node("node-a")
    node.run(["mkdir", "-p", "/srv/outer/sink"])
    real = one.target("cart")
    names = [("../../x", "cart"), ("..-..-x", "cart"), ("x", "../../cart"), ("x/..", "../cart"), ("..", "..")]
    targets = [{**real, "namespace": namespace, "name": name} for namespace, name in names]
    options = {"filter": "udp port 9000", "sink": "/srv/outer/sink", "keep_bytes": 100_000_000}
    wanted = {"id": one.id, "node": "../../node-a", "selections": [], "targets": targets, "options": options}
    started = one.call(record=wanted)
    assert not started["failed"], started["msg"]
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=50, rate=1000)
    info = one.stop()
    stored = [event["object"] for event in one.events("stored")]
    sink, files = node.root / "srv/outer/sink", node.run(["find", "/srv/outer", "-type", "f"]).stdout.splitlines()
    assert len(set(stored)) == len(stored) == info["segments"] == len(names)
    assert all(".." not in name.split("/") for name in stored)
    (manifest,) = set(files) - {"/srv/outer/sink/" + name for name in stored}
    assert manifest.startswith("/srv/outer/sink/%s/" % one.id) and manifest.count("/") == 6
    assert all(seen([sink / name], sent.stream) == list(range(50)) for name in stored)
    node.run(["rm", "-r", "/srv/outer"])


def test_the_deadline_ends_it_with_nobody_there(lab: Lab, record: Record) -> None:
    """KD-6: after its duration the taps are gone, the files are whole, and the supervisor has ended."""
    one = record("node-c")
    one.start("pod shop/db-0", filter="udp port 9000", duration=10)
    sent = lab.pod("shop", "db-0").send("127.0.0.1", count=20, rate=1000)
    deadline_ns = one.state()["deadline_ns"]
    state = one.wait_phase("done", seconds=60)
    assert state["reason"] == "deadline"
    (stopped,) = one.events("stopped")
    assert -10_000_000 <= stopped["at_ns"] - deadline_ns <= 20_000_000_000
    assert one.tcpdump_pids() == [] and seen(one.segments(), sent.stream) == list(range(20))
    wait_for(lambda: one.node.run(["pgrep", "-f", "recorder.pyz"], check=False).returncode == 1, what="its end")


def test_the_same_request_again_changes_nothing(lab: Lab, record: Record) -> None:
    """SN-15: the same again is unchanged, other options are refused, check mode does nothing, finished is said."""
    one = record("node-a")
    options = {"targets": "pod shop/cart", "filter": "udp port 9000"}
    run = one.ansible.adhoc("node-a", "kube.pcap.capture", "--check", params={"id": one.id, **options})
    assert run.of("capture")["node-a"]["changed"] and not one.folder.exists()
    assert one.call(**options)["changed"]
    again = one.call(**options)
    assert not again["changed"] and again["capture"]["phase"] == "ready"
    refused = one.call(**{**options, "filter": "tcp", "snaplen": 96})
    assert refused["failed"] and 'filter is "udp port 9000", asked for "tcp"' in refused["msg"]
    assert "snaplen is 192, asked for 96" in refused["msg"]
    one.stop()
    finished = one.call(**options)
    assert not finished["changed"] and "is finished (done: stopped); remove it to start it again" in finished["msg"]
    assert not one.call(state="stopped")["changed"]


def test_a_new_pod_is_added_by_the_same_request(lab: Lab, record: Record) -> None:
    """SN-15: another target of the same request joins; the tap that was there goes on."""
    one = record("node-b")
    one.start("nodes *", filter="udp port 9000")
    before = one.tcpdump_pids()
    capture = json.loads((one.folder / "capture.json").read_text())["capture"]
    more = {**capture, "targets": capture["targets"] + [one.target("checkout")]}
    added = one.call(record=more)
    assert added["changed"] and len(added["capture"]["targets"]) == 2
    assert len(one.tcpdump_pids()) == 2 and set(before) < set(one.tcpdump_pids())
    sent = lab.pod("shop", "checkout").send("127.0.0.1", count=20, rate=1000)
    one.stop()
    assert seen(one.segments("--shop--checkout--"), sent.stream) == list(range(20))


def test_a_difference_shows_phase_and_targets(lab: Lab, record: Record) -> None:
    """With --diff, also in check mode, before and after are told; without it they are not."""
    one = record("node-c")
    params = {"id": one.id, "targets": "pod shop/db-0"}
    planned = one.ansible.adhoc("node-c", "kube.pcap.capture", "--check", "--diff", params=params)
    told = {"before": {}, "after": {one.id: {"phase": "ready", "targets": ["pod shop/db-0"]}}}
    assert planned.of("capture")["node-c"]["diff"] == told
    started = one.ansible.adhoc("node-c", "kube.pcap.capture", "--diff", params=params)
    assert started.of("capture")["node-c"]["diff"] == told
    assert "diff" not in one.call(**params)
    gone = one.ansible.adhoc("node-c", "kube.pcap.capture", "--diff", params={"id": one.id, "state": "absent"})
    assert gone.of("capture")["node-c"]["diff"]["after"] == {}
    assert gone.of("capture")["node-c"]["removed"][0]["phase"] == "done"


def test_the_recorder_is_the_same_however_the_module_came(lab: Lab, record: Record, tmp_path: pathlib.Path) -> None:
    """With the oldest core or this one, with pipelining or without, the archive has the same bytes, and runs."""
    digests = set()
    for python in (sys.executable, str(venv("core-2.16") / "python")):
        for pipelining in ("true", "false"):
            one = record("node-b")
            params = {"id": one.id, "targets": "pod shop/checkout", "filter": "udp port 9000"}
            run = Ansible(lab.inventory, tmp_path, python).adhoc(
                "node-b", "kube.pcap.capture", "-e", '{"ansible_pipelining": %s}' % pipelining, params=params
            )
            assert run.of("capture")["node-b"]["capture"]["phase"] == "ready", run.stdout
            digests.add(hashlib.sha256((one.folder / "recorder.pyz").read_bytes()).hexdigest())
    assert len(digests) == 1
