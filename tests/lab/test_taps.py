# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's taps on the real kernel with the real tcpdump, without systemd, in network namespaces of their own."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node import kernel_clock, netns, tcpdump
from ansible_collections.kube.pcap.plugins.module_utils._records import Target, to_result
from tests.lab.programs import tcx, xdp
from tests.lab.taps import send, until
from tests.lab.trace_taps import TraceTaps, traced


@pytest.fixture
def taps(target: Target) -> Iterator[TraceTaps]:
    """Of a namespace of its own."""
    with traced(target) as made:
        yield made


def in_namespace(target: Target, *argv: str) -> None:
    """Runs a program in the target's network namespace."""
    subprocess.run(["nsenter", "--net=/proc/%d/ns/net" % target.pid, *argv], check=True)


# More packets at once than the kernel's buffer holds: tcpdump has to read meanwhile.
@pytest.mark.parametrize("count", [1, 2, 10, 500, 5000, pytest.param(20000, marks=pytest.mark.alone)])
def test_every_packet_from_the_start_to_the_read(target: Target, taps: TraceTaps, count: int) -> None:
    """What is sent once it has started, and right before it is read, is there; then nothing of it is left."""
    assert taps.run("started")["changed"]
    send(target, count)
    told = taps.read()
    assert (told["packets"], told["dropped"], told["problem"]) == (count, 0, None) and told["received"] >= count
    assert told["target"] == to_result(target.ref) and told["netns"] == target.netns
    assert len(told["sightings"]) + told["left_out"] == (count if count > 1 else 0)
    assert len(told["sightings"]) <= 2000
    until(taps.nothing_left)


def test_what_it_has_seen(target: Target, taps: TraceTaps) -> None:
    """The packet with the mark, by its number; the interfaces as they are."""
    taps.run("started")
    send(target, 3)
    told = taps.read()
    assert [(one["joined"], one["part"], one["ifindex"]) for one in told["sightings"]] == [
        ("tuple", "later", 1),
        ("mark", "first", 1),
        ("tuple", "later", 1),
    ]
    (lo,) = told["interfaces"]
    assert (lo["index"], lo["name"], lo["mac"], lo["addresses"]) == (1, "lo", None, ["127.0.0.1", "::1"])
    assert told["changed"] == []


