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

A VLAN's tag that the kernel keeps beside the packet is not in its way. Of those in the packet, which leave by an
interface that does not set tags itself, ``tagged`` sees one: a filter of its own, since both are too long for one
socket, and libpcap's ``vlan``, whose offsets are reckoned as each packet comes, makes it half as long again.

Not seen: a VLAN's tag inside a tunnel, a second one (QinQ), and what is behind it; MPLS; a tunnel in another, or on
another port; IPv6 extension headers before the protocol; options of an IPv4 header around a tunnel, in it, behind a
tag, or quoted; an error that quotes a tunnel's packet; a fragment but the first; what is encrypted (WireGuard, IPsec).
Where the source port was translated, neither are datagrams without the nonce, errors about them, errors about what
comes back, nor resets that acknowledge nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ...module_utils._trace_records import Mark

_HEADER = {4: 20, 6: 40}
_FIRST_BYTE = {4: "=0x45", 6: "&0xf0=0x60"}
"""Of an IP header: its version, and IPv4's length without options."""
_NUMBERS = {4: {"tcp": 6, "udp": 17, "icmp": 1}, 6: {"tcp": 6, "udp": 17, "icmp": 58}}
_ETHERTYPES = {4: 0x0800, 6: 0x86DD}
_TAGGED = "(ether[12:2]=0x8100 or ether[12:2]=0x88a8)"
_UDP_HEADER = _ICMP_HEADER = 8
_BESIDE_SAID = 3
"""Sequence numbers of a connection beside its bytes: SYN, FIN, and the one that acknowledges all of them."""
_ALL = 0xFFFFFFFF
_NEAR = 0x10000
"""Stretches of numbers no farther from each other become one; few of 2^32 are met by chance so."""


class _Header(NamedTuple):
    """A place from which headers are read."""

    accessor: str
    """``ip``, ``ip6``, or ``ether``, which asks for nothing; or ``tcp``, ``udp``, ``icmp``, which ask for this protocol
    over IPv4 and skip IP's header."""
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


_UNTAGGED = {4: _Header("ip", 0), 6: _Header("ip6", 0)}
"""Where the outermost IP header is, by its version."""
_BEHIND_TAG = _Header("ether", 14 + 4)
_TUNNELS = (
    _Tunnel({4: 17, 6: 17}, (4789, 8472), _UDP_HEADER + 8 + 14),
    _Tunnel({4: 17, 6: 17}, (6081,), _UDP_HEADER + 8, _UDP_HEADER, _geneve),
    _Tunnel({4: 47, 6: 47}, (), 4, 0, _gre),
    _Tunnel({4: 4, 6: 41}),
)


def tap_filter(marks: Sequence[Mark], tagged: bool = False) -> str:
    """Return an expression of pcap-filter(7) for ``any``, Ethernet, raw IP, or a loopback.

    What matches: of TCP, a sequence or acknowledgement number from the initial one on, as far as bytes are said, or the
    ports of what comes back; of UDP, the ports in either direction, or the nonce; of an echo or its reply, the nonce;
    of an ICMP error, the sequence number, the ports, or the echo's identifier and sequence number that it quotes.
    tagged: for Ethernet alone, what has one VLAN's tag in it, and nothing else.
    Raises ValueError where there is no mark, for TCP without a sequence number, and for others without a nonce.
    """
    words = {version: _words(version, [mark for mark in marks if mark.version == version]) for version in (4, 6)}
    words = {version: found for version, found in words.items() if found}
    if not words:
        raise ValueError("without a mark, a filter would let every packet through")
    # A load beyond its end rejects a packet at once, whatever follows an "or". So what is not wrapped comes first: what
    # is read for it in vain is there in the shortest packet of a tunnel, too.
    if tagged:
        return _all(_TAGGED, _either([_behind_tag(version, words) for version in (4, 6)]))
    conditions = [condition for version, found in words.items() for condition in _plain(version, found)]
    return _either(conditions + [_tunneled(version, header, words) for version, header in _UNTAGGED.items()])


