# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API server's objects as JSON. PRIVATE to the collection.

    with connect(read_access(options, os.environ)) as client:
        client.get("/api/v1/nodes/node-a")                              an object, or None
        client.list("/api/v1/pods", label_selector="app=web")           objects, page by page

What is asked is only read, so that each request may be repeated.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple

from . import library, trouble
from .access import Access
from .connection import Answer, Connection
from .pages import UNREADABLE, Page
from .trouble import ApiError

PAGE = 500
"""Objects of one answer, as kubectl has it."""
PATIENCE_SECONDS, CONNECT_PATIENCE_SECONDS = 30.0, 8.0
"""How long a client tries again, in all, and as long as nobody has answered."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 8.0
_AGAIN = (429, 500, 502, 503, 504)
_GONE = 410


def connect(access: Access) -> Client:
    """Return a client; nothing is asked yet. Raises PcapError for a missing library and for unreadable credentials."""
    return Client(Connection(access))


class _Again(NamedTuple):
    """A request that may well succeed the next time."""

    failure: ApiError
    seconds: float = 0.0
    """How long the server asks to wait."""


class Client:
    """Asks one API server. Every failure is a PcapError of one sentence, see ``trouble``."""

    def __init__(
        self,
        connection: Connection,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._clock, self._sleep = clock, sleep
        self._lost = 0.0
        """Seconds that failures have cost."""
        self._answered = False

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @property
    def host(self) -> str:
        """URL of the API server."""
        return self._connection.host

    def get(self, path: str) -> dict[str, Any] | None:
        """Return one object, None where there is none of that name."""
        answer = self._ask(path, {})
        if trouble.is_absent(answer.status, answer.body):
            return None
        return next(self._objects(path, self._page(path, answer)), None)

    def list(
        self,
        path: str,
        label_selector: str | None = None,
        field_selector: str | None = None,
        fresh: bool = True,
        most: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the objects of a list, each with its kind, at most ``most``.

        fresh: as they are now, in pages. Otherwise as the server has them in its memory, which may be a moment old and
        costs it much less; it then sends all of them at once. Where objects changed for so long that the rest of a
        list is gone, it is begun once more, and what was yielded is left out of it.
        """
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query = {name: value for name, value in selectors.items() if value}
        query.update({"limit": str(min(PAGE, most or PAGE))} if fresh or most else {"resourceVersion": "0"})
        yielded: set[str] = set()
        for item in self._pages(path, query):
            uid = str(item["metadata"].get("uid"))
            if uid not in yielded:
                yielded.add(uid)
                yield item
            if len(yielded) == most:
                return

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        token, begun_again = "", False
        while True:
            answer = self._ask(path, {**query, "continue": token} if token else query)
            if answer.status == _GONE and token and not begun_again:
                token, begun_again = "", True
                continue
            page = self._page(path, answer)
            del answer  # the page has it
            yield from self._objects(path, page)
            token = page.token
            del page  # the next one comes before it would be forgotten
            if not token:
                return

    def _page(self, path: str, answer: Answer) -> Page:
        if answer.status != 200:
            raise trouble.refusal(answer.status, answer.body, path, self.host)
        return Page(answer.open())

    def _objects(self, path: str, page: Page) -> Iterator[dict[str, Any]]:
        try:
            yield from page.objects()
        except UNREADABLE:
            raise trouble.no_json(path, self.host) from None

    def _ask(self, path: str, query: Mapping[str, str]) -> Answer:
        """Return an answer that is worth reading: what passes by itself is waited for, as long as patience lasts."""
        pause = _FIRST_PAUSE
        while True:
            began = self._clock()
            said = self._try(path, query)
            if isinstance(said, Answer):
                return said
            self._lost += self._clock() - began
            wait = max(pause * random.uniform(0.5, 1.0), said.seconds)  # not all clients at once
            if self._lost + wait > (PATIENCE_SECONDS if self._answered else CONNECT_PATIENCE_SECONDS):
                self._lost = PATIENCE_SECONDS
                raise said.failure
            self._sleep(wait)
            self._lost += wait
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _try(self, path: str, query: Mapping[str, str]) -> Answer | _Again:
        """Return an answer, or why to try again; raise what would be the same the next time."""
        try:
            answer = self._connection.send(path, query)
        except library.FAILURES as error:
            failure = trouble.unreachable(error, self.host)
            if trouble.is_final(error):
                raise failure from None
            return _Again(failure)
        self._answered = True
        if answer.status in _AGAIN:
            return _Again(trouble.refusal(answer.status, answer.body, path, self.host), _retry_after(answer))
        return answer


def _retry_after(answer: Answer) -> float:
    """Return the seconds that the server asks to wait; 0 where it does not say, or says it as a date."""
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0.0
