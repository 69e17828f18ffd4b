# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a filter's single conditions say of a packet that a probe can be. PRIVATE to the collection.

A condition is True, False, or None where it cannot be told from a packet's protocol, ports and version alone.
Source of the words: pcap-filter(7) and libpcap 1.10 (``scanner.l``).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import NamedTuple

TRANSPORTS = ("tcp", "udp", "sctp")
ICMP = ("icmp", "icmp6")
OTHER = "other"
"""Stands for all protocols that a probe cannot be: a filter that lets it through does not tell the protocol."""

Port = int | str | None
"""A number; a name whose number is not known here; None for all ports that the filter does not name."""


class Packet(NamedTuple):
    """A packet to a destination, as far as filters are read."""

    version: int
    protocol: str
    sport: Port
    dport: Port


Condition = Callable[[Packet], bool | None]
Join = Callable[[bool | None, bool | None], bool | None]

LINKS = frozenset("ether link fddi tr wlan ppp slip radio".split())
"""Of the link layer, of which a probe decides nothing."""
_STRANGERS = frozenset(
    "arp rarp atalk aarp decnet lat sca moprc mopdl iso clnp esis es-is isis is-is l1 l2 iih lsp snp csnp psnp stp ipx"
    " netbeui igmp igrp pim vrrp carp ah esp".split()
)
"""Protocols that a probe never is."""
PROTOCOLS = LINKS | _STRANGERS | {"ip", "ip6", *TRANSPORTS, *ICMP}
TYPES = frozenset("host net port portrange proto protochain gateway".split())
OTHERS = frozenset(
    "less greater byte broadcast multicast len length inbound outbound ifindex vlan mpls pppoed pppoes geneve vxlan"
    " batadv lane llc metac bcc oam oamf4 oamf4e oamf4s oamf4ec oamf4sc sc ilmic vpi vci connectmsg metaconnect on"
    " ifname rset ruleset rnr rulenum srnr subrulenum reason action type subtype dir direction ra ta addr1 addr2 addr3"
    " addr4 address1 address2 address3 address4 fisu lssu lsu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls"
    "".split()
)
"""Words that begin a condition of another shape."""

_NUMBERS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6", 132: "sctp"}
_PROTOCOL_NAMES = {"icmp": 1, "tcp": 6, "udp": 17, "icmp6": 58, "ipv6-icmp": 58, "sctp": 132}
# Those on whose number all systems agree. A table, since /etc/services is another on each machine, and on many none.
_PORT_NAMES = {
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "bootps": 67, "bootpc": 68,
    "tftp": 69, "http": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "ntp": 123, "imap2": 143, "snmp": 161,
    "bgp": 179, "ldap": 389, "https": 443, "submission": 587, "ldaps": 636, "imaps": 993, "pop3s": 995,
    "ms-sql-s": 1433, "nfs": 2049, "mysql": 3306, "postgresql": 5432, "amqp": 5672, "sip": 5060, "x11": 6000,
}  # fmt: skip


def unknown(_packet: Packet) -> None:
    """The condition of which nothing can be told."""


def number(text: str) -> int | None:
    """Return a number as libpcap reads it: decimal, 0x and hexadecimal, or 0 and octal; None for another word."""
    try:
        if text.lower().startswith("0x"):
            return int(text[2:], 16) if text[2:].isalnum() else None
        return int(text, 8 if text.startswith("0") else 10) if text.isascii() and text.isdigit() else None
    except ValueError:
        return None


def port_of(text: str) -> int | str:
    """Return the number of a port that is written as a number or name; a name that is not known stays."""
    found = number(text)
    return _PORT_NAMES.get(text, text) if found is None else found


def range_of(text: str) -> tuple[int | str, int | str]:
    """Return both ends of ``6000-6008``, the lower first; text, twice, where a name in it is not known."""
    for index in [i for i, char in enumerate(text) if char == "-"]:
        low, high = port_of(text[:index]), port_of(text[index + 1 :])
        if isinstance(low, int) and isinstance(high, int):
            return min(low, high), max(low, high)
    return port_of(text), port_of(text)


def of_protocol(name: str | None) -> Condition:
    """``tcp``, ``ip6``, ``arp``, …; None, which is no word, is always true."""
    if name in ("ip", "ip6"):
        version = 4 if name == "ip" else 6
        return lambda packet: packet.version == version
    if name is None:
        return lambda packet: True
    return unknown if name in LINKS else lambda packet: packet.protocol == name


def of_protocol_number(text: str) -> Condition:
    """What stands behind ``proto``: a number or a name."""
    found = _PROTOCOL_NAMES.get(text, number(text))
    return unknown if found is None else lambda packet: packet.protocol == _NUMBERS.get(found)


def of_port(direction: str, low: int | str, high: int | str) -> Condition:
    """``port`` and ``portrange``; ``direction`` is ``src``, ``dst`` or ``both``.

    A range is open about ports that the filter does not name, so that it may narrow a Service's; a source port is the
    prober's own choice, and none is made from a range.
    """

    def holds(port: Port, otherwise: bool | None) -> bool | None:
        if port is None:
            return otherwise
        if port in (low, high):
            return True
        if isinstance(low, str) or isinstance(high, str) or isinstance(port, str):
            return None
        return low < port < high

    def condition(packet: Packet) -> bool | None:
        if packet.protocol not in TRANSPORTS:
            return False
        source = direction == "dst" or holds(packet.sport, False)
        destination = direction == "src" or holds(packet.dport, False if low == high else None)
        return both(source, destination)

    return condition


def of_host(text: str) -> Condition:
    """``host`` and ``net``: of an address, at least its version is known."""
    try:
        version = ipaddress.ip_network(text, strict=False).version
    except ValueError:
        return unknown
    return lambda packet: None if packet.version == version else False


def of_headers(protocols: Sequence[str]) -> Condition:
    """``tcp[13] & 2 != 0``: false of a packet that lacks one of the headers it looks into, otherwise unknown."""
    headers = [of_protocol(name) for name in protocols]
    # libpcap looks for TCP, UDP and SCTP headers behind IPv4's alone.
    only = 4 if any(name in TRANSPORTS for name in protocols) else None

    def condition(packet: Packet) -> bool | None:
        if only not in (None, packet.version) or any(header(packet) is False for header in headers):
            return False
        return None

    return condition


def of_group(terms: Sequence[tuple[Join, Condition]]) -> Condition:
    """Conditions from left to right, each with what joins it to those before it."""

    def condition(packet: Packet) -> bool | None:
        value: bool | None = True
        for join, term in terms:
            value = join(value, term(packet))
        return value

    return condition if len(terms) > 1 else terms[0][1]


def negated(term: Condition) -> Condition:
    """``not``."""

    def condition(packet: Packet) -> bool | None:
        value = term(packet)
        return None if value is None else not value

    return condition


def both(first: bool | None, second: bool | None) -> bool | None:
    """``and`` of three values."""
    if first is False or second is False:
        return False
    return None if first is None or second is None else True


def either(first: bool | None, second: bool | None) -> bool | None:
    """``or`` of three values."""
    if first or second:
        return True
    return None if first is None or second is None else False
