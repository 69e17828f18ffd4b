# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resumable uploads as the service has them: what arrived before a cut is kept, and a client can ask how much that is.

The emulator takes a question for the end of the upload and makes an object of the half; it never sees these requests.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import secrets
import tempfile
import threading
import urllib.parse
from collections.abc import Mapping
from typing import IO, Any

import google_crc32c

from .answers import Answer, RefusedError, Request, json_answer
from .pieces import pieces
from .upstream import ExistsError, Upstream

STEP = 256 * 1024
"""The service keeps whole steps of an upload that has not ended."""
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)\Z")


@dataclasses.dataclass
class _Session:
    bucket: str
    name: str
    resource: Mapping[str, Any]
    condition: dict[str, str]
    implied_by: str | None
    host: str
    content: IO[bytes] = dataclasses.field(default_factory=tempfile.TemporaryFile)
    received: int = 0
    done: Answer | None = None
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)


class Sessions:
    """The uploads that have begun."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._sessions: dict[str, _Session] = {}

    def begin(self, request: Request, bucket: str, condition: dict[str, str], implied_by: str | None) -> Answer:
        """Starts one; the answer's ``Location`` is where the content goes; ExistsError.

        ``condition`` is for the end too; ``implied_by`` is the account that may not replace and did not ask for one.
        """
        resource = _resource(request)
        name = request.asked("name") or resource.get("name")
        if not name:
            raise RefusedError(400, "required", "An upload needs the name of its object.")
        if "x-upload-content-type" in request.headers:
            resource.setdefault("contentType", request.headers["x-upload-content-type"])
        request.seen.key = name
        if condition.get("ifGenerationMatch") == "0" and self._upstream.exists(bucket, name):
            raise ExistsError
        number = secrets.token_hex(16)
        self._sessions[number] = _Session(bucket, name, resource, condition, implied_by, request.host)
        words = urllib.parse.urlencode({"uploadType": "resumable", "name": name, "upload_id": number})
        place = "%s/upload/storage/v1/b/%s/o?%s" % (self._upstream.base(request.host), bucket, words)
        return Answer(200, {"Location": place, "X-GUploader-UploadID": number})

    def put(self, request: Request) -> Answer:
        """Takes a piece of the content, or tells how much is here."""
        session = self._of(request)
        with session.lock:
            if session.done:
                return session.done
            first, last, total = _parse_range(request)
            if first is not None:
                self._take(session, request, first)
            if total is not None and session.received >= total:
                session.done = self._finish(session, request)
                return session.done
            if first is not None and last is not None:
                session.received -= session.received % STEP
            return _incomplete(session)

    def keep(self, request: Request) -> None:
        """Keeps what arrived of a request that was cut."""
        session = self._of(request)
        with session.lock:
            first, _last, _total = _parse_range(request)
            if first is not None and first <= session.received and not session.done:
                self._take(session, request, first)
                session.received -= session.received % STEP

    def implied_by(self, request: Request) -> str | None:
        """The account whose lack of a right is the upload's condition; None where it asked for one, or may replace."""
        return self._of(request).implied_by

    def cancel(self, request: Request) -> Answer:
        """Forgets an upload."""
        self._of(request)
        self._sessions.pop(request.asked("upload_id") or "").content.close()
        return Answer(499)

    def _of(self, request: Request) -> _Session:
        session = self._sessions.get(request.asked("upload_id") or "")
        if session is None:
            raise RefusedError(404, "notFound", "There is no such upload.")
        request.seen.key = session.name
        return session

    def _take(self, session: _Session, request: Request, first: int) -> None:
        if first > session.received:
            text = "The upload offset is %d, which exceeds the %d bytes that are here." % (first, session.received)
            raise RefusedError(503, "backendError", text)
        known = session.received - first
        session.content.seek(session.received)
        for piece in pieces(request.body, known, request.size - known):
            session.content.write(piece)
            session.received += len(piece)

    def _finish(self, session: _Session, request: Request) -> Answer:
        declared = [("md5", session.resource.get("md5Hash")), ("crc32c", session.resource.get("crc32c"))]
        words = request.headers.get("x-goog-hash", "").split(",")
        declared += [(kind.strip(), value) for kind, _mark, value in (word.partition("=") for word in words) if value]
        for kind, wanted in declared:
            if wanted and wanted != _checksum(kind, session):
                raise RefusedError(400, "invalid", "The %s hash of the content is not the declared one." % kind.upper())
        headers = {"content-type": session.resource.get("contentType") or "application/octet-stream"}
        headers.update({"x-goog-meta-" + name: value for name, value in session.resource.get("metadata", {}).items()})
        place, content = (session.bucket, session.name), (session.content, 0, session.received)
        return json_answer(self._upstream.store(session.host, place, headers, content, **session.condition))


def _resource(request: Request) -> dict[str, Any]:
    """What an upload's beginning says of its object."""
    try:
        said = json.loads(request.body.read() or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise RefusedError(400, "parseError", "The body is no object in JSON.")
    return said


def _parse_range(request: Request) -> tuple[int | None, int | None, int | None]:
    """First and last byte of the piece and the whole size; no first byte: a question; no size: not known yet."""
    said = request.headers.get("content-range")
    if said is None:
        size = int(request.headers.get("content-length", 0))
        return 0, size - 1, size
    found = _RANGE.match(said)
    if not found:
        raise RefusedError(400, "invalid", "%r is no Content-Range." % said)
    first, last, total = found.groups()
    return (
        None if first is None else int(first),
        None if last is None else int(last),
        None if total == "*" else int(total),
    )


def _incomplete(session: _Session) -> Answer:
    return Answer(308, {"Range": "bytes=0-%d" % (session.received - 1)} if session.received else {})


def _checksum(kind: str, session: _Session) -> str:
    digest = hashlib.md5() if kind == "md5" else google_crc32c.Checksum()
    for piece in pieces(session.content, 0, session.received):
        digest.update(piece)
    return base64.b64encode(digest.digest()).decode()
