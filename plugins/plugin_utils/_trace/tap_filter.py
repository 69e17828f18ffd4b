# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter with which taps find a trace's packets, plain and inside tunnels. PRIVATE to the collection.

It lets through every packet that bears a mark, and few others: who reads them sorts them out exactly. libpcap has no
words for tunnels on the pseudo interface ``any``, nor ``tcp[]`` for IPv6; so offsets are reckoned from the outermost IP
header. Sources: RFC 791, 8200, 9293, 768, 792, 4443 (packets, and what errors quote of them), 7348 (VXLAN), 8926
(Geneve), 2784 and 2890 (GRE), 2003, 4213 and 2473 (IP in IP); pcap-filter(7).

It has to be short. Before Linux 6.8 a socket has 20,480 bytes for its filter (``net.core.optmem_max``), counted in the
kernel's own instructions, of which reading one word takes about ten of 8 bytes. A filter that is too long is not
refused: tcpdump warns, takes every packet of the machine, and judges what the snap length left of it. So marks share
conditions: a hundred connections and a canary need 15 KB, as one does. Marks of both IP versions need twice as much. A
trace's plan keeps it short with

- initial sequence numbers from one stretch, each the one before plus ``said`` and 3;
- nonces whose first 4 bytes are the same at one ``nonce_at``; no more of them is looked at;
- for echo requests one ``ident``, and sequence numbers that follow each other;
- source ports from one block of a power of two, which begins at a multiple of it.

Not seen: a VLAN's tag inside a tunnel, or one that the kernel has left in the packet (QinQ), and what is behind it;
MPLS; a tunnel in another, or on another port; IPv6 extension headers before the protocol; options of an IPv4 header
around a tunnel, in it, or quoted; an error that quotes a tunnel's packet; a fragment but the first; what is encrypted
(WireGuard, IPsec). Where the source port was translated, neither are datagrams without the nonce, errors about them,
errors about what comes back, nor resets that acknowledge nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ...module_utils._trace_records import Mark

_HEADER = {4: 20, 6: 40}
_FIRST_BYTE = {4: "=0x45", 6: "&0xf0=0x60"}
"""Of an IP header: its version, and IPv4's length without options."""
_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 58}
"""Of protocols behind IPv6."""
_UDP_HEADER = _ICMP_HEADER = 8
_BESIDE_SAID = 3
"""Sequence numbers of a connection beside its bytes: SYN, FIN, and the one that acknowledges all of them."""
_ALL = 0xFFFFFFFF
_NEAR = 0x10000
"""Stretches of numbers no farther from each other become one; few of 2^32 are met by chance so."""


class _Header(NamedTuple):
    """A place from which headers are read."""

    accessor: str
    """``ip`` or ``ip6``; or ``tcp``, ``udp``, ``icmp``, which ask for this protocol over IPv4 and skip IP's header."""
    at: int
    """Bytes from where the accessor begins."""
    varying: str = ""
    """Arithmetic whose value is added."""

    def load(self, offset: int, size: int = 4) -> str:
        """Return what reads 1, 2 or 4 bytes as a number."""
        at = str(self.at + offset)
        return "%s[%s:%d]" % (self.accessor, self.varying + "+" + at if self.varying else at, size)


class _Word(NamedTuple):
    """A condition on 4 bytes of a transport header, or behind it."""

    at: int
    """Bytes from the header's beginning."""
    protocol: str
    """The header's: ``tcp``, ``udp``, or ``icmp`` of either version."""
    first: int
    span: int = 1
    """How many values from ``first`` on; they wrap around at 2^32."""
    mask: int = _ALL

    def test(self, header: _Header) -> str:
        """Return it as text."""
        load = header.load(self.at)
        if self.span > 1:
            return "%s-%d<%d" % (load, self.first, self.span)
        return "%s=%#x" % (load if self.mask == _ALL else "%s&%#x" % (load, self.mask), self.first)


def _nothing(header: _Header) -> str:
    return ""


def _geneve(header: _Header) -> str:
    """Options, counted in 4 bytes by bits 24 to 29; and Ethernet, where the EtherType has bit 14 set: 0x6558, not IP's.

    Of the product, the upper 10 bits are 4 * options + 14 * Ethernet.
    """
    return "((%s&0x3f004000)*3585>>22)" % header.load(0)


