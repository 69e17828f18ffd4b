# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes below a process, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from ansible_collections.kube.pcap.plugins.module_utils._node import descendants
from ansible_collections.kube.pcap.plugins.module_utils._node.process import adopt_orphans

from .forks import PATIENCE, fork, holds, is_alive, until


def tree(tmp_path, stats):
    """A /proc with processes: pid to (parent, state, start time)."""
    for pid, (parent, state, start) in stats.items():
        (tmp_path / str(pid)).mkdir()
        fields = [state, parent, *[0] * 17, start, 0]
        (tmp_path / str(pid) / "stat").write_text("%d (a b) %s" % (pid, " ".join(map(str, fields))))
    (tmp_path / "self").symlink_to("10")
    return str(tmp_path)


STATS = {
    1: (0, "S", 1),
    10: (1, "S", 5),
    11: (10, "S", 6),
    12: (11, "S", 9),
    13: (12, "Z", 8),
    14: (10, "Z", 6),
    15: (11, "T", 7),
    20: (1, "S", 5),
}


def test_below(tmp_path):
    """Parents come first; own children that have ended only wait for this process; what is spared hides its own."""
    root = tree(tmp_path, STATS)
    assert descendants.below(10, proc_root=root) == [11, 12, 15, 13]
    assert descendants.below(10, [12], root) == [11, 15]
    assert descendants.below(20, proc_root=root) == [] and descendants.below(99, proc_root=root) == []


def test_oldest_child(tmp_path):
    """The first that was started, of those that have not ended."""
    root = tree(tmp_path, STATS)
    assert descendants.oldest_child(11, root) == 15
    assert descendants.oldest_child(12, root) is None


def family():
    """A process that ignores signals and has a child in another session, which has one, too."""
    script = "trap '' INT TERM HUP; setsid sh -c 'trap \"\" INT TERM; sleep 60 & sleep 60; true' & wait; sleep 60"
    return subprocess.Popen(["sh", "-c", script])


def test_a_family_ends():
    """PT-12: every one of them, whatever it ignores, and whoever is its parent by now."""

    def run():
        adopt_orphans()
        process = family()
        end = time.monotonic() + 10
        while len(descendants.below(os.getpid())) < 4 and time.monotonic() < end:
            time.sleep(0.005)
        members = descendants.below(os.getpid())
        left = descendants.end(os.getpid())
        gone = not any(map(is_alive, members))
        process.wait()
        return len(members) >= 4 and left == [] and gone

    assert holds(run)


def test_what_is_spared_goes_on():
    """A process that is spared, and what is below it, is not touched."""

    def run():
        spared, other = (subprocess.Popen(["sleep", "60"]) for _number in range(2))
        left = descendants.end(os.getpid(), [spared.pid])
        ended = other.wait() == -signal.SIGKILL and is_alive(spared.pid)
        spared.kill()
        spared.wait()
        return ended and left == []

    assert holds(run)


def test_some_end_by_themselves():
    """They may, within the time that is given; then they are waited for and not killed."""

    def run():
        process = subprocess.Popen(["sh", "-c", "sleep 0.2; exit 7"])
        descendants.end(os.getpid(), (), 60.0)
        return process.wait() == 7

    assert holds(run)


def test_what_was_only_stopped_is_killed(monkeypatch):
    """Where the time is over before all were found, none of those that were is left standing still."""
    monkeypatch.setattr(descendants, "_PATIENCE_SECONDS", -1.0)

    def run():
        process = subprocess.Popen(["sleep", "60"])
        try:
            return descendants.end(os.getpid()) == [process.pid] and process.wait(PATIENCE) == -signal.SIGKILL
        finally:
            process.kill()

    assert holds(run)


def test_a_process_that_has_gone():
    """A signal to nobody is none."""
    pid = fork(lambda: None)
    os.waitpid(pid, 0)
    descendants._send(pid, signal.SIGKILL)


def test_own_pid():
    """In the namespace that /proc shows."""
    assert descendants.own_pid() == os.getpid()
    until(lambda: descendants._numbers("self")[-1] == os.getpid())
