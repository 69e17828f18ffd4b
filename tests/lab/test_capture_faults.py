# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture tells, and still holds, after something was killed, filled, moved or taken away."""

from __future__ import annotations

import concurrent.futures
import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.handles import LabNode
from tests.lab.lab import Lab
from tests.lab.recording import Record, Recording, left, seen, sightings, wait_for
from tests.lab.sequences import packets

SAME_NS = 1_000_000
"""How far apart two captures may see one packet."""


@contextlib.contextmanager
def traffic(lab: Lab, pod: str, count: int = 100_000, rate: int = 500) -> Iterator[int]:
    """Counted datagrams inside a pod while the body runs; gives the stream's number."""
    running = lab.pod(*pod.split("/")).start_traffic("127.0.0.1", count=count, rate=rate)
    try:
        yield running.stream
    finally:
        running.stop()


def assert_covered(gap: dict[str, Any], before_ns: int, after_ns: int) -> None:
    """A gap begins with the last packet before it and ends when a tap listened again, as the next packet tells.

    A tap listens for a moment before the recorder reads so, and on a machine that is out of breath the sender pauses: a
    packet may be seen just before ``until_ns``, and the first one after it a little later.
    """
    assert abs(gap["from_ns"] - before_ns) <= 1_000_000, "it begins %d ns beside" % (gap["from_ns"] - before_ns)
    assert gap["from_ns"] < gap["until_ns"], gap
    assert after_ns <= gap["until_ns"] + 500_000_000, "it ends %d ns too early" % (after_ns - gap["until_ns"])
    assert gap["until_ns"] <= after_ns + 5_000_000_000, "it ends %d ns too late" % (gap["until_ns"] - after_ns)


def assert_only_gaps_are_missing(one: Recording, stream: int) -> None:
    """Every packet is in one segment, but for spans that the manifest calls gaps: each hole has its own, in order."""
    packets_seen = sightings(one.segments(), stream)
    numbers = [number for number, _when in packets_seen]
    assert numbers and numbers[0] == 0, "the first packet came after the tap was ready"
    assert len(numbers) == len(set(numbers)), "a packet is in two segments"
    pairs = zip(packets_seen, packets_seen[1:], strict=False)
    holes = [(before, after) for before, after in pairs if after[0] != before[0] + 1]
    gaps = one.events("gap")
    assert len(holes) == len(gaps), "%s were not watched, but the gaps are %s" % (holes, gaps)
    for gap, ((_last, before_ns), (_next, after_ns)) in zip(gaps, holes, strict=True):
        assert_covered(gap, before_ns, after_ns)


def counted(one: Recording, least: int) -> None:
    """Waits until status sees so many packets."""

    def enough() -> bool:
        one.call(state="refreshed")
        return sum(target["packets"] for target in one.state()["targets"]) >= least

    wait_for(enough, what="%d packets" % least)


def test_a_killed_supervisor_is_started_again_by_systemd(lab: Lab, record: Record) -> None:
    """KNT-1, KNT-11, PT-12: SIGKILL ends its tcpdump; the next one takes the spool over, with a gap, and goes on."""
    one = record("node-a")
    one.start("pod shop/cart", filter="udp port 9000", segment_seconds=1)
    with traffic(lab, "shop/cart") as stream:
        counted(one, 500)
        killed = one.recorder_pid()
        one.node.run(["kill", "-KILL", str(killed)])
        wait_for(lambda: one.recorder_pid() != killed and one.state()["phase"] == "ready", what="another supervisor")
        counted(one, 1500)
        one.stop()
    assert_only_gaps_are_missing(one, stream)
    (gap,) = one.events("gap")
    assert gap["reason"] == "the recorder was killed" and len(one.tcpdump_pids()) == 0
    told = one.info()["targets"][0]
    assert told["gaps"] == 1 and told["last_gap"]["reason"] == "the recorder was killed"
    assert [event["run"] for event in one.events("started")] == [1, 2]


