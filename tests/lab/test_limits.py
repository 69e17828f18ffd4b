# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is raised for the whole machine and put back: on files that stand for its limits."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.nodes import limits

LOW, HIGH = "128", "1048576"


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with one limit that is too low and one that is not; returns what they are."""
    monkeypatch.setattr(limits, "_SYSCTL", tmp_path)
    monkeypatch.setattr(limits, "_FILE", tmp_path / "limits.json")
    (tmp_path / "fs/inotify").mkdir(parents=True)
    files = [tmp_path / name for name in limits.INOTIFY]
    for file, value in zip(files, (LOW, HIGH), strict=True):
        file.write_text(value + "\n")
    yield lambda: [file.read_text().strip() for file in files]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fs"]


def test_limits_are_raised_and_put_back(machine):
    """What is too low is raised; the end puts it back, and leaves what was high enough."""
    limits.hold("lab", limits.INOTIFY)
    assert machine() == ["8192", HIGH]
    limits.release("lab")
    assert machine() == [LOW, HIGH]


def test_the_last_holder_puts_limits_back(machine):
    """While somebody else holds them they stay, whoever of the two goes first."""
    for first, second in ("ab", "ba"):
        limits.hold("a", limits.INOTIFY)
        limits.hold("b", limits.INOTIFY, os.getpid())
        limits.release(first)
        assert machine() == ["8192", HIGH]
        limits.release(second)
        assert machine() == [LOW, HIGH]


def test_a_holder_that_was_killed_holds_nothing(machine):
    """The next one who releases puts back what it had raised."""
    owner = subprocess.Popen(["sleep", "60"])
    limits.hold("killed", limits.INOTIFY, owner.pid)
    limits.hold("lab", limits.INOTIFY)
    owner.kill()
    owner.wait()
    assert machine() == ["8192", HIGH]
    limits.release("lab")
    assert machine() == [LOW, HIGH]
