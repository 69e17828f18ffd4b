# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls of several people, or of one who is impatient, that reach a node at the same time."""

from __future__ import annotations

import concurrent.futures
import functools
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.lab import Lab
from tests.lab.recording import Record, Recording, seen, wait_for

FILTER = "udp port 9000"
Call = Callable[[], dict[str, Any]]


def together(*calls: Call) -> list[dict[str, Any]]:
    """Makes calls at the same time; returns what each returned."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]


def processes(one: Recording) -> list[str]:
    """The node's processes of the capture: its recorder, that one's workers, and every tcpdump."""
    return one.node.run(["pgrep", "-f", "%s/%s" % (one.spool, one.id)], check=False).stdout.split()


@pytest.mark.parametrize("node, pod", [("node-b", "shop/checkout"), ("node-c", "shop/db-0")])
def test_two_who_start_the_same_capture(lab: Lab, record: Record, node: str, pod: str) -> None:
    """SN-15: one of them starts it, the other finds it; there is one recorder with one tcpdump."""
    one = record(node)
    start = functools.partial(one.start, "pod " + pod, filter=FILTER)
    results = together(start, start)
    assert sorted(result["changed"] for result in results) == [False, True]
    assert {result["capture"]["phase"] for result in results} == {"ready"}
    assert len(one.tcpdump_pids()) == len(one.events("started")) == 1


def test_targets_that_two_add_are_both_recorded(lab: Lab, record: Record) -> None:
    """SN-15: no call takes back what another has just been promised."""
    one = record("node-b")
    one.start("nodes *", filter=FILTER)
    capture = json.loads((one.folder / "capture.json").read_text())["capture"]
    wanted = [{**capture, "targets": [one.target(name)]} for name in ("checkout", "web-6f8d5c7b9d-j7pq9")]
    results = together(*(functools.partial(one.call, record=record) for record in wanted))
    assert [result["failed"] for result in results] == [False, False], results
    told = {target["target"]["name"]: target["phase"] for target in one.info()["targets"]}
    assert told == {"node-b": "ready", "checkout": "ready", "web-6f8d5c7b9d-j7pq9": "ready"}
    assert len(one.tcpdump_pids()) == 3


def test_a_stop_is_not_lost_to_who_adds_a_target(lab: Lab, record: Record) -> None:
    """KNT-10: whichever comes first, the capture ends, with its packets."""
    one = record("node-a")
    one.start("nodes *", filter=FILTER)
    capture = json.loads((one.folder / "capture.json").read_text())["capture"]
    more = {**capture, "targets": [one.target("cart")]}
    added, stopped = together(functools.partial(one.call, record=more), functools.partial(one.call, state="stopped"))
    assert not stopped["failed"] and not added["failed"], (added, stopped)
    assert one.info()["phase"] == "done" and one.tcpdump_pids() == []


def test_two_who_find_a_dead_recorder_start_one(lab: Lab, record: Record) -> None:
    """KNT-11: the other finds it running, and nothing is refused."""
    one = record("node-c")
    one.start("pod shop/db-0", filter=FILTER)
    one.node.run(["kill", "-KILL", str(one.recorder_pid())])
    wait_for(lambda: not one.tcpdump_pids(), what="tcpdump's end")
    results = together(*[functools.partial(one.call, state="refreshed")] * 2)
    assert sorted((result["failed"], result["changed"]) for result in results) == [(False, False), (False, True)]
    assert len(one.tcpdump_pids()) == 1


@pytest.mark.parametrize("force", [False, True])
def test_two_who_remove_a_capture(lab: Lab, record: Record, force: bool) -> None:
    """KD-10: both are through when nothing of it is left; one of them did it."""
    one = record("node-c")
    one.start("pod shop/db-0", filter=FILTER)
    results = together(*[functools.partial(one.call, state="absent", force=force)] * 2)
    assert [result["failed"] for result in results] == [False, False], results
    assert not one.folder.exists() and processes(one) == []


def test_a_start_while_the_same_is_removed(lab: Lab, record: Record) -> None:
    """SN-15: there is a whole capture afterwards, or nothing of it; what the start said is true."""
    one = record("node-c")
    start = functools.partial(one.call, targets="pod shop/db-0", filter=FILTER)
    assert not start()["failed"]
    started, removed = together(start, functools.partial(one.call, state="absent", force=True))
    assert not started["failed"] and not removed["failed"], (started, removed)
    if started["changed"]:  # it came second
        sent = lab.pod("shop", "db-0").send("127.0.0.1", count=20, rate=1000)
        assert one.stop()["phase"] == "done" and seen(one.segments(), sent.stream) == list(range(20))
    else:
        assert not one.folder.exists() and processes(one) == []


def test_a_recorder_that_was_killed_after_it_failed_says_so_again(lab: Lab, record: Record) -> None:
    """KNT-11: it does not record on, nor call itself done; what it had stays."""
    one = record("node-c")
    one.start("pod shop/db-0", filter=FILTER)
    sent = lab.pod("shop", "db-0").send("127.0.0.1", count=20, rate=1000)
    wait_for(lambda: one.call(state="refreshed") and one.state()["targets"][0]["packets"] == 20, what="the packets")
    one.node.run(["kill", "-KILL", str(one.recorder_pid())])
    wait_for(lambda: not one.tcpdump_pids(), what="tcpdump's end")
    with (one.folder / "manifest.jsonl").open("a") as file:
        file.write(json.dumps({"event": "failed", "at_ns": 1, "target": None, "reason": "the disk broke"}) + "\n")
    assert one.call(state="refreshed")["changed"]
    state = one.wait_phase("failed", "done")
    assert (state["phase"], state["reason"]) == ("failed", "the disk broke")
    assert seen(one.segments(), sent.stream) == list(range(20))
