# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plugins on the controller have in common."""

from __future__ import annotations

import types

import pytest
from ansible.playbook.task import Task

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._controller import ControllerAction


class Shout(str):
    """Text that is not plain, as ansible-core 2.19 hands it over."""


class Echo(ControllerAction):
    """Answers with what it was given."""

    OPTIONS = {"word": {"type": "str", "required": True}, "many": {"type": "int", "default": 1}}

    def answer(self, options, known):
        if options["word"] == "bad":
            raise OptionError("word", "it is bad, %s" % known.get("told"), "write another")
        warnings = ("%s is odd" % options["word"],) if options["many"] > 1 else ()
        return {"word": options["word"], "told": known.get("told"), "warnings": warnings}


def run(known=None, **options):
    task = Task()
    task.args, task.action = options, "echo"
    nowhere = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=""))
    return Echo(task, nowhere, None, None, None, None).run(None, known)


def test_an_answer_is_plain_and_changes_nothing():
    """Options take their defaults; what comes back has the types of JSON and Ansible's own keys."""
    result = run({"told": Shout("yes")}, word=Shout("hello"))
    assert (result["word"], result["told"], result["warnings"], result["changed"]) == ("hello", "yes", [], False)
    assert [value.__class__ for value in (result["word"], result["told"])] == [str, str] and "failed" not in result


def test_an_error_is_a_sentence():
    """No traceback: the task fails in the error's own words."""
    result = run({"told": "yes"}, word="bad")
    assert result["failed"] and result["msg"] == "word: it is bad, yes; write another" and not result["changed"]


def test_warnings_are_shown(capsys):
    """They are seen with every callback, and the result holds them as a list."""
    assert run(word="seven", many="7")["warnings"] == ["seven is odd"]
    assert "seven is odd" in capsys.readouterr().err


def test_no_word_of_a_node_moves_the_cursor(capsys):
    """What is not printable is replaced in warnings and failures alike, and braces stay what they are."""
    word = "\x1b[2J{{ 1 + 1 }}\r\n\x07"
    result = run(word=word, many=2)
    printed = capsys.readouterr()
    assert result["warnings"] == ["?[2J{{ 1 + 1 }}??? is odd"] and result["word"] == word
    assert "?[2J{{ 1 + 1 }}??? is odd" in printed.err and "\x1b" not in printed.out + printed.err
    assert run({"told": word}, word="bad")["msg"] == "word: it is bad, ?[2J{{ 1 + 1 }}???; write another"


def test_options_are_checked():
    """A name that is no option, and a missing one, are Ansible's own errors."""
    with pytest.raises(Exception, match="word"):
        run()
