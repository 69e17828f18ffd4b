# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture tells, and still holds, after something was killed, filled, moved or taken away."""

from __future__ import annotations

import concurrent.futures
from typing import Any

import pytest

from tests.lab.handles import LabNode
from tests.lab.lab import Lab
from tests.lab.recording import Record, Recording, left, seen, sightings, traffic, wait_for

NEAR_NS = 1_000_000
"""How far apart a packet's own time and the recorder's word of it may be."""


def assert_covered(gap: dict[str, Any], before_ns: int, after_ns: int) -> None:
    """A gap begins with the last packet before it and ends when a tap listened again, as the next packet tells.

    A tap listens for a moment before the recorder reads so, and on a machine that is out of breath the sender pauses: a
    packet may be seen just before ``until_ns``, and the first one after it a little later.
    """
    assert abs(gap["from_ns"] - before_ns) <= NEAR_NS, "it begins %d ns beside" % (gap["from_ns"] - before_ns)
    assert gap["from_ns"] < gap["until_ns"], gap
    assert after_ns <= gap["until_ns"] + 500_000_000, "it ends %d ns too early" % (after_ns - gap["until_ns"])
    assert gap["until_ns"] <= after_ns + 5_000_000_000, "it ends %d ns too late" % (gap["until_ns"] - after_ns)


def assert_only_gaps_are_missing(one: Recording, stream: int) -> None:
    """Every packet is in one segment, but for spans that the manifest calls gaps: each hole has its own, in order."""
    packets_seen = sightings(one.segments(), stream)
    numbers = [number for number, _when in packets_seen]
    assert numbers and numbers[0] == 0, "the first packet came after the tap was ready"
    assert len(numbers) == len(set(numbers)), "a packet is in two segments"
    gaps = one.events("gap")
    # While a tap opens it may see some packets and not others; what comes before it is told to listen is in the gap.
    spans = [(gap["from_ns"], gap["until_ns"]) for gap in gaps]
    sure = [(number, when) for number, when in packets_seen if not any(a + NEAR_NS < when < b for a, b in spans)]
    pairs = zip(sure, sure[1:], strict=False)
    holes = [(before, after) for before, after in pairs if after[0] != before[0] + 1]
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


@pytest.mark.parametrize("moment", ["taps", "lock", "capture.json"])
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


def test_what_a_killed_call_left_is_told_and_can_be_removed(lab: Lab, record: Record) -> None:
    """PT-12, KNT-11: status tells of it and of the others; an empty rest is started over, one with packets is not."""
    one, other = record("node-c"), record("node-c")
    other.start("pod shop/db-0", filter="udp port 9000")
    folder = "%s/%s" % (one.spool, one.id)
    one.node.run(["mkdir", "-p", "-m", "700", folder, folder + "/taps", folder + "/segments"])
    refreshed = one.call(id="all", state="refreshed")
    assert not refreshed["failed"] and "capture.json is missing: a start or removal goes on, or was" in refreshed["msg"]
    told = {info["id"]: info["phase"] for info in one.call("capture_info", id="all")["captures"]}
    assert told == {one.id: "failed", other.id: "ready"}
    assert one.start("pod shop/db-0", filter="udp port 9000")["capture"]["phase"] == "ready"
    one.stop()
    one.node.run(["touch", folder + "/segments/left.pcap.gz"])
    one.node.run(["rm", folder + "/capture.json"])
    for refused in (one.call(targets="pod shop/db-0", filter="udp port 9000"), one.call(state="absent")):
        assert refused["failed"] and "absent with force removes it" in refused["msg"]
    assert one.call(state="absent", force=True)["changed"] and not one.folder.exists()


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
    """SN-15: a new uid is another target: the old one's packets are kept, and the same request adds the new one."""
    one, pod = record("node-b"), lab.pod("test", "cart")
    one.start("pod test/cart", filter="udp port 9000")
    first = pod.send("127.0.0.1", count=100, rate=1000)
    pod.delete()
    pod.create(new_uid=True)
    wait_for(lambda: "the pod is gone" in str(one.state()["targets"][0]["reason"]), what="its absence")
    other = pod.send("127.0.0.1", count=100, rate=1000)
    wait_for(lambda: one.state()["targets"][0]["phase"] == "done", 600, "the target's end")
    state = one.state()
    assert (state["phase"], state["targets"][0]["reason"]) == ("ready", "the pod is gone")
    assert state["reason"].startswith("every pod of it here is gone; the same request adds ")
    assert seen(one.segments(), first.stream) == list(range(100)) and seen(one.segments(), other.stream) == []
    assert one.start("pod test/cart", filter="udp port 9000")["changed"]
    own = pod.send("127.0.0.1", count=100, rate=1000)
    assert one.state()["reason"] is None
    info = one.stop()
    assert [target["phase"] for target in info["targets"]] == ["done", "done"]
    assert seen(one.segments(), own.stream) == list(range(100)) and seen(one.segments(), other.stream) == []


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