def test_without_systemd_the_next_call_goes_on(lab: Lab, record: Record) -> None:
    """KNT-11, PT-12: a dead supervisor is told as such; ``refreshed`` starts it; nothing is forgotten or twice."""
    one = record("node-c")
    one.start("pod shop/db-0", filter="udp port 9000", segment_seconds=1)
    with traffic(lab, "shop/db-0") as stream:
        counted(one, 500)
        one.node.run(["kill", "-KILL", str(one.recorder_pid())])
        wait_for(lambda: not one.tcpdump_pids(), what="tcpdump's end")
        info = one.info()
        assert info["phase"] == "failed" and "capture or status starts it again" in info["reason"]
        assert one.call(state="refreshed")["changed"]
        assert not one.call(state="refreshed")["changed"]
        counted(one, 1000)
        one.stop()
    assert_only_gaps_are_missing(one, stream)
    assert [gap["reason"] for gap in one.events("gap")] == ["the recorder was killed"]


@pytest.mark.parametrize("name, pod", [("node-b", "shop/checkout"), ("node-c", "shop/db-0")])
def test_told_to_end_it_can_go_on_later(lab: Lab, record: Record, name: str, pod: str) -> None:
    """KNT-10, KNT-11: SIGTERM, as at a shutdown, closes every file; the capture is not finished, and goes on."""
    one = record(name)
    one.start("pod " + pod, filter="udp port 9000")
    with traffic(lab, pod) as stream:
        counted(one, 300)
        one.node.run(["kill", "-TERM", str(one.recorder_pid())])
        wait_for(lambda: not one.tcpdump_pids(), what="tcpdump's end")
        wait_for(lambda: one.info()["phase"] == "failed", what="the supervisor's end")
        assert len(one.segments()) == 1 and [event["status"] for event in one.events("stopped")] == [0]
        assert one.call(state="refreshed")["changed"]
        counted(one, 1000)
        info = one.stop()
    assert info["phase"] == "done"
    assert_only_gaps_are_missing(one, stream)
    assert [gap["reason"] for gap in one.events("gap")] == ["the recorder was told to end"]


def test_a_killed_tcpdump_is_replaced(lab: Lab, record: Record) -> None:
    """KNT-1: another tcpdump listens; what was in memory is a gap from the last packet on disk."""
    one = record("node-b")
    one.start("pod shop/checkout", filter="udp port 9000")
    with traffic(lab, "shop/checkout") as stream:
        counted(one, 300)
        one.node.run(["kill", "-KILL", *map(str, one.tcpdump_pids())])
        wait_for(lambda: len(one.events("ready")) == 2, what="another tap")
        counted(one, 1000)
        info = one.stop()
    assert_only_gaps_are_missing(one, stream)
    assert info["phase"] == "done"
    (gap,) = one.events("gap")
    assert gap["reason"] == "tcpdump was killed by signal 9"
    damaged = [event for event in one.events("segment", "discarded") if event.get("damage") or event.get("reason")]
    assert len(damaged) <= 1


def test_what_a_quiet_tcpdump_held_is_a_gap(lab: Lab, record: Record) -> None:
    """KNT-1: packets that it had read and that never left its memory are counted, in a gap that begins before them."""
    one, pod = record("node-b"), lab.pod("shop", "checkout")
    one.start("pod shop/checkout", filter="udp port 9000")
    pod.send("127.0.0.1", count=5, rate=1000)
    counted(one, 5)
    assert [path.stat().st_size for path in (one.folder / "taps/1").iterdir()] == [0]
    one.node.run(["kill", "-KILL", *map(str, one.tcpdump_pids())])
    wait_for(lambda: len(one.events("ready")) == 2, what="another tap")
    again = pod.send("127.0.0.1", count=7, rate=1000)
    info = one.stop()
    (gap,), ready = one.events("gap"), one.events("ready")
    assert (gap["reason"], gap["packets"], gap["run"]) == ("tcpdump was killed by signal 9", 5, 1)
    assert gap["from_ns"] == ready[0]["at_ns"] and abs(gap["until_ns"] - ready[1]["at_ns"]) < 1_000_000_000
    (lost,) = one.events("discarded")
    assert (lost["bytes"], lost["reason"]) == (0, "the file is empty")
    assert seen(one.segments(), again.stream) == list(range(7)) and info["targets"][0]["packets"] == 7


