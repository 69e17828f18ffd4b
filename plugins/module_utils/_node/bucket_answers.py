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
import json
import re
from typing import Any, Mapping

from .transport import Answer

_OK = (200, 201, 204)
_AGAIN = (408, 429, 500, 502, 503, 504)
_FORBIDDEN = (401, 403)
_TAKEN = "the bucket has an object of that name: %s"
_OF_FILE = ("BadDigest", "EntityTooLarge", "MD5 hash")  # the last is the JSON API's sentence for the first
_HEX = re.compile(r"^[0-9a-f]{32}\Z", re.ASCII)
_LONGEST_WAIT = 3600.0
_LONGEST_WORDS = 200


def read(answer: Answer, object_name: str, md5: str) -> dict[str, Any]:
    """Return what became of an upload of these bytes; md5 in hex.

    Shape: object; error (None, or why it is not there for sure); file_fault (whether others may go on at once);
    unconfirmed (whether it may be there, and sending it again would not tell); refused (whether another policy
    might do); retry_after (seconds, or None);
    server_time (the server's clock); generation and crc32c where the answer has them.
    """
    told = {**nothing_of(object_name), "server_time": server_time(answer)}
    if answer.status in _OK:
        return {**told, **_accepted(answer, md5), **_versions(answer)}
    if is_taken(answer):
        return {**told, "unconfirmed": True, "error": _TAKEN % object_name}
    words = _words(answer)
    error = "the bucket answered %d: %s" % (answer.status, words or "without a word")
    if is_passing(answer):
        return {**told, "error": error, "retry_after": retry_after(answer)}
    of_file = any(one in _all_words(answer) for one in _OF_FILE)
    return {**told, "error": error, "file_fault": of_file, "refused": not of_file}


def found(answer: Answer, object_name: str, size: int, md5: str) -> dict[str, Any]:
    """Return the same of an upload whose name is taken, by the answer to who asked the JSON API for the object.

    It is our own where size and MD5 are ours. Whoever may not look knows as much as before.
    """
    told = {**nothing_of(object_name), "server_time": server_time(answer)}
    if answer.status in _FORBIDDEN:
        return {**told, "unconfirmed": True, "error": _TAKEN % object_name}
    if answer.status not in _OK:
        error = "the bucket answered %d: %s" % (answer.status, _words(answer) or "without a word")
        return {**told, "error": error, "retry_after": retry_after(answer)}
    resource = _json(answer)
    its_md5 = _to_hex(str(resource.get("md5Hash", "")))
    if its_md5 is None:
        return {**told, "unconfirmed": True, "error": "%s, and its MD5 is not told" % (_TAKEN % object_name)}
    if (resource.get("size"), its_md5) != (str(size), md5):
        return {**told, "unconfirmed": True, "error": "the bucket has another object of that name: %s" % object_name}
    number = str(resource.get("generation", ""))
    return {**told, "generation": int(number) if number.isdigit() else None, "crc32c": resource.get("crc32c")}


def is_taken(answer: Answer) -> bool:
    """Whether an upload was refused since the bucket has an object of its name."""
    return answer.status == 412 or (answer.status == 403 and "storage.objects.delete" in _all_words(answer))


def is_passing(answer: Answer) -> bool:
    """Whether an answer says nothing of the file or of who sends it, so that the same may go well later."""
    return answer.status in _AGAIN


def nothing_of(object_name: str) -> dict[str, Any]:
    """Return the same of an upload of which there is nothing to tell."""
    flags = dict.fromkeys(("file_fault", "unconfirmed", "refused"), False)
    return {"object": object_name, "error": None, "retry_after": None, "server_time": None, **flags}


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
    """Return the beginning of what the service says of a refusal, for a sentence."""
    return _all_words(answer)[:_LONGEST_WORDS]


def _all_words(answer: Answer) -> str:
    """Return what the service says of a refusal; never what it quotes of the request, which is signed."""
    body = answer.body.decode("utf-8", "replace")
    parts = [_first(r"(?s)<%s>(.*?)</%s>" % (name, name), body) for name in ("Code", "Message", "Details")]
    if not any(parts):
        error = _json(answer).get("error")
        parts = [str(error.get("message", ""))] if isinstance(error, dict) else []
    text = " ".join(" ".join(part.split()) for part in parts if part)
    return "".join(c if c.isprintable() else "?" for c in text)


def _json(answer: Answer) -> Mapping[str, Any]:
    """Return the object that an answer's body is, an empty one where it is none."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def retry_after(answer: Answer) -> float | None:
    """Return how long the server asks to wait (RFC 9110, 10.2.3), at most an hour."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdigit():
        return min(float(text), _LONGEST_WAIT)
    until, now = _date(text), server_time(answer)
    return None if until is None or now is None else min(max(0.0, until - now), _LONGEST_WAIT)


def _date(text: str) -> float | None:
    parsed = email.utils.parsedate(text) if text else None
    return None if parsed is None else float(calendar.timegm(parsed))
