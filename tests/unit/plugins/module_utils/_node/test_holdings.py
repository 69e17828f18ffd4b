# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies on the node keeps its bounds: the oldest goes first, counted, and told before it is deleted."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.retention import Share

from .boxes import WEB, T, fill, made


@pytest.fixture
def boxes(tmp_path):
    """Makes boxes, and ends their workers."""
    yield from made(tmp_path)


def watch_deletions(monkeypatch, box):
    """Notes for each deletion of a capture file which lines of the manifest there were."""
    real, seen = os.unlink, []

    def unlink(path, *args, **kwargs):
        if ".pcap" in str(path):
            seen.append((str(path), box.events("evicted")[-1:]))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "unlink", unlink)
    return seen


def test_bound_on_segments(boxes, monkeypatch):
    """The oldest segments are given up for the bound, as many as must, each told before it is deleted."""
    box = boxes(sink=False, compress=False)
    fill(box)
    box.holdings.recover()
    box.drive()
    seen = watch_deletions(monkeypatch, box)
    sizes = {one["file"]: one["bytes"] for one in box.events("segment")}
    opened = sorted((one["opened"], one["file"]) for one in box.events("segment"))
    bound = box.holdings.disk_bytes() - 4098
    assert box.keep_bounds([Share(512, (box.options.keep_bytes - bound) // 2)])
    gone = [one["file"] for one in box.events("evicted")]
    assert gone == [name for _opened, name in opened[:2]]
    assert [os.path.basename(path) for path, _lines in seen] == gone
    assert all(lines[0]["file"] == os.path.basename(path) for path, lines in seen)
    assert sorted(sizes) == sorted(gone + box.spooled())
    assert box.holdings.closed_bytes() == 3 * 4096
    assert sum(one["packets"] for one in box.events("evicted")) + len(box.packets()) == 100


def test_bound_on_files_that_are_no_segments_yet(boxes, monkeypatch):
    """Where compression does not keep up, files go before they are segments, and their packets are counted."""
    box = boxes(keep_bytes=600)
    fill(box)
    box.holdings.recover()
    seen = watch_deletions(monkeypatch, box)
    assert box.keep_bounds([])
    assert [lines[0]["raw"] for _path, lines in seen] == [one["raw"] for one in box.events("evicted")]
    assert [one["raw"] for one in box.events("evicted")] == [
        "1/%d.pcap" % T,
        "1/%d.pcap1" % T,
        "3/%d.pcap" % (T + 20),
        "2/%d.pcap" % (T + 30),
        "1/%d.pcap" % (T + 60),
    ]
    assert [one["packets"] for one in box.events("evicted")] == [10, 20, 10, 30, 30]
    assert (box.holdings.unfinished, box.holdings.closed_bytes()) == (False, 0)
    account = box.journal.ledger.account(WEB)
    assert (account.evicted_packets, account.evicted_segments, account.captured) == (70, 4, 70)


def test_open_files_are_reserved_for(boxes):
    """The more the running taps may write, the less closed files may stay."""
    box = boxes(sink=False, compress=False, keep_bytes=40_000)
    fill(box)
    box.holdings.recover()
    box.drive()
    assert box.keep_bounds([]) and len(box.spooled()) == 5
    assert box.keep_bounds([Share(512, 8000)]) and 0 < len(box.spooled()) < 5
    assert box.holdings.closed_bytes() <= 24_000
    assert box.keep_bounds([Share(512, 20_000)]) and box.spooled() == []


def test_what_is_really_on_the_disk(boxes):
    """Small files take whole blocks, and the manifest counts: the bound is on both."""
    box = boxes(sink=False, keep_bytes=40_000)
    fill(box)
    box.holdings.recover()
    box.drive()
    paths = [box.spool.path("segments", name) for name in box.spooled()] + [box.spool.path("manifest.jsonl")]
    assert box.holdings.disk_bytes() == sum(-(-os.path.getsize(path) // 4096) * 4096 for path in paths)
    assert box.keep_bounds([]) and len(box.spooled()) == 5
    for _line in range(200):
        box.journal.record("clock_stepped", by_ns=10**9)
    box.keep_bounds([])
    assert 0 < len(box.spooled()) < 5 and box.holdings.disk_bytes() <= 40_000


def test_a_file_system_without_room(boxes):
    """Everything that may go goes for the file system's bound, and the answer says that it was not enough."""
    box = boxes(sink=False, min_free_bytes=1 << 60)
    fill(box)
    box.holdings.recover()
    box.drive()
    assert not box.keep_bounds([])
    assert {one["reason"] for one in box.events("evicted")} == {"min_free"}
    assert box.spooled() == [] and len(box.events("evicted")) == 5
    assert not box.keep_bounds([])


def test_what_is_on_its_way_is_not_given_up(boxes):
    """A segment that is being copied stays until the sink has answered."""
    box = boxes()
    fill(box)
    box.drive(lambda: box.events("sink"))
    os.rmdir(str(box.sink))
    box.holdings.recover()
    box.drive(lambda: not box.holdings.unfinished and bool(box.outbox.workers[1].busy))
    box.keep_bounds([Share(512, box.options.keep_bytes)])
    assert len(box.events("evicted")) == 4 and len(box.spooled()) == 1
