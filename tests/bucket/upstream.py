# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The front's own way to the emulator: requests passed on, objects stored, in pieces."""

from __future__ import annotations

import http.client
import io
import json
import urllib.parse
from collections.abc import Mapping
from typing import IO, Any

from .answers import Answer, RefusedError, Request
from .emulator import Emulator
from .pieces import PIECE, pieces, spooled

_PASSED_ON = ("content-type", "range", "host", "x-http-method-override")
_PASSED_BACK = ("Content-Type", "Content-Range", "X-Goog-Hash", "X-Goog-Generation", "ETag")
_TIMEOUT_SECONDS = 600.0


class ExistsError(Exception):
    """An object of that name, or of another generation than the condition names, is there."""


class Upstream:
    """The emulator as the front uses it; ``scheme`` is the front's, for links in answers."""

    def __init__(self, emulator: Emulator, scheme: str) -> None:
        self._emulator = emulator
        self._scheme = scheme

    def base(self, host: str) -> str:
        """The URL by which a client knows the front: what links in answers begin with."""
        return "%s://%s" % (self._scheme, host)

    def forward(self, request: Request, **query: str) -> Answer:
        """The emulator's answer to a request, with ``query`` added; ExistsError where a precondition fails."""
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        target = request.target
        if query:
            target += ("&" if "?" in target else "?") + urllib.parse.urlencode(query)
        return self._ask(request.method, target, headers, request.body, 0, request.size)

    def store(
        self,
        host: str,
        place: tuple[str, str],
        headers: Mapping[str, str],
        content: tuple[IO[bytes], int, int],
        **query: str,
    ) -> dict[str, Any]:
        """Stores an object and returns its resource; ExistsError.

        ``place`` is bucket and name, ``content`` a file, an offset and a size.
        """
        bucket, name = place
        words = urllib.parse.urlencode({"uploadType": "media", "name": name, **query})
        target = "/upload/storage/v1/b/%s/o?%s" % (bucket, words)
        answer = self._ask("POST", target, {"host": host, **headers}, *content)
        if answer.status != 200:
            raise RefusedError(answer.status, "NoSuchBucket", "The object could not be stored.", answer.body.decode())
        stored: dict[str, Any] = json.loads(answer.body)
        return stored

    def exists(self, bucket: str, name: str) -> bool:
        """Whether there is such an object."""
        target = "/storage/v1/b/%s/o/%s" % (bucket, urllib.parse.quote(name, safe=""))
        return self._ask("GET", target, {}, io.BytesIO(), 0, 0).status == 200

    def _ask(
        self, method: str, target: str, headers: Mapping[str, str], body: IO[bytes], offset: int, size: int
    ) -> Answer:
        connection = http.client.HTTPConnection(self._emulator.host, self._emulator.port, timeout=_TIMEOUT_SECONDS)
        sent = {**headers, "x-forwarded-proto": self._scheme}
        if method in ("POST", "PUT", "PATCH"):
            sent["content-length"] = str(size)
        try:
            connection.request(method, target, pieces(body, offset, size) if size else None, sent)
            answer = _read(connection.getresponse())
        except OSError as error:
            raise RefusedError(503, "backendError", "The emulator does not answer: %s" % error) from None
        finally:
            connection.close()
        if answer.status == 412:
            raise ExistsError
        return answer


def _read(response: http.client.HTTPResponse) -> Answer:
    headers = {name: response.headers[name] for name in _PASSED_BACK if response.headers[name]}
    if headers.get("Content-Type", "").startswith("application/json") and "Content-Range" not in headers:
        return Answer(response.status, headers, response.read())
    stream = spooled()
    while piece := response.read(PIECE):
        stream.write(piece)
    stream.seek(0)
    return Answer(response.status, headers, stream=stream)
