# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture tells, and still holds, when its disk is full or its sink is gone."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.lab.recording import Record, Recording, oldest_went, seen, sightings, traffic, wait_for
from tests.lab.sequences import packets

SAME_NS = 1_000_000


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


@pytest.mark.alone  # none of 20,000 packets a second may be dropped
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
    assert numbers and len(numbers) == len(set(numbers))
    assert len(numbers) + info["evicted_packets"] == 200_000
    assert oldest_went(numbers, 200_000, 2 * max(event["packets"] for event in one.events("segment")))
    assert {event["reason"] for event in one.events("evicted")} == {"min_free"}


def test_a_full_file_system_is_no_reason_for_a_traceback(lab: Lab, record: Record, small_disk: pathlib.Path) -> None:
    """KNT-9, KD-12: a stop that cannot be written down says so and what helps; removal needs no room."""
    one = record("node-a", spool="/srv/small/spool")
    one.start("pod shop/cart", filter="udp port 9000", keep="8M", min_free="1M")
    recorder = str(one.recorder_pid())
    one.node.run(["kill", "-STOP", recorder])  # it would give up what it has, and end
    one.node.run(["rm", "%s/%s/ballast" % (one.spool, one.id)])
    one.node.run(["sh", "-c", "cat /dev/zero >/srv/small/other"], check=False)
    refused = one.call(state="stopped", wait="0s")
    assert refused["failed"] and refused["msg"].startswith(
        "spool: /srv/small/spool/%s/capture.json cannot be " % one.id
    )
    assert "No space left on device; make room, or remove the capture with state absent and force" in refused["msg"]
    assert not (one.folder / "capture.json.part").exists()
    one.node.run(["kill", "-CONT", recorder])
    one.remove()
    assert not one.folder.exists() and one.tcpdump_pids() == []


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
