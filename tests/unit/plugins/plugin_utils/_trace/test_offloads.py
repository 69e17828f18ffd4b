# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Segments that were split or merged on their way are told by their sequence numbers."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Sighting
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.offloads import Segments

LAST = (1 << 32) - 1


def told(*seen):
    """What is said of segments, each as (spot, sequence number, bytes)."""
    segments = Segments()
    return [
        segments.change(Sighting(1, 0, "request", "tuple", "later", seq=seq % (1 << 32), payload=size), spot)
        for spot, seq, size in seen
    ]


@pytest.mark.parametrize("first", [1, LAST - 1500])
def test_split(first):
    """One large segment, and behind it the three that it was; the numbers may begin anew among them."""
    pieces = [("b", first, 1400), ("b", first + 1400, 1400), ("b", first + 2800, 200)]
    assert told(("a", first, 3000), *pieces) == [None, *["split from 3000 bytes"] * 3]


@pytest.mark.parametrize("first", [1, LAST - 1500])
def test_merged(first):
    """Two come in, and one is handed on."""
    pieces = [("a", first, 1400), ("a", first + 1400, 1400)]
    assert told(*pieces, ("b", first, 2800)) == [None, None, "merged from 2 segments"]


def test_split_and_merged_again():
    """It is told at each change, also where it becomes what it was."""
    pieces = [(spot, seq, 1500) for spot in "bc" for seq in (1, 1501)]
    ways = [("a", 1, 3000), *pieces, ("d", 1, 3000), ("e", 1, 3000)]
    split = "split from 3000 bytes"
    assert told(*ways) == [None, split, split, None, None, "merged from 2 segments", None]


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param([("a", 1, 100), ("b", 1, 100), ("b", 1, 100)], id="as it was"),
        pytest.param([("a", 1, 100), ("a", 101, 100), ("b", 101, 100), ("b", 1, 100)], id="in another order"),
        pytest.param([("a", 1, 3000), ("b", 1, 3000), ("a", 2001, 1000), ("b", 2001, 1000)], id="a part sent again"),
        pytest.param([("a", 1, 100), ("a", 201, 100), ("b", 1, 300)], id="with a gap"),
        pytest.param([("a", 1, 0), ("a", 1, None), ("b", 1, 100)], id="nothing in it"),
    ],
)
def test_neither(seen):
    """Nothing is said of what stays as it was, is sent again in other portions, or is not all there."""
    assert told(*seen) == [None] * len(seen)
