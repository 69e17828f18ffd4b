# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture has is what its manifest tells: live, and told again."""

from __future__ import annotations

import copy
import json
import tracemalloc

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.ledger import Ledger
from ansible_collections.kube.pcap.plugins.module_utils._records import TargetRef, to_result

WEB = TargetRef("pod", "shop", "web", "uid-1", "node-a")
CART = TargetRef("pod", "shop", "cart", "uid-2", "node-a")


def line(event, target=WEB, **fields):
    """A line of the manifest, as it is read from the file."""
    return json.loads(json.dumps({"event": event, "at_ns": 5, "target": to_result(target), **fields}))


def started(run, target=WEB, **fields):
    """A tcpdump was started."""
    given = {"interface": "any", "interfaces": {"1": "lo", "2": "eth0"}, "boot": "b", "pid": 100 + run, **fields}
    return line("started", target, run=run, **given)


def figures(captured, received=None, dropped=0, interface=0):
    """Counters of a run."""
    received = captured if received is None else received
    return {"captured": captured, "received": received, "dropped_kernel": dropped, "dropped_interface": interface}


def segment(run, seq, packets, target=WEB, **fields):
    """A file became a segment."""
    given = {
        "raw": "%d/%d.pcap" % (run, seq),
        "file": "s%d-%s" % (seq, target.name),
        "opened": 1000 + seq,
        "interfaces": {"2": ["eth0", "eth0"]},
        "first_ns": seq * 10,
        "last_ns": seq * 10 + 5,
        "end_ns": seq * 10 + 5,
        "packets": packets,
        "bytes": 24 + packets,
        "dropped_between": 0,
        "dropped_total": 0,
        "sha256": "0a",
        "md5": "22" * 16,
        "damage": None,
        **fields,
    }
    return line("segment", target, run=run, seq=seq, **given)


def stopped(run, target=WEB, status=0, reason="stopped", **fields):
    """A tcpdump has ended."""
    return line("stopped", target, run=run, status=status, reason=reason, **fields)


def evicted(seq, packets, target=WEB, **fields):
    """A file was given up."""
    return line("evicted", target, seq=seq, file=None, bytes=24, packets=packets, reason="keep", **fields)


LIFE = [
    dict(line("sink", sink="/mnt/x", mount="/mnt"), target=None),
    started(1),
    started(2, CART),
    line("ready", run=1),
    line("ready", CART, run=2),
    line("counters", run=1, **figures(30, 40, 2)),
    segment(1, 1, 10, dropped_between=2, dropped_total=2),
    segment(1, 2, 15),
    segment(2, 1, 7, CART),
    line("stored", seq=1, sink="/mnt", object="x"),
    line("stored", seq=1, sink="/mnt", object="x"),
    evicted(2, 15),
    evicted(None, 9, run=1, raw="1/3.pcap"),
    line("gap", run=1, reason="the recorder was killed", from_ns=1, until_ns=2, packets=None),
    stopped(1, status=None, reason="the recorder was killed"),
    started(3),
    line("ready", run=3),
    segment(3, 3, 4, opened=900),
    line("discarded", run=3, raw="3/9.pcap", bytes=0, reason="the file is empty"),
    stopped(3, **figures(4, 5, 1, 3)),
    line("a_later_version_knows_this", run=99),
    line("ended", reason="deadline"),
    line("failed", CART, reason="tcpdump: gone"),
    line("clock_stepped", by_ns=-10),
]


def plain(ledger):
    """Everything a ledger says."""
    return copy.deepcopy(vars(ledger))


@pytest.mark.parametrize("cut", range(len(LIFE) + 1))
def test_told_again_is_the_same(cut):
    """At every moment, a supervisor that reads the manifest knows what the one knew that wrote it."""
    live = Ledger()
    for event in LIFE[:cut]:
        live.apply(event)
    assert plain(Ledger(LIFE[:cut])) == plain(live)
    for event in LIFE[cut:]:
        live.apply(event)
    assert plain(live) == plain(Ledger(LIFE))


def test_gaps_are_counted():
    """How many there are, and the latest."""
    gap = {"reason": "the recorder was killed", "from_ns": 1, "until_ns": 2, "packets": None}
    later = {"reason": "tcpdump was killed by signal 9", "from_ns": 3, "until_ns": None, "packets": 5}
    account = Ledger([started(1), line("gap", run=1, **gap), line("gap", run=1, **later)]).account(WEB)
    assert (account.gaps, account.last_gap) == (2, later)


