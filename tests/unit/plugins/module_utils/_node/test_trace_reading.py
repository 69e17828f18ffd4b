# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a tap's file, whole, damaged or gone."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.trace_reading import tapped
from ansible_collections.kube.pcap.plugins.module_utils._node.trace_tap import Framed, Watched
from ansible_collections.kube.pcap.plugins.module_utils._node.trace_tcpdump import Written
from ansible_collections.kube.pcap.plugins.module_utils._records import TargetRef
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Interface, KernelClock, Mark

NONCE = b"a nonce!"
MARKS = (Mark(1, "udp", 4, nonce=NONCE.hex(), ports=(9,)),)
TARGET = TargetRef("node", None, "node-a", None, "node-a")
RAW = 101  # LINKTYPE_RAW
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 256, RAW)


def packet(payload, sport=1000):
    """A record of a datagram."""
    udp = struct.pack(">HHHH", sport, 9, 8 + len(payload), 0) + payload
    data = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2") + udp
    return struct.pack("<IIII", 1, 2, len(data), len(data)) + data


def told(path, problem=None, captured=None, **options):
    """What is told of the tap whose file that is."""
    written = Written(str(path), captured, 9, 1, problem)
    watched = Watched(TARGET, 5, (Interface(1, "lo"),), ("eth1",), written, None)
    return tapped(watched, MARKS, **options)


def test_a_whole_file(tmp_path):
    """Every packet is counted, the probe's is told, and what the supervisor said stands."""
    (tmp_path / "f").write_bytes(HEADER + packet(b"other", 2000) + packet(NONCE))
    found = told(tmp_path / "f", captured=2)
    assert (found.packets, found.received, found.dropped, found.left_out, found.problem) == (2, 9, 1, 0, None)
    assert (found.target, found.netns, found.changed, found.clock) == (TARGET, 5, ("eth1",), None)
    clock = KernelClock(True, 250, 17, -5)
    assert told(tmp_path / "f", clock=clock).clock == clock
    assert [(one.probe, one.part, one.sport) for one in found.sightings] == [(1, "first", 1000)]


def test_a_file_that_lacks_packets(tmp_path):
    """On a full file system tcpdump goes on, ends well, and tells what it thinks it has written."""
    (tmp_path / "f").write_bytes(HEADER + packet(NONCE))
    assert told(tmp_path / "f", captured=5).problem == "tcpdump has written 5 packets, and its file has 1"


def test_more_than_an_answer_may_hold(tmp_path):
    """The first ones are told, and the rest is counted."""
    (tmp_path / "f").write_bytes(HEADER + b"".join(packet(NONCE, 1000 + number) for number in range(7)))
    found = told(tmp_path / "f", most=3)
    assert [one.sport for one in found.sightings] == [1000, 1001, 1002] and (found.packets, found.left_out) == (7, 4)


def test_a_trunk(tmp_path):
    """What its own tcpdumps have lost, or that one was killed, is told of the whole tap."""
    (tmp_path / "f").write_bytes(HEADER + packet(NONCE))
    (tmp_path / "g").write_bytes(HEADER)
    any_, one = Written(str(tmp_path / "f"), 1, 9, 1, None), Written(str(tmp_path / "g"), 0, 5, 2, None)
    two = Written(str(tmp_path / "h"), None, 3, 4, "it ended early")
    frames = (Framed(2, "eth0", False, one), Framed(3, "eth1", True, two))
    found = tapped(Watched(TARGET, 5, (), (), any_, "eth9 is not told", frames), MARKS)
    assert (found.packets, found.received, found.dropped, len(found.sightings)) == (1, 17, 7, 1)
    assert found.problem == (
        "eth9 is not told; VLAN tags at eth1 may be missing: it ended early; "
        "VLAN tags at eth1 may be missing: its file is damaged: it cannot be read: No such file or directory"
    )


@pytest.mark.parametrize(
    "data, packets, problem",
    [
        (HEADER + packet(NONCE) + packet(NONCE)[:-1], 1, "its file is damaged: the file ends inside record 2"),
        (HEADER[:-1], 0, "its file is damaged: the file ends inside its header"),
        (b"", 0, "its file is damaged: the file is empty"),
        (None, 0, "its file is damaged: it cannot be read: No such file or directory"),
    ],
)
def test_a_damaged_file(tmp_path, data, packets, problem):
    """What is before the damage is told, and the damage, and nothing is raised."""
    if data is not None:
        (tmp_path / "f").write_bytes(data)
    found = told(tmp_path / "f")
    assert (found.packets, len(found.sightings), found.problem) == (packets, packets, problem)
    assert told(tmp_path / "f", problem="it ended early").problem == "it ended early; " + problem
