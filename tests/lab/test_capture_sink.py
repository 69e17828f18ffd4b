# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Captures whose sink goes away, and those that end meanwhile."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Iterator

import pytest

from tests.lab.lab import Lab
from tests.lab.recording import Record, Recording, seen, wait_for


@pytest.fixture
def sink(lab: Lab) -> Iterator[pathlib.Path]:
    """The folder /srv/sink on node-a, as this machine can read it."""
    node = lab.node("node-a")
    node.run(["mkdir", "-p", "/srv/sink"])
    yield node.root / "srv/sink"
    node.run(["rm", "-rf", "/srv/sink", "/srv/away"])


def backlog(one: Recording) -> bool:
    """Whether closed files wait for the sink, and why they do is told."""
    state = one.state()
    return bool(state["backlog_bytes"] > 0 and state["last_error"])


def test_a_sink_that_goes_away_keeps_everything_waiting(lab: Lab, record: Record, sink: pathlib.Path) -> None:
    """KNT-6, KNT-13: the capture goes on, the backlog and the reason are told; back again, all is shipped."""
    one, node = record("node-a"), lab.node("node-a")
    one.start("pod shop/cart", filter="udp port 9000", segment_size="1M", sink="/srv/sink")
    node.run(["mv", "/srv/sink", "/srv/away"])
    sent = lab.pod("shop", "cart").send("shop/checkout", count=30_000, rate=15_000)
    wait_for(lambda: backlog(one), what="a backlog")
    assert "/srv/sink" in one.state()["last_error"] and one.state()["phase"] == "ready"
    node.run(["mv", "/srv/away", "/srv/sink"])
    info = one.stop()
    assert info["phase"] == "done" and info["shipped"] == info["segments"] and info["last_error"] is None
    objects = (sink / one.id / "node-a" / "shop" / "cart").iterdir()
    assert seen(objects, sent.stream) == list(range(30_000))


def test_a_recorder_killed_during_a_backlog_ships_all_of_it(lab: Lab, record: Record, sink: pathlib.Path) -> None:
    """KNT-11, KNT-5: the next one finds what waits and ships it, each object once, with the manifest's SHA-256."""
    one, node = record("node-a"), lab.node("node-a")
    one.start("pod shop/cart", filter="udp port 9000", segment_size="1M", compress=False, sink="/srv/sink")
    node.run(["mv", "/srv/sink", "/srv/away"])
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    wait_for(lambda: backlog(one) and len(one.segments()) >= 2, what="a backlog")

    def read() -> bool:
        """Whether tcpdump has read all of them: what is in its ring goes with it."""
        one.call(state="refreshed")
        return one.state()["targets"][0]["packets"] == 30_000

    wait_for(read, what="the packets")
    waiting = {path.name for path in one.segments()}
    killed = one.recorder_pid()
    node.run(["kill", "-KILL", str(killed)])
    wait_for(lambda: one.recorder_pid() != killed and one.state()["phase"] == "ready", what="another recorder")
    assert waiting <= {path.name for path in one.segments()}
    node.run(["mv", "/srv/away", "/srv/sink"])
    info = one.stop()
    assert info["phase"] == "done" and info["shipped"] == info["segments"] and one.segments() == []
    files = {path.name: path for path in (sink / one.id / "node-a" / "shop" / "cart").iterdir()}
    told = {event["file"]: event["sha256"] for event in one.events("segment")}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()} == told
    assert waiting <= set(files) and len(one.events("stored")) == len(files)
    assert seen(files.values(), sent.stream) == list(range(30_000)) and len(one.events("gap")) == 1


def test_what_no_sink_took_is_told_and_stays(lab: Lab, record: Record, sink: pathlib.Path) -> None:
    """KNT-6, KD-6: after the deadline and ``grace`` it is done, says how much is unshipped, and keeps it."""
    one, node = record("node-a"), lab.node("node-a")
    options = {"segment_size": "1M", "compress": False, "sink": "/srv/sink", "duration": 15, "grace": "1s"}
    one.start("pod shop/cart", filter="udp port 9000", **options)
    node.run(["mv", "/srv/sink", "/srv/away"])
    sent = lab.pod("shop", "cart").send("127.0.0.1", count=30_000, rate=15_000)
    state = one.wait_phase("done", seconds=200)
    files = one.segments()
    assert len(files) >= 2 and state["reason"] == "deadline; unshipped: %d" % len(files)
    assert seen(files, sent.stream) == list(range(30_000)) and one.info()["backlog_bytes"] > 0
    refused = one.call(state="absent")
    assert (
        refused["failed"]
        and "has not confirmed; stop it and wait, collect the rest, or use (capture_)force" in refused["msg"]
    )
    assert one.segments() == files
