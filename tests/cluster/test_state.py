# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a cluster is, and what it puts back: on files that stand for this machine's settings."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.cluster import state
from tests.cluster.places import Site
from tests.cluster.state import State

LOW, HIGH = "128", "1048576"


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """Settings of a machine, one too low and one not, and no cluster; returns what they are."""
    monkeypatch.setattr(Site, "home", property(lambda site: tmp_path / str(site.number)))
    monkeypatch.setattr(state, "_SYSCTL", tmp_path / "sys")
    (tmp_path / "sys/fs/inotify").mkdir(parents=True)
    files = [tmp_path / "sys" / name for name in state.SETTINGS]
    for file, value in zip(files, (LOW, HIGH), strict=True):
        file.write_text(value + "\n")
    return lambda: [file.read_text().strip() for file in files]


def begin(number):
    """A cluster of this process's that is being made."""
    made = State()
    made.give(os.getpid())
    state.begin(Site(number), made)
    return made


def test_settings_are_raised_and_put_back(settings):
    """What is too low is raised; the end puts it back, and leaves what was high enough."""
    made = begin(0)
    assert settings() == ["8192", HIGH] and state.load(Site(0)) == made
    state.restore_settings(Site(0), made)
    assert settings() == [LOW, HIGH]


def test_the_last_cluster_puts_settings_back(settings):
    """While another one is there, settings stay, whichever of the two goes first."""
    first, second = begin(0), begin(1)
    assert second.settings == {}
    state.restore_settings(Site(0), first)
    (Site(0).home / "state.json").unlink()
    Site(0).home.rmdir()
    assert settings() == ["8192", HIGH]
    state.restore_settings(Site(1), state.load(Site(1)))
    assert settings() == [LOW, HIGH]


def test_whose_a_cluster_is(settings):
    """Made to the end it may stay without an owner; half made, or with an owner that is gone, it is a leftover."""
    assert state.load(Site(2)) is None
    made = begin(2)
    assert not state.load(Site(2)).left
    made.give(None)
    assert made.left
    made.up = True
    assert not made.left
    owner = subprocess.Popen(["sleep", "60"])
    made.give(owner.pid)
    assert not made.left
    owner.kill()
    owner.wait()
    assert made.left


def test_a_folder_without_a_state_is_a_leftover(settings):
    """Whoever was killed before the first state was written leaves a folder."""
    Site(3).home.mkdir()
    assert state.load(Site(3)).left