def test_lines_are_not_changed():
    """A ledger only reads what it is told."""
    before = copy.deepcopy(LIFE)
    Ledger(LIFE)
    assert before == LIFE


def test_a_life():
    """The sums of a capture with a restart, two evictions and a target that failed."""
    ledger = Ledger(LIFE)
    web, cart = ledger.account(WEB), ledger.account(CART)
    assert (web.seq, web.segments, web.packets, web.bytes, web.shipped) == (3, 3, 29, 101, 1)
    assert (web.evicted_segments, web.evicted_packets) == (2, 24)
    assert (web.captured, web.received, web.dropped_kernel, web.dropped_interface) == (38, 45, 3, 3)
    assert (web.ended, cart.ended) == (("done", "deadline"), ("failed", "tcpdump: gone"))
    assert (cart.seq, cart.packets, cart.captured, cart.received) == (1, 7, 7, 0)
    assert [(one.ref.name, one.seq) for one in ledger.closed()] == [("web", 3), ("cart", 1)]
    assert (ledger.closed_bytes, ledger.sink_mount) == (8192, "/mnt")
    assert ledger.taken == {"1/1.pcap", "1/2.pcap", "2/1.pcap", "1/3.pcap", "3/3.pcap", "3/9.pcap"}
    assert [run.number for run in ledger.open_runs()] == [2]
    assert ledger.next_run() == 4


def test_a_new_capture():
    """Nothing is known before the first line."""
    ledger = Ledger()
    assert (ledger.next_run(), ledger.open_runs(), list(ledger.closed()), ledger.closed_bytes) == (1, [], [], 0)
    assert ledger.sink_mount is None
    account = ledger.account(WEB)
    assert account is ledger.account(WEB)
    assert (account.captured, account.received, account.dropped_interface, account.ended) == (0, 0, None, None)


def test_numbers_are_per_target():
    """Segments of two targets have numbers of their own."""
    ledger = Ledger([started(1), started(2, CART), segment(1, 1, 3), segment(2, 1, 4, CART)])
    found = {(one.ref.name, one.seq): one.packets for one in ledger.closed()}
    assert found == {("web", 1): 3, ("cart", 1): 4}


def test_closed_segments_come_by_age():
    """Whatever target they are of, the oldest segments come first."""
    ages = [(1, 1, 10, WEB), (1, 2, 40, WEB), (2, 1, 20, CART), (2, 2, 30, CART)]
    events = [started(1), started(2, CART)]
    events += [segment(run, seq, 1, target, opened=opened) for run, seq, opened, target in ages]
    assert [one.opened for one in Ledger(events).closed()] == [10, 20, 30, 40]


def test_what_segments_take_of_the_disk():
    """A segment takes whole blocks, until it is stored or given up, and told twice it is gone once."""
    ledger = Ledger([started(1), *(segment(1, seq, 1, bytes=4097) for seq in (1, 2, 3))])
    assert ledger.closed_bytes == 3 * 8192
    for event in (line("stored", seq=1, sink="/mnt"), line("stored", seq=1, sink="/mnt"), evicted(3, 1)):
        ledger.apply(event)
    assert (ledger.closed_bytes, [one.seq for one in ledger.closed()]) == (8192, [2])
    assert ledger.stored_in == {"/mnt": 1}


def test_what_a_segment_takes_of_the_memory():
    """Half a kilobyte for each that lies in the spool, and what has left it none."""
    ledger, count = Ledger([started(1)]), 2000
    lines = [json.loads(json.dumps(segment(1, seq, 5, file="%0100d" % seq))) for seq in range(1, count + 1)]
    tracemalloc.start()
    for one in lines:
        ledger.apply(one)
    del lines, one
    here = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert here / count < 700, here / count


def test_many_lines_have_few_targets():
    """A segment refers to its target's one record: a day of segments must fit into little memory."""
    ledger = Ledger([started(1), segment(1, 1, 1), segment(1, 2, 1)])
    first, second = ledger.closed()
    assert first.ref is second.ref is ledger.runs[1].target


