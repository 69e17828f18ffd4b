# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Captures that ship to a bucket, which fails in every way: nothing is lost under the bound, nothing is there twice."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

from tests.bucket.faults import Fault, Faults
from tests.bucket.scene import Bucket
from tests.lab.lab import Lab
from tests.lab.recording import Record, oldest_went, traffic, wait_for
from tests.lab.shipped import Shipped, environment


@pytest.fixture
def shipped(bucket: Bucket, record: Record, tmp_path: pathlib.Path) -> Shipped:
    """A capture on node-a, not started yet."""
    return Shipped(record("node-a", env=environment(bucket)), bucket, tmp_path)


def test_two_minutes_without_a_sink(lab: Lab, shipped: Shipped) -> None:
    """KNT-6: twenty segments close while the bucket is away; then all are there, each once."""
    shipped.start(segment_seconds="6s")
    wait_for(lambda: shipped.one.state()["phase"] == "ready", what="the taps")
    shipped.bucket.front.down()
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=63_000, rate=500)
    wait_for(lambda: shipped.one.state()["segments"] >= 20, what="twenty segments")
    state = shipped.one.state()
    assert state["shipped"] == 0 and state["backlog_bytes"] > 0 and "Connection refused" in state["last_error"]
    shipped.bucket.front.up()
    shipped.refresh()  # else it may be a minute until the next attempt
    shipped.wait_shipped(20)
    info = shipped.finish()
    assert (info["shipped"], info["last_error"], info["backlog_bytes"]) == (info["segments"], None, 0)
    shipped.check()
    assert shipped.seen(sent.stream) == list(range(63_000))


@pytest.mark.alone  # none of 20,000 packets a second may be dropped
def test_a_slow_sink(lab: Lab, shipped: Shipped) -> None:
    """KNT-13: a bucket that takes a segment in three seconds does not slow the capture, and gets all ten."""
    shipped.start()
    shipped.bucket.faults.slow(seconds=3)
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=90_000, rate=20_000)
    wait_for(lambda: shipped.one.state()["segments"] >= 10, what="ten segments")
    assert shipped.one.state()["backlog_bytes"] > 0 and shipped.one.state()["targets"][0]["dropped_kernel"] == 0
    info = shipped.finish()
    assert info["shipped"] == info["segments"] >= 10
    shipped.check()
    assert shipped.seen(sent.stream) == list(range(90_000))


FAULTS: dict[str, tuple[Callable[[Faults], Fault], str]] = {
    "cut": (lambda faults: faults.cut(300_000), "198.18."),
    "429": (lambda faults: faults.status(429, retry_after=2), "the bucket answered 429"),
    "500": (lambda faults: faults.status(500), "the bucket answered 500"),
    "503": (lambda faults: faults.status(503, retry_date=3), "the bucket answered 503"),
    "stalled": (lambda faults: faults.stalled(), "has not answered within 30 s"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault(lab: Lab, shipped: Shipped, fault: str) -> None:
    """KNT-6, SN-8: the cause is told, everything is shipped after it, each object once and whole."""
    shipped.start()
    make, words = FAULTS[fault]
    made = make(shipped.bucket.faults)
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    wait_for(lambda: words in (shipped.one.state()["last_error"] or ""), 300, "the cause")
    assert shipped.one.state()["phase"] == "ready" and shipped.one.state()["backlog_bytes"] > 0
    made.lift()
    check_all(shipped, sent.stream)


@pytest.mark.parametrize("fault", ["answer lost", "wrong checksum"])
def test_an_answer_that_proves_nothing(lab: Lab, shipped: Shipped, fault: str) -> None:
    """KNT-6, SN-8: what may be in the bucket is not sent as another object, and stays until it was looked up there."""
    shipped.start()
    faults = shipped.bucket.faults
    made = faults.answer_lost(times=1) if fault == "answer lost" else faults.wrong_checksum(times=1)
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    wait_for(lambda: shipped.one.state()["unconfirmed"] == 1, 60, "one that may be there")
    assert made.left == 0 and shipped.one.segments()
    (line,) = shipped.one.events("unconfirmed")
    assert "has an object of that name" in line["reason"]
    assert shipped.refresh()["changed"]
    wait_for(lambda: shipped.one.state()["unconfirmed"] == 0, what="it to be confirmed")
    (stored,) = [one for one in shipped.one.events("stored") if one["object"] == line["object"]]
    assert stored["generation"] and stored["crc32c"]
    check_all(shipped, sent.stream)


def test_a_stop_looks_itself(lab: Lab, shipped: Shipped) -> None:
    """KNT-6: a stop waits for nothing that only a look into the bucket can tell, looks, and then all is there."""
    shipped.start()
    shipped.bucket.faults.answer_lost(times=1)
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    wait_for(lambda: shipped.one.state()["unconfirmed"] == 1, 120, "one that may be there")
    info = shipped.one.stop(wait=300)
    assert info["phase"] == "done" and info["shipped"] == info["segments"] and info["unconfirmed"] == 0
    shipped.check()
    assert shipped.seen(sent.stream) == list(range(30_000))


def check_all(shipped: Shipped, stream: int) -> None:
    """All that was sent is in the bucket in the end."""
    shipped.wait_shipped(3)
    info = shipped.finish()
    assert info["shipped"] == info["segments"] and info["last_error"] is None
    shipped.check()
    assert shipped.seen(stream) == list(range(30_000))


def test_without_dns(lab: Lab, bucket: Bucket, record: Record, tmp_path: pathlib.Path) -> None:
    """KNT-6: a name that cannot be resolved any more is told as one, and everything waits."""
    hosts = lab.node("node-a").root / "etc/hosts"
    before = hosts.read_text()
    known = before + "%s bucket.test\n" % bucket.front.host
    named = "http://bucket.test:%d" % bucket.front.port
    shipped = Shipped(record("node-a", env=environment(bucket, named)), bucket, tmp_path)
    try:
        hosts.write_text(known)
        shipped.start()
        hosts.write_text(before)
        sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
        wait_for(lambda: "bucket.test cannot be found" in (shipped.one.state()["last_error"] or ""), 300, "the cause")
        hosts.write_text(known)
        check_all(shipped, sent.stream)
    finally:
        hosts.write_text(before)


@pytest.mark.alone  # what a starved recorder gives up unread is no segment
def test_the_bound_while_the_sink_is_away(lab: Lab, shipped: Shipped) -> None:
    """KNT-6, KD-5: sent = in the bucket + evicted + dropped by the kernel, to the packet."""
    shipped.start(keep="8M")
    shipped.bucket.front.down()
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=90_000, rate=20_000)
    wait_for(lambda: shipped.one.state()["evicted"] > 0, what="an eviction")
    shipped.bucket.front.up()
    shipped.refresh()  # else it may be a minute until the next attempt
    info = shipped.finish(300)
    lines = shipped.one.events("evicted")
    assert lines and {line["reason"] for line in lines} == {"keep"}
    assert sum(line["packets"] for line in lines) == info["evicted_packets"] > 0
    shipped.check()
    (target,) = info["targets"]
    there = shipped.seen(sent.stream)
    assert len(there) == len(set(there))
    assert len(there) + info["evicted_packets"] + target["dropped_kernel"] == 90_000
    assert oldest_went(there, 90_000, 2 * max(line["packets"] for line in shipped.one.events("segment")))


def test_killed_in_the_middle_of_an_upload(lab: Lab, shipped: Shipped) -> None:
    """KNT-11: no half object is taken for whole, no segment is there twice, none is forgotten."""
    shipped.start()
    slow = shipped.bucket.faults.slow(rate=300_000)
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)

    def under_way() -> bool:
        return any(one.status is None and one.content for one in shipped.bucket.front.seen)

    wait_for(under_way, what="an upload under way")

    def read() -> bool:
        shipped.refresh()
        return bool(shipped.one.state()["targets"][0]["packets"] == 30_000)

    wait_for(read, what="the packets")
    killed = shipped.one.recorder_pid()
    shipped.one.node.run(["kill", "-KILL", str(killed)])
    slow.lift()
    wait_for(lambda: shipped.one.recorder_pid() != killed and shipped.one.state()["phase"] == "ready", what="another")
    check_all(shipped, sent.stream)


