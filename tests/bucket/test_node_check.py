# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a node can write to its bucket, before a capture starts."""

from __future__ import annotations

import dataclasses
import json
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._node import bucket as node_bucket
from ansible_collections.kube.pcap.plugins.module_utils._records import CaptureOptions, NodeCapture, from_result
from tests.bucket.node import PREFIX, SINK, both, contents


def capture(kind):
    """What is to be recorded."""
    return NodeCapture("c-1", "node-a", (), CaptureOptions(sink=SINK, upload=kind), ())


@both
def test_check(node, kind):
    """A start leaves one object, which says what was asked, below the node's prefix."""
    node_bucket.check(capture(kind), node.way(kind), 1_795_255_200_000_001_000)
    (found,) = node.bucket.objects()
    assert (found.name, found.content_type) == (PREFIX + "start-20261121T100000.000001Z.json", "application/json")
    written = json.loads(node.bucket.content(found.name))
    assert written.pop("at_ns") == 1_795_255_200_000_001_000
    assert from_result(NodeCapture, written) == capture(kind)


@both
def test_check_again(node, kind):
    """A moment's failure, or an answer that is lost, stops no start."""
    for fault in (node.bucket.faults.status(503, times=1), node.bucket.faults.answer_lost(contents, times=1)):
        with fault:
            node_bucket.check(capture(kind), node.way(kind), time.time_ns())
    assert len(node.bucket.objects()) == 2


@both
@pytest.mark.parametrize("offset, words", [(3600, "behind"), (-3600, "ahead of")])
def test_check_of_clocks(node, kind, offset, words):
    """A clock that is wrong is told before anything else: it explains the rest."""
    node.bucket.front.clock_offset = offset
    with pytest.raises(OptionError, match=r"sink: the clock of this node is 3\d+ s %s the bucket's; set it" % words):
        node_bucket.check(capture(kind), node.way(kind), time.time_ns())


def test_check_of_the_controllers_clock(node):
    """The clock of who signed is known by the time of signing."""
    way = dataclasses.replace(node.way("policy"), issued_ns=time.time_ns() - 3600 * 10**9)
    with pytest.raises(OptionError, match=r"the clock of the controller is 3\d+ s behind the bucket's"):
        node_bucket.check(capture("policy"), way, time.time_ns())


@both
def test_check_refused(node, kind):
    """What is missing is named with whom it is missing to."""
    for account in (node.bucket.account, node.bucket.machine):
        node.bucket.allow(account)
    with pytest.raises(OptionError) as failure:
        node_bucket.check(capture(kind), node.way(kind), time.time_ns())
    who = "the signer" if kind == "policy" else "this node's account"
    assert "storage.objects.create access" in str(failure.value)
    assert str(failure.value).endswith("and that %s may create objects in gs://captures" % who)


def test_check_without_metadata_server(node, monkeypatch):
    """A node of another cloud is told which option helps."""
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    with pytest.raises(OptionError, match=r"answers at 127.0.0.1:1 \(Connection refused\); use capture_upload=policy"):
        node_bucket.check(capture("metadata"), node.way("metadata"), time.time_ns())
