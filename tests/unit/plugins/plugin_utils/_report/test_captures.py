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
    figures.update(gaps=0, last_gap=None)
    return {"target": own, "phase": "ready", "reason": None, "bytes": 900, **figures, **more}


def capture(*targets, node="node-a", **more):
    figures = {"segments": 2, "shipped": 1, "evicted": 0, "evicted_packets": 0, "backlog_bytes": 450, "unconfirmed": 0}
    rest = {
        "phase": "ready",
        "reason": None,
        "seconds_left": 7199,
        "disk_bytes": 2000,
        "sink": None,
        "last_error": None,
        "stored_in": {},
    }
    spool = "/var/lib/kube-pcap/c-1"
    return {"id": "c-1", "node": node, "targets": list(targets), "spool": spool, **figures, **rest, **more}


def gaps(number, **more):
    last = {"since": "2026-11-21T08:15:02Z", "until": None, "packets": None, "reason": "the node was rebooted", **more}
    return {"gaps": number, "last_gap": last}


def told(*captures, host="node-a", others=(), **more):
    return Answer(host, result={"captures": list(captures), "others": list(others)}, **more)


WAITING = Answer("node-y", problem="it is not asked yet", waiting=True)
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
        (
            capture(target(), stored_in={"controller:/srv/x": 1}),
            "  node-a: segments, those that are left, in /var/lib/kube-pcap/c-1/segments",
        ),
        (
            capture(target(), stored_in={"controller:/srv/x": 2}),
            "  node-a: 2 segments collected into controller:/srv/x/c-1",
        ),
        (
            capture(target(), sink="/mnt", stored_in={"gs://b": 1}),
            "  node-a: segments, those that are left, in /var/lib/kube-pcap/c-1/segments until they are in /mnt/c-1",
        ),
        (
            capture(target(), sink="/mnt", stored_in={"gs://b": 1, "/mnt": 1}, phase="done", backlog_bytes=0),
            "  node-a: segments in /mnt/c-1",
        ),
        (
            capture(target(), sink="/mnt", stored_in={"gs://b": 2}, phase="done", backlog_bytes=0),
            "  node-a: 2 segments collected into gs://b/c-1",
        ),
        (capture(target(), phase="failed", reason="disk full"), "  node-a: disk full"),
        (capture(target(reason="the pod is gone")), "  node-a: pod shop/web: the pod is gone"),
        (capture(target(dropped_interface=1)), "  node-a: pod shop/web: its interfaces dropped 1 packet"),
        (
            capture(target(**gaps(1))),
            "  node-a: pod shop/web: 1 gap, from 2026-11-21T08:15:02Z on: the node was rebooted",
        ),
        (
            capture(
                target(**gaps(3, until="2026-11-21T08:15:09Z", packets=5, reason="tcpdump was killed by signal 9"))
            ),
            "  node-a: pod shop/web: 3 gaps, the last from 2026-11-21T08:15:02Z to 2026-11-21T08:15:09Z: "
            "tcpdump was killed by signal 9; at least 5 packets lost",
        ),
        (
            capture(target(), evicted=1, evicted_packets=40),
            "  node-a: 1 file with 40 packets deleted unshipped, since a bound was reached",
        ),
        (
            capture(target(), evicted=3, evicted_packets=40),
            "  node-a: segments, those that are left, in /var/lib/kube-pcap/c-1/segments",
        ),
        (capture(target(), last_error="no space\nleft"), "  node-a: closing files: no space?left"),
        (capture(target(), sink="/mnt", last_error="gone"), "  node-a: shipping: gone"),
        (
            capture(target(), sink="gs://b", unconfirmed=2),
            "  node-a: 2 files without a confirmation, and perhaps in gs://b: status and collect compare",
        ),
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


def test_a_capture_with_a_damaged_record():
    """It does not know its node, and does not keep the others from being told."""
    lost = capture(node=None, phase="failed", reason="capture.json is damaged", segments=0)
    assert "  h: capture.json is damaged" in lines(answers=[told(lost, host="h"), told(capture(target()))])


def test_what_a_node_calls_its_capture_moves_no_cursor():
    """Every line is cleaned, the headings and the sentences, too."""
    text = report_captures("status", [told(capture(target(), id="\x1b[2J\n"))], None).text
    assert text.splitlines()[0] == "capture ?[2J?" and "\x1b" not in text
    assert "\x1b" not in "".join(lines(answers=[told(capture(id="\x1b"))], id="c-2", lenient=True))


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
        "capture c-1: 1 target on 1 node; 1 host gave no result",
        "NODE    TARGET        CONTAINER  PHASE  UNTIL",
        "node-a  pod shop/web             ready  2026-11-21T10:00:00Z",
        "  node-a: a word",
        "  node-z gave no result: unreachable: ?[1mNo route",
    ]
    assert made.id == "c-1" and made.unasked == ({"host": "node-z", "reason": SILENT.problem},)
    assert made.captures == [{"host": "node-a", **brief}]


def test_started_again():
    """A pod that has gone is not called ready because others of its capture are; an end is told by the capture."""
    one = {**target()["target"], "phase": "starting", "reason": "the pod is gone; waiting for it to come back"}
    assert lines("start", [begun(targets=[one])], "c-1")[2:] == [
        "node-a  pod shop/web             starting  2026-11-21T10:00:00Z",
        "  node-a: pod shop/web: the pod is gone; waiting for it to come back",
    ]
    over = {**one, "phase": "done", "reason": "deadline"}
    assert "pod shop/web: deadline" not in str(lines("start", [begun(phase="done", targets=[over])], "c-1"))


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
    for answer in (told(others=["c-1"]), told(capture())):
        assert report_captures("status", [answer], "c-2").failure.endswith("answered; there are c-1")


