# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Crashes between two steps, and files that somebody takes away: each packet is somewhere, once."""

from __future__ import annotations

import dataclasses
import os

import pytest

from .boxes import WEB, Box, Crash, T, crash_at, fill


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_while_something_is_given_up(tmp_path, monkeypatch, when):
    """A packet is in a segment or told as given up, never both, never neither."""
    for step in range(1, 60):
        folder = tmp_path / str(step)
        folder.mkdir()
        box = Box(folder, sink=False, compress=False, keep_bytes=2000)
        fill(box)
        box.holdings.recover()
        crashed = False
        with monkeypatch.context() as patched:
            crash_at(patched, step, when)
            try:
                box.drive(bounds=[[]])
            except Crash:
                crashed = True
        box.close()
        box.open().recover()
        box.drive(bounds=[[]])
        box.close()
        given_up = sum(one["packets"] for one in box.events("evicted"))
        assert len(set(box.packets())) == len(box.packets())
        assert given_up + len(box.packets()) == 100, "step %d" % step
        if not crashed:
            break


@pytest.mark.parametrize("files", [0, 1])
def test_a_tap_whose_first_line_was_never_written(tmp_path, files):
    """Killed between tcpdump's start and the line "started": the next supervisor must come up."""
    box = Box(tmp_path)
    box.open()
    os.mkdir(box.spool.path("taps", "1"))
    if files:
        box.write(1, "%d.pcap" % T, range(3))
    try:
        box.holdings.recover()
        box.drive()
    finally:
        box.close()
    assert os.listdir(box.spool.path("taps")) == []


def test_a_raw_file_that_is_gone(tmp_path):
    """Somebody took a closed file away: what comes behind it is finished all the same, and it is told."""
    box = Box(tmp_path, sink=False)
    fill(box)
    box.holdings.recover()
    os.unlink(box.spool.path("taps", "1", "%d.pcap" % T))
    try:
        box.drive()
    finally:
        box.close()
    assert sorted(box.packets()) == list(range(10, 100))


def test_a_raw_file_that_is_gone_when_it_is_given_up(tmp_path):
    """...nor does it end the supervisor when a bound is reached."""
    box = Box(tmp_path, sink=False, keep_bytes=600)
    fill(box)
    box.holdings.recover()
    os.unlink(box.spool.path("taps", "1", "%d.pcap" % T))
    try:
        box.keep_bounds([])
    finally:
        box.close()


def test_a_segment_that_is_gone(tmp_path):
    """A segment somebody took away must not keep all later ones from the sink, for ever."""
    box = Box(tmp_path)
    fill(box)
    os.rmdir(str(box.sink))
    box.holdings.recover()
    box.drive(lambda: not box.holdings.unfinished)
    oldest = min(box.events("segment"), key=lambda one: one["opened"])
    os.unlink(box.spool.path("segments", oldest["file"]))
    box.sink.mkdir()
    try:
        box.drive(lambda: len(box.events("stored")) == 4)
    finally:
        box.close()


def test_two_targets_of_one_name_part(tmp_path):
    """Two targets whose names become one part (here: made so on purpose) overwrite each other's segments."""
    from ansible_collections.kube.pcap.plugins.module_utils._names import clean_part

    long = "a" * 70
    first = dataclasses.replace(WEB, name=long)
    second = dataclasses.replace(WEB, name=clean_part(long), uid="uid-3")
    box = Box(tmp_path, sink=False)
    box.open()
    for run, target, packets in ((1, first, range(0, 5)), (2, second, range(5, 9))):
        box.start(run, target)
        box.write(run, "%d.pcap" % T, packets)
        box.stop(run, target)
    box.holdings.recover()
    box.drive()
    box.close()
    assert sorted(box.packets()) == list(range(9))


def test_an_error_that_is_over_is_not_the_last_word(tmp_path):
    """Without a sink nothing ever clears last_error."""
    box = Box(tmp_path, sink=False)
    fill(box)
    box.holdings.recover()
    box.outbox.tick(box.clock.now)
    os.kill(box.outbox.workers[0].pid, 9)
    try:
        box.drive(lambda: box.outbox.last_error is not None)
        box.drive()
        assert box.outbox.last_error is None
    finally:
        box.close()


def test_a_damage_survives_a_crash(tmp_path, monkeypatch):
    """finish() cuts the raw file in place: when the supervisor dies before the manifest line, the next one sees a
    whole file and writes damage: null and no gap."""
    box = Box(tmp_path, sink=False)
    box.open()
    box.start(1)
    box.write(1, "%d.pcap" % T, range(10), cut=5)
    box.stop(1)
    box.holdings.recover()
    with monkeypatch.context() as patched:
        crash_at(patched, 1, "before")  # the fsync of the "segment" line; torn: it never was there
        try:
            box.drive()
        except Crash:
            pass
    box.close()
    with open(box.spool.path("manifest.jsonl"), "rb") as file:
        lines = file.read().splitlines(True)
    with open(box.spool.path("manifest.jsonl"), "wb") as file:
        file.write(b"".join(lines[:-1]))
    box.open().recover()
    box.drive()
    box.close()
    assert box.events("segment")[-1]["damage"]
