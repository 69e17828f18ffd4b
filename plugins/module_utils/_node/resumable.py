# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes bytes to a bucket as a resumable upload of the JSON API, as this node's own account. PRIVATE to the collection.

See https://cloud.google.com/storage/docs/performing-resumable-uploads. An upload has an address of its own, which is a
secret: whoever knows it can go on with it. What arrived before a cut stays, and only the rest is sent again. An object
that is there already is never replaced; it is looked at, where the account may.
"""

from __future__ import annotations

import json
import re
import time
import urllib.parse
from typing import Any, Mapping, Sequence

from .._sinks import content_type
from . import bucket_answers, token, transport
from .content import Content

_UPLOADS = 2
"""So often an upload begins, where the service forgets it."""
_TRIES = 4
"""Requests in a row that bring an upload no further."""
_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 5.0
_INCOMPLETE = 308
_FORGOTTEN = (404, 410)
_ADDRESS = re.compile(r"^(https?)://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?/[!-~]*\Z")
_RANGE = re.compile(r"^bytes=0-(\d{1,15})\Z")


def put(service: str, bucket: str, content: Content, rate: int | None) -> dict[str, Any]:
    """Upload and return what became of it (bucket_answers.read); raise OSError with a sentence.

    service: the root of its address. rate: most bytes a second.
    """
    service = service.rstrip("/")
    told = _upload(service, bucket, content, rate)
    if not bucket_answers.is_taken(told):
        return bucket_answers.read(told, content.name, content.md5)
    place = "%s/storage/v1/b/%s/o/%s" % (service, bucket, urllib.parse.quote(content.name, safe=""))
    return bucket_answers.found(_ask("GET", place, {}), content.name, content.size, content.md5)


def _upload(service: str, bucket: str, content: Content, rate: int | None) -> transport.Answer:
    for _number in range(_UPLOADS):
        begun = _begin(service, bucket, content)
        if begun.status != 200:
            return begun
        told = _fill(_address(begun, service), content, rate)
        if told.status not in _FORGOTTEN:
            return told
    raise OSError("the bucket has forgotten an upload that was under way")


def _begin(service: str, bucket: str, content: Content) -> transport.Answer:
    kind = content_type(content.name)
    about = json.dumps({"name": content.name, "contentType": kind, "md5Hash": content.md5_base64}).encode()
    asked = {"uploadType": "resumable", "name": content.name, "ifGenerationMatch": "0"}
    headers = {
        "Content-Type": "application/json; charset=UTF-8",
        "Content-Length": str(len(about)),
        "X-Upload-Content-Type": kind,
        "X-Upload-Content-Length": str(content.size),
    }
    place = "%s/upload/storage/v1/b/%s/o?%s" % (service, bucket, urllib.parse.urlencode(asked))
    return _ask("POST", place, headers, [about])


def _address(begun: transport.Answer, service: str) -> str:
    """Return where the bytes go; where the service is asked by HTTPS they go by nothing less."""
    place = begun.headers.get("location", "")
    parts = _ADDRESS.match(place)
    if parts is None or parts.group(1) != urllib.parse.urlsplit(service).scheme:
        raise OSError("the bucket's answer names no place for the content")
    return place


def _fill(place: str, content: Content, rate: int | None) -> transport.Answer:
    """Send the bytes, and after a cut those that are missing, until the service has said what became of them."""
    there: int | None = 0
    furthest, left = 0, _TRIES
    while left:
        left -= 1
        try:
            told = _send(place, content, there, rate)
        except transport.TransportError:
            if not left:
                raise
        else:
            there = _received(told, content.size)
            if there is not None:
                furthest, left = (there, _TRIES) if there > furthest else (furthest, left)
                continue
            if not left or not _is_passing(told):
                return told
        there = None
        time.sleep(_WAIT_SECONDS * (_TRIES - left))
    raise OSError("the bucket has %d of %d bytes, and no more of them arrive" % (furthest, content.size))


def _send(place: str, content: Content, there: int | None, rate: int | None) -> transport.Answer:
    """Send what is missing; ask what that is where it is not known."""
    if there is None or there >= content.size:
        return transport.send("PUT", place, {"Content-Length": "0", "Content-Range": "bytes */%d" % content.size})
    headers = {
        "Content-Length": str(content.size - there),
        "Content-Range": "bytes %d-%d/%d" % (there, content.size - 1, content.size),
    }
    return transport.send("PUT", place, headers, content.pieces(there), rate)


def _received(told: transport.Answer, size: int) -> int | None:
    """Return how many bytes are there of an upload that has not ended, None where the answer does not tell."""
    if told.status != _INCOMPLETE:
        return None
    found = _RANGE.match(told.headers.get("range", ""))
    return min(int(found.group(1)) + 1, size) if found else 0


def _is_passing(told: transport.Answer) -> bool:
    """Whether it may go well in a moment."""
    return bucket_answers.is_passing(told) and (bucket_answers.retry_after(told) or 0.0) <= _LONGEST_WAIT_SECONDS


def _ask(method: str, url: str, headers: Mapping[str, str], body: Sequence[bytes] = ()) -> transport.Answer:
    """Ask as this node's account, with a fresh token where the last one is not taken."""
    told = transport.send(method, url, {**headers, **_authorization(False)}, body)
    return transport.send(method, url, {**headers, **_authorization(True)}, body) if told.status == 401 else told


def _authorization(fresh: bool) -> dict[str, str]:
    return {"Authorization": "Bearer " + token.get(fresh)}