def _gre(header: _Header) -> str:
    """Checksum, key and sequence number, 4 bytes each, as bits 7, 5 and 4 tell; and Ethernet, as with Geneve.

    Times 33, these three are bits 7, 10 and 4, which are 2 modulo 7 each: so the remainder is twice their number.
    """
    return "(((%s*33&0x490)%%7)*2)+((%s>>6&1)*14)" % (header.load(0, 1), header.load(2, 1))


class _Tunnel(NamedTuple):
    """What may be between an outer IP header and an inner one."""

    protocols: Mapping[int, int]
    """By the inner IP version: the protocol's number in the outer header."""
    ports: tuple[int, ...] = ()
    """UDP's destination; none where it is not UDP."""
    size: int = 0
    """Bytes between the two headers that are always there."""
    varying_at: int = 0
    """Where the header is that tells of other bytes."""
    varying: Callable[[_Header], str] = _nothing


_TUNNELS = (
    _Tunnel({4: 17, 6: 17}, (4789, 8472), _UDP_HEADER + 8 + 14),
    _Tunnel({4: 17, 6: 17}, (6081,), _UDP_HEADER + 8, _UDP_HEADER, _geneve),
    _Tunnel({4: 47, 6: 47}, (), 4, 0, _gre),
    _Tunnel({4: 4, 6: 41}),
)


def tap_filter(marks: Sequence[Mark]) -> str:
    """Return an expression of pcap-filter(7) for ``any``, Ethernet, raw IP, or a loopback.

    What matches: of TCP, a sequence or acknowledgement number from the initial one on, as far as bytes are said, or the
    ports of what comes back; of UDP, the ports in either direction, or the nonce; of an echo or its reply, the nonce;
    of an ICMP error, the sequence number, the ports, or the echo's identifier and sequence number that it quotes.
    Raises ValueError where there is no mark, for TCP without a sequence number, and for others without a nonce.
    """
    words = {version: _words(version, [mark for mark in marks if mark.version == version]) for version in (4, 6)}
    words = {version: found for version, found in words.items() if found}
    if not words:
        raise ValueError("without a mark, a filter would let every packet through")
    # A load beyond its end rejects a packet at once, whatever follows an "or". So what is not wrapped comes first: what
    # is read for it in vain is there in the shortest packet of a tunnel, too.
    conditions = [condition for version, found in words.items() for condition in _plain(version, found)]
    for outer in (4, 6):
        wrapped = _either([condition for tunnel in _TUNNELS for condition in _wrapped(outer, tunnel, words)])
        conditions.append(_all("ip[0:1]" + _FIRST_BYTE[4], wrapped) if outer == 4 else wrapped)
    return _either(conditions)


def _words(version: int, marks: Sequence[Mark]) -> list[_Word]:
    """Return the conditions for marks of one IP version, by their offsets: what a short packet has is read first."""
    quoted = _ICMP_HEADER + _HEADER[version]
    stretches: dict[tuple[str, str, int], list[tuple[int, int]]] = defaultdict(list)
    words: set[_Word] = set()
    for mark in marks:
        for protocol, at, first, span in _stretches(mark, quoted):
            stretches[mark.protocol, protocol, at].append((first, span))
    for (_kind, protocol, at), found in stretches.items():
        words.update(_Word(at, protocol, first, span) for first, span in _joined(found))
    # Of TCP, what goes towards the port has one of its sequence numbers; what comes back may have neither in a reset
    # (RFC 9293, 3.10.7.1), and not within the 8 bytes that an error quotes.
    for kind, towards in (("tcp", False), ("udp", True)):
        known = [mark for mark in marks if mark.protocol == kind and mark.source_ports and mark.ports]
        for first, mask in _pairs(known, towards):
            words.update((_Word(0, kind, first, mask=mask), _Word(quoted, "icmp", first, mask=mask)))
    return sorted(words)


