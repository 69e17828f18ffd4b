# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether somebody still waits for the answer."""

from __future__ import annotations

import os
import socket

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import caller


def tree(tmp_path, stats):
    """A /proc with processes: pid to (comm, parent, start time)."""
    for pid, (comm, parent, start) in stats.items():
        (tmp_path / str(pid)).mkdir(exist_ok=True)
        fields = ["S", parent, *[0] * 17, start]
        (tmp_path / str(pid) / "stat").write_text("%d (%s) %s\n" % (pid, comm, " ".join(map(str, fields))))
    return str(tmp_path)


ROOT = {1: ("systemd", 0, 1), 60: ("sshd", 1, 5), 82: ("sshd", 60, 70), 84: ("sh", 82, 71), 85: ("python3", 84, 72)}
SUDO = {**ROOT, 82: ("sshd-session", 60, 70), 83: ("sudo", 84, 71), 86: ("sudo", 83, 72), 87: ("sh", 86, 73)}


@pytest.mark.parametrize(
    "stats, pid, found",
    [
        (ROOT, 85, (82, 70)),
        (SUDO, 87, (82, 70)),
        ({1: ("systemd", 0, 1), 9: ("sh", 1, 2)}, 9, None),
        ({9: ("sh", 0, 2)}, 9, None),
        ({}, 9, None),
    ],
)
def test_the_session(tmp_path, stats, pid, found):
    """It is the nearest sshd above, and never the one that listens; a module that none has started has no session."""
    assert caller.find_session(pid, tree(tmp_path, stats)) == found


PLAYBOOK = ["/usr/bin/python3", "/usr/bin/ansible-playbook", "-i", "hosts", "kube.pcap.exec"]
SENT = ["/usr/bin/python3", "/root/.ansible/tmp/ansible-tmp-1763716800.1-2-3/AnsiballZ_netns_command.py"]


@pytest.mark.parametrize(
    "arguments, found",
    [
        (PLAYBOOK, None),
        (["/usr/bin/python3", "-sP", *PLAYBOOK[1:]], None),
        (["/usr/bin/python3.11", "-m", "ansible", "playbook"], None),
        (["ansible", "all", "-m", "kube.pcap.netns_command"], None),
        (SENT, (82, 70)),
        (["/bin/sh", "-c", " ".join(SENT) + " && sleep 0"], (82, 70)),
        (["su", "ansible", "-c", "x"], (82, 70)),
        (["/usr/bin/python3", "-"], (82, 70)),
        ([""], (82, 70)),
    ],
)
def test_a_connection_that_is_local(tmp_path, arguments, found):
    """A playbook that was started in a session of ssh may outlive it; that session is not who waits for the module."""
    root = tree(tmp_path, {**ROOT, 90: ("bash", 82, 71), 91: ("python3", 90, 72), 92: ("sh", 91, 73)})
    (tmp_path / "91" / "cmdline").write_text("".join(word + "\0" for word in arguments))
    assert caller.find_session(92, root) == found


def test_a_session_that_ends(tmp_path):
    """Also when another process has its id by then."""
    root = tree(tmp_path, {os.getppid(): ("sh", 82, 7), **ROOT})
    end, other = socket.socketpair()
    with end, other:
        one = caller.Caller(end.fileno(), root)
        assert not one.is_gone()
        tree(tmp_path, {82: ("sshd", 60, 99)})
        assert one.is_gone()


def test_an_empty_line_now_and_then():
    """Whoever only hands it over finds out that nobody takes it; one that is slow to take it is no reason to end."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    one = caller.Caller(writer)
    assert one._is_heard()
    one._write_at = 0.0
    assert one._is_heard() and os.read(reader, 10) == b"\n" and one._write_at > 0
    while True:
        try:
            os.write(writer, b"x" * 4096)
        except BlockingIOError:
            break
    one._write_at = 0.0
    assert one._is_heard()
    os.close(reader)
    one._write_at = 0.0
    assert not one._is_heard()
    os.close(writer)


@pytest.mark.parametrize("kind", ["socket", "pipe"])
def test_nobody_reads(kind):
    """The other end of standard output is closed, as sshd does without a terminal."""
    if kind == "pipe":
        reader, writer = os.pipe()
    else:
        reader, writer = (end.detach() for end in socket.socketpair())
    one = caller.Caller(writer)
    one._session = None
    assert not one.is_gone()
    os.close(reader)
    assert one.is_gone()
    os.close(writer)
