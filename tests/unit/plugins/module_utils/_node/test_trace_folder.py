# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a trace's taps: where it is, who holds it, and how it goes."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import trace_folder, turns
from ansible_collections.kube.pcap.plugins.module_utils._node.trace_folder import TraceFolder
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark, NodeTap

TARGET = Target("node", name="node-a", pid=1, netns=2)
ASKED = NodeTap("t-1", "node-a", (TARGET,), "udp", (Mark(1, "udp", 4),), seconds=7)


@pytest.fixture
def made(tmp_path):
    """A folder, in a root of its own."""
    root = tmp_path / "kube-pcap" / "taps"
    root.mkdir(parents=True)
    folder = TraceFolder("t-1", str(root))
    os.mkdir(folder.folder)
    return folder


def test_where_it_is(tmp_path, monkeypatch):
    """In the first place that can be written to."""
    assert trace_folder.default_root() in ("/run/kube-pcap/taps", "/dev/shm/kube-pcap/taps")
    there, gone = str(tmp_path / "kube-pcap" / "taps"), str(tmp_path / "none" / "kube-pcap" / "taps")
    for roots, expected in (((there, gone), there), ((gone, there), there), ((gone, gone), gone)):
        monkeypatch.setattr(trace_folder, "_ROOTS", roots)
        assert trace_folder.default_root() == expected


def test_who_holds_it(made):
    """Until the last who has the descriptor lets it go; a folder that nobody holds was left."""
    assert not made.is_held and [one.id for one in trace_folder.left(made.root)] == ["t-1"]
    held = made.hold()
    also = os.dup(held)
    os.close(held)
    assert made.is_held and trace_folder.left(made.root) == []
    os.close(also)
    assert not made.is_held


def test_the_record(made):
    """What was written down is read; nothing, and what was cut off, is none."""
    assert made.read_record() is None and made.read_state() is None
    made.write_record(ASKED)
    assert made.read_record() == ASKED
    with open(made.path("record.json"), "w", encoding="utf-8") as file:
        file.write("{")
    assert made.read_record() is None


def test_it_goes(made):
    """With all that is in it, and with the folders above where it was the last."""
    made.write_record(ASKED)
    os.mkdir(os.path.join(made.root, "t-2"))
    made.remove()
    assert os.listdir(made.root) == ["t-2"] and not made.exists and not made.is_held
    TraceFolder("t-2", made.root).remove()
    assert not os.path.exists(os.path.dirname(made.root)) and trace_folder.left(made.root) == []
    made.remove()


def test_another_in_its_place_stays(made):
    """A supervisor removes the folder that it holds, and none that was made since."""
    held = made.hold()
    os.rename(made.folder, made.folder + "-old")
    os.mkdir(made.folder)
    made.remove(held)
    assert made.exists
    os.close(held)


def test_who_has_the_turn_keeps_the_root(made):
    """A start that is about to put a folder there finds its own root."""
    with turns.taken(made.root):
        made.remove()
        assert os.path.isdir(made.root)
    trace_folder.remove_root(made.root)
    assert not os.path.exists(made.root)


def test_nobody_listens(made):
    """A socket whose supervisor is gone is none."""
    assert made.connect() is None
    made.listen().close()
    assert made.connect() is None
    os.unlink(made.path("control"))
    with made.listen(), made.connect() as connection:
        assert connection is not None
