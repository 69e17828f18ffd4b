# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of captures."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer
from ansible_collections.kube.pcap.plugins.plugin_utils._report.captures import report_captures


def target(name="web", node="node-a", kind="pod", **more):
    own = {"kind": kind, "namespace": "shop" if kind == "pod" else None, "name": name, "node": node, "uid": None}
    figures = {"packets": 7, "received": 7, "dropped_kernel": 0, "dropped_interface": 0, "segments": 2, "shipped": 1}
    return {"target": own, "phase": "ready", "reason": None, "bytes": 900, **figures, **more}


def capture(*targets, node="node-a", **more):
    figures = {"segments": 2, "shipped": 1, "evicted": 0, "evicted_packets": 0, "backlog_bytes": 450}
    rest = {
        "phase": "ready",
        "reason": None,
        "seconds_left": 7199,
        "disk_bytes": 2000,
        "sink": None,
        "last_error": None,
    }
    spool = "/var/lib/kube-pcap/c-1"
    return {"id": "c-1", "node": node, "targets": list(targets), "spool": spool, **figures, **rest, **more}


def told(*captures, host="node-a", **more):
    return Answer(host, result={"captures": list(captures)}, **more)


SILENT = Answer("node-z", problem="unreachable: \x1b[1mNo route")


def lines(of="status", answers=(), id=None, **options):
    return report_captures(of, answers, id, **options).text.splitlines()


def test_status():
    """One line a target; backlog, disk and time left stand once a capture and node."""
    two = capture(target(), target("node-a", kind="node", dropped_kernel=3))
    assert lines(answers=[told(two)]) == [
        "capture c-1",
        "NODE    TARGET        PHASE  PACKETS  DROPS  SEGMENTS  SHIPPED  BACKLOG  DISK  TIME LEFT",
        "node-a  pod shop/web  ready        7      0         2        -        -  2 kB      1h59m",
        "node-a  node node-a   ready        7      3         2        -",
        "  node-a: segments in /var/lib/kube-pcap/c-1/segments",
    ]


@pytest.mark.parametrize(
    "one, line",
    [
        (
            capture(target(), sink="/mnt"),
            "  node-a: segments in /var/lib/kube-pcap/c-1/segments until they are in /mnt/c-1",
        ),
        (capture(target(), sink="/mnt", phase="done", backlog_bytes=0), "  node-a: segments in /mnt/c-1"),
        (capture(target(), phase="failed", reason="disk full"), "  node-a: disk full"),
        (capture(target(reason="the pod is gone")), "  node-a: pod shop/web: the pod is gone"),
        (capture(target(dropped_interface=1)), "  node-a: pod shop/web: its interfaces dropped 1 packet"),
        (
            capture(target(), evicted=1, evicted_packets=40),
            "  node-a: 1 file with 40 packets deleted unshipped, since a bound was reached",
        ),
        (capture(target(), last_error="no space\nleft"), "  node-a: shipping: no space?left"),
    ],
)
def test_reasons_are_lines(one, line):
    """What no figure says stands below the table."""
    assert line in lines(answers=[told(one)])


def test_shipping_is_shown_with_a_sink_alone():
    """Without a sink, nothing can be shipped and nothing waits."""
    assert "1    450 B  2 kB" in lines(answers=[told(capture(target(), sink="/mnt"))])[2]


def test_the_same_reason_names_its_nodes_once():
    """A hundred nodes that say the same are one line."""
    every = [told(capture(target(node=n), node=n, reason="stopped", segments=0), host=n) for n in ("node-a", "node-b")]
    assert "  node-a, node-b: stopped" in lines(answers=every)


def test_segments():
    """The list of segments, where it was asked for."""
    one = {"target": target()["target"], "seq": 1, "packets": 7, "bytes": 90, "where": "spool", "file": "x.pcap"}
    both = lines(answers=[told(capture(target(), segment_list=[one]))], segments=True)
    assert both[-1] == "node-a  pod shop/web    1        7     90  spool  x.pcap"
    assert "x.pcap" not in "".join(lines(answers=[told(capture(target(), segment_list=[one]))]))


def test_started():
    """SN-1: each target with node and state; a node without a part in it has no line; what a node said follows."""
    brief = {"id": "c-1", "phase": "ready", "deadline": "2026-11-21T10:00:00Z", "targets": [target()["target"]]}
    answers = [Answer("node-a", result={"capture": brief}, messages=("a word",)), Answer("b", result={"capture": None})]
    made = report_captures("start", [*answers, SILENT], "c-1")
    assert made.text.splitlines() == [
        "capture c-1: 1 target on 1 node",
        "NODE    TARGET        CONTAINER  PHASE  UNTIL",
        "node-a  pod shop/web             ready  2026-11-21T10:00:00Z",
        "  node-a: a word",
        "  node-z gave no result: unreachable: ?[1mNo route",
    ]
    assert made.id == "c-1" and made.unasked == ({"host": "node-z", "reason": SILENT.problem},)
    assert made.captures == [{"host": "node-a", **brief}]


@pytest.mark.parametrize(
    "of, id, options, text, failure",
    [
        ("status", None, {}, "no capture on any host that answered", None),
        ("status", "all", {}, "no capture on any host that answered", None),
        ("stop", "c-2", {}, "", "capture_id: no capture c-2 on any host that answered"),
        ("stop", "c-2", {"lenient": True}, "no capture c-2 on any host that answered", None),
        ("remove", "c-2", {}, "nothing was there to remove", None),
    ],
)
def test_nothing_there(of, id, options, text, failure):
    """An id that no host knows is a failure, except where nothing is what was wanted, or in a slice."""
    made = report_captures(of, [told()], id, **options)
    assert (made.text, made.failure, made.id) == (text, failure, None)


def test_an_unknown_id_names_the_others():
    """The sentence says what exists."""
    assert report_captures("status", [told(capture())], "c-2").failure.endswith("answered; there are c-1")


@pytest.mark.parametrize("check_mode, line", [(False, "removed from node-a"), (True, "would be removed from node-a")])
def test_removed(check_mode, line):
    """Who removed something is told, and in check mode who would."""
    answers = [told(changed=True), told(host="node-b")]
    assert report_captures("remove", answers, "all", check_mode=check_mode).text == line
