# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is printed of tools, and what is data."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._records import RecordError, Target, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer
from ansible_collections.kube.pcap.plugins.plugin_utils._report.shapes import check_tools
from ansible_collections.kube.pcap.plugins.plugin_utils._report.tools import report_tools

CART = Target("pod", "shop", "cart", "uid-1", "node-a", "cart")


def one(target=CART, **changes):
    """What the module tells of one target."""
    streams = {}
    for name in ("stdout", "stderr"):
        text = changes.pop(name, "")
        streams.update({name: text, name + "_bytes": len(text), name + "_cut": False, name + "_replaced": False})
    told = {"target": to_result(target), "found": True, "rc": 0, "timed_out": False, "error": None, "seconds": 0.1}
    told.update(lost=False, argv=["/usr/sbin/ip", "addr"], encoding="text", dest=None, dest_bytes=0, dest_cut=False)
    return {**told, **streams, **changes}


def answer(*results, host="host-a", **more):
    return Answer(host, None, {"results": list(results)}, **more)


@pytest.mark.parametrize(
    "changes, lines",
    [
        ({"stdout": "1: lo\n2: eth0\n"}, ["node-a  pod shop/cart: rc 0", "  1: lo", "  2: eth0"]),
        ({"stdout": "a\n\nb"}, ["node-a  pod shop/cart: rc 0", "  a", "  ", "  b"]),
        ({"stdout": "a\tb\r\n\x1b[31m\x07\u2028x"}, ["node-a  pod shop/cart: rc 0", "  a       b", "  ?[31m??x"]),
        ({"rc": 3, "stderr": "no\n"}, ["node-a  pod shop/cart: rc 3", "  standard error:", "    no"]),
        ({"rc": None, "error": "pod shop/cart: it is gone"}, ["node-a  pod shop/cart: it is gone"]),
        ({"rc": 0, "timed_out": True}, ["node-a  pod shop/cart: timed out, rc 0"]),
        ({"rc": None, "error": "it has\x1b gone"}, ["node-a  pod shop/cart: it has? gone"]),
        (
            {"stdout": "x" * 2000, "encoding": "base64"},
            ["node-a  pod shop/cart: rc 0", "  2 kB, in base64 in exec_result"],
        ),
        ({"stdout": "", "encoding": "base64"}, ["node-a  pod shop/cart: rc 0"]),
        (
            {"stdout": "never printed", "dest": "/srv/x", "dest_bytes": 13},
            ["node-a  pod shop/cart: rc 0", "  13 B in /srv/x"],
        ),
        (
            {"dest": "/srv/x", "dest_bytes": 1000, "dest_cut": True},
            ["node-a  pod shop/cart: rc 0", "  1 kB in /srv/x, and there was more"],
        ),
        (
            {"stdout": "a", "stdout_bytes": 5000, "stdout_cut": True},
            ["node-a  pod shop/cart: rc 0", "  a", "  … of 5 kB"],
        ),
    ],
)
def test_a_target(changes, lines):
    """One block: what came of it, then what it wrote, cleaned of what moves a cursor."""
    told = report_tools([answer(one(**changes))]).text.split("\n")
    assert [line.rstrip() for line in told[:-1]] == [line.rstrip() for line in lines]


def test_very_many_lines():
    """A thousand are printed; the data has all."""
    made = report_tools([answer(one(stdout="x\n" * 3000))])
    assert made.text.count("\n") == 1002 and "  … of 6 kB, all of it in exec_result" in made.text
    assert made.results[0]["stdout"] == "x\n" * 3000 and made.results[0]["host"] == "host-a"


def test_several_hosts():
    """All targets, who gave no result and why, and a figure in the end."""
    node = Target("node", name="node-b", node="node-b")
    answers = [
        answer(one(), one(rc=1)),
        answer(one(node, error="no program", rc=None), host="host-b", problem="x"),
        Answer("host-c", None, None, "unreachable: No route"),
        Answer("host-d", None, {"skipped": True}),
    ]
    made = report_tools(answers)
    assert "ran for 2 targets on 1 node; 1 failed; nothing ran for 1 target" in made.text
    assert (
        "node-b  node node-b: no program" in made.text and "  host-c gave no result: unreachable: No route" in made.text
    )
    assert made.unasked == ({"host": "host-c", "reason": "unreachable: No route"},) and made.failure is None
    assert [result["host"] for result in made.results] == ["host-a", "host-a", "host-b"]


def test_check_mode():
    """What would run is told, and nothing else."""
    made = report_tools([answer(one(rc=None), messages=("it would run",))], check_mode=True)
    assert made.text == "node-a  pod shop/cart: would run /usr/sbin/ip addr\nwould run for 1 target on 1 node"


def test_nothing_ran():
    """It says so."""
    assert report_tools([Answer("host-a", None, {"skipped": True})]).text == "nothing ran on any host that answered"


@pytest.mark.parametrize(
    "result, problem",
    [
        ({"results": [one()]}, None),
        ({"skipped": True}, None),
        ({"results": [one(rc="0")]}, "results[0].rc is no whole number"),
        ({"results": [one(argv="ip")]}, "results[0].argv is no list"),
        ({"results": {}}, "results is no list"),
        ({"results": [{}]}, "results[0].target is missing"),
    ],
)
def test_what_a_host_may_answer(result, problem):
    """A node is believed to have said nothing that it did not."""
    if problem is None:
        check_tools(result)
    else:
        with pytest.raises(RecordError) as error:
            check_tools(result)
        assert str(error.value) == problem