def test_a_tcpdump_that_does_not_end_is_a_gap(lab: Lab, record: Record) -> None:
    """KNT-1: one that is killed at a stop, since it does not end, has left something: from where, and how much."""
    one, pod = record("node-b"), lab.pod("shop", "checkout")
    one.start("pod shop/checkout", filter="udp port 9000")
    pod.send("127.0.0.1", count=5, rate=1000)
    counted(one, 5)
    one.node.run(["kill", "-STOP", *map(str, one.tcpdump_pids())])
    info = one.stop()
    (gap,) = one.events("gap")
    assert (gap["reason"], gap["packets"]) == ("tcpdump was killed by signal 9", 5)
    assert (gap["from_ns"], gap["until_ns"]) == (one.events("ready")[0]["at_ns"], one.events("stopped")[0]["at_ns"])
    assert (info["phase"], info["targets"][0]["packets"]) == ("done", 0)


def end_ssh_sessions(node: LabNode) -> int:
    """Kills every ssh session of a node, and what ran in it keeps running or not; returns how many there were."""
    pids = node.run(["pgrep", "-f", "^sshd: .*@"], check=False).stdout.split()
    if pids:
        node.run(["kill", "-KILL", *pids], check=False)  # one may end with another
    return len(pids)


@pytest.mark.parametrize("name, pod", [("node-b", "shop/checkout"), ("node-c", "shop/db-0")])
def test_the_end_of_ssh_changes_nothing(lab: Lab, record: Record, name: str, pod: str) -> None:
    """PT-12: with every ssh session of the node killed, also the one that started it, the capture goes on."""
    one = record(name)
    one.start("pod " + pod, filter="udp port 9000")
    before, taps = one.recorder_pid(), one.tcpdump_pids()
    with traffic(lab, pod) as stream:
        assert end_ssh_sessions(one.node) >= 1
        wait_for(lambda: not one.node.run(["pgrep", "-f", "^sshd: .*@"], check=False).stdout, what="the sessions' end")
        counted(one, 500)
        assert one.recorder_pid() == before and one.tcpdump_pids() == taps
        one.stop()
    assert one.events("gap") == []
    numbers = seen(one.segments(), stream)
    assert len(numbers) >= 500 and numbers == list(range(len(numbers)))


@pytest.mark.parametrize("moment", ["lock", "capture.json"])
@pytest.mark.parametrize("name, pod", [("node-b", "shop/checkout"), ("node-c", "shop/db-0")])
def test_the_end_of_ssh_during_the_start(lab: Lab, record: Record, name: str, pod: str, moment: str) -> None:
    """PT-12: killed while the module runs, the same call again has the capture, once; ``absent`` leaves nothing."""
    one = record(name)
    before = left(one.node)
    options = {"targets": "pod " + pod, "filter": "udp port 9000"}
    params = {"id": one.id, **options}
    for _attempt in range(5):  # the module may have ended before it could be killed
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            run = pool.submit(one.ansible.adhoc, name, "kube.pcap.capture", params=params)
            wait_for((one.folder / moment).exists, what=moment)
            end_ssh_sessions(one.node)
            tried = run.result()
        if tried.rc:
            break
        one.remove()
    assert [task.status for task in tried.tasks] == ["unreachable"]
    again = one.call(**options)
    assert not again["failed"], again["msg"]
    assert again["capture"]["phase"] == "ready" and len(one.tcpdump_pids()) == 1
    assert len(one.events("started")) == len(one.events("ready")) == 1
    sent = lab.pod(*pod.split("/")).send("127.0.0.1", count=100, rate=1000)
    one.stop()
    assert seen(one.segments(), sent.stream) == list(range(100)) and one.events("gap") == []
    one.remove()
    wait_for(lambda: left(one.node) == before, what="the end of everything")


