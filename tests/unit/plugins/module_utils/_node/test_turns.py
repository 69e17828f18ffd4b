# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call at a time changes the captures of a spool."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError
from ansible_collections.kube.pcap.plugins.module_utils._node import turns

HOLDER = (
    "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX); print(flush=True); input()"
)


@pytest.fixture
def held(tmp_path):
    """Return a spool's folder in which another process has its turn, and that process."""
    root = tmp_path / "spool"
    root.mkdir(mode=0o700)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        yield root, other
        other.kill()


def test_folders_made_for_a_turn_are_gone_where_nothing_was_put_into_them(tmp_path):
    """An attempt that was refused leaves nothing, not even the folders above."""
    root = tmp_path / "one" / "two"
    with turns.taken(str(root)):
        assert root.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), turns.taken(str(root)):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with turns.taken(str(root)):
        (root / "capture").mkdir()
    assert (root / "capture").is_dir()


def test_a_turn_that_another_call_holds_too_long(held, monkeypatch):
    """Who cannot have its turn says so; the folder, which it did not make, stays."""
    root, _other = held
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.05)
    with pytest.raises(NodeError, match="spool: another call has been changing captures in %s" % root):
        with turns.taken(str(root)):
            raise AssertionError("two had their turn")
    assert root.is_dir()


def test_a_turn_ends_with_its_process(held):
    """A call that was killed keeps nobody out."""
    root, other = held
    other.kill()
    with turns.taken(str(root)):
        assert root.is_dir()


def test_a_folder_that_its_last_capture_took_along(held, monkeypatch):
    """Whoever waited for a folder that is gone by now makes it again."""
    root, other = held

    def wake(seconds):
        os.rmdir(str(root))
        other.kill()
        other.wait()
        monkeypatch.undo()

    monkeypatch.setattr(turns.time, "sleep", wake)
    with turns.taken(str(root)):
        (root / "capture").mkdir()
    assert (root / "capture").is_dir()


def test_a_folder_below_one_that_others_may_write_to(tmp_path):
    """Nothing is made where somebody else could put a folder of theirs in its place."""
    tmp_path.chmod(0o777)
    with pytest.raises(NodeError, match="spool: others may write to"), turns.taken(str(tmp_path / "one" / "two")):
        raise AssertionError("it was made")
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_nowhere(tmp_path):
    """It is told at once, and not taken for another call's turn."""
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    for root in (tmp_path / "link", tmp_path / "link" / "spool"):
        with pytest.raises(NodeError, match="spool: .*/link is a link that leads nowhere"), turns.taken(str(root)):
            raise AssertionError("there is no such folder")


def test_a_spool_that_is_no_folder(tmp_path):
    """A file in the place of the spool is told as that."""
    (tmp_path / "spool").touch()
    with pytest.raises(NodeError, match="spool: .*/spool cannot be used: Not a directory"):
        with turns.taken(str(tmp_path / "spool")):
            raise AssertionError("a file was taken for a folder")
