# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a capture's memory and disk are shared among its taps, and what is given up for a bound."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import PcapError
from ansible_collections.kube.pcap.plugins.module_utils._node.retention import (
    Held,
    Share,
    choose_evicted,
    closed_bytes_allowed,
    least_free,
    on_disk,
    outgrown,
    share,
)
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions

MEGA = 1_000_000
MIB = 1 << 20
GIGA = 10**9
ROOM = 10**15
"""More than any bound here."""
SHARES = [
    ("one target takes what was asked", {}, [], 1, Share(4096, 100 * MEGA)),
    ("two leave room for a third", {}, [], 2, Share(4096, 89 * MEGA)),
    ("fifty are cut to the ring's bound", {}, [], 50, Share(2570, 5 * MEGA)),
    ("a small buffer is never raised", {"buffer_kib": 64}, [], 1, Share(64, 100 * MEGA)),
    ("segments are whole millions", {"segment_bytes": 2_500_000}, [], 1, Share(4096, 2 * MEGA)),
    ("keep cuts the segments", {"keep_bytes": 40 * MEGA}, [], 5, Share(4096, MEGA)),
    ("beside one that runs", {"memory_bytes": 5 * MIB}, [Share(4096, 10 * MEGA)], 1, Share(512, 100 * MEGA)),
    ("the least ring", {"memory_bytes": MIB}, [], 2, Share(512, 89 * MEGA)),
    ("the least segment", {"keep_bytes": 8 * MEGA}, [], 2, Share(4096, MEGA)),
]
REFUSED = [
    ("memory", {"memory_bytes": MIB}, [], 3, "memory: 3 packet rings"),
    ("memory beside others", {"memory_bytes": 8 * MIB}, [Share(4096, MEGA)] * 2, 1, "memory: 3 packet rings"),
    ("a small buffer", {"memory_bytes": 512 << 10, "buffer_kib": 300}, [], 2, "memory: 2 packet rings"),
    ("keep", {"keep_bytes": 8 * MEGA}, [], 3, "keep: 3 targets"),
    ("keep beside others", {"keep_bytes": 100 * MEGA}, [Share(512, 12 * MEGA)] * 2, 2, "keep: 4 targets"),
]
HELD = [Held((30, "c"), 5), Held((10, "a"), 7), Held((20, "b"), 11), Held((10, "b"), 1)]


@pytest.mark.parametrize("_why, options, running, new, expected", SHARES, ids=[one[0] for one in SHARES])
def test_share(_why, options, running, new, expected):
    """A tap takes what was asked for, cut to what the bounds leave."""
    assert share(CaptureOptions(**options), running, new, ROOM) == expected


@pytest.mark.parametrize("_why, options, running, new, text", REFUSED, ids=[one[0] for one in REFUSED])
def test_no_share(_why, options, running, new, text):
    """Too little for a tap is refused with the option, how many there are, and what would be needed."""
    with pytest.raises(PcapError, match="^%s.* need .*, the bound is .*; .*select fewer targets" % text):
        share(CaptureOptions(**options), running, new, ROOM)


@pytest.mark.parametrize(
    "room, running, new, segment",
    [
        (8 * GIGA, [], 1, 100 * MEGA),
        (80 * MEGA, [], 1, 10 * MEGA),
        (80 * MEGA, [], 4, 4 * MEGA),
        (80 * MEGA, [Share(512, 10 * MEGA)], 1, 5 * MEGA),
        (12 * MEGA, [], 3, MEGA),
    ],
)
def test_a_small_disk_cuts_the_segments(room, running, new, segment):
    """What the file system has room for counts, where that is less than what may be kept."""
    assert share(CaptureOptions(), running, new, room).segment_bytes == segment


@pytest.mark.parametrize(
    "room, new, text", [(11 * MEGA, 3, "12 MB on .* 11 MB"), (0, 1, "4 MB on .* 0"), (-MEGA, 1, "4 MB on .* 0")]
)
def test_a_disk_that_is_too_small(room, new, text):
    """It is refused with what would be needed and what there is, by the option that bounds it."""
    with pytest.raises(PcapError, match="^min_free: %d targets need at least %s" % (new, text)):
        share(CaptureOptions(), [], new, room)


