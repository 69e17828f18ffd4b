# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of what was collected."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import RecordError
from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer
from ansible_collections.kube.pcap.plugins.plugin_utils._report.collected import report_collected
from ansible_collections.kube.pcap.plugins.plugin_utils._report.shapes import check_collected


def capture(node="node-a", **more):
    told = {"id": "c-1", "node": node, "phase": "done", "to": "/home/ann/captures", "segments": 2, "bytes": 2048}
    return {**told, "manifest": True, "gone": 0, "left": 0, "settled": True, "problems": [], **more}


def told(*captures, host="node-a", **more):
    return Answer(host, result={"captures": list(captures)}, **more)


def lines(*answers, id=None, **options):
    return report_collected(answers, id, **options).text.splitlines()


def test_one_line_a_node():
    """How much came, what is left, and where it is."""
    assert lines(told(capture()), told(capture("node-b", segments=0, bytes=0, left=3), host="node-b")) == [
        "capture c-1",
        "NODE    PHASE  SEGMENTS  BYTES  LEFT  TO",
        "node-a  done          2  2 KiB     0  /home/ann/captures/c-1",
        "node-b  done          0    0 B     3  /home/ann/captures/c-1",
    ]


@pytest.mark.parametrize(
    "more, line",
    [
        ({"problems": ["no\x1broute"]}, "  node-a: no?route"),
        ({"gone": 1}, "  node-a: 1 segment shipped by the node, or given up for a bound, meanwhile"),
        ({"settled": False}, "  node-a: more will come, and the rest of the manifest: collect again once it is done"),
        ({"node": None, "problems": ["it is damaged"]}, "  node-a: it is damaged"),
    ],
)
def test_remarks(more, line):
    """What the figures do not say stands below them."""
    assert lines(told(capture(**more)))[-1] == line


def test_check_mode():
    """Nothing was collected, and it says so."""
    assert lines(told(capture()), check_mode=True)[0] == "capture c-1, as it would be collected"


def test_who_did_not_answer():
    """A host that failed is named, beside one that told what it had brought before it failed."""
    silent = Answer("node-z", problem="unreachable: no route")
    made = report_collected([told(capture(problems=["no space"])), silent], None)
    assert made.unasked == ({"host": "node-z", "reason": "unreachable: no route"},)
    assert made.text.endswith("  node-z gave no result: unreachable: no route") and made.failure is None


@pytest.mark.parametrize(
    "id, options, failure, last",
    [
        ("c-9", {}, "capture_id: no capture c-9 on any host that answered", None),
        ("c-9", {"lenient": True}, None, "no capture c-9 on any host that answered"),
        ("all", {}, None, "no capture on any host that answered"),
        ("c-9", {"waiting": True}, None, "no capture c-9 on any host that answered"),
    ],
)
def test_none(id, options, failure, last):
    """An id that no host has fails the play, unless more hosts are asked or it was said to be well."""
    answers = [told()] + ([Answer("node-y", problem="later", waiting=True)] if options.pop("waiting", False) else [])
    made = report_collected(answers, id, **options)
    assert made.failure == failure and (last is None or made.text.splitlines()[0] == last)


def test_an_answer_that_cannot_be_used():
    """Its place is told."""
    check_collected({"captures": [capture()], "changed": True})
    with pytest.raises(RecordError, match=r"captures\[0\].left is no whole number"):
        check_collected({"captures": [capture(left=None)]})
