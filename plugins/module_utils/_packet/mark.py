# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recognises the packets of a trace's probes among those of one tap. PRIVATE to the collection.

A packet belongs to a probe by what no translation of addresses changes: a TCP sequence number that was chosen, or a
nonce in the payload. What has neither belongs to it by its addresses and ports, and only where a packet with the mark
had the same ones at this very tap: a range of sequence numbers alone is another connection's every now and then.
"""

from __future__ import annotations

from typing import Iterable, Mapping, NamedTuple, Optional, Sequence, Tuple

from .. import _trace_records
from .._trace_records import Mark, Sighting
from .headers import dissect_whole
from .links import sender
from .packet import Packet, Payload, Record

REQUEST, REPLY, ERROR = "request", "reply", "error"
_BY_MARK, _BY_TUPLE, _BY_QUOTE = "mark", "tuple", "quote"
_ECHOES = {"icmp": {8: REQUEST, 0: REPLY}, "icmpv6": {128: REQUEST, 129: REPLY}}
_FATAL = {"icmp": (3, 11, 12), "icmpv6": (1, 3, 4)}
"""Errors that end what they are about: no redirect, source quench, or word about a packet's size."""
_TOO_BIG = ("icmp", 3, 4)
_ANSWERS = 0x80  # QR in the third byte of a DNS message (RFC 1035, 4.1.1)
_CANARY = 0
_ROUND = 1 << 32

_Tuple = Tuple[Optional[str], Optional[int], Optional[str], Optional[int]]


class _Found(NamedTuple):
    """Why a packet belongs to a probe."""

    mark: Mark
    leg: str
    joined: str
    part: str


class _Seen(NamedTuple):
    """A packet that was read."""

    record: Record
    packet: Packet
    payload: Payload | None

    @property
    def ends(self) -> _Tuple:
        """Source and destination, each with its port."""
        return self.packet.src, self.packet.sport, self.packet.dst, self.packet.dport


def sightings(records: Iterable[Record], marks: Sequence[Mark]) -> list[Sighting]:
    """Return what one tap has seen of the probes with these marks, in the order of its file; it never raises.

    A packet with the mark may be behind one that belongs to it by its tuple: processors hand over what they have in
    no order.
    """
    seen = [_Seen(record, *dissect_whole(record)) for record in records]
    marked = [_by_mark(one, marks) for one in seen]
    known: dict[_Tuple, tuple[Mark, str]] = {}
    for index, (one, found) in enumerate(zip(seen, marked)):
        if found is not None and found.joined == _BY_MARK and found.mark.probe != _CANARY:
            if found.part == "first" and known.get(one.ends) == (found.mark, REPLY):  # the request was here before
                found = marked[index] = _Found(found.mark, REPLY, _BY_MARK, "answer")
            source, sport, destination, dport = one.ends
            known.setdefault((source, sport, destination, dport), (found.mark, found.leg))
            other = REPLY if found.leg == REQUEST else REQUEST
            known.setdefault((destination, dport, source, sport), (found.mark, other))
    told = []
    for one, found in zip(seen, marked):
        belongs = found or _by_tuple(one, known)
        if belongs is not None:
            told.append(_sighting(one, belongs))
    return told


def _by_mark(seen: _Seen, marks: Sequence[Mark]) -> _Found | None:
    packet = seen.packet
    for mark in marks:
        if packet.protocol == mark.protocol and packet.tcp is not None:
            found = _tcp(packet, mark)
        elif packet.protocol == mark.protocol and packet.icmp is None:
            found = _datagram(seen, mark)
        elif packet.protocol == mark.protocol and packet.icmp is not None and packet.icmp.quoted is None:
            found = _echo(seen, mark)
        elif packet.icmp is not None and packet.icmp.quoted is not None:
            found = _quote(packet, packet.icmp.quoted, mark)
        else:
            found = None
        if found is not None:
            return found
    return None


def _tcp(packet: Packet, mark: Mark) -> _Found | None:
    """The probe has the chosen sequence number; what answers it acknowledges the next (RFC 9293, 3.10.7)."""
    if packet.tcp is None or packet.tcp.flags is None or mark.sequence is None:
        return None
    flags = packet.tcp.flags
    if "S" in flags and "." not in flags and packet.tcp.seq == mark.sequence:
        return _Found(mark, REQUEST, _BY_MARK, "first")
    answers = "." in flags and packet.tcp.ack == (mark.sequence + 1) % _ROUND
    if answers and ("S" in flags or "R" in flags):
        return _Found(mark, REPLY, _BY_MARK, "answer")
    return None


def _datagram(seen: _Seen, mark: Mark) -> _Found | None:
    if not _has_nonce(seen, mark):
        return None
    if mark.probe == _CANARY:
        return _Found(mark, REQUEST, _BY_MARK, "canary")
    if _answers(seen, mark):
        return _Found(mark, REPLY, _BY_MARK, "answer")
    return _Found(mark, REQUEST, _BY_MARK, "first")


