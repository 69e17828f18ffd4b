# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a disk."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError
from ansible_collections.kube.pcap.plugins.module_utils._node import disk


@pytest.mark.parametrize("code, full", [("ENOSPC", True), ("EDQUOT", True), ("EIO", False), ("EACCES", False)])
def test_a_full_disk(code, full):
    """A quota that is used up is a full disk; a broken one is none."""
    assert disk.is_full(OSError(getattr(errno, code), "")) is full


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
@pytest.mark.parametrize("above", [False, True])
def test_a_folder_that_others_may_write_to(tmp_path, mode, above):
    """Whoever may rename a folder may have root run a program of theirs from one of the same name."""
    folder = tmp_path / "open" / "spool"
    folder.mkdir(parents=True)
    disk.check_parents(str(folder))
    loose = folder.parent if above else folder
    loose.chmod(mode)
    with pytest.raises(
        NodeError, match=r"spool: others may write to %s \(owner %d, mode %o\)" % (loose, os.getuid(), mode)
    ):
        disk.check_parents(str(folder))
    loose.chmod(0o1777)
    disk.check_parents(str(folder))


def test_a_link_is_followed_to_its_folder(tmp_path):
    """What a link leads through counts, too."""
    folder = tmp_path / "open" / "spool"
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    disk.check_parents(str(tmp_path / "link"))
    folder.parent.chmod(0o777)
    with pytest.raises(NodeError, match="others may write"):
        disk.check_parents(str(tmp_path / "link"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else(tmp_path):
    """Its owner may write to it whatever its mode says."""
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    os.chown(str(folder), 65534, 65534)
    with pytest.raises(NodeError, match="owner 65534"):
        disk.check_parents(str(folder))


def test_names_are_flushed(tmp_path):
    """A folder can be flushed; a file is none."""
    disk.sync_folder(str(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        disk.sync_folder(str(tmp_path / "file"))