def _stretches(mark: Mark, quoted: int) -> Iterator[tuple[str, int, int, int]]:
    """Tell where which numbers are: the header's protocol, the offset in it, the first number, and how many."""
    if mark.protocol == "tcp":
        if mark.sequence is None:
            raise ValueError("probe %d has no sequence number" % mark.probe)
        for protocol, at in (("tcp", 4), ("tcp", 8), ("icmp", quoted + 4)):
            yield protocol, at, mark.sequence, mark.said + _BESIDE_SAID
        return
    nonce = bytes.fromhex(mark.nonce)[:4]
    if mark.protocol == "udp" and mark.ident is not None:  # of DNS: the flags behind it are others in an answer
        yield "udp", _UDP_HEADER, mark.ident << 16, 1 << 16
        return
    if len(nonce) < 4:
        raise ValueError("probe %d has no nonce" % mark.probe)
    protocol = "udp" if mark.protocol == "udp" else "icmp"
    yield protocol, _UDP_HEADER + mark.nonce_at, int.from_bytes(nonce, "big"), 1
    if protocol == "icmp" and mark.ident is not None and mark.sequence is not None:
        yield protocol, quoted + 4, mark.ident << 16 | mark.sequence, 1


def _joined(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return stretches of numbers, each the first and how many, with those made one that are near each other."""
    joined: list[tuple[int, int]] = []
    for first, span in sorted(stretches):
        start, length = joined[-1] if joined else (first, 0)
        if joined and first - start - length <= _NEAR:
            joined[-1] = start, max(length, first + span - start)
        else:
            joined.append((first, span))
    return joined


def _pairs(marks: Sequence[Mark], towards: bool) -> Iterator[tuple[int, int]]:
    """Tell two ports as one word: its value and mask, of what comes back, and of what goes ``towards`` the port."""
    sources = {port for mark in marks for port in mark.source_ports}
    # Aligned blocks, each of a power of two: of ports in a row it takes one or two.
    mask = 0xFFFF & -1 << (len(sources) - 1).bit_length()
    for block in sorted({source & mask for source in sources}):
        for port in sorted({port for mark in marks for port in mark.ports}):
            yield port << 16 | block, 0xFFFF0000 | mask
            if towards:
                yield block << 16 | port, mask << 16 | 0xFFFF


def _plain(version: int, words: Sequence[_Word]) -> Iterator[str]:
    """Tell what packets outside of tunnels match, by their protocols."""
    for protocol, number in _NUMBERS.items():
        header = _Header(protocol, 0) if version == 4 else _Header("ip6", _HEADER[6])
        tests = []
        for word in words:
            # It may yet be a short packet of a tunnel, and other words of it may be further behind.
            guarded = protocol == "udp" and word.at >= _UDP_HEADER
            if word.protocol == protocol:
                there = "%s>=%d" % (header.load(4, 2), word.at + 4)
                tests.append(_all(there, word.test(header)) if guarded else word.test(header))
        if tests:
            yield _either(tests) if version == 4 else _all("ip6[6:1]=%d" % number, _either(tests))


def _wrapped(outer: int, tunnel: _Tunnel, words: Mapping[int, Sequence[_Word]]) -> Iterator[str]:
    """Tell what packets inside a tunnel match, by their versions.

    Their protocol is not asked for: a number at another protocol's place is there by chance alone. Of what follows a
    test, nothing can match where it reads beyond the end.
    """
    accessor, header = ("ip", _HEADER[4]) if outer == 4 else ("ip6", _HEADER[6])
    varying = tunnel.varying(_Header(accessor, header + tunnel.varying_at))
    for version, found in words.items():
        number = tunnel.protocols[version]
        # IPv4's protocol, and that it is no later fragment
        conditions = ["ip[6:4]&0x1fff00ff=%d" % number if outer == 4 else "ip6[6:1]=%d" % number]
        if tunnel.ports:
            conditions.append(_either(["%s[%d:2]=%d" % (accessor, header + 2, port) for port in tunnel.ports]))
        inner = _Header(accessor, header + tunnel.size, varying)
        conditions.append(inner.load(0, 1) + _FIRST_BYTE[version])
        transport = inner._replace(at=inner.at + _HEADER[version])
        yield _all(*conditions, _either([word.test(transport) for word in found]))


def _either(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else "(%s)" % " or ".join(conditions)


def _all(*conditions: str) -> str:
    # libpcap's "and" binds no closer than its "or".
    return "(%s)" % " and ".join(conditions)
