# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report takes for a host's answer."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.reading import unreadable
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool
from ansible_collections.kube.pcap.plugins.module_utils._records import RecordError
from ansible_collections.kube.pcap.plugins.plugin_utils._report.shapes import check_info, check_started

from .test_captures import capture, target

SEGMENT = {"target": target()["target"], "seq": 1, "packets": 7, "bytes": 90, "where": "spool", "file": "x.pcap"}
BEGUN = {"id": "c-1", "phase": None, "deadline": None, "targets": [target()["target"]]}


@pytest.mark.parametrize(
    "captures",
    [
        [],
        [capture()],
        [capture(target(dropped_interface=None), segment_list=[{**SEGMENT, "where": "sink", "object": None}])],
        [unreadable(Spool("/var/lib/kube-pcap", "c-1"), "capture.json is damaged")],
    ],
)
def test_what_nodes_tell(captures):
    """What the modules return is taken, with keys that a report does not need."""
    check_info({"changed": False, "captures": captures, "others": ["c-9"]})
    check_info({"changed": False, "captures": captures})


@pytest.mark.parametrize(
    "captures, words",
    [
        (None, "captures is no list"),
        ([capture(disk_bytes="2000")], "captures[0].disk_bytes is no whole number"),
        ([capture(), capture(node=5)], "captures[1].node is no text"),
        ([capture({**target(), "packets": None})], "captures[0].targets[0].packets is no whole number"),
        ([capture({**target(), "target": None})], "captures[0].targets[0].target is no mapping"),
        ([capture(segment_list=[{**SEGMENT, "seq": "1"}])], "captures[0].segment_list[0].seq is no whole number"),
    ],
)
def test_no_answer_of_capture_info(captures, words):
    """A value of another type is named by its place."""
    with pytest.raises(RecordError) as error:
        check_info({"captures": captures, "others": []})
    assert str(error.value) == words


@pytest.mark.parametrize(
    "result, words",
    [
        ({"capture": None}, None),
        ({"capture": BEGUN}, None),
        ({"changed": True}, "capture is missing"),
        ({"capture": []}, "capture is no mapping"),
        ({"capture": {**BEGUN, "targets": None}}, "capture.targets is no list"),
        ({"capture": {**BEGUN, "deadline": 5}}, "capture.deadline is no text"),
    ],
)
def test_answers_of_capture(result, words):
    """A host without a part in it, one that would start, and what is no answer."""
    if words is None:
        check_started(result)
        return
    with pytest.raises(RecordError) as error:
        check_started(result)
    assert str(error.value) == words
