# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a disk beside reading and writing. PRIVATE to the collection."""

from __future__ import annotations

import errno
import os
import stat

from .._errors import NodeError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: OSError) -> bool:
    """Return whether a write was refused since the file system, or a quota on it, has no room."""
    return error.errno in _FULL


def sync_folder(path: str) -> None:
    """Have the names in a folder on disk, so that a power failure takes none of them back (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_parents(path: str) -> None:
    """Raise NodeError where somebody else could put another folder in the place of ``path``, or of one above it.

    In a folder that all may write to, such as /tmp, its sticky bit keeps names with their owners (inode(7)).
    """
    for start in (os.path.abspath(path), os.path.realpath(path)):
        folder = start
        while True:
            found = os.stat(folder)
            open_to_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not found.st_mode & stat.S_ISVTX
            if found.st_uid not in (0, os.geteuid()) or open_to_others:
                text = "spool: others may write to %s (owner %d, mode %o); close it to them, or use another spool"
                raise NodeError(text % (folder, found.st_uid, stat.S_IMODE(found.st_mode)))
            if folder == os.path.dirname(folder):
                break
            folder = os.path.dirname(folder)
