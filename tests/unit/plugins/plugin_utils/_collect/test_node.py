# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A block is whole or none, whatever stands around it, by the real program."""

from __future__ import annotations

import os
import select
import signal
import subprocess

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.kube.pcap.plugins.plugin_utils._collect import node
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.node import CutError, read_answer, within

TOKEN = b"0123abcd"


def run(path, size, number):
    """What the program writes for a block."""
    words = ["/bin/sh", "-s", "--", str(path), str(size), str(number), TOKEN.decode()]
    return subprocess.run(words, input=node._PROGRAM, capture_output=True, check=False).stdout


@pytest.mark.parametrize("name", ["a", "with space", "$(touch x)", "-n", "quo'te"])
def test_blocks(tmp_path, name):
    """Every block, the last one shorter, then nothing; any name is a name."""
    content = os.urandom(5000) + b"\n"
    (tmp_path / name).write_bytes(content)
    blocks = [read_answer(run(tmp_path / name, 2048, number), TOKEN) for number in range(4)]
    assert blocks == [content[:2048], content[2048:4096], content[4096:], b""] and os.listdir(tmp_path) == [name]


def test_gone(tmp_path):
    """A file that is not there is no error."""
    assert read_answer(run(tmp_path / "a", 2048, 0), TOKEN) is None


def test_what_a_shell_says_before():
    """It is no part of the block, and the block may hold anything."""
    assert read_answer(b"welcome\r\n" + TOKEN + b" here\nend\n gone\n" + TOKEN + b" end\n", TOKEN) == b"end\n gone\n"


@pytest.mark.parametrize("cut", [0, 5, 12, 20, 2000, 2062, 2074])
def test_a_cut_answer_is_none(tmp_path, cut):
    """Not one byte may miss: ssh may end well all the same."""
    (tmp_path / "a").write_bytes(bytes(3000))
    whole = run(tmp_path / "a", 2048, 0)
    assert len(whole) == 2075 and read_answer(whole, TOKEN) == bytes(2048)
    with pytest.raises(CutError):
        read_answer(whole[:cut], TOKEN)


def test_a_file_that_cannot_be_read(tmp_path):
    """A folder has no block, and no end of one."""
    with pytest.raises(CutError):
        read_answer(run(tmp_path, 2048, 0), TOKEN)


class TaskTimeout(Exception):
    """What a task's own time-out raises."""


def silent():
    """Waits for an answer that does not come."""
    own, other = os.pipe()
    try:
        select.select([own], [], [], 60)
        raise AssertionError("nobody has ended it")
    finally:
        os.close(own)
        os.close(other)


def test_a_silent_connection_is_given_up():
    """Whoever waits is told, and no alarm is left."""
    with pytest.raises(AnsibleConnectionFailure, match="no answer within 0.05 s"), within(0.05):
        silent()
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    with within(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("seconds", [0.01, 60])
def test_the_timeout_of_the_task_holds(seconds):
    """One that is set on the task strikes when it is due, within the body or after it."""

    def strike(number, frame):
        raise TaskTimeout

    before = signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(TaskTimeout):
            try:
                with within(seconds):
                    silent()
            except AnsibleConnectionFailure:
                silent()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
