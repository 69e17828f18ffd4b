# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to send, from the text of an expression alone. PRIVATE to the collection.

Every packet that a probe can be, with each port that the filter names and with none of them, is held against the
filter. What all that pass have in common is wanted; what differs among them is open where the filter does not speak
of it, and refused where it leaves a choice (``tcp or udp``, ``port 80 or port 443``).
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator, Sequence

from ...module_utils._errors import OptionError, shown
from . import bpf
from .bpf import Filter
from .conditions import ICMP, OTHER, TRANSPORTS, Packet, Port
from .expression import SERVICE, Expression
from .host import IP


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The packet that a trace sends, as far as it is known; what is not is None."""

    protocol: str | None = None
    """``tcp``, ``udp``, ``sctp``, ``icmp`` or ``icmp6``."""
    sport: int | None = None
    """None where the source may choose its port."""
    dport: int | None = None
    ip_version: int | None = None
    """4 or 6: the addresses, of a destination that has several, to send to."""


def wanted_of(expression: Expression) -> Wanted:
    """Return what to send; of a Service protocol and port may be open, which ``service.choose`` closes.

    Raises OptionError, with the column, for a filter that leaves a choice, lets nothing through that can be sent, or
    does not say what to send.
    """
    destination = expression.destination
    version = ipaddress.ip_address(destination.name or "").version if destination.kind == IP else None
    wanted = read(expression, version)
    place = expression.filter_place
    if destination.kind == SERVICE:
        if wanted.protocol in ICMP:
            wrong = "a Service forwards its ports alone, so that %s to it proves nothing" % wanted.protocol
            raise place.error(wrong, "write a port, such as tcp port 443, or trace to a pod behind it", 0)
        return wanted
    if wanted.protocol is None:
        right = "add tcp or udp" if wanted.dport is not None else "add one, such as tcp port 443, udp port 53 or icmp"
        raise place.error("the filter says not which protocol to send", right, 0)
    if wanted.protocol in TRANSPORTS and wanted.dport is None:
        right = "add one, such as %s port %d" % (wanted.protocol, 53 if wanted.protocol == "udp" else 443)
        raise place.error("the filter says not to which port to send", right, 0)
    return wanted


def read(expression: Expression, version: int | None = None) -> Wanted:
    """Return what the filter wants; ``version`` is the destination address's, where that is known, else both are tried.

    Raises OptionError, with the column, for a filter that leaves a choice or lets nothing through that can be sent.
    """
    found = bpf.read(expression.filter_place, expression.filter)
    versions = (version,) if version else (4, 6)
    left = [packet for packet in _packets(found, versions) if found.passes(packet) is not False]
    probes = [packet for packet in left if packet.protocol != OTHER]
    if not probes:
        raise _nothing_passes(expression, found, version)
    return Wanted(
        None if len(left) > len(probes) else _protocol(expression, probes),
        _port(expression, found, "source port", [packet.sport for packet in probes]),
        _port(expression, found, "port", [packet.dport for packet in probes]),
        None if len({packet.version for packet in probes}) > 1 else probes[0].version,
    )


def _packets(found: Filter, versions: Sequence[int]) -> Iterator[Packet]:
    for version in versions:
        for protocol in (*TRANSPORTS, ICMP[version == 6], OTHER):
            ported = protocol in TRANSPORTS
            for sport in (*found.sports, None) if ported else (None,):
                for dport in (*found.dports, None) if ported else (None,):
                    yield Packet(version, protocol, sport, dport)


def _protocol(expression: Expression, probes: Sequence[Packet]) -> str | None:
    protocols = list(dict.fromkeys(packet.protocol for packet in probes))
    if len(protocols) == 1:
        return protocols[0]
    if protocols == list(TRANSPORTS):  # a port alone
        return None
    raise _choice(expression, "", protocols)


def _port(expression: Expression, found: Filter, what: str, ports: Sequence[Port]) -> int | None:
    distinct = list(dict.fromkeys(ports))
    if None in distinct:
        return None
    if len(distinct) > 1:
        raise _choice(expression, "%ss " % what, [shown(p) if isinstance(p, str) else p for p in distinct])
    (port,) = distinct
    place = expression.filter_place
    if isinstance(port, str):
        right = "write its number (filters do not know what a Service calls its ports)"
        raise place.error("%s is not known as a port's name" % shown(port), right, found.places[port])
    if port == 0:
        raise place.error('"0" is no port', "write one from 1 to 65535", found.places[0])
    return port


def _choice(expression: Expression, what: str, left: Sequence[Port]) -> OptionError:
    told = " and ".join(filter(None, [", ".join(map(str, left[:-1])), str(left[-1])]))
    return expression.filter_place.error("the filter leaves the choice of %s%s" % (what, told), "write one of them", 0)


def _nothing_passes(expression: Expression, found: Filter, version: int | None) -> OptionError:
    place = expression.filter_place
    other = 10 - (version or 0)
    if version and any(found.passes(packet) is not False for packet in _packets(found, (other,))):
        right = {
            4: "write ip for ip6 and icmp for icmp6",
            6: "write ip6 for ip and icmp6 for icmp, without tcp[...] and udp[...], which read IPv4 alone",
        }[version]
        wrong = "the filter lets IPv%d alone through, and %s is IPv%d"
        return place.error(wrong % (other, expression.destination.title, version), right, 0)
    right = "write one that a probe of TCP, UDP, SCTP or ICMP to the destination can pass, such as tcp port 443"
    return place.error("the filter lets nothing through that can be sent", right, 0)
