# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of DNS, written here byte by byte, and every way to damage them."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._packet import dns

ASKED = b"\x03web\x04shop\x00"
POINTER = b"\xc0\x0c"
"""To the question's name."""
A, CNAME, AAAA, TXT = 1, 5, 28, 16


def record(owner: bytes, kind: int, data: bytes, family: int = 1) -> bytes:
    """One record, to live for 30 s."""
    return owner + struct.pack(">HHIH", kind, family, 30, len(data)) + data


def message(*records: bytes, kind: int = A, flags: int = 0x8180, questions: int = 1, count: int | None = None) -> bytes:
    """An answer to a question for web.shop with the id 4660."""
    number = len(records) if count is None else count
    asked = (ASKED + struct.pack(">HH", kind, 1)) * questions
    return struct.pack(">HHHHHH", 0x1234, flags, questions, number, 0, 0) + asked + b"".join(records)


def packed(address: str) -> bytes:
    """An address as a record holds it."""
    return ipaddress.ip_address(address).packed


ONE = message(record(POINTER, A, packed("10.96.3.4")))
SIX = message(record(POINTER, AAAA, packed("fd00::4")), kind=AAAA)
CHAIN = message(
    record(POINTER, CNAME, b"\x05front\xc0\x10"),
    record(b"\x05front\xc0\x10", CNAME, b"\x04edge\x07example\x00"),
    record(b"\x04edge\x07example\x00", TXT, b"\x02hi"),
    record(b"\x04EDGE\x07example\x00", A, packed("10.0.0.2")),
    record(b"\x04edge\x07example\x00", A, packed("10.0.0.1")),
)
MESSAGES = {"one": ONE, "six": SIX, "chain": CHAIN, "nothing": message(flags=0x8183)}


def test_a_question() -> None:
    """It wants recursion, and has one question and nothing else; a dot at the end changes nothing."""
    made = dns.question(0x1234, "web.shop", "A")
    assert made == bytes.fromhex("123401000001000000000000") + ASKED + b"\0\1\0\1"
    assert dns.question(0x1234, "web.shop.", "AAAA") == made[:-4] + b"\0\x1c\0\1"


@pytest.mark.parametrize("name", ["", ".", "a..b", "x" * 64, ".".join(["x" * 49] * 5 + ["xxxxx"])])
def test_a_name_that_no_message_can_hold(name: str) -> None:
    """It is refused, and never sent as another one."""
    with pytest.raises(ValueError):
        dns.question(1, name, "A")


def test_the_longest_name() -> None:
    """It has 253 characters."""
    name = ".".join(["x" * 49] * 5 + ["xxx"])
    assert len(name) == dns.MOST_NAME and len(dns.question(1, name, "A")) == 12 + 255 + 4


@pytest.mark.parametrize(
    "data, rcode, last, addresses",
    [
        (ONE, "NOERROR", None, ("10.96.3.4",)),
        (SIX, "NOERROR", None, ("fd00::4",)),
        (CHAIN, "NOERROR", "edge.example", ("10.0.0.2", "10.0.0.1")),
        (message(), "NOERROR", None, ()),
        (message(flags=0x8183), "NXDOMAIN", None, ()),
        (message(flags=0x8182), "SERVFAIL", None, ()),
        (message(flags=0x8185), "REFUSED", None, ()),
        (message(flags=0x818C), "RCODE12", None, ()),
        # Another name's address, another class, and another type than was asked for.
        (message(record(b"\x05other\x00", A, packed("10.0.0.1"))), "NOERROR", None, ()),
        (message(record(POINTER, A, packed("10.0.0.1"), family=3)), "NOERROR", None, ()),
        (message(record(POINTER, AAAA, packed("fd00::1"))), "NOERROR", None, ()),
        # A circle of names ends.
        (
            message(record(POINTER, CNAME, b"\x01x\x00"), record(b"\x01x\x00", CNAME, POINTER)),
            "NOERROR",
            "web.shop",
            (),
        ),
    ],
)
def test_an_answer(data: bytes, rcode: str, last: str | None, addresses: tuple[str, ...]) -> None:
    """What it says, and which addresses its chain of names leads to."""
    answer = dns.read(data)
    assert (answer.rcode, answer.error, answer.response, answer.truncated) == (rcode, None, True, False)
    assert dns.addresses(answer) == (last, addresses)


