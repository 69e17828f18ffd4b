# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A form of type multipart/form-data, read from a file that may be larger than the memory."""

from __future__ import annotations

import dataclasses
import email.message
import email.parser
from typing import IO

from .answers import RefusedError
from .pieces import contains

_LONGEST_LINE = 64 * 1024
_FILE = "file"


@dataclasses.dataclass(frozen=True)
class Form:
    """The fields before ``file``, by lower-case name, and where the file's bytes lie."""

    fields: dict[str, str]
    offset: int
    size: int


def read_form(content_type: str, body: IO[bytes], size: int) -> Form:
    """Reads a form whose last field is its file; RefusedError."""
    boundary = _parameter("Content-Type", content_type, "boundary")
    if not boundary:
        raise _malformed("the form has no boundary")
    delimiter = b"--" + boundary.encode("latin-1")
    if body.readline(_LONGEST_LINE).rstrip(b"\r\n") != delimiter:
        raise _malformed("the form does not begin with its boundary")
    fields: dict[str, str] = {}
    while True:
        name = _field_name(body)
        if name.lower() == _FILE:
            offset = body.tell()
            return Form(fields, offset, _file_size(body, offset, size, delimiter))
        fields[name.lower()] = _value(body, delimiter)


def _field_name(body: IO[bytes]) -> str:
    """The name that a part's headers give it; the part's content follows."""
    lines = []
    while True:
        line = body.readline(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise _malformed("the form has no field file")
        if not line.rstrip(b"\r\n"):
            break
        lines.append(line)
    headers = email.parser.BytesHeaderParser().parsebytes(b"".join(lines))
    return _parameter("Content-Disposition", headers.get("Content-Disposition", ""), "name")


def _value(body: IO[bytes], delimiter: bytes) -> str:
    value = b""
    while len(value) <= _LONGEST_LINE:
        line = body.readline(_LONGEST_LINE)
        if line.rstrip(b"\r\n") == delimiter:
            return value.removesuffix(b"\r\n").decode(errors="replace")
        if not line or line.rstrip(b"\r\n") == delimiter + b"--":
            raise _malformed("the form has no field file")
        value += line
    raise _malformed("a field is too long")


def _file_size(body: IO[bytes], offset: int, size: int, delimiter: bytes) -> int:
    end = b"\r\n" + delimiter + b"--"
    for closing in (end + b"\r\n", end):
        start = size - len(closing)
        body.seek(max(start, 0))
        if start >= offset and body.read() == closing:
            if contains(body, offset, start - offset, b"\r\n" + delimiter):
                raise _malformed("the file is not the form's last field")
            return start - offset
    raise _malformed("the form does not end with its boundary")


def _parameter(header: str, value: str, name: str) -> str:
    message = email.message.Message()
    message[header] = value
    return str(message.get_param(name, "", header=header) or "")


def _malformed(details: str) -> RefusedError:
    return RefusedError(400, "MalformedPOSTRequest", "The body of the request is no well-formed form.", details)