def test_programs_that_are_attached(target: Target, taps: TraceTaps) -> None:
    """tc's place for programs, and an XDP program, are told of the interfaces that have them."""
    in_namespace(target, "ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
    in_namespace(target, "tc", "qdisc", "add", "dev", "one", "clsact")
    namespace = netns.open_target(target)
    try:
        with contextlib.ExitStack() as stack:
            with netns.inside(namespace):
                stack.enter_context(xdp(socket.if_nametoindex("two")))
            taps.run("started")
            told = taps.read()
    finally:
        os.close(namespace)
    assert {one["name"]: one["programs"] for one in told["interfaces"]} == {"lo": [], "one": ["tc"], "two": ["xdp"]}


def test_programs_of_tcx(target: Target, taps: TraceTaps) -> None:
    """One that is attached without a qdisc is told of its interface alone; a kernel without such programs has none."""
    in_namespace(target, "ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
    namespace = netns.open_target(target)
    try:
        with contextlib.ExitStack() as stack:
            with netns.inside(namespace):
                known = stack.enter_context(tcx(socket.if_nametoindex("two")))
            taps.run("started")
            told = taps.read()
    finally:
        os.close(namespace)
    there = {one["name"]: (one["programs"], one["programs_unknown"]) for one in told["interfaces"]}
    assert there == {"lo": ([], None), "one": ([], None), "two": (["tcx"] if known else [], None)}
    assert told["changed"] == []


def test_a_program_that_comes_meanwhile(target: Target, taps: TraceTaps) -> None:
    """Its interface has become another, which the second reading finds in the same namespace."""
    in_namespace(target, "ip", "link", "add", "one", "type", "veth", "peer", "name", "two")
    taps.run("started")
    namespace = netns.open_target(target)
    try:
        with contextlib.ExitStack() as stack:
            with netns.inside(namespace):
                known = stack.enter_context(tcx(socket.if_nametoindex("two")))
            told = taps.read()
    finally:
        os.close(namespace)
    programs = {one["name"]: one["programs"] for one in told["interfaces"]}
    assert programs == {"lo": [], "one": [], "two": ["tcx"] if known else []}
    assert told["changed"] == (["two"] if known else [])


def test_the_clock(taps: TraceTaps) -> None:
    """What the kernel says of it comes with what was seen."""
    taps.run("started")
    told, here = taps.read()["clock"], kernel_clock.read()
    assert here is not None and set(told) == set(to_result(here))
    assert told["synchronised"] == here.synchronised and told["max_error_us"] >= 0


def test_a_filter_that_the_kernel_does_not_take(target: Target, taps: TraceTaps) -> None:
    """Then tcpdump judges what the snap length has left, which is told. A kernel before 6.8 has this bound itself."""
    limit = "cd /proc/sys/net/core; [ ! -e optmem_max ] || echo 20480 > optmem_max"
    in_namespace(target, "sh", "-c", limit)
    long = " or ".join("udp[%d:4]=%d" % (8 + n % 20, n + 5) for n in range(2000))
    taps.run("started", filter=long + " or udp port 9")
    send(target, 3)
    told = taps.read()
    assert len(told["sightings"]) == 3 and "the kernel did not take its filter" in told["problem"]


def test_the_users_own_filter(target: Target, taps: TraceTaps) -> None:
    """It is compiled, and lets nothing through and keeps nothing back."""
    taps.run("started", asked_filter="tcp port 80")
    send(target, 3)
    assert taps.read()["packets"] == 3
    said = taps.refusal(asked_filter="tcp port nowhere")
    assert said.startswith("the filter of trace_expression cannot be used here: filter: node node-a: tcpdump: ")
    assert taps.nothing_left()


def test_files_are_roots_alone(taps: TraceTaps) -> None:
    """Folders 0700, files 0600."""
    taps.run("started")
    modes = {path: path.stat().st_mode & 0o777 for path in [taps.root, *taps.root.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}, modes
    assert {mode for path, mode in modes.items() if not path.is_file()} == {0o700}, modes


def test_two_targets_of_one_namespace(target: Target, taps: TraceTaps) -> None:
    """They share a tap, which has the first one's name."""
    taps.run("started", targets=(target, dataclasses.replace(target, name="node-b")))
    assert len(taps.tcpdumps()) == 1
    send(target, 5)
    told = taps.read()
    assert (told["packets"], told["target"]["name"]) == (5, "node-a")


def test_interfaces_that_change(target: Target, taps: TraceTaps) -> None:
    """One that came, one that went, and one that became another are named; the new one is told with its address."""
    in_namespace(target, "ip", "link", "add", "goes", "type", "bridge")
    in_namespace(target, "ip", "link", "add", "stays", "type", "bridge")
    in_namespace(target, "ip", "link", "add", "old", "type", "bridge")
    taps.run("started")
    in_namespace(target, "ip", "link", "del", "goes")
    in_namespace(target, "ip", "link", "set", "old", "name", "new")
    in_namespace(target, "ip", "link", "add", "comes", "mtu", "1400", "type", "veth", "peer", "name", "peer")
    in_namespace(target, "ip", "link", "set", "comes", "address", "02:00:0a:01:00:02")
    told = taps.read()
    assert told["changed"] == ["comes", "goes", "new", "old", "peer"] and told["problem"] is None
    there = {one["name"]: one for one in told["interfaces"]}
    assert set(there) == {"lo", "goes", "stays", "old", "comes", "peer"}
    assert (there["comes"]["kind"], there["comes"]["mtu"], there["comes"]["mac"]) == ("veth", 1400, "02:00:0a:01:00:02")
    assert there["comes"]["parent"] == there["peer"]["index"]


def test_the_deadline(target: Target, taps: TraceTaps) -> None:
    """After its time nothing is left, and who asks then is told."""
    taps.run("started", seconds=1)
    assert len(taps.processes()) == 3
    until(taps.nothing_left)
    assert taps.refusal("read") == (
        "no taps of trace t-1 are on this node: they were not started, or have ended by themselves after their time, "
        "60 s at most"
    )
    assert taps.run("absent") == {"changed": False}


def test_the_same_id(taps: TraceTaps) -> None:
    """The same record is left alone, another is refused, and what was read can be started again."""
    first = taps.run("started")
    assert taps.run("started") == {"changed": False, "until_ns": first["until_ns"]} and len(taps.tcpdumps()) == 1
    assert taps.run("started", check_mode=True)["changed"] is False
    assert taps.refusal(seconds=59) == (
        "trace t-1 has taps on this node already, of another record or about to end; end them with state absent, or "
        "choose another id"
    )
    taps.read()
    assert taps.run("started")["changed"]
    assert taps.run("absent") == {"changed": True}
    until(taps.nothing_left)
    assert taps.run("started")["changed"]


def test_two_readers(taps: TraceTaps) -> None:
    """One has what was seen; the other is told that somebody was faster."""
    taps.run("started")
    said: list[object] = []

    def read() -> None:
        try:
            said.append(taps.run("read")["taps"][0]["problem"])
        except PcapError as error:
            said.append(str(error))

    threads = [threading.Thread(target=read) for _number in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    said.remove(None)
    assert len(said) == 1 and "trace t-1" in str(said[0])


def test_check_mode(target: Target, taps: TraceTaps) -> None:
    """Everything is checked, and nothing changes."""
    assert taps.run("started", check_mode=True) == {"changed": True} and taps.nothing_left()
    assert "filter: " in taps.refusal(check_mode=True, filter="udp prot 9")
    assert taps.run("read", check_mode=True) == {"changed": False, "taps": []}
    taps.run("started")
    assert taps.run("read", check_mode=True) == {"changed": True, "taps": []}
    assert taps.run("absent", check_mode=True) == {"changed": True}
    send(target, 2)
    assert taps.read()["packets"] == 2


def test_what_is_refused(target: Target, taps: TraceTaps, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence each, and nothing is left."""
    said = taps.refusal(filter="udp prot 9")
    assert said.startswith("filter: node node-a: tcpdump: ") and said.endswith("; write it as in pcap-filter(7)")
    gone = dataclasses.replace(target, name="node-b", netns=1)
    assert "node node-b: process %d is in network namespace" % (target.pid or 0) in taps.refusal(targets=(target, gone))
    monkeypatch.setattr(tcpdump, "search_path", lambda: "/nonexistent")
    assert taps.refusal() == "tcpdump is not installed on this node; install the package tcpdump"
    assert taps.nothing_left()