def test_how_records_are_told() -> None:
    """Name, type and value, in their order; other types are passed by."""
    assert list(map(str, dns.read(CHAIN).records)) == [
        "web.shop CNAME front.shop",
        "front.shop CNAME edge.example",
        "EDGE.example A 10.0.0.2",
        "edge.example A 10.0.0.1",
    ]


@pytest.mark.parametrize(
    "data, asked, same",
    [
        (ONE, (0x1234, "web.shop", "A"), True),
        (ONE, (0x1234, "WEB.shop.", "A"), True),
        (ONE, (0x1235, "web.shop", "A"), False),
        (ONE, (0x1234, "web.shop", "AAAA"), False),
        (ONE, (0x1234, "web", "A"), False),
        (message(flags=0x0100), (0x1234, "web.shop", "A"), False),
        (message(questions=0), (0x1234, "web.shop", "A"), False),
        (message(questions=2), (0x1234, "web.shop", "A"), False),
        (message(kind=TXT), (0x1234, "web.shop", "A"), False),
        (b"", (0x1234, "web.shop", "A"), False),
    ],
)
def test_whether_it_answers_the_question(data: bytes, asked: tuple[int, str, str], same: bool) -> None:
    """It has the id, is an answer, and repeats the one question."""
    assert dns.answers(dns.read(data), *asked) is same


@pytest.mark.parametrize(
    "data, error",
    [
        (ONE[:11], "it ends inside its header"),
        (message(count=1), "it ends inside a name"),
        (message(record(POINTER, A, b"\x0a\0\0")), "a record of type A has 3 bytes"),
        (message(record(POINTER, AAAA, packed("10.0.0.1"))), "a record of type AAAA has 4 bytes"),
        (message(record(POINTER, CNAME, b"\x01x\x00\x00")), "a CNAME has 4 bytes, and its name ends elsewhere"),
        (message(record(b"\x80", A, packed("10.0.0.1"))), "a label is of a kind that is not known"),
        (message(record(b"\xc0\x1a", A, packed("10.0.0.1"))), "a name leads to itself"),
        (message(record(b"\xc0\x30", A, packed("10.0.0.1"))), "a name leads to itself, to what follows it"),
        (message(record((b"\x3f" + b"x" * 63) * 4 + b"\0", A, packed("10.0.0.1"))), "a name is longer than 255 bytes"),
        (message(questions=0), "it repeats 0 questions"),
    ],
)
def test_damage(data: bytes, error: str) -> None:
    """It is told; what stands before it holds."""
    assert (dns.read(data).error or "").startswith(error)


def test_a_long_way_of_pointers() -> None:
    """It is no name: each step leads back, and yet there are too many."""
    steps = b"".join(struct.pack(">H", 0xC000 | at) for at in [12, *range(37, 37 + 2 * 200, 2)])
    data = message(record(b"\0", TXT, steps))
    at = len(data) - 2
    told = dns.read(data[:6] + b"\0\2" + data[8:] + record(struct.pack(">H", 0xC000 | at), A, packed("10.0.0.1")))
    assert told.error == "a name leads to itself, to what follows it, or too often to another"


def test_names_that_are_no_text() -> None:
    """Bytes that a name may hold, and no terminal should, are written as numbers."""
    told = dns.read(message(record(b"\x05a.\x1b\xff\\\0", A, packed("10.0.0.1"))))
    assert (
        told.records[0].name == r"a\046\027\255\092"
        and dns.read(message(record(b"\0", A, bytes(4)))).records[0][0] == "."
    )


@pytest.mark.parametrize("name", MESSAGES)
def test_every_truncation_and_every_bit(name: str) -> None:
    """Nothing raises, and reading ends; what is cut off is told, or was no record."""
    data = MESSAGES[name]
    whole = dns.read(data)
    for end in range(len(data)):
        told = dns.read(data[:end])
        assert told.error and told.records == whole.records[: len(told.records)]
        dns.addresses(told)
    for at in range(len(data)):
        for value in range(256):
            told = dns.read(data[:at] + bytes([value]) + data[at + 1 :])
            dns.addresses(told)
            assert dns.answers(told, 0x1234, "web.shop", "A") in (True, False)
