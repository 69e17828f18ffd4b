# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told to the node, when, and what becomes of failures: a node and a store that are records in memory."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError, NodeError
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.choice import read_options
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.collecting import Collector
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.stores import Kept

REF = {"kind": "pod", "namespace": "shop", "name": "web", "uid": "u", "node": "node-a"}
BUCKET = "gs://box/p"


class FakeNode:
    """Captures of a node by id; what is confirmed goes as on a node."""

    def __init__(self, count=3, sink=None, phase="ready", settled=False, node="node-a", reason=None):
        self.segments = [
            {"file": "s%02d" % number, "bytes": 10, "sha256": "00", "where": "spool", "target": REF}
            for number in range(count)
        ]
        self.fields = {"id": "c-1", "node": node, "phase": phase, "reason": reason, "sink": sink, "settled": settled}
        self.confirmed, self.calls, self.uploads, self.refuses = [], [], [], None
        self.others, self.ends = [], False

    def call(self, module, **params):
        """A module."""
        self.calls.append((module, params))
        if self.refuses and "policies" in params:
            raise self.refuses
        for told in params.get("confirmed", {}).get("c-1", ()):
            self.confirmed.append(told["file"])
            for one in self.segments:
                if one["file"] == told["file"]:
                    one.update(where="sink", sink=told["sink"])
        told = {**self.fields, "segment_list": [dict(one) for one in self.segments] if params["segments"] else []}
        if module == "capture_info" and self.ends:
            told.update(phase="done", settled=True)
        captures = [told, *self.others] if params["id"] == "all" else [told]
        return {"changed": False, "uploads": self.uploads, "captures": captures}

    def read(self, path, number):
        """A block."""
        raise AssertionError


class FakeStore:
    """Keeps names; some fail, some are gone."""

    def __init__(self, failing=(), gone=()):
        self.failing, self.gone, self.kept = dict(failing), gone, []

    def keep(self, read, source, parts, segment):
        """A segment."""
        if segment.file in self.failing:
            raise self.failing[segment.file]
        if segment.file in self.gone:
            return None
        assert source == "/var/lib/kube-pcap/c-1/segments/" + segment.file
        self.kept.append("/".join(parts))
        return Kept("/".join(parts), 7, "crc")

    def keep_manifest(self, read, source, parts, settled):
        """The manifest."""
        self.kept.append("/".join(parts))
        return Kept("/".join(parts))


class FakeUploads:
    """What the controller has for nodes that upload themselves."""

    def __init__(self, *problems):
        self.problems = list(problems)

    def for_node(self, told, node):
        """Nothing."""
        assert node == "node-a"
        return {}


class Signing(FakeUploads):
    """Has something for each."""

    def for_node(self, told, node):
        """A policy."""
        return {"policies": "{}"}


def collect(node, store, check_mode=False, uploads=None, **options):
    given = {"dest": None, "sink": None, "id": "all", "spool": "/var/lib/kube-pcap", **options}
    wanted = read_options(given, "/home/ann", "node-a")
    result = Collector(wanted, node, lambda _place: store, uploads or FakeUploads()).run(check_mode)
    return result, result["captures"][0]


def test_batches():
    """The node is told of ten files at a time, after they are safe, and the manifest comes last."""
    node, store = FakeNode(23), FakeStore()
    result, one = collect(node, store)
    batches = [params["confirmed"]["c-1"] for _module, params in node.calls if "confirmed" in params]
    assert [len(batch) for batch in batches] == [10, 10, 3]
    assert batches[0][0] == {
        "file": "s00",
        "sink": "controller:/home/ann/captures",
        "object": "c-1/node-a/shop/web/s00",
        "generation": 7,
        "crc32c": "crc",
    }
    assert store.kept[-1] == "c-1/node-a/manifest.jsonl" and len(store.kept) == 24
    assert (one["segments"], one["bytes"], one["left"], one["manifest"]) == (23, 230, 0, True)
    assert result["changed"] and "failed" not in result and "msg" not in result


