# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the front speaks: requests as they were seen, answers, and refusals in the service's two languages."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import IO
from xml.sax.saxutils import escape

XML_TYPE = "application/xml; charset=UTF-8"
JSON_TYPE = "application/json; charset=UTF-8"


@dataclasses.dataclass
class Seen:
    """One request; filled in while it is served."""

    time: float
    """Seconds since 1970, on the machine's clock."""
    method: str
    path: str
    """With its query."""
    key: str | None = None
    """The object that it spoke of, where that is known."""
    content: int = 0
    """Bytes of its body that arrived; of a form that could be read, the bytes of its file."""
    status: int | None = None
    """None as long as no answer went out: the connection was closed, or hangs."""
    ended: float | None = None
    """Seconds since 1970."""

    @property
    def is_upload(self) -> bool:
        """Whether it brings content: a form, or the JSON API's upload."""
        plain = self.path.partition("?")[0].rstrip("/")
        return plain.startswith("/upload/") or (self.method == "POST" and plain.count("/") == 1 and plain != "/token")


@dataclasses.dataclass(frozen=True)
class Request:
    """A whole request: what a part of the service answers."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    target: str
    """Path and query as they came."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: IO[bytes]
    """From its beginning."""
    size: int
    """Bytes of the body."""
    seen: Seen

    @property
    def host(self) -> str:
        """The name that the client has for the front, with its port."""
        return self.headers.get("host", "")

    def asked(self, name: str) -> str | None:
        """One value of the query; None when it is not there."""
        return self.query.get(name, [None])[0]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: bytes = b""
    stream: IO[bytes] | None = None
    """In place of the body, from its beginning: what may be larger than the memory."""


class RefusedError(Exception):
    """A request that the service refuses: HTTP status, the service's code, and two texts."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details

    def xml(self) -> Answer:
        """As the XML API says it."""
        details = "<Details>%s</Details>" % escape(self.details) if self.details else ""
        text = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>%s</Code><Message>%s</Message>%s</Error>"
        body = text % (escape(self.code), escape(self.message), details)
        return Answer(self.status, {"Content-Type": XML_TYPE}, body.encode())

    def json(self) -> Answer:
        """As the JSON API says it."""
        one = {"message": self.message, "domain": "global", "reason": self.code}
        return json_answer({"error": {"code": self.status, "message": self.message, "errors": [one]}}, self.status)


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return Answer(status, {"Content-Type": JSON_TYPE, **(headers or {})}, json.dumps(content).encode())
