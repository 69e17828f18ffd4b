# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a snapshot file."""

from __future__ import annotations

import gzip
import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError
from ansible_collections.kube.pcap.plugins.plugin_utils._cluster.snapshot import read_snapshot

POD = {"kind": "Pod", "metadata": {"name": "cart", "namespace": "shop"}, "status": {"phase": "Running"}}
NAMED = r"^snapshot \(in a playbook capture_snapshot or exec_snapshot\): "
TEXT = json.dumps({"kind": "List", "items": [POD]}).encode()


@pytest.mark.parametrize("data", [TEXT, gzip.compress(TEXT), b"\n" + TEXT])
def test_read(tmp_path, data):
    """A snapshot may be compressed."""
    (tmp_path / "s.json").write_bytes(data)
    assert [c.target.name for c in read_snapshot(str(tmp_path / "s.json"))[0]] == ["cart"]


@pytest.mark.parametrize(
    "data, text",
    [
        (b"", "is empty"),
        (b"no json", "is not what kubectl get -o json writes: Expecting value: line 1 column 1"),
        (TEXT[:-2], "is not what kubectl get -o json writes"),
        (b"\xff\xfe", "is not what kubectl"),
        (gzip.compress(TEXT)[:-9], "cannot be read"),
        (b"\x1f\x8bnothing", "cannot be read"),
        (b'{"kind": "List", "items": []}', "has no pods"),
        (b'{"kind": "List", "items": [{}]}', r"it.items\[0\] is no Kubernetes object"),
        (b"[" * 100000, "is nested too deeply"),
    ],
)
def test_refused(tmp_path, data, text):
    """Anything else is one sentence that names the option, and the file."""
    (tmp_path / "s.json").write_bytes(data)
    with pytest.raises(FileError, match=NAMED + "the snapshot .*s.json .*%s" % text) as caught:
        read_snapshot(str(tmp_path / "s.json"))
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path):
    """A missing file and a folder say so."""
    with pytest.raises(
        FileError, match=NAMED + "the snapshot .*none.json cannot be read: No such file.*; write it with kubectl"
    ):
        read_snapshot(str(tmp_path / "none.json"))
    with pytest.raises(FileError, match="cannot be read: Is a directory"):
        read_snapshot(str(tmp_path))
