# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probes of a trace, and the marks by which they are known. PRIVATE to the collection.

Whatever is chosen is drawn from one seed, so that the same seed gives the same probes; who plans a trace draws the
seed itself at random. Marks of one trace lie side by side, as ``tap_filter`` needs it to be short.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Sequence

from ...module_utils._dns_records import Question
from ...module_utils._errors import OptionError
from ...module_utils._trace_records import Mark, Probe
from . import craft
from .expression import OPTION
from .names import DNS_PORT
from .request import CONNECTION, ICMP, PROBE, SYN, UDP
from .wanted import Wanted

_KINDS = {"tcp": (CONNECTION, SYN), "udp": (UDP,), "icmp": (ICMP,), "icmp6": (ICMP,)}
"""What can be sent for a protocol that an expression wants; the first where nothing else is asked for."""
_NAMES = {"icmp6": "icmpv6"}
"""What the reader of packets calls a protocol, where filters call it otherwise."""
_PORTS = range(20 << 10, 29 << 10)
"""Source ports: below Linux's own (ip_local_port_range) and Kubernetes' node ports, above the servers' most."""
_TRIES = 8
"""Source ports for each probe, of which the first that is free is taken; a lone SYN has one, which nobody takes."""
_SEQUENCES = range(1 << 16, (1 << 32) - (1 << 24))
_BESIDE_SAID = 3
"""Sequence numbers of a connection beside its bytes."""
_HALF_NONCE = 4
"""Bytes of a nonce that all of a trace have in common, and then those that are its own."""
_QUESTION_MARK = 48
"""Bytes of a question by which it is known: a tap keeps 256 of a packet, headers of tunnels included."""
_APART_MS = 50
"""From a question to what is sent next."""
_DNS_HEADER = bytes.fromhex("01000001000000000000")
"""Of a question, behind its identifier: recursion desired, one question (RFC 1035, 4.1.1)."""
_DNS_ZONE = b"\x07invalid\x00\x00\x01\x00\x01"
"""A zone that never is (RFC 6761), and the question for its address."""
DISCARD = 9
"""The port of canaries, which nobody need listen on."""


@dataclasses.dataclass(frozen=True)
class Aim:
    """Where probes go, and what they are."""

    wanted: Wanted
    """Protocol, ports and version known."""
    address: str
    ports: tuple[int, ...]
    """The destination's, the one that is asked for first, then those to which it may be translated."""
    request: bytes = b""
    """What a connection says."""
    kind: str | None = None
    """What is asked for, one of ``request.PROBES``; None: by the protocol."""
    source: str = ""
    """Of a lone SYN: the address that it comes from, of the version of ``address``."""
    ttl: int | None = None
    """None: as the source's namespace has it."""


def probes(aims: Sequence[Aim], count: int, seed: bytes, before: int = 0) -> tuple[tuple[Probe, ...], tuple[Mark, ...]]:
    """Return as many probes at each aim, and each one's mark; ``seed``: at least 16 random bytes.

    All aims are asked once before any is asked again. before: how many questions are sent before them. Raises
    OptionError for a kind that is not of the protocol, PcapError for a lone SYN where Scapy is missing.
    """
    every, room = before + count * len(aims), max(len(aim.request) for aim in aims)
    numbered = enumerate(itertools.chain.from_iterable(itertools.repeat(aims, count)), before + 1)
    made = [_probe(aim, number, every, seed, room) for number, aim in numbered]
    first, *rest = (probe for probe, _mark in made)
    if before:
        first = dataclasses.replace(first, wait_ms=_APART_MS)
    return (first, *rest), tuple(mark for _probe, mark in made)


def questions(
    asked: Sequence[tuple[Question, Sequence[int]]], after: int, seed: bytes
) -> tuple[tuple[Probe, ...], tuple[Mark, ...]]:
    """Return probes that ask questions once more, each with an identifier of its own, and their marks.

    asked: each with the ports to which it may be translated. after: how many probes follow. A mark is the beginning of
    the whole message: the identifier and what is asked for. Those are near each other, so that a filter joins them.
    """
    made = []
    every = len(asked) + after
    first = _number(_drawn(seed, "question")[:2]) % ((1 << 16) - len(asked))
    for number, (question, ports) in enumerate(asked, 1):
        message = (first + number).to_bytes(2, "big") + bytes.fromhex(question.query or "")[2:]
        sources = _source_ports(seed, number, every, _TRIES)
        version = 6 if ":" in question.server else 4
        wait = None if number == 1 else _APART_MS
        made.append(
            (
                Probe(number, UDP, question.server, DNS_PORT, sources, payload=message.hex(), wait_ms=wait),
                Mark(
                    number,
                    "udp",
                    version,
                    nonce=message[:_QUESTION_MARK].hex(),
                    ident=first + number,
                    source_ports=sources,
                    ports=tuple(dict.fromkeys((DNS_PORT, *ports))),
                ),
            )
        )
    return tuple(probe for probe, _mark in made), tuple(mark for _probe, mark in made)