def test_another_pod_of_the_same_name():
    """A pod that was made anew has another uid, and is another target."""
    again = TargetRef("pod", "shop", "web", "uid-9", "node-a")
    ledger = Ledger([started(1), segment(1, 1, 3), started(2, again), segment(2, 1, 4, again)])
    assert (ledger.account(WEB).packets, ledger.account(again).packets) == (3, 4)


@pytest.mark.parametrize(
    "events, captured",
    [
        ([line("counters", run=1, **figures(50))], 50),
        ([line("counters", run=1, **figures(50)), segment(1, 1, 20)], 50),
        ([line("counters", run=1, **figures(10)), segment(1, 1, 20)], 20),
        ([segment(1, 1, 20), stopped(1, **figures(25))], 20),
        ([segment(1, 1, 20), stopped(1, **figures(25)), segment(1, 2, 5)], 25),
        ([segment(1, 1, 20), stopped(1, status=None, reason="killed")], 20),
        ([segment(1, 1, 20), evicted(None, 7, run=1, raw="1/2.pcap"), stopped(1, **figures(27))], 27),
    ],
)
def test_captured(events, captured):
    """tcpdump's word counts only for the file that it is writing; once it has ended, what lies in files counts."""
    assert Ledger([started(1), *events]).account(WEB).captured == captured


def test_counters_are_of_a_run():
    """Each tcpdump counts from zero: the sums of a target are those of its runs."""
    events = [started(1), line("counters", run=1, **figures(5, 6, 1, 2)), stopped(1, **figures(7, 8, 2, 3))]
    events += [started(2), line("counters", run=2, **figures(1, 2, 4, None))]
    account = Ledger(events).account(WEB)
    assert (account.received, account.dropped_kernel, account.dropped_interface) == (10, 6, 3)


def test_a_target_that_came_back():
    """A pod that returned after its end is watched again, until it ends again."""
    events = [started(1), stopped(1), line("ended", reason="the pod is gone")]
    assert Ledger(events).account(WEB).ended == ("done", "the pod is gone")
    events.append(line("returned"))
    assert Ledger(events).account(WEB).ended is None
    events.append(line("failed", reason="again"))
    assert Ledger(events).account(WEB).ended == ("failed", "again")


def test_the_whole_capture_failed():
    """The end of everything is the end of no target."""
    event = dict(line("failed", reason="disk"), target=None)
    ledger = Ledger([started(1), event])
    assert ledger.account(WEB).ended is None and ledger.failure == "disk"


def test_names_of_interfaces_are_the_last_known():
    """A segment's second reading is the next one's first; without it the first stands."""
    events = [started(1), segment(1, 1, 1, interfaces={"1": ["lo", "lo"], "2": ["eth0", "ens3"], "7": [None, "veth7"]})]
    assert Ledger(events).runs[1].interfaces == {"1": "lo", "2": "ens3", "7": "veth7"}
    events.append(segment(1, 2, 1, interfaces={"1": ["lo", None], "2": ["ens3", None]}))
    assert Ledger(events).runs[1].interfaces == {"1": "lo", "2": "ens3"}


def test_the_clock_is_set_back():
    """The next segment's name does not go back with it; the last packet is the last one in the files."""
    events = [started(1), segment(1, 1, 1, opened=2000, end_ns=90), segment(1, 2, 1, opened=1500, end_ns=50)]
    ledger = Ledger([*events, segment(1, 3, 0, opened=1600, first_ns=None, last_ns=None, end_ns=None)])
    assert (ledger.account(WEB).opened, ledger.runs[1].last_ns) == (2000, 50)


def test_drops_between_segments():
    """What was dropped until a segment is not counted for the next one."""
    ledger = Ledger([started(1), line("counters", run=1, **figures(5, 9, 4)), segment(1, 1, 5, dropped_total=4)])
    assert ledger.runs[1].dropped_kernel - ledger.runs[1].dropped_at_segment == 0
    ledger.apply(line("counters", run=1, **figures(6, 12, 6)))
    assert ledger.runs[1].dropped_kernel - ledger.runs[1].dropped_at_segment == 2


@pytest.mark.parametrize("status, killed", [(0, False), (-9, True), (1, True), (None, True)])
def test_a_run_that_did_not_end_by_itself(status, killed):
    """Only a tcpdump that ended with status 0 has closed its last file."""
    run = Ledger([started(1), stopped(1, status=status)]).runs[1]
    assert (run.stopped, run.killed) == (True, killed)
