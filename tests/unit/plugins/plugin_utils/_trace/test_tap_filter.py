# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a tap's filter longer, and what it is refused for; tests/lab holds what it lets through."""

from __future__ import annotations

import dataclasses
import re

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.tap_filter import tap_filter

TCP = Mark(1, "tcp", 4, sequence=100_000, said=100, source_ports=tuple(range(20480, 20488)), ports=(80,))
UDP = Mark(1, "udp", 6, nonce=b"traceABC".hex(), source_ports=tuple(range(20480, 20488)), ports=(80,))
CANARY = Mark(0, "udp", 4, nonce=b"traceXYZ".hex(), ports=(9,))
ECHO = Mark(1, "icmpv6", 6, ident=7, sequence=1, nonce=b"trace123".hex())


def shape(*marks: Mark) -> str:
    """A filter without its numbers."""
    return re.sub(r"\b(0x)?[0-9a-f]+\b", "N", tap_filter(marks))


def tcp(number: int, spacing: int) -> Mark:
    """One of a trace's connections; each tries 8 source ports of its own."""
    ports = tuple(range(20480 + 8 * number, 20488 + 8 * number))
    return dataclasses.replace(TCP, probe=number, sequence=100_000 + spacing * number, source_ports=ports)


def test_probes_that_are_close_share_their_conditions() -> None:
    """A hundred connections take no more than one, and so do datagrams and echoes whose nonces begin alike."""
    assert shape(*(tcp(number, 103) for number in range(100)), CANARY) == shape(TCP, CANARY)
    others = [dataclasses.replace(UDP, nonce=(b"trac%04d" % number).hex()) for number in range(100)]
    assert shape(*others) == shape(UDP)
    echoes = [dataclasses.replace(ECHO, sequence=number) for number in range(100)]
    assert shape(*echoes) == shape(*echoes[:2])


def test_probes_that_are_far_apart_have_conditions_of_their_own() -> None:
    """No number in between is let through, wherever two are."""
    text = tap_filter([tcp(0, 0), tcp(1, 0x20000)])
    assert "-100000<103" in text and "-231072<103" in text


def test_numbers_wrap_around() -> None:
    """A connection's numbers go on at 0 behind 2^32: libpcap's subtraction does so, too."""
    assert "[4:4]-4294967295<103" in tap_filter([dataclasses.replace(TCP, sequence=0xFFFFFFFF)])


def test_source_ports_lie_in_a_block() -> None:
    """Ports in a row are one block, or two where they do not begin at a multiple of their number."""
    assert tap_filter([TCP]).count("tcp[0:4]&0xfffffff8=0x505000") == 1
    shifted = dataclasses.replace(TCP, source_ports=tuple(range(20484, 20492)))
    assert [tap_filter([shifted]).count("tcp[0:4]&0xfffffff8=%#x" % (80 << 16 | at)) for at in (20480, 20488)] == [1, 1]


def test_a_version_is_looked_for_in_both() -> None:
    """Packets of one IP version may be wrapped in either; the other version's own are not looked at."""
    assert "tcp[" in tap_filter([TCP]) and "(ip6[6:1]=6 and" not in tap_filter([TCP])
    assert "udp[" not in tap_filter([UDP]) and "ip[0:1]=0x45 and" in tap_filter([UDP])


@pytest.mark.parametrize(
    "mark, said",
    [
        (None, "without a mark, a filter would let every packet through"),
        (dataclasses.replace(TCP, sequence=None), "probe 1 has no sequence number"),
        (dataclasses.replace(UDP, nonce="c0ffee"), "probe 1 has no nonce"),
        (dataclasses.replace(ECHO, nonce=""), "probe 1 has no nonce"),
    ],
)
def test_refused(mark: Mark | None, said: str) -> None:
    """Nothing is made of what no packet could be known by."""
    with pytest.raises(ValueError) as caught:
        tap_filter([mark] if mark else [])
    assert str(caught.value) == said