def test_a_pod_that_comes_back_is_recorded_on(lab: Lab, record: Record) -> None:
    """SN-15: the same uid in another namespace: a gap, then its packets again."""
    one, pod = record("node-a"), lab.pod("shop", "cart")
    one.start("pod shop/cart", filter="udp port 9000")
    first = pod.send("127.0.0.1", count=200, rate=1000)
    pod.delete()
    wait_for(lambda: "the pod is gone" in str(one.state()["targets"][0]["reason"]), what="its absence")
    assert one.state()["targets"][0]["phase"] == "starting"
    pod.create()
    one.wait_phase("ready")
    wait_for(lambda: one.state()["targets"][0]["phase"] == "ready", what="its tap")
    again = pod.send("127.0.0.1", count=200, rate=1000)
    one.stop()
    assert seen(one.segments(), first.stream) == list(range(200))
    assert seen(one.segments(), again.stream) == list(range(200))
    (gap,) = one.events("gap")
    assert gap["reason"] == "the pod is gone"
    assert gap["from_ns"] == sightings(one.segments(), first.stream)[-1][1]
    assert gap["from_ns"] < gap["until_ns"] <= sightings(one.segments(), again.stream)[0][1]


def test_a_pod_that_another_replaces_ends_with_a_reason(lab: Lab, record: Record) -> None:
    """SN-15: a new uid is another target: the old one's packets are kept, the new one is none of this capture's."""
    one, pod = record("node-b"), lab.pod("test", "cart")
    one.start("pod test/cart", filter="udp port 9000")
    first = pod.send("127.0.0.1", count=100, rate=1000)
    pod.delete()
    pod.create(new_uid=True)
    wait_for(lambda: "the pod is gone" in str(one.state()["targets"][0]["reason"]), what="its absence")
    other = pod.send("127.0.0.1", count=100, rate=1000)
    one.stop()
    assert seen(one.segments(), first.stream) == list(range(100)) and seen(one.segments(), other.stream) == []


@pytest.fixture
def small_disk(lab: Lab) -> Iterator[pathlib.Path]:
    """A file system of 16 MB on node-a, as the node's root sees it from here."""
    node = lab.node("node-a")
    node.run(["mkdir", "-p", "/srv/small"])
    node.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", "/srv/small"])
    yield node.root / "srv/small"
    node.run(["umount", "-l", "/srv/small"])


def test_a_full_file_system_makes_no_lie(lab: Lab, record: Record, small_disk: pathlib.Path) -> None:
    """KNT-9, KD-10: what is closed goes first, counted; then no tap listens; every packet is somewhere or in a gap."""
    reference, one = record("node-a"), record("node-a", spool="/srv/small/spool")
    reference.start("pod shop/cart", filter="udp port 9000")
    one.start("pod shop/cart", filter="udp port 9000", segment_size="1M", compress=False, keep="12M")
    with traffic(lab, "shop/cart", count=10**6, rate=5000) as stream:
        wait_for(lambda: len(one.segments()) >= 2, what="closed segments")

        def fill() -> bool:
            """Another program takes whatever is free, and what the capture gives up for it."""
            one.node.run(["sh", "-c", "cat /dev/zero >>/srv/small/other"], check=False)
            return not one.tcpdump_pids()

        wait_for(fill, what="the taps' end")
        one.node.run(["rm", "/srv/small/other"])
        wait_for(lambda: one.state()["phase"] == "failed" or one.tcpdump_pids(), what="a decision")
        if one.state()["phase"] == "ready":
            wait_for(lambda: len(one.events("ready")) == 2, what="another tap")
    info = one.stop() if one.state()["phase"] != "failed" else one.info()
    reference.stop()
    due = dict(sightings(reference.segments(), stream))
    assert list(due) == list(range(len(due))), "the other capture has every packet"
    until_ns = max(due.values())
    if info["phase"] == "failed":
        assert "has less free than capture_min_free" in info["reason"]
        until_ns = one.events("failed")[0]["at_ns"]
    else:
        assert "the disk is full" in {gap["reason"] for gap in one.events("gap")}
    assert_all_accounted(one, stream, due, until_ns)


