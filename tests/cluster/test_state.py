# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a cluster is."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.cluster import state
from tests.cluster.places import Site
from tests.cluster.state import State


@pytest.fixture
def sites(monkeypatch, tmp_path):
    """Sites without a cluster."""
    monkeypatch.setattr(Site, "home", property(lambda site: tmp_path / str(site.number)))


def test_whose_a_cluster_is(sites):
    """Made to the end it may stay without an owner; half made, or with an owner that is gone, it is a leftover."""
    assert state.load(Site(2)) is None
    made = State()
    made.give(os.getpid())
    state.save(Site(2), made)
    assert state.load(Site(2)) == made and not state.load(Site(2)).left
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


def test_a_folder_without_a_state_is_a_leftover(sites):
    """Whoever was killed before the first state was written leaves a folder."""
    Site(3).home.mkdir()
    assert state.load(Site(3)).left