def _answers(seen: _Seen, mark: Mark) -> bool:
    """Say whether a datagram that has the nonce is an answer that repeats the question, as far as it tells itself."""
    sport, dport = seen.packet.sport, seen.packet.dport
    if mark.nonce_at and seen.payload is not None:  # DNS
        return bool(seen.payload.data[2] & _ANSWERS)
    if (sport in mark.source_ports) != (dport in mark.source_ports):
        return dport in mark.source_ports
    return sport in mark.ports and dport not in mark.ports


def _echo(seen: _Seen, mark: Mark) -> _Found | None:
    """An echo's identifier may be translated like a port; its payload is not."""
    icmp = seen.packet.icmp
    leg = _ECHOES[mark.protocol].get(icmp.type) if icmp is not None else None
    if leg is None or not _has_nonce(seen, mark):
        return None
    return _Found(mark, leg, _BY_MARK, "first" if leg == REQUEST else "answer")


def _has_nonce(seen: _Seen, mark: Mark) -> bool:
    nonce = bytes.fromhex(mark.nonce)
    if not nonce or seen.payload is None:
        return False
    return seen.payload.data[mark.nonce_at : mark.nonce_at + len(nonce)] == nonce


def _about(packet: Packet, mark: Mark, leg: str) -> _Found:
    """Return an ICMP message about a packet of that leg: an ``error`` where it ends the request."""
    kind, icmp = packet.protocol or "", packet.icmp
    fatal = icmp is not None and icmp.type in _FATAL.get(kind, ()) and (kind, icmp.type, icmp.code) != _TOO_BIG
    return _Found(mark, ERROR, _BY_QUOTE, "error" if fatal and leg == REQUEST else "notice")


def _quote(packet: Packet, quoted: Packet, mark: Mark) -> _Found | None:
    """An error need quote no more than 8 bytes behind the IP header (RFC 792): of TCP, ports and sequence number."""
    if quoted.protocol != mark.protocol:
        return None
    if quoted.tcp is not None and mark.sequence is not None:
        same = (quoted.tcp.seq - mark.sequence) % _ROUND <= mark.said + 1 and quoted.sport is not None
    elif quoted.icmp is not None:
        same = (quoted.icmp.id, quoted.icmp.sequence) == (mark.ident, mark.sequence)
    else:
        same = quoted.sport in mark.source_ports and quoted.dport in mark.ports
    return _about(packet, mark, REQUEST) if same else None


def _by_tuple(seen: _Seen, known: Mapping[_Tuple, tuple[Mark, str]]) -> _Found | None:
    packet = seen.packet
    quoted = packet.icmp and packet.icmp.quoted
    if packet.icmp is not None and quoted is not None:
        about = known.get((quoted.src, quoted.sport, quoted.dst, quoted.dport))
        if about is None or quoted.protocol != about[0].protocol:
            return None
        return _about(packet, *about)
    if packet.sport is None or packet.dport is None:
        return None
    mark, leg = known.get(seen.ends, (None, ""))
    if mark is None or packet.protocol != mark.protocol or not _in_range(packet, mark, leg):
        return None
    # A datagram that comes back is the answer, for want of another sign of it.
    answers = leg == REPLY and packet.tcp is None
    return _Found(mark, leg, _BY_TUPLE, "answer" if answers else "later")


def _in_range(packet: Packet, mark: Mark, leg: str) -> bool:
    """Say whether a segment's numbers are of the probe's connection, and not of a later one between the same ports."""
    tcp = packet.tcp
    if tcp is None or mark.sequence is None:
        return tcp is None
    if leg == REQUEST:
        return (tcp.seq - mark.sequence) % _ROUND <= mark.said + 2
    # A reset may acknowledge nothing (RFC 9293, 3.10.7.1).
    if "." not in (tcp.flags or ""):
        return "R" in (tcp.flags or "")
    return tcp.ack is not None and (tcp.ack - mark.sequence) % _ROUND <= mark.said + 2


def _sighting(seen: _Seen, found: _Found) -> Sighting:
    record, packet, payload = seen
    tcp, icmp = packet.tcp, packet.icmp
    return Sighting(
        probe=found.mark.probe,
        time_ns=record.time_ns or 0,
        leg=found.leg,
        joined=found.joined,
        part=found.part,
        ifindex=packet.ifindex,
        direction=packet.direction,
        src=packet.src,
        dst=packet.dst,
        protocol=packet.protocol,
        sport=packet.sport,
        dport=packet.dport,
        flags=tcp.flags if tcp is not None else None,
        seq=tcp.seq if tcp is not None else None,
        ack=tcp.ack if tcp is not None else None,
        icmp_type=icmp.type if icmp is not None else None,
        icmp_code=icmp.code if icmp is not None else None,
        ip_id=packet.ip_id,
        ttl=packet.ttl,
        length=record.length,
        payload=payload.size if payload is not None else None,
        number=_number(found.mark, payload),
        encapsulation=tuple(_trace_records.Layer(*layer) for layer in packet.encapsulation),
        mac=sender(record),
    )


def _number(mark: Mark, payload: Payload | None) -> int | None:
    if mark.probe != _CANARY or payload is None:
        return None
    at = mark.nonce_at + len(mark.nonce) // 2
    raw = payload.data[at : at + 4]
    return int.from_bytes(raw, "big") if len(raw) == 4 else None
