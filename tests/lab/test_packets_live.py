# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The packet reader on what tcpdump really captures of every tunnel, beside tshark, tcpdump and what was sent."""

from __future__ import annotations

import pathlib
import random
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._packets.entries import Wanted, read_entries
from tests.lab import readers
from tests.lab.comparing import compare
from tests.lab.wires import TCP_PORT, UDP_PORT, Wires
from tests.unit.plugins.module_utils.random_packets import random_packet


@pytest.fixture(scope="module")
def wires() -> Iterator[Wires]:
    """Two ends and their tunnels."""
    with Wires() as made:
        yield made


CAPTURES = {
    "Ethernet": ("-i", "wire"),
    "SLL2": ("-i", "any"),
    "SLL": ("-i", "any", "-y", "LINUX_SLL"),
    "nanoseconds": ("-i", "wire", "--time-stamp-precision=nano"),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_every_tunnel(wires: Wires, name: str, tmp_path: pathlib.Path) -> None:
    """What went through each tunnel is found in it, and read as others read it."""
    path = tmp_path / "file.pcap"
    with wires.captured(path, "-s", "0", *CAPTURES[name]):
        talked = wires.talk()
    assert {tunnel.name for tunnel in wires.tunnels} >= {"vx", "vx6"}  # without which there is no lab
    assert compare(path) >= 10 * len(talked)
    entries = read_entries(Wanted((str(path),), "", None))
    for tunnel, version, source, destination in talked:
        there = [one for one in entries if (one["src"], one["dst"]) == (source, destination)]
        inside = [one for one in there if _around(one) == list(tunnel.around)]
        syn = [one for one in inside if one["tcp"] and one["tcp"]["flags"] == "S"]
        assert len(syn) == 1 and syn[0]["dport"] == TCP_PORT, tunnel
        (datagram,) = [one for one in inside if one["protocol"] == "udp"]
        errors = [one for one in entries if one["icmp"] and one["icmp"]["quoted"] and one["src"] == destination]
        quoted = [one["icmp"]["quoted"] for one in errors if _around(one) == list(tunnel.around)]
        assert [(one["src"], one["dst"], one["sport"], one["dport"], one["protocol"]) for one in quoted] == [
            (source, destination, datagram["sport"], UDP_PORT, "udp")
        ], (tunnel, version)


def _around(entry: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(layer["type"], layer["id"]) for layer in entry["encapsulation"]]


@pytest.mark.parametrize("snaplen", [60, 96, 120, 192])
def test_cut(wires: Wires, snaplen: int, tmp_path: pathlib.Path) -> None:
    """What a snap length leaves is read as others read it."""
    path = tmp_path / "file.pcap"
    with wires.captured(path, "-s", str(snaplen), "-i", "any"):
        talked = wires.talk()
    assert compare(path) >= 10 * len(talked)


@pytest.mark.parametrize("name", CAPTURES)
def test_frames_sent_by_hand(wires: Wires, name: str, tmp_path: pathlib.Path) -> None:
    """Of what no kernel makes here, too: tunnels in tunnels, tags that tcpdump puts back, every protocol."""
    rng = random.Random(name)
    made = [random_packet(rng) for _packet in range(200)]
    path = tmp_path / "file.pcap"
    with wires.captured(path, "-s", "0", *CAPTURES[name]):
        wires.send([one.data for one in made])
    assert compare(path) >= len(made)
    found = [packet._replace(direction=None, ifindex=None) for _record, packet in readers.ours(str(path))]
    position = 0
    for one in made:  # between them may stand what the other end answers
        around = one.packet.encapsulation
        if name == "SLL2" and around and around[0].type == "vlan" and one.packet not in found:
            around = around[1:]  # libpcap 1.10 puts the kernel's tag back into Ethernet and SLL alone
        position = found.index(one.packet._replace(encapsulation=around), position) + 1