def canary_mark(seed: bytes, version: int) -> Mark:
    """Return the mark of canaries between addresses of one IP version."""
    return Mark(0, "udp", version, nonce=_nonce(seed, 0).hex(), ports=(DISCARD,))


def _probe(aim: Aim, number: int, count: int, seed: bytes, room: int) -> tuple[Probe, Mark]:
    """Return one of ``count`` probes, of which none says more than ``room`` bytes."""
    protocol = aim.wanted.protocol or ""
    kind, name = _kind(aim.kind, protocol), _NAMES.get(protocol, protocol)
    version = 6 if ":" in aim.address else 4
    probe = Probe(number, kind, aim.address, ttl=aim.ttl)
    mark = Mark(number, name, version)
    if kind == ICMP:
        ident, nonce = _number(_drawn(seed, "ident")[:2]), _nonce(seed, number)
        sequence = _number(_drawn(seed, "echo")[:2]) % ((1 << 16) - count) + number
        probe = dataclasses.replace(probe, ident=ident, sequence=sequence, payload=nonce.hex())
        return probe, dataclasses.replace(mark, ident=ident, sequence=sequence, nonce=nonce.hex())
    tries = 1 if kind == SYN else _TRIES
    ports = (aim.wanted.sport,) if aim.wanted.sport else _source_ports(seed, number, count, tries)
    mark = dataclasses.replace(mark, source_ports=ports, ports=aim.ports)
    if kind == SYN:
        mark = dataclasses.replace(mark, sequence=_sequence(seed, number, count, 0))
        packet = craft.syn(aim.source, aim.address, mark)
        return dataclasses.replace(probe, payload=packet.hex()), mark
    probe = dataclasses.replace(probe, port=aim.ports[0], source_ports=ports)
    if kind == CONNECTION:
        sequence = _sequence(seed, number, count, room)
        probe = dataclasses.replace(probe, sequence=sequence, payload=aim.request.hex())
        return probe, dataclasses.replace(mark, sequence=sequence, said=len(aim.request))
    payload, nonce, nonce_at = _datagram(aim.ports[0], _nonce(seed, number))
    probe = dataclasses.replace(probe, payload=payload.hex())
    return probe, dataclasses.replace(mark, nonce=nonce.hex(), nonce_at=nonce_at)


def _kind(asked: str | None, protocol: str) -> str:
    """Return what is sent for a protocol; raise OptionError where that cannot be what is asked for."""
    kinds = _KINDS.get(protocol)
    if kinds is None:
        raise OptionError(OPTION, "no probe is of %s" % protocol, "write a filter of %s" % ", ".join(_KINDS))
    if asked is None:
        return kinds[0]
    if asked not in kinds:
        fitting = next(name for name, own in _KINDS.items() if asked in own)
        wrong = "%s is of %s, and the filter is of %s" % (asked, fitting, protocol)
        raise OptionError(PROBE, wrong, "write %s, or another filter" % " or ".join(kinds))
    return asked


def _nonce(seed: bytes, number: int) -> bytes:
    """Return a probe's nonce: what the trace's have in common, and what is its own."""
    return _drawn(seed, "nonce")[:_HALF_NONCE] + _drawn(seed, "probe %d" % number)[:_HALF_NONCE]


def _datagram(port: int, drawn: bytes) -> tuple[bytes, bytes, int]:
    """Return a payload, the nonce in it, and where that is; a server of DNS gets a question that it can answer."""
    if port != DNS_PORT:
        return drawn, drawn, 0
    nonce = drawn[2:6].hex().encode()  # half of it is in common, as of any
    return drawn[-2:] + _DNS_HEADER + bytes([len(nonce)]) + nonce + _DNS_ZONE, nonce, 13


def _sequence(seed: bytes, number: int, count: int, said: int) -> int:
    """Return an initial sequence number; each probe has room behind it for the bytes that are said."""
    span = said + _BESIDE_SAID
    first = _SEQUENCES[_number(_drawn(seed, "sequence")[:4]) % (len(_SEQUENCES) - count * span)]
    return first + (number - 1) * span


def _source_ports(seed: bytes, number: int, count: int, tries: int) -> tuple[int, ...]:
    """Return ports that no other probe of the trace tries, all of the trace from one aligned block."""
    block = 1 << (count * tries - 1).bit_length()
    blocks = range(_PORTS.start, _PORTS.stop, block)
    first = blocks[_number(_drawn(seed, "ports")[:4]) % len(blocks)] + (number - 1) * tries
    return tuple(range(first, first + tries))


def _drawn(seed: bytes, what: str) -> bytes:
    return hashlib.sha256(seed + what.encode()).digest()


def _number(raw: Sequence[int]) -> int:
    return int.from_bytes(bytes(raw), "big")
