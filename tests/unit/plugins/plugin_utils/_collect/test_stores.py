# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file is safe in a folder once it is on disk there, whoever brought it."""

from __future__ import annotations

import hashlib
import os
import types

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError, PcapError
from ansible_collections.kube.pcap.plugins.module_utils._records import TargetRef
from ansible_collections.kube.pcap.plugins.module_utils._sinks import parse_bucket
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.choice import Segment
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.stores import BucketStore, FolderStore, Kept

DATA = b"packets"
SEGMENT = Segment(TargetRef("pod", "shop", "web", "u", "node-a"), "s1", 7, hashlib.sha256(DATA).hexdigest(), "spool")
NAME = ["c-1", "node-a", "shop", "web", "s1"]


class Service:
    """Takes all that is put; ``found`` is what who looks sees, or why he may not."""

    def __init__(self, found=None):
        self.found, self.asked = found, []

    def store(self, folder):
        """What a collector sees of it."""
        return BucketStore(self, parse_bucket("sink", "gs://captures/p"), str(folder))

    def put(self, path, bucket, name, kind, md5):
        """An object."""
        self.asked.append((bucket, name, kind, md5))
        return types.SimpleNamespace(generation=3, crc32c="c")

    def find(self, bucket, name):
        """One that is there."""
        if isinstance(self.found, PcapError):
            raise self.found
        return self.found


def keep(root, data=DATA):
    """Has one segment kept that the node tells of as DATA."""
    return FolderStore(str(root)).keep(lambda _path, _number: data, "/spool/s1", NAME, SEGMENT)


def test_a_segment_that_is_brought(tmp_path):
    """It lies under its name, for its owner alone; one that is gone leaves nothing."""
    assert keep(tmp_path, data=None) is None and os.listdir(tmp_path.joinpath(*NAME[:-1])) == []
    assert keep(tmp_path) == Kept("/".join(NAME))
    path = tmp_path.joinpath(*NAME)
    assert path.read_bytes() == DATA and path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_segment_that_is_there(tmp_path, monkeypatch):
    """Nothing is read from the node; file and name are flushed before the node is told to delete its own."""
    path, synced, real = tmp_path.joinpath(*NAME), [], os.fsync
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    monkeypatch.setattr(os, "fsync", lambda one: (synced.append(os.readlink("/proc/self/fd/%d" % one)), real(one)))
    assert keep(tmp_path, data=None) == Kept("/".join(NAME), new=False)
    assert synced == [str(path), str(path.parent)]


def test_another_content(tmp_path):
    """It stays, and is an error."""
    path = tmp_path.joinpath(*NAME)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    with pytest.raises(FileError, match="s1 is there with another content, and stays; move it away"):
        keep(tmp_path)
    assert path.read_bytes() == b"another"


def test_a_segment_for_a_bucket(tmp_path):
    """What the bucket is to confirm is taken of what came, not of the node's word; nothing stays here."""
    service = Service()
    kept = service.store(tmp_path).keep(lambda _path, _number: DATA, "/spool/s1", NAME, SEGMENT)
    assert kept == Kept("p/" + "/".join(NAME), 3, "c") and os.listdir(tmp_path) == []
    assert service.asked == [("captures", "p/" + "/".join(NAME), "application/json", hashlib.md5(DATA).hexdigest())]


@pytest.mark.parametrize("found, new", [(None, True), (types.SimpleNamespace(), False), (PcapError("refused"), True)])
def test_a_manifest_for_a_bucket(tmp_path, found, new):
    """It is told whether it was there; an account that may only create stores it, too."""
    parts = ["c-1", "node-a", "manifest.jsonl"]
    kept = Service(found).store(tmp_path).keep_manifest(lambda _path, _number: DATA, "/spool/m", parts, True)
    assert kept == Kept("p/c-1/node-a/manifest.jsonl", 3, "c", new=new)
