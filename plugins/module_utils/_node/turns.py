# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call at a time changes the captures of a spool. PRIVATE to the collection.

The lock (flock(2)) is on the spool's own folder: it leaves no file, and the kernel drops it with its process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import Iterator

from .._errors import NodeError
from . import disk

_PATIENCE_SECONDS = 120.0
"""Most turns take a second; a start waits 30 s for its taps, and where they do not listen, for the recorder's end."""
_POLL_SECONDS = 0.01


@contextlib.contextmanager
def taken(root: str) -> Iterator[None]:
    """Keep every other call from changing captures in ``root`` until the body is through.

    The folder is made where it is missing, and is gone again where nothing was put into it. Raises NodeError where it
    cannot be made, or only where others may write, or where another call holds its turn too long.
    """
    made: list[str] = []
    until = time.monotonic() + _PATIENCE_SECONDS
    descriptor = None
    try:
        while (descriptor := _lock(root, made)) is None:
            if time.monotonic() > until:
                text = "spool: another call has been changing captures in %s for %d s; ask again when it has ended"
                raise NodeError(text % (root, _PATIENCE_SECONDS))
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        if descriptor is not None:
            for folder in made:
                with contextlib.suppress(OSError):  # something was put there
                    os.rmdir(folder)
            os.close(descriptor)


def _lock(root: str, made: list[str]) -> int | None:
    """Return the descriptor of the locked folder, None while another call has it; ``made`` takes what was missing."""
    descriptor = -1
    try:
        missing = _missing(root)
        if missing:
            disk.check_parents(os.path.dirname(missing[-1]))
            made += missing
            os.makedirs(root, mode=0o700, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(root)):
            return descriptor
    except (BlockingIOError, FileNotFoundError):  # another call has it, or has just removed it
        pass
    except OSError as error:
        raise NodeError("spool: %s cannot be used: %s" % (root, error.strerror)) from None
    if descriptor >= 0:
        os.close(descriptor)
    return None


def _missing(root: str) -> list[str]:
    """Return the folders that are to be made, the deepest first."""
    folder, found = os.path.abspath(root), []
    while not os.path.exists(folder):
        if os.path.islink(folder):
            raise NodeError("spool: %s is a link that leads nowhere; mend or remove it, or use another spool" % folder)
        found.append(folder)
        folder = os.path.dirname(folder)
    return found
