# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server sent, object by object. PRIVATE to the collection.

All objects of a list at once take eight times as much as was sent, as Python's values; all of it as text as much again,
or twice or four times that where it has characters beyond Latin-1. So the text too is made piece by piece.

    page = Page(file)               a page of a list, or an object
    for item in page.objects():     each with its kind
    page.token                      of the next page, once the objects have been read
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterator
from typing import IO, Any

from .objects import flatten

_SPACE = (" ", "\t", "\n", "\r")
"""RFC 8259, section 2."""
_DECODER = json.JSONDecoder()
_PIECE = 1 << 16
"""Characters that are read together. What goes on in the next piece is read again, so the longer the less often."""

_GOES_ON = ("", ".", "e", "E")
"""What follows a number, as far as it is there, that is not over yet."""
UNREADABLE = (ValueError, RecursionError, EOFError, OSError, zlib.error)
"""What is raised for what is no UTF-8, no JSON or no objects, or was not compressed as it should be."""


class Page:
    """A page of a list, or an object, that is read once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = io.TextIOWrapper(file, "utf-8", newline="")
        self._text, self._at = "", 0
        self._head: dict[str, Any] = {}

    @property
    def token(self) -> str:
        """With it the next page is asked for; empty: there is none."""
        metadata = self._head.get("metadata")
        return str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""

    def objects(self) -> Iterator[dict[str, Any]]:
        """Yield the objects, one by one where the list's kind comes before them, as the API server has it.

        Raises UNREADABLE.
        """
        self._want("{")
        while True:
            name = self._value()
            if not isinstance(name, str):
                raise ValueError("a key is no string")
            self._want(":")
            if name == "items" and "kind" in self._head and self._has("["):
                yield from self._items()
                self._head["items"] = []
            else:
                self._head[name] = self._value()
            if not self._has(","):
                break
        self._want("}")
        self._skip()
        if self._at < len(self._text):
            raise ValueError("more follows")
        if self._head.get("items", ()) is None:  # as Go has an empty list
            self._head["items"] = []
        yield from flatten(self._head)  # what was not yielded yet

    def _items(self) -> Iterator[dict[str, Any]]:
        if self._has("]"):
            return
        while True:
            yield from flatten({**self._head, "items": [self._value()]})
            if not self._has(","):
                break
        self._want("]")

    def _more(self) -> bool:
        """Have more text behind what was not read yet; False: there is no more."""
        left = self._text[self._at :]
        fresh = self._file.read(max(_PIECE, len(left)))
        self._text, self._at = left + fresh, 0
        return bool(fresh)

    def _skip(self) -> None:
        """Go to what is no space."""
        while True:
            while self._text.startswith(_SPACE, self._at):
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return

    def _has(self, mark: str) -> bool:
        """Go past a mark, if it is the next."""
        self._skip()
        found = self._text.startswith(mark, self._at)
        self._at += len(mark) if found else 0
        return found

    def _want(self, mark: str) -> None:
        if not self._has(mark):
            raise ValueError("there is no %s" % mark)

    def _value(self) -> Any:
        self._skip()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
                continue
            if self._text[end : end + 1] not in _GOES_ON or not self._more():
                self._at = end
                return value
