# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a container, read from outside of it. PRIVATE to the collection.

Whoever made the container also made its links: each step of a path is taken below the container's root, one folder at a
time, and a link is only text that is walked in the same way. So none leads out, neither ``..`` nor an absolute one nor
one of those below /proc that name no path (openat2(2), RESOLVE_IN_ROOT, which older kernels have not).
"""

from __future__ import annotations

import os
import stat

from .._errors import TargetError

_MOST_LINKS = 40
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""Some of what /proc calls a file waits for more."""


def read_inside(root: int, path: str, most: int) -> str | None:
    """Return a text file below a root folder; None where there is none.

    root: a descriptor of the folder; most: bytes. Raises TargetError for what is no plain file, or is larger, or
    cannot be read.
    """
    try:
        found = _walk(root, path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TargetError("its %s cannot be read: %s" % (path, error.strerror)) from None
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):  # to open a pipe would wait, and a device might do anything
            raise TargetError("its %s is no plain file" % path)
        with open(os.open("/proc/self/fd/%d" % found, _READ), "rb") as file:
            data = file.read(most + 1) or b""
    except OSError as error:
        raise TargetError("its %s cannot be read: %s" % (path, error.strerror)) from None
    finally:
        os.close(found)
    if len(data) > most:
        raise TargetError("its %s is larger than %d KiB" % (path, most >> 10))
    return data.decode("utf-8", "replace")


def _walk(root: int, path: str) -> int:
    """Return a descriptor of what a path names below a root folder, links followed; raise OSError."""
    way = [os.dup(root)]
    """The root folder and those below it in which the walk is: ``..`` leads back."""
    left, links = path.split("/")[::-1], 0
    try:
        while left:
            part = left.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if len(way) > 1:
                    os.close(way.pop())
                continue
            way.append(os.open(part, _STEP, dir_fd=way[-1]))
            if stat.S_ISLNK(os.fstat(way[-1]).st_mode):
                links += 1
                if links > _MOST_LINKS:
                    raise TargetError("its %s has too many links on its way" % path)
                text = os.readlink("", dir_fd=way[-1])
                os.close(way.pop())
                if text.startswith("/"):
                    while len(way) > 1:
                        os.close(way.pop())
                left += text.split("/")[::-1]
        return way.pop()
    finally:
        for descriptor in way:
            os.close(descriptor)