def test_a_small_file_system_is_rolled_over(lab: Lab, record: Record, small_disk: pathlib.Path) -> None:
    """KD-10: segments are cut to what the disk has room for, whatever ``keep`` promises; too little is refused."""
    one = record("node-a", spool="/srv/small/spool")
    refused = one.call(targets=["pod shop/cart", "node node-a"], min_free="10M")
    assert refused["failed"] and refused["msg"].startswith("min_free: 2 targets need at least 8 MB on this node, and ")
    assert "/srv/small/spool has room for " in refused["msg"] and not one.folder.exists()
    one.start("pod shop/cart", filter="udp port 9000", compress=False)
    assert one.state()["targets"][0]["segment_bytes"] == 1_000_000
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=200_000, rate=20_000)
    info = one.stop()
    numbers = seen(one.segments(), sent.stream)
    assert (info["phase"], info["reason"]) == ("done", "stopped")
    assert numbers and numbers == list(range(numbers[0], 200_000))
    assert len(numbers) + info["evicted_packets"] == 200_000
    assert {event["reason"] for event in one.events("evicted")} == {"min_free"}


def numbers_of(segment: dict[str, Any], due: dict[int, int], taken: set[int]) -> set[int]:
    """The numbers that a segment held which is gone: so many, from the first that no other file has."""
    first = min((n for n in due if n not in taken), key=lambda n: abs(due[n] - segment["first_ns"]))
    numbers = set(range(first, first + segment["packets"]))
    assert not numbers & taken and abs(due[max(numbers)] - segment["last_ns"]) <= SAME_NS, segment
    return numbers


def assert_all_accounted(one: Recording, stream: int, due: dict[int, int], until_ns: int) -> None:
    """Each packet up to then is in a file, in a file that was given up, or within a gap; numbers and times agree.

    ``due``: sequence number to the time at which another capture saw it, which is not the same to the microsecond.
    Of a file that was given up before it was a segment the manifest knows the count alone.
    """
    held = {number for number, _when in sightings(one.segments(), stream)}
    assert len(held) == len(seen(one.segments(), stream)), "a packet is in two segments"
    segments = {event["seq"]: event for event in one.events("segment")}
    evicted, taken = one.events("evicted"), set(held)
    for event in evicted:
        if event["seq"] is not None:
            assert event["packets"] == segments[event["seq"]]["packets"]
            taken |= numbers_of(segments[event["seq"]], due, taken)
    raw = [event for event in evicted if event["seq"] is None]
    uncounted = sum(event["packets"] for event in raw)
    spans = [(gap["from_ns"] - SAME_NS, (gap["until_ns"] or until_ns) + SAME_NS) for gap in one.events("gap")]
    missing = {number: when for number, when in due.items() if number not in taken}
    outside = [n for n, when in missing.items() if when < until_ns and not any(a <= when <= b for a, b in spans)]
    assert evicted and len(outside) <= uncounted <= len(missing), "in no file, given up, or gap: %s" % outside[:5]
    for run in one.events("stopped"):
        written = [e["packets"] for e in one.events("segment") + raw if e["run"] == run["run"]]
        gaps = [gap["packets"] for gap in one.events("gap") if gap["run"] == run["run"]]
        assert None in gaps or sum(written) + sum(gaps) == run["captured"], "tcpdump counted otherwise"
    for event in one.events("segment"):
        path = one.folder / "segments" / event["file"]
        assert not path.exists() or len(list(packets(path.read_bytes()))) == event["packets"]


