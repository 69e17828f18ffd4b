# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tool writes: as much of it as is kept, and a file. PRIVATE to the collection."""

from __future__ import annotations

import base64
import codecs
import contextlib
import os
import stat
import tempfile
from typing import Any

from .._errors import NodeError, OptionError


class Stream:
    """One of a tool's streams; its beginning is kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept = bytearray()
        self.bytes = 0
        """All that was written."""

    def take(self, data: bytes) -> None:
        """Take in what comes next."""
        self.bytes += len(data)
        self._kept += data[: self._most - len(self._kept)]

    def told(self, name: str, encoding: str) -> dict[str, Any]:
        """Return a result's keys: the text, how many bytes there were, whether it was cut, and whether it is exact.

        Text is UTF-8; what is not becomes U+FFFD, and then it is not exact. A character that is cut in two is left out.
        """
        kept, cut, replaced = bytes(self._kept), self.bytes > len(self._kept), False
        if encoding == "base64":
            text = base64.b64encode(kept).decode("ascii")
        else:
            text = codecs.getincrementaldecoder("utf-8")("replace").decode(kept, not cut)
            replaced = not kept.startswith(text.encode())
        return {name: text, name + "_bytes": self.bytes, name + "_cut": cut, name + "_replaced": replaced}


class OutputFile:
    """A file of the node that has its name only once it is finished; readable by its owner alone."""

    def __init__(self, path: str, most: int) -> None:
        """Open it beside where it will be; raise OptionError where it cannot be there."""
        self.path = path
        self.bytes = 0
        self.cut = False
        """Whether there was more than ``most`` bytes."""
        self.problem: str | None = None
        """Why there will be no file."""
        self._left = most
        _check_place(path)
        folder, name = os.path.split(path)
        try:
            self._fd, self._part = tempfile.mkstemp(".part", "." + name[:200] + ".", folder)
        except OSError as error:
            raise OptionError("dest", "no file can be made in %s: %s" % (folder, error.strerror), _RIGHT) from None

    def take(self, data: bytes) -> None:
        """Write what comes next; a disk that is full ends the file, and not the tool."""
        wanted = memoryview(data)[: self._left]
        self.cut = self.cut or len(wanted) < len(data)
        try:
            while wanted and self.problem is None:
                count = os.write(self._fd, wanted)
                wanted, self._left, self.bytes = wanted[count:], self._left - count, self.bytes + count
        except OSError as error:
            self._fail(error)

    def finish(self) -> None:
        """Put it in its place, or remove it where something of it could not be written."""
        try:
            if self.problem is None:
                os.fsync(self._fd)
                os.rename(self._part, self.path)
        except OSError as error:
            self._fail(error)
        self.discard()

    def discard(self) -> None:
        """Leave nothing of what has not been finished."""
        with contextlib.suppress(OSError):
            os.close(self._fd)
        with contextlib.suppress(OSError):
            os.unlink(self._part)

    def _fail(self, error: OSError) -> None:
        self.problem = "%s could not be written: %s" % (self.path, error.strerror)


_RIGHT = "write the absolute path of a file in a folder that exists, or of a folder with a slash at its end"


def _check_place(path: str) -> None:
    """Raise OptionError where something other than a file is in the way: a rename would take its place."""
    try:
        kind = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise NodeError("dest: %s: %s" % (path, error.strerror)) from None
    if not stat.S_ISREG(kind):
        raise OptionError("dest", "%s is there and is no file" % path, _RIGHT)
