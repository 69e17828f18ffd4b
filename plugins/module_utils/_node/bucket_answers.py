# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a bucket's answer to an upload proves: pure decisions. PRIVATE to the collection.

A segment may be deleted only where the answer holds the MD5 of what was sent. What was refused because its name exists
may be our own, whose answer was lost: that is not confirmed, and nobody but a reader of the bucket can tell.
"""

from __future__ import annotations

import base64
import binascii
import calendar
import email.utils
import re
from typing import Any

from .transport import Answer

_OK = (200, 201, 204)
_AGAIN = (408, 429, 500, 502, 503, 504)
_HEX = re.compile(r"^[0-9a-f]{32}\Z", re.ASCII)
_LONGEST_WAIT = 3600.0
_LONGEST_WORDS = 200


def read(answer: Answer, object_name: str, md5: str) -> dict[str, Any]:
    """Return what became of an upload of these bytes; md5 in hex.

    Shape: object; error (None, or why it is not there for sure); file_fault (whether others may go on at once);
    unconfirmed (whether it may be there, and sending it again would not tell); refused (whether another policy
    might do); retry_after (seconds, or None);
    generation and crc32c where the answer has them.
    """
    told = nothing_of(object_name)
    if answer.status in _OK:
        return {**told, **_accepted(answer, md5), **_versions(answer)}
    words = _words(answer)
    if answer.status == 412 or (answer.status == 403 and "storage.objects.delete" in words):
        return {**told, "unconfirmed": True, "error": "the bucket has an object of that name: %s" % object_name}
    error = "the bucket answered %d: %s" % (answer.status, words or "without a word")
    if answer.status in _AGAIN:
        return {**told, "error": error, "retry_after": _retry_after(answer)}
    of_file = "BadDigest" in words or "EntityTooLarge" in words
    return {**told, "error": error, "file_fault": of_file, "refused": not of_file}


def nothing_of(object_name: str) -> dict[str, Any]:
    """Return the same of an upload of which there is nothing to tell."""
    flags = dict.fromkeys(("file_fault", "unconfirmed", "refused"), False)
    return {"object": object_name, "error": None, "retry_after": None, **flags}


def server_time(answer: Answer) -> float | None:
    """Return the server's clock in seconds since 1970, as its answer's Date has it (RFC 9110, 6.6.1)."""
    return _date(answer.headers.get("date", ""))


def _accepted(answer: Answer, md5: str) -> dict[str, Any]:
    told = _md5(answer)
    if told is None:
        return {"unconfirmed": True, "error": "the bucket's answer holds no MD5"}
    if told != md5:
        return {"file_fault": True, "error": "the bucket's answer has another MD5 than the file"}
    return {}


def _md5(answer: Answer) -> str | None:
    """Return the MD5 in an answer, in hex: of x-goog-hash, else of the entity tag, which need not be one."""
    hashes = re.search(r"md5=([A-Za-z0-9+/]{22}==)", answer.headers.get("x-goog-hash", ""))
    if hashes:
        return _to_hex(hashes.group(1))
    body = answer.body.decode("utf-8", "replace")
    for pattern in (r"<E[Tt]ag>(.*?)</E[Tt]ag>", r'"md5Hash": *"([^"]+)"'):
        found = re.search(pattern, body)
        if found:
            return _to_hex(found.group(1))
    return _to_hex(answer.headers.get("etag", ""))


def _to_hex(text: str) -> str | None:
    plain = text.replace("&quot;", "").replace("&#34;", "").strip().strip('"')
    if _HEX.match(plain.lower()):
        return plain.lower()
    try:
        digest = base64.b64decode(plain, validate=True)
    except (ValueError, binascii.Error):
        return None
    return digest.hex() if len(digest) == 16 else None


def _versions(answer: Answer) -> dict[str, Any]:
    body = answer.body.decode("utf-8", "replace")
    number = answer.headers.get("x-goog-generation") or _first(r'"generation": *"?(\d+)', body)
    checksum = _first(r"crc32c=([A-Za-z0-9+/]+={0,2})", answer.headers.get("x-goog-hash", ""))
    return {
        "generation": int(number) if number and number.isdigit() else None,
        "crc32c": checksum or _first(r'"crc32c": *"([^"]+)"', body),
    }


def _first(pattern: str, text: str) -> str | None:
    found = re.search(pattern, text)
    return found.group(1) if found else None


def _words(answer: Answer) -> str:
    """Return what the service says of a refusal; never what it quotes of the request, which is signed."""
    body = answer.body.decode("utf-8", "replace")
    parts = [_first(r"(?s)<%s>(.*?)</%s>" % (name, name), body) for name in ("Code", "Message", "Details")]
    parts = parts if any(parts) else [_first(r'"message": *"([^"]+)"', body)]
    text = " ".join(" ".join(part.split()) for part in parts if part)
    return "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST_WORDS]


def _retry_after(answer: Answer) -> float | None:
    """Return how long the server asks to wait (RFC 9110, 10.2.3), at most an hour."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdigit():
        return min(float(text), _LONGEST_WAIT)
    until, now = _date(text), server_time(answer)
    return None if until is None or now is None else min(max(0.0, until - now), _LONGEST_WAIT)


def _date(text: str) -> float | None:
    parsed = email.utils.parsedate(text) if text else None
    return None if parsed is None else float(calendar.timegm(parsed))
