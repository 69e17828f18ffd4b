# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of DNS: a question as it is sent, and what an answer says. PRIVATE to the collection.

Formats: RFC 1035, section 4; RFC 3596 (AAAA). Whatever bytes come, reading ends, and damage is told as an error.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

A, CNAME, AAAA = "A", "CNAME", "AAAA"
ADDRESSES = (A, AAAA)
"""Types of records that hold an address, in the order in which they are asked for."""
NOERROR, SERVFAIL, NXDOMAIN = "NOERROR", "SERVFAIL", "NXDOMAIN"
PORT = 53
MOST_LABEL, MOST_NAME = 63, 253
"""Most characters of a label, and of a name in text, without the dot at its end."""

_TYPES = {1: A, 5: CNAME, 28: AAAA}
_NUMBERS = {name: number for number, name in _TYPES.items()}
_INTERNET = 1
_FAMILIES = {A: (socket.AF_INET, 4), AAAA: (socket.AF_INET6, 16)}
_RCODES = {
    **{0: NOERROR, 1: "FORMERR", 2: SERVFAIL, 3: NXDOMAIN, 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET"},
    **{8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE"},
}
"""By number (https://www.iana.org/assignments/dns-parameters)."""
_HEADER = struct.Struct(">HHHHHH")
_QUESTION = struct.Struct(">HH")
_RECORD = struct.Struct(">HHIH")
_RESPONSE, _TRUNCATED, _RECURSION, _RCODE = 0x8000, 0x0200, 0x0100, 0x000F
_POINTER = 0xC0
_MOST_WIRE, _MOST_POINTERS = 255, 128
"""Most bytes of a name in a message, with the lengths of its labels; as many pointers as it can have labels."""


class Record(NamedTuple):
    """One record of an answer that holds an address or another name."""

    name: str
    type: str
    """``A``, ``AAAA`` or ``CNAME``."""
    value: str

    def __str__(self) -> str:
        return "%s %s %s" % self


class Answer(NamedTuple):
    """What a message says, as far as it could be read."""

    id: int | None = None
    """None where the message has no whole header."""
    response: bool = False
    truncated: bool = False
    rcode: str | None = None
    """Such as ``NXDOMAIN``; ``RCODE11`` for one without a name."""
    name: str | None = None
    """What was asked, as the message repeats it; None where it repeats no question, or several."""
    type: str | None = None
    """None for one that is never asked here."""
    records: tuple[Record, ...] = ()
    """In their order, those of other types left out."""
    error: str | None = None
    """Why the rest could not be read."""


class _Damaged(Exception):
    """Its text says what is wrong."""


def question(id: int, name: str, type: str) -> bytes:
    """Return the message that asks a server to find a name's records; it has no EDNS (RFC 6891).

    name: ASCII, with or without the dot at its end; type: ``A`` or ``AAAA``. Raises ValueError for a name that no
    message can hold.
    """
    labels = [label.encode("ascii") for label in (name[:-1] if name.endswith(".") else name).split(".")]
    if not all(0 < len(label) <= MOST_LABEL for label in labels):
        raise ValueError("a label is empty, or longer than %d bytes" % MOST_LABEL)
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(wire) > _MOST_WIRE:
        raise ValueError("the name is longer than %d bytes" % _MOST_WIRE)
    return _HEADER.pack(id, _RECURSION, 1, 0, 0, 0) + wire + _QUESTION.pack(_NUMBERS[type], _INTERNET)


def read(data: bytes) -> Answer:
    """Return what a message says; of a damaged one what stands before the damage, with ``error``."""
    if len(data) < _HEADER.size:
        return Answer(error="it ends inside its header")
    id, flags, questions, records, _authorities, _others = _HEADER.unpack_from(data)
    number = flags & _RCODE
    answer = Answer(id, bool(flags & _RESPONSE), bool(flags & _TRUNCATED), _RCODES.get(number, "RCODE%d" % number))
    if questions != 1:
        return answer._replace(error="it repeats %d questions" % questions)
    found: list[Record] = []
    try:
        name, at = _name(data, _HEADER.size)
        kind, family = _unpack(_QUESTION, data, at)
        answer = answer._replace(name=name, type=_TYPES.get(kind) if family == _INTERNET else None)
        at += _QUESTION.size
        for _number in range(records):
            record, at = _record(data, at)
            if record is not None:
                found.append(record)
    except _Damaged as damage:
        answer = answer._replace(error=str(damage))
    return answer._replace(records=tuple(found))


def answers(answer: Answer, id: int, name: str, type: str) -> bool:
    """Say whether a message answers this question: it has its id, and repeats it."""
    asked = name[:-1] if name.endswith(".") else name
    said = answer.name is not None and answer.name.lower() == asked.lower()
    return answer.response and answer.id == id and said and answer.type == type


def addresses(answer: Answer) -> tuple[str | None, tuple[str, ...]]:
    """Return the last name to which the one that was asked leads by CNAMEs, None without one, and its addresses."""
    names = {one.name.lower(): one.value for one in reversed(answer.records) if one.type == CNAME}
    current, last = (answer.name or "").lower(), None
    while current in names:  # each is taken once: names may lead in a circle
        last = names.pop(current)
        current = last.lower()
    return last, tuple(one.value for one in answer.records if one.type == answer.type and one.name.lower() == current)


def _record(data: bytes, at: int) -> tuple[Record | None, int]:
    """Return the record there, None for one of another type, and where the next begins."""
    name, at = _name(data, at)
    number, family, _seconds, size = _unpack(_RECORD, data, at)
    at += _RECORD.size
    end = at + size
    if end > len(data):
        raise _Damaged("it ends inside a record")
    kind = _TYPES.get(number)
    if kind is None or family != _INTERNET:
        return None, end
    if kind == CNAME:
        value, after = _name(data, at)
        if after != end:
            raise _Damaged("a CNAME has %d bytes, and its name ends elsewhere" % size)
        return Record(name, kind, value), end
    version, whole = _FAMILIES[kind]
    if size != whole:
        raise _Damaged("a record of type %s has %d bytes" % (kind, size))
    return Record(name, kind, socket.inet_ntop(version, data[at:end])), end


def _name(data: bytes, at: int) -> tuple[str, int]:
    """Return the name there, ``.`` for the root, and where what follows it begins.

    A pointer must lead to before the labels that it ends, so that no name has an endless form.
    """
    labels: list[str] = []
    begun, behind, size, pointers = at, None, 1, 0
    while True:
        if at >= len(data):
            raise _Damaged("it ends inside a name")
        length = data[at]
        if length & _POINTER == _POINTER:
            if at + 2 > len(data):
                raise _Damaged("it ends inside a name")
            behind = behind or at + 2
            target = int.from_bytes(data[at : at + 2], "big") & 0x3FFF
            pointers += 1
            if target >= begun or pointers > _MOST_POINTERS:
                raise _Damaged("a name leads to itself, to what follows it, or too often to another")
            begun = at = target
            continue
        if length & _POINTER:
            raise _Damaged("a label is of a kind that is not known")
        if not length:
            return ".".join(labels) or ".", behind or at + 1
        size += 1 + length
        if at + 1 + length > len(data):
            raise _Damaged("it ends inside a name")
        if size > _MOST_WIRE:
            raise _Damaged("a name is longer than %d bytes" % _MOST_WIRE)
        labels.append(_label(data[at + 1 : at + 1 + length]))
        at += 1 + length


def _label(raw: bytes) -> str:
    """Return a label as text; what would not be read as one is written as a zone file has it (RFC 1035, 5.1)."""
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E and byte not in b'."\\' else "\\%03d" % byte for byte in raw)


def _unpack(form: struct.Struct, data: bytes, at: int) -> tuple[int, ...]:
    if at + form.size > len(data):
        raise _Damaged("it ends inside a record")
    return form.unpack_from(data, at)