def test_a_reboot_is_a_gap(lab: Lab, record: Record) -> None:
    """KNT-11: nothing runs until a call; then the files are taken over and the tap listens in the new namespaces."""
    one = record("node-c")
    one.start(["pod shop/db-0", "node node-c"], filter="udp port 9000")
    with traffic(lab, "shop/db-0") as stream:
        counted(one, 500)
        lab.node("node-c").kill()
    lab.node("node-c").boot()
    assert one.info()["phase"] == "failed"
    assert one.call(state="refreshed")["changed"]
    one.wait_phase("ready")
    again = lab.pod("shop", "db-0").send("127.0.0.1", count=100, rate=1000)
    info = one.stop()
    assert info["phase"] == "done"
    assert seen(one.segments(), again.stream) == list(range(100))
    numbers = seen(one.segments(), stream)
    assert len(numbers) >= 500 and numbers == list(range(len(numbers)))
    gaps = {gap["target"]["name"]: gap for gap in one.events("gap")}
    assert len(one.events("gap")) == 2 and {gap["reason"] for gap in gaps.values()} == {"the node was rebooted"}
    assert gaps["db-0"]["from_ns"] == sightings(one.segments(), stream)[-1][1]
    ready = {event["target"]["name"]: event["at_ns"] for event in one.events("ready")}
    for name, gap in gaps.items():
        assert gap["from_ns"] < gap["until_ns"] < ready[name] + 1_000_000_000
    assert gaps["db-0"]["until_ns"] <= sightings(one.segments(), again.stream)[0][1]


def test_a_reboot_under_systemd_is_a_gap_too(lab: Lab, record: Record) -> None:
    """KNT-11: the transient unit is gone with the boot; the same request again goes on."""
    one = record("node-b")
    options = {"targets": "node node-b", "filter": "udp port 9000"}
    one.start(**options)
    first = lab.node("node-b").send("node-a", count=100, rate=1000)
    lab.node("node-b").reboot()
    assert one.call(**options)["changed"]
    sent = lab.node("node-b").send("node-a", count=100, rate=1000)
    one.stop()
    assert seen(one.segments(), sent.stream) == list(range(100))
    (gap,) = one.events("gap")
    assert gap["reason"] == "the node was rebooted"
    held = [when for _number, when in sightings(one.segments(), first.stream)]
    assert gap["from_ns"] == (held[-1] if held else one.events("ready")[0]["at_ns"])
    assert gap["from_ns"] < gap["until_ns"] <= sightings(one.segments(), sent.stream)[0][1]


def test_a_sink_that_goes_away_keeps_everything_waiting(lab: Lab, record: Record) -> None:
    """KNT-6, KNT-13: the capture goes on, the backlog and the reason are told; back again, all is shipped."""
    one, node = record("node-a"), lab.node("node-a")
    node.run(["mkdir", "-p", "/srv/sink"])
    one.start("pod shop/cart", filter="udp port 9000", segment_size="1M", sink="/srv/sink")
    node.run(["mv", "/srv/sink", "/srv/away"])
    sent = lab.pod("shop", "cart").send("shop/checkout", count=30_000, rate=15_000)
    wait_for(lambda: one.state()["backlog_bytes"] > 0 and one.state()["last_error"], what="a backlog")
    assert "/srv/sink" in one.state()["last_error"] and one.state()["phase"] == "ready"
    node.run(["mv", "/srv/away", "/srv/sink"])
    info = one.stop()
    assert info["phase"] == "done" and info["shipped"] == info["segments"] and info["last_error"] is None
    objects = (node.root / "srv/sink" / one.id / "node-a" / "shop" / "cart").iterdir()
    assert seen(objects, sent.stream) == list(range(30_000))
    node.run(["rm", "-r", "/srv/sink"])
