# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server sent, object by object. PRIVATE to the collection.

All objects of a list at once take eight times its text as Python's values. The text itself takes as much as was sent,
or twice, four times that much where it has characters beyond Latin-1.

    page = Page(body)               a page of a list, or an object
    for item in page.objects():     each with its kind
    page.token                      of the next page, once the objects have been read
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .objects import flatten

_SPACE = (" ", "\t", "\n", "\r")
"""RFC 8259, section 2."""
_DECODER = json.JSONDecoder()


class Page:
    """A page of a list, or an object, as text that is read once.

    Raises ValueError for what is no UTF-8, and in ``objects`` that or RecursionError for what is no object.
    """

    def __init__(self, body: bytes) -> None:
        self._text, self._at = body.decode(), 0
        self._head: dict[str, Any] = {}

    @property
    def token(self) -> str:
        """With it the next page is asked for; empty: there is none."""
        metadata = self._head.get("metadata")
        return str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""

    def objects(self) -> Iterator[dict[str, Any]]:
        """Yield the objects, one by one where the list's kind comes before them, as the API server has it."""
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
        if self._skip() != len(self._text):
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

    def _skip(self) -> int:
        while self._text.startswith(_SPACE, self._at):
            self._at += 1
        return self._at

    def _has(self, mark: str) -> bool:
        """Go past a mark, if it is the next."""
        found = self._text.startswith(mark, self._skip())
        self._at += len(mark) if found else 0
        return found

    def _want(self, mark: str) -> None:
        if not self._has(mark):
            raise ValueError("there is no %s at %d" % (mark, self._at))

    def _value(self) -> Any:
        value, self._at = _DECODER.raw_decode(self._text, self._skip())
        return value
