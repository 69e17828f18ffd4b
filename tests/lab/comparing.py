# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares what the collection reads of a capture file with what tshark and tcpdump read."""

from __future__ import annotations

import pathlib

from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Packet, Record
from tests.lab import readers


def compare(path: pathlib.Path, tcpdump: bool = True) -> int:
    """Compares what three readers say of a file, field by field; how many packets it has."""
    mine, theirs = readers.ours(str(path)), readers.tshark(str(path))
    assert len(mine) == len(theirs)
    for number, ((record, packet), row) in enumerate(zip(mine, theirs, strict=True), 1):
        cut = len(record.data) < record.length
        assert packet.error is None, (number, packet.error)
        wrong = readers.differences(readers.fields(record, packet), row, cut)
        assert not wrong, (number, wrong, packet, record.data.hex(), row["protocols"])
    if tcpdump:
        compare_text(mine, readers.tcpdump(str(path)))
    return len(mine)


def compare_text(mine: list[tuple[Record, Packet]], texts: list[tuple[int, str]]) -> None:
    """Compares with tcpdump: how many, when, how long, between whom."""
    assert len(mine) == len(texts)
    for number, ((record, packet), (time_ns, text)) in enumerate(zip(mine, texts, strict=True), 1):
        assert record.time_ns == time_ns, number
        if len(record.data) < record.length:
            continue
        found = readers.pairs_in(text)
        expected = readers.pairs_of(packet)
        assert found[: len(expected)] == expected, (number, text, packet)
        assert packet.icmp or len(found) == len(expected), (number, text, packet)
        if packet.tcp:
            assert "Flags [%s], " % (packet.tcp.flags or "none") in text, (number, text, packet)
            assert "seq " not in text.rpartition("Flags")[2] or "seq %d" % packet.tcp.seq in text