def begun(host="node-a", changed=False, **more):
    brief = {"id": "c-1", "phase": "ready", "deadline": "2026-11-21T10:00:00Z", "targets": [target()["target"]], **more}
    return Answer(host, result={"capture": brief}, changed=changed)


@pytest.mark.parametrize(
    "answers, line",
    [
        ([SILENT], "capture c-1: 1 host gave no result"),
        ([SILENT, Answer("b", result={"capture": None})], "capture c-1: 1 host gave no result"),
        ([begun(), SILENT, SILENT], "capture c-1: 1 target on 1 node; 2 hosts gave no result"),
        ([Answer("b", result={"capture": None})], "capture c-1: no target was chosen on the hosts of this play"),
    ],
)
def test_no_more_is_counted_than_is_known(answers, line):
    """A host that refused may record under this id already, and one that was left out is not known at all."""
    assert lines("start", answers, "c-1")[0] == line


@pytest.mark.parametrize(
    "answers, words",
    [
        ([begun(), begun("b", phase="starting"), begun("c", phase=None)], []),
        ([begun(phase="done", changed=True)], []),
        ([begun(phase="done")], ["nothing is being recorded now on node-a: capture c-1 is finished there, "]),
        ([begun(phase="draining")], ["nothing is being recorded now on node-a: capture c-1 is ending there, "]),
        ([begun(phase="failed")], ["nothing is known to be recorded now on node-a: capture c-1 has failed there, "]),
        (
            [begun(phase="done"), begun("b"), begun("c", phase="failed"), begun("d", phase="done", deadline="2027")],
            ["nothing is being recorded now on node-a, d: ", "nothing is known to be recorded now on c: "],
        ),
    ],
)
def test_a_start_that_records_nothing_warns(answers, words):
    """The default id is the same every day: what ran out is no success that may pass in silence."""
    made = report_captures("start", answers, "c-1")
    assert len(made.warnings) == len(words)
    for warning, word in zip(made.warnings, words, strict=True):
        assert warning.startswith(word) and "; choose another capture_id, or remove it with" in warning
        assert """kube.pcap.stop -e '{"capture_id": "c-1", "capture_remove": true}'""" in warning


def test_until_when_it_was_to_run():
    """The time is the deadline, of several nodes the last."""
    answers = [begun(phase="done"), begun("b", phase="done", deadline="2026-11-21T10:00:01Z")]
    assert ", and was to end at 2026-11-21T10:00:01Z; " in report_captures("start", answers, "c-1").warnings[0]


@pytest.mark.parametrize(
    "of, check_mode, answers, line",
    [
        ("remove", False, [told(changed=True), told(host="b")], "removed from node-a"),
        ("remove", True, [told(changed=True), told(host="b")], "would be removed from node-a"),
        ("remove", False, [told(), told(host="b")], "nothing was there to remove"),
        ("stop", True, [told(capture(target()), changed=True)], "would be stopped on node-a"),
        ("stop", True, [told(capture(target(), phase="done"))], "nothing was there to stop"),
    ],
)
def test_what_was_done(of, check_mode, answers, line):
    """Who removed something is told, and in check mode who would stop or remove."""
    assert lines(of, answers, "all", check_mode=check_mode)[-1] == line


def test_what_went_with_a_capture():
    """Files that were nowhere else are counted, of each capture on all its nodes."""
    removed = {"node-a": {}, "node-b": {}, "node-c": {"segments": 2, "shipped": 2}}
    gone = [
        Answer(host, result={"captures": [], "removed": [capture(target(), **more)]}, changed=True)
        for host, more in removed.items()
    ]
    assert lines("remove", gone, "all") == [
        "capture c-1: 2 files went with it that nobody had collected (on node-a, node-b)",
        "removed from node-a, node-b, node-c",
    ]
    assert " would go with it that " in lines("remove", gone, "all", check_mode=True)[0]
    assert lines("remove", gone[2:], "all") == ["removed from node-c"]


@pytest.mark.parametrize("of", ["stop", "remove"])
def test_nothing_there_is_said_of_hosts_that_answered(of):
    """A capture that could not be removed is no capture that was not there."""
    made = lines(of, [told(capture(target(), phase="done")), SILENT], "all", check_mode=of == "stop")
    assert made[-1].startswith("  node-z gave no result: ") and not [line for line in made if "nothing" in line]


@pytest.mark.parametrize("of", ["status", "stop"])
def test_an_id_is_unknown_once_every_host_has_answered(of):
    """In a batch of a play with serial, and where no host has answered, it is not known."""
    assert report_captures(of, [told()], "c-2").failure
    assert report_captures(of, [SILENT], "c-2").failure is None
    made = report_captures(of, [told(), WAITING], "c-2")
    assert made.failure is None and made.text.splitlines() == [
        "no capture c-2 on any host that answered",
        "  node-y: it is not asked yet",
    ]


def test_a_report_of_a_part_says_so():
    """The hosts of later batches are one line, and have given no bad result."""
    late = [WAITING, Answer("node-x", problem="it is not asked yet", waiting=True)]
    made = report_captures("status", [told(capture(target())), *late], None)
    assert made.text.splitlines()[-1] == "  node-y, node-x: it is not asked yet" and "gave no result" not in made.text
    assert [one["host"] for one in made.unasked] == ["node-y", "node-x"]