def _behind_tag(version: int, words: Mapping[int, Sequence[_Word]]) -> str:
    """Tell what packets of an IP version match behind a tag, plain and in tunnels."""
    header = _BEHIND_TAG
    behind = header._replace(at=header.at + _HEADER[version])
    plain = [
        _all(_is_protocol(version, header, _NUMBERS[version][protocol]), _either(tests))
        for protocol, tests in _tests(words.get(version, ()), lambda _protocol: behind)
    ]
    tests = _either([*plain, _tunneled(version, header, words)])
    return _all("ether[16:2]=%#x" % _ETHERTYPES[version], header.load(0, 1) + _FIRST_BYTE[version], tests)


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
    if version == 4:
        yield from (_either(tests) for _protocol, tests in _tests(words, lambda protocol: _Header(protocol, 0)))
        return
    header = _UNTAGGED[6]
    for protocol, tests in _tests(words, lambda _protocol: header._replace(at=_HEADER[6])):
        yield _all(_is_protocol(6, header, _NUMBERS[6][protocol]), _either(tests))


def _tests(words: Sequence[_Word], place: Callable[[str], _Header]) -> Iterator[tuple[str, list[str]]]:
    """Tell the tests of each protocol that has some. place: where its header is."""
    for protocol in _NUMBERS[6]:
        header, tests = place(protocol), []
        for word in words:
            # It may yet be a short packet of a tunnel, and other words of it may be further behind.
            guarded = protocol == "udp" and word.at >= _UDP_HEADER
            if word.protocol == protocol:
                there = "%s>=%d" % (header.load(4, 2), word.at + 4)
                tests.append(_all(there, word.test(header)) if guarded else word.test(header))
        if tests:
            yield protocol, tests


def _is_protocol(version: int, header: _Header, number: int) -> str:
    """Tell what an IP header has that comes before that protocol; of IPv4, that it is no later fragment, too."""
    return header.load(6) + "&0x1fff00ff=%d" % number if version == 4 else header.load(6, 1) + "=%d" % number


def _tunneled(outer: int, header: _Header, words: Mapping[int, Sequence[_Word]]) -> str:
    """Tell what packets in tunnels match, behind an outer IP header."""
    wrapped = _either([condition for tunnel in _TUNNELS for condition in _wrapped(outer, header, tunnel, words)])
    return _all(header.load(0, 1) + _FIRST_BYTE[4], wrapped) if outer == 4 else wrapped


def _wrapped(outer: int, header: _Header, tunnel: _Tunnel, words: Mapping[int, Sequence[_Word]]) -> Iterator[str]:
    """Tell what packets inside a tunnel match, by their versions.

    Their protocol is not asked for: a number at another protocol's place is there by chance alone. Of what follows a
    test, nothing can match where it reads beyond the end.
    """
    behind = header._replace(at=header.at + _HEADER[outer])
    varying = tunnel.varying(behind._replace(at=behind.at + tunnel.varying_at))
    for version, found in words.items():
        conditions = [_is_protocol(outer, header, tunnel.protocols[version])]
        if tunnel.ports:
            conditions.append(_either(["%s=%d" % (behind.load(2, 2), port) for port in tunnel.ports]))
        inner = behind._replace(at=behind.at + tunnel.size, varying=varying)
        conditions.append(inner.load(0, 1) + _FIRST_BYTE[version])
        transport = inner._replace(at=inner.at + _HEADER[version])
        yield _all(*conditions, _either([word.test(transport) for word in found]))


def _either(conditions: Sequence[str]) -> str:
    return conditions[0] if len(conditions) == 1 else "(%s)" % " or ".join(conditions)


def _all(*conditions: str) -> str:
    # libpcap's "and" binds no closer than its "or".
    return "(%s)" % " and ".join(conditions)
