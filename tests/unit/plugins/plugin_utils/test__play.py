# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts of a play answered."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import RecordError
from ansible_collections.kube.pcap.plugins.plugin_utils._play import (
    Answer,
    check_batch,
    first_line,
    later,
    read_answers,
)

FOUND = {"changed": False, "pods": []}


def check(result):
    """Takes what has a list of pods."""
    if not isinstance(result.get("pods"), list):
        raise RecordError("pods is no list")


@pytest.mark.parametrize(
    "variables, answer",
    [
        ({"check": {"rc": 0}, "found": FOUND}, Answer("h", None, FOUND)),
        ({"check": {"rc": 0}, "found": FOUND, "kube_node_name": "n"}, Answer("h", "n", FOUND)),
        ({"check": {"rc": 1, "stdout": "lacks tcpdump\r\n"}}, Answer("h", problem="lacks tcpdump")),
        (
            {"check": {"rc": 1, "msg": "non-zero return code", "stderr": 'E1121 retry\nError: pods "x" not found\n'}},
            Answer("h", problem='Error: pods "x" not found'),
        ),
        (
            {
                "check": {
                    "rc": 1,
                    "msg": "non-zero return code",
                    "stderr": 'Post "https://n/exec?command=%s": i/o timeout' % ("x" * 999),
                }
            },
            Answer("h", problem='Post "https://n/exec": i/o timeout'),
        ),
        ({"check": {"rc": 1, "msg": "non-zero return code"}}, Answer("h", problem="non-zero return code")),
        (
            {"check": {"rc": 1, "stdout": "sudo: unable to resolve host h\r\n\r\nthis host lacks tcpdump\r\nbye\r\n"}},
            Answer("h", problem="this host lacks tcpdump"),
        ),
        (
            {"check": {"unreachable": True, "msg": "Task failed: No route\nmore"}},
            Answer("h", problem="unreachable: No route"),
        ),
        (
            {"check": {"failed": True, "msg": "Task failed: Timed out", "timedout": {"period": 60, "frame": "x"}}},
            Answer("h", problem="it did not answer within 60 s"),
        ),
        ({"check": {"rc": 0}, "found": {"failed": True, "msg": "no rights"}}, Answer("h", problem="no rights")),
        ({"check": {"rc": 0}, "found": {"failed": True}}, Answer("h", problem="its task failed")),
        ({"check": {"rc": 0}}, Answer("h", problem="it was not asked")),
        ({}, Answer("h", problem="it was not asked")),
        (
            {"check": {"changed": True, "msg": "was dead"}, "found": FOUND},
            Answer("h", None, FOUND, None, ("was dead",), True),
        ),
    ],
)
def test_answers(variables, answer):
    """The last task's result, or why there is none, in the words of the task that failed."""
    assert read_answers(["h"], {"h": variables}, ["check", "found"], check) == (answer,)


@pytest.mark.parametrize("found", [{"pods": None}, {"pods": "\x1b[2J"}, {}])
def test_an_answer_that_cannot_be_used_is_its_hosts_problem(found):
    """The others go on; what else that host says is not repeated."""
    variables = {"a": {"found": {**found, "msg": "a word"}}, "b": {"found": FOUND}}
    bad, good = read_answers("ab", variables, ["found"], check)
    assert bad == Answer("a", problem="its answer cannot be used: pods is no list") and good.result == FOUND


@pytest.mark.parametrize("variable, used", [("check", False), ("found", True)])
def test_what_was_done_before_a_failure(variable, used):
    """A last task that failed and tells what it did has a result; one before it, or without that, has none."""
    failed = {**FOUND, "failed": True, "msg": "the third was cut off"}
    variables = {"h": {"check": {"rc": 0}, "found": FOUND, variable: failed}}
    (answer,) = read_answers(["h"], variables, ["check", "found"], check, partial="pods")
    assert (answer.result == failed) is used and answer.messages == ()
    (answer,) = read_answers(["h"], variables, ["check", "found"], check)
    assert answer.result is None and answer.problem == "the third was cut off"


def test_serial_is_refused():
    """A batch that is a part of the play's hosts; the order is no matter."""
    check_batch(["a", "b"], ["b", "a"])
    with pytest.raises(OptionError, match="^serial: a capture is planned once"):
        check_batch(["a", "b"], ["a"])


def test_hosts_of_a_later_batch():
    """With serial, a host without an answer that is not in this batch is still to be asked; one of it was not."""
    assert later(["a", "b", "c"], ["b"]) == {"a", "c"} and later(["a", "b"], ["b", "a"]) == set()
    variables = {"a": {"found": FOUND}, "b": {"check": {"rc": 1, "stdout": "lacks tcpdump"}}, "c": {}, "d": {}}
    answers = read_answers("abcd", variables, ["found"], check, later("abc", "b"))
    assert [(one.host, one.waiting) for one in answers] == [("a", False), ("b", False), ("c", True), ("d", False)]
    assert answers[0].result == FOUND and answers[2].problem.startswith("it is not asked yet: serial")
    assert answers[1].problem == answers[3].problem == "it was not asked"


@pytest.mark.parametrize(
    "text, line", [(None, ""), ("", ""), ("\n\n a \nb", "a"), ("x" * 400, "x" * 297 + "..."), (5, "5")]
)
def test_first_line(text, line):
    """One line, not endless."""
    assert first_line(text) == line