def test_ten_files():
    """After what was confirmed it is only read how things are; without anything to bring not even that."""
    node, store = FakeNode(10), FakeStore()
    _result, one = collect(node, store)
    assert [module for module, _params in node.calls] == ["capture", "capture", "capture_info"]
    assert (one["segments"], one["left"]) == (10, 0)
    node = FakeNode(0)
    collect(node, store)
    assert [module for module, _params in node.calls] == ["capture"]


def test_what_was_told_long_ago():
    """A capture that had nothing at first is asked once more, after the others have taken their time."""
    node = FakeNode(0)
    segment = {"file": "t00", "bytes": 10, "sha256": "00", "where": "spool", "target": REF}
    node.others, node.ends = [{**node.fields, "id": "c-2", "segment_list": [segment]}], True
    result, _told = collect(node, FakeStore({"t00": FileError("no")}))
    assert [(one["id"], one["phase"]) for one in result["captures"]] == [("c-1", "done"), ("c-2", "ready")]


def test_what_fails_and_what_is_gone():
    """The others come, the failure is told with what is left, and what is gone is no failure."""
    node, store = FakeNode(4), FakeStore({"s01": FileError("s01 is damaged")}, gone=["s02"])
    result, one = collect(node, store)
    assert node.confirmed == ["s00", "s03"] and (one["gone"], one["left"]) == (1, 2)
    assert result["failed"] and result["msg"] == "capture c-1: s01 is damaged" and result["changed"]


def test_three_failures_in_a_row():
    """Then the rest is not tried: the reason is all of theirs. What was safe before is confirmed."""
    errors = {"s%02d" % number: NodeError("no route") for number in (1, 3, 4, 5)}
    node, store = FakeNode(9), FakeStore(errors)
    result, one = collect(node, store)
    assert node.confirmed == ["s00", "s02"] and len(one["problems"]) == 4 and one["left"] == 7


def test_check_mode():
    """It tells what would come, and nothing is kept or confirmed."""
    node, store = FakeNode(2), FakeStore()
    result, one = collect(node, store, check_mode=True)
    assert (one["segments"], one["bytes"], one["left"]) == (2, 20, 2) and result["changed"]
    assert store.kept == [] and node.confirmed == []


@pytest.mark.parametrize(
    "node, kept",
    [
        (FakeNode(1, BUCKET, "draining", True), ["s00", "manifest.jsonl"]),
        (FakeNode(1, BUCKET, "done", True), ["s00"]),
        (FakeNode(1, BUCKET, "done", True, reason="x; the manifest is not in the sink"), ["s00", "manifest.jsonl"]),
        (FakeNode(1, BUCKET, "ready", False), ["s00"]),
    ],
)
def test_a_recorder_that_waits_for_its_manifest_alone(node, kept):
    """It is told that the bucket has it, and ends."""
    collect(node, FakeStore())
    assert node.confirmed == kept


def test_a_manifest_elsewhere_ends_no_recorder():
    """Its own bucket has none of it."""
    node = FakeNode(1, BUCKET, "draining", True)
    collect(node, FakeStore(), dest="x")
    assert node.confirmed == ["s00"]


def test_a_capture_that_is_damaged():
    """Why is told, and nothing is asked of it."""
    node = FakeNode(0, node=None)
    node.fields["reason"] = "capture.json is damaged"
    result, _one = collect(node, FakeStore())
    assert result["failed"] and result["msg"] == "capture c-1: capture.json is damaged"


def test_policies_that_cannot_be_signed():
    """What is on the node is collected all the same."""
    result, one = collect(FakeNode(1), FakeStore(), uploads=FakeUploads("no credentials"))
    assert one["segments"] == 1 and "failed" not in result and result["msg"] == "no credentials"


def test_policies_that_are_not_taken():
    """A node that fails to take what it needs for its uploads may be collected from all the same."""
    node = FakeNode(1)
    node.refuses = NodeError("no room")
    result, one = collect(node, FakeStore(), uploads=Signing())
    assert one["segments"] == 1 and "failed" not in result
    assert result["msg"] == "what the node uploads itself was not looked after: no room"


def test_a_name_with_a_line_break_is_told_on_one_line():
    """A message moves no cursor."""
    result, _one = collect(FakeNode(1), FakeStore({"s00": FileError("a\x1bb")}))
    assert result["msg"] == "capture c-1: a?b"
