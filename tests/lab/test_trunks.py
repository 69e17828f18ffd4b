# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's taps where VLANs come together, on the real kernel with the real tcpdump, without systemd."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import links, netns, tapping, trunks
from ansible_collections.kube.pcap.plugins.module_utils._node.trace_folder import TraceFolder
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark, NodeTap
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.tap_filter import tap_filter
from tests.lab.taps import until
from tests.lab.trunks import FIRST, SECOND, Passing, passing, supervised
from tests.unit.plugins.module_utils.packet_bytes import Made, ethernet, ipv4, udp, vlan

NONCE = b"traceABC"
SOURCE, PORT, VLAN = 20480, 5001, 100
MARK = Mark(1, "udp", 4, nonce=NONCE.hex(), source_ports=(SOURCE,), ports=(PORT,))
TAG = [("vlan", VLAN)]


def datagram(number: int) -> Made:
    """A probe's, that differs from others by one header field alone."""
    return ipv4(udp(NONCE, SOURCE, PORT), ip_id=number)


BARE, TAGGED = ethernet(datagram(1)).data, ethernet(vlan(datagram(2), VLAN), 0x8100).data


@pytest.fixture
def wire(target: Target) -> Iterator[Passing]:
    """Through a namespace of its own."""
    with passing(target) as made:
        yield made


@pytest.fixture
def root() -> Iterator[pathlib.Path]:
    """Below which the taps' folder is."""
    with tempfile.TemporaryDirectory() as folder:  # a socket's path is short
        yield pathlib.Path(folder) / "taps"


@pytest.fixture
def asked(target: Target) -> NodeTap:
    """What is watched."""
    tagged = tap_filter([MARK], tagged=True)
    return NodeTap("t-1", "node-a", (target,), tap_filter([MARK]), (MARK,), tagged_filter=tagged)


def read(folder: TraceFolder) -> dict[str, Any]:
    """What the only tap tells, as the module reads it."""
    (told,) = tapping.run({"state": "read", "record": None, "id": folder.id}, False, folder.root)["taps"]
    return dict(told)


def seen(told: dict[str, Any]) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Of each sighting its interface, direction, and what is around it, in order of time."""
    names = {one["index"]: one["name"] for one in told["interfaces"]}
    return [
        (names[one["ifindex"]], one["direction"], [(layer["type"], layer["id"]) for layer in one["encapsulation"]])
        for one in sorted(told["sightings"], key=lambda one: int(one["time_ns"]))
    ]


def tcpdumps(folder: TraceFolder, what: str = "") -> list[int]:
    """Those that write into it."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except OSError:
            continue
        if any(word.startswith(folder.folder) and what in word for word in words):
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("way", ["on", "off"])
def test_tags_are_told(root: pathlib.Path, asked: NodeTap, wire: Passing, way: str) -> None:
    """Whoever sets them: each packet is told once at each interface, and one that has no tag has none."""
    wire.offload(way)
    with supervised(root, asked, (FIRST, SECOND)) as folder:
        assert len(tcpdumps(folder)) == 5
        wire.send([TAGGED, BARE])
        told = read(folder)
        assert (told["problem"], told["dropped"], told["left_out"], told["packets"]) == (None, 0, 0, 4)
        assert seen(told) == [(FIRST, "P", TAG), (SECOND, "Out", TAG), (FIRST, "P", []), (SECOND, "Out", [])]
        cooked = 20 + len(datagram(1).data)
        assert [one["length"] for one in told["sightings"]] == [cooked + 4, cooked + 4, cooked, cooked]
        until(lambda: not tcpdumps(folder))


@pytest.mark.parametrize("way", ["on", "off"])
def test_without_taps_of_its_own(root: pathlib.Path, asked: NodeTap, wire: Passing, way: str) -> None:
    """What a tap on any alone tells: no tag, and nothing of a frame that leaves with one in it."""
    wire.offload(way)
    with supervised(root, asked, ()) as folder:
        assert len(tcpdumps(folder)) == 1
        wire.send([TAGGED, BARE])
        both = [(FIRST, "P", []), (SECOND, "Out", [])]
        assert seen(read(folder)) == ([*both, *both] if way == "on" else [(FIRST, "P", []), *both])


def test_without_a_filter_for_tags(root: pathlib.Path, asked: NodeTap, wire: Passing) -> None:
    """Tags beside packets are told; nobody looks for those in them."""
    wire.offload("off")
    with supervised(root, dataclasses.replace(asked, tagged_filter=""), (FIRST, SECOND)) as folder:
        assert len(tcpdumps(folder)) == 3
        wire.send([TAGGED, BARE])
        assert seen(read(folder)) == [(FIRST, "P", TAG), (FIRST, "P", []), (SECOND, "Out", [])]


