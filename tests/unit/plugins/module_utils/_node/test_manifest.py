# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A manifest: lines that are whole, in their order, on disk at once."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.manifest import Manifest, read_manifest
from ansible_collections.kube.pcap.plugins.module_utils._records import TargetRef

LINES = [{"event": "started", "n": 1}, {"event": "ready", "n": 2}, {"event": "stopped", "n": 3}]


def test_manifest(spool):
    """Lines come back in their order, with records as plain values; a new supervisor goes on behind them."""
    path = spool.path("manifest.jsonl")
    assert list(read_manifest(path)) == []
    for event in LINES:
        manifest = Manifest(spool)
        manifest.append({**event, "target": TargetRef("pod", "a", "b", None, "n")})
        manifest.close()
    assert [(one["event"], one["n"], one["target"]["name"]) for one in read_manifest(path)] == [
        ("started", 1, "b"),
        ("ready", 2, "b"),
        ("stopped", 3, "b"),
    ]


def test_each_line_is_on_disk_at_once(spool):
    """A line is in the file before anything is done because of it."""
    path = spool.path("manifest.jsonl")
    manifest = Manifest(spool)
    for number, event in enumerate(LINES, 1):
        manifest.append(event)
        assert list(read_manifest(path)) == LINES[:number]
    manifest.close()


def test_last_line_cut_at_every_byte(spool):
    """A line that a crash cut is passed over; what came before stands, and what comes after is read."""
    path = spool.path("manifest.jsonl")
    whole = "".join(json.dumps(event) + "\n" for event in LINES).encode()
    start = len(whole) - len(json.dumps(LINES[2])) - 1
    for cut in range(start, len(whole) + 1):
        with open(path, "wb") as file:
            file.write(whole[:cut])
        kept = LINES if cut >= len(whole) - 1 else LINES[:2]
        assert list(read_manifest(path)) == kept
        manifest = Manifest(spool)
        manifest.append({"event": "after"})
        manifest.close()
        assert list(read_manifest(path)) == [*kept, {"event": "after"}]


@pytest.mark.parametrize("junk", [b"\0" * 50, b"\xff\xfe\n", b"[1]\n", b"\n\n", b'"x"\n', b"7\n", b"{]\n"])
def test_junk_between_lines(spool, junk):
    """What a disk or a person left between the lines is passed over."""
    path = spool.path("manifest.jsonl")
    with open(path, "wb") as file:
        file.write(b'{"event":"a"}\n' + junk)
    manifest = Manifest(spool)
    manifest.append({"event": "b"})
    manifest.close()
    assert [one["event"] for one in read_manifest(path)] == ["a", "b"]