def test_rebooted_in_the_middle_of_an_upload(lab: Lab, shipped: Shipped) -> None:
    """KNT-11: after a reboot nothing runs until a call; then what was left is shipped, each object whole and once."""
    shipped.start()
    slow = shipped.bucket.faults.slow(rate=300_000)
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    wait_for(lambda: any(one.status is None and one.content for one in shipped.bucket.front.seen), what="an upload")
    waiting = {path.name for path in shipped.one.segments()}
    shipped.one.node.reboot()
    slow.lift()
    assert waiting <= {path.name for path in shipped.one.segments()}
    assert shipped.refresh()["changed"]
    shipped.wait_shipped(len(waiting))
    info = shipped.finish()
    assert info["shipped"] == info["segments"] and waiting <= set(shipped.segments())
    shipped.check()
    there = shipped.seen(sent.stream)
    assert there == list(range(len(there))) and len(shipped.one.events("gap")) == 1


def test_stop_says_what_is_left(lab: Lab, shipped: Shipped) -> None:
    """KD-6: stop returns after its wait and says what waits; the rest is shipped when the bucket is back."""
    shipped.start()
    shipped.bucket.front.down()
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    info = shipped.one.stop(wait=3)
    assert info["phase"] == "draining" and info["backlog_bytes"] > 0 and info["shipped"] < info["segments"]
    shipped.bucket.front.up()
    check_all(shipped, sent.stream)


def test_after_the_grace_the_rest_stays(lab: Lab, shipped: Shipped) -> None:
    """KNT-6: the supervisor ships until the deadline and its grace are over, then says what is left, and leaves it."""
    shipped.start(duration=12, grace="3s")
    shipped.bucket.front.down()
    with traffic(lab, "shop/cart", count=20_000, rate=5_000):
        state = shipped.one.wait_phase("done", seconds=200)
    files = shipped.one.segments()
    assert files and state["reason"] == "deadline; unshipped: %d" % len(files)
    assert shipped.one.recorder_pid() == state["pid"] and shipped.one.call(state="refreshed")["changed"] is False
    assert shipped.one.segments() == files


@pytest.mark.parametrize(
    "wrong, words",
    [
        ("bucket", "the bucket answered 404"),
        ("rights", "storage.objects.create"),
        ("clock", "behind the bucket's"),
        ("down", "Connection refused"),
    ],
)
def test_nothing_starts_without_its_bucket(shipped: Shipped, wrong: str, words: str) -> None:
    """KNT-12: what is wrong with the bucket is told before anything starts, and nothing is left."""
    options = {}
    if wrong == "bucket":
        options["sink"] = "gs://another-bucket/x"
    elif wrong == "rights":
        shipped.bucket.allow(shipped.bucket.account, "storage.objects.get")
    elif wrong == "clock":
        shipped.bucket.front.clock_offset = 400.5
    else:
        shipped.bucket.front.down()
    result = shipped.one.call(
        targets="pod shop/cart", kube_node_name="node-a", **{"sink": "gs://captures/x", **options}
    )
    assert result["failed"] and result["msg"].startswith("sink: ") and words in result["msg"], result["msg"]
    assert not shipped.one.folder.exists() and shipped.one.tcpdump_pids() == []