@pytest.mark.parametrize("way, what", [("on", "-both"), ("off", "-leaving")])
def test_one_that_is_killed(root: pathlib.Path, asked: NodeTap, wire: Passing, way: str, what: str) -> None:
    """What is seen on any stands, and that tags may be missing is told."""
    wire.offload(way)
    with supervised(root, asked, (SECOND,)) as folder:
        (pid,) = tcpdumps(folder, what)
        os.kill(pid, signal.SIGKILL)
        until(lambda: len(tcpdumps(folder)) == 2)
        wire.send([TAGGED])
        told = read(folder)
        assert seen(told) == [(FIRST, "P", []), (SECOND, "Out", [])][: 2 if way == "on" else 1]
        assert told["problem"].startswith(
            "VLAN tags at second may be missing: it ended early: tcpdump was killed by signal 9"
        )


def test_one_that_has_no_room(root: pathlib.Path, asked: NodeTap, wire: Passing) -> None:
    """What it drops counts, though the tap on any had room."""
    with supervised(root, dataclasses.replace(asked, filter="udp", tagged_filter=""), (FIRST,)) as folder:
        (pid,) = tcpdumps(folder, "-both")
        os.kill(pid, signal.SIGSTOP)
        wire.send([TAGGED] * 30_000)
        os.kill(pid, signal.SIGCONT)
        told = read(folder)
        assert told["dropped"] > 0 and told["received"] > 60_000


BROKEN = """#!/bin/sh
case "$*" in
*" -i any "*) exec %s "$@" ;;
esac
%s
"""


@pytest.mark.parametrize(
    "does, said",
    [
        ("echo 'tcpdump: it is broken' >&2; exit 1", "tcpdump: it is broken"),
        ("exec sleep 600", "tcpdump did not listen in time"),
    ],
)
def test_one_that_does_not_listen(
    root: pathlib.Path,
    asked: NodeTap,
    wire: Passing,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    does: str,
    said: str,
) -> None:
    """The tap on any goes on as without it, in the time that a start may take; that tags are missing is told."""
    real = subprocess.run(["which", "tcpdump"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "tcpdump").write_text(BROKEN % (real, does))
    (tmp_path / "tcpdump").chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path, os.environ["PATH"]))
    with supervised(root, asked, (FIRST, SECOND)) as folder:
        state = folder.read_state()
        assert state is not None and state["phase"] == "listening"
        wire.send([TAGGED])
        told = read(folder)
        assert seen(told) == [(FIRST, "P", []), (SECOND, "Out", [])]
        assert told["problem"] == "; ".join("VLAN tags at %s may be missing: %s" % (n, said) for n in (FIRST, SECOND))


def test_there_is_a_bound(root: pathlib.Path, asked: NodeTap, wire: Passing) -> None:
    """Of eight trunks tags are told; which are left out is said."""
    names = ["nic%d" % number for number in range(10)]
    for name in names:
        wire.ip("link add %s type bridge" % name)
        wire.ip("link set %s up" % name)
    with supervised(root, asked, names) as folder:
        assert len(tcpdumps(folder)) == 1 + 2 * 8
        assert read(folder)["problem"] == (
            "VLAN tags at nic8 and nic9 are not told: too many interfaces with VLANs for taps of their own"
        )


def test_the_deadline(root: pathlib.Path, asked: NodeTap, wire: Passing) -> None:
    """Nothing of them is left after their time."""
    with supervised(root, dataclasses.replace(asked, seconds=1), (FIRST, SECOND)) as folder:
        until(lambda: not tcpdumps(folder))


def test_whose_interface_is_below(target: Target, wire: Passing) -> None:
    """The kernel tells where an index is another namespace's; what stands on the bridge here is no VLAN's."""
    wire.ip("link add link br0 name above type macvlan")
    namespace = netns.open_target(target)
    try:
        with netns.inside(namespace), links.open_socket() as sock:
            found = {link.name: link for link in links.read_links(sock)}
    finally:
        os.close(namespace)
    assert found["above"].parent == found["br0"].index
    assert {name: link.parent_elsewhere for name, link in found.items() if link.parent} == {
        "above": False,
        FIRST: True,
        SECOND: True,
    }
    assert trunks.trunks(list(found.values())) == ()