@pytest.mark.parametrize("size, expected", [(0, False), (25 * MEGA, False), (25 * MEGA + 1, True), (GIGA, True)])
def test_outgrown(size, expected):
    """A manifest may take a quarter: beside open files, as much is left for segments."""
    reason = outgrown(CaptureOptions(keep_bytes=100 * MEGA), size)
    assert bool(reason) == expected and (not reason or "grown to " in reason)
    assert closed_bytes_allowed(CaptureOptions(keep_bytes=100 * MEGA), [Share(1, 25 * MEGA)]) == 50 * MEGA


@pytest.mark.parametrize("new", [1, 2, 3, 10, 50, 67])
@pytest.mark.parametrize("running", [0, 1, 7])
@pytest.mark.parametrize("segment_bytes", [MEGA, 100 * MEGA])
def test_the_sums_keep_the_bounds(new, running, segment_bytes):
    """Whatever is shared, rings stay within the memory, and open files leave half of the disk to closed ones."""
    options = CaptureOptions(segment_bytes=segment_bytes)
    before = [Share(512, MEGA)] * running
    made = before + [share(options, before, new, ROOM)] * new
    assert sum(one.buffer_kib for one in made) * 1024 <= options.memory_bytes
    open_bytes = sum(one.segment_bytes for one in made)
    assert closed_bytes_allowed(options, made) >= options.keep_bytes // 2
    assert 2 * open_bytes + closed_bytes_allowed(options, made) <= options.keep_bytes


def test_what_is_asked_for_in_a_refusal_would_do():
    """The sum in a refusal is enough: the next try with it is taken."""
    assert share(CaptureOptions(memory_bytes=3 * 512 << 10), [], 3, ROOM).buffer_kib == 512
    assert share(CaptureOptions(keep_bytes=12 * MEGA), [], 3, ROOM).segment_bytes == MEGA
    for options, text in (({"memory_bytes": MIB}, "need 1536 KiB"), ({"keep_bytes": 8 * MEGA}, "need at least 12 MB")):
        with pytest.raises(PcapError, match=text.replace("1536 KiB", "(1536 KiB|1.5 MiB)")):
            share(CaptureOptions(**options), [], 3, ROOM)


@pytest.mark.parametrize(
    "running, expected",
    [([], 100), ([Share(1, 10)], 80), ([Share(1, 10), Share(1, 15)], 50), ([Share(1, 50)], 0), ([Share(1, 80)], 0)],
)
def test_closed_bytes_allowed(running, expected):
    """An open file is counted twice; without taps everything is for closed files; never less than nothing."""
    assert closed_bytes_allowed(CaptureOptions(keep_bytes=100), running) == expected


@pytest.mark.parametrize(
    "percent, size, disk, expected",
    [(10, 0, GIGA, GIGA // 10), (0, 50 * MEGA, GIGA, 50 * MEGA), (10, GIGA, GIGA, GIGA), (99, 0, GIGA + 1, 990 * MEGA)],
)
def test_least_free(percent, size, disk, expected):
    """A share of the file system or a size: the greater holds."""
    assert least_free(CaptureOptions(min_free_percent=percent, min_free_bytes=size), disk) == expected


def test_there_is_always_room_for_a_line():
    """Without a bound, what the manifest needs to tell of a full file system still stays free."""
    assert 64 << 10 <= least_free(CaptureOptions(min_free_percent=0), GIGA) <= 16 << 20


@pytest.mark.parametrize(
    "excess, expected",
    [
        (-5, ""),
        (0, ""),
        (1, "a"),
        (7, "a"),
        (8, "ab"),
        (9, "abb"),
        (19, "abb"),
        (20, "abbc"),
        (10**9, "abbc"),
    ],
)
def test_choose_evicted(excess, expected):
    """The oldest go first, no more than must, and everything where that is not enough."""
    chosen = choose_evicted(sorted(HELD), excess)
    assert "".join(one.key[1] for one in chosen) == expected
    assert [one.key for one in chosen] == sorted(one.key for one in chosen)


def test_nothing_is_there_to_evict():
    """An empty spool frees nothing."""
    assert choose_evicted([], 100) == []


@pytest.mark.parametrize("size, expected", [(0, 0), (1, 4096), (4096, 4096), (4097, 8192), (MEGA, 1_003_520)])
def test_on_disk(size, expected):
    """A file takes whole blocks."""
    assert on_disk(size) == expected
