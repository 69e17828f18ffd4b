# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A destination as an IP address or a DNS name. PRIVATE to the collection.

An address is taken in any spelling of RFC 4291, IPv6 with or without brackets, and has one form afterwards (RFC 5952).
A DNS name is in lower case; a dot at its end stays, since it tells resolvers not to append a search domain.
"""

from __future__ import annotations

import ipaddress
import re

from ...module_utils._errors import OptionError, shown
from ...module_utils._grammar import Place

IP, DNS = "ip", "dns"

_PORT = re.compile(r"(?:\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]*)\Z", re.ASCII)
_BRACKETS = re.compile(r"\[([^\[\]]*)\]\Z")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(r"(?=.{1,253}\.?\Z)(?:%s\.)*%s\.?\Z" % (_LABEL, _LABEL), re.ASCII)
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?\Z", re.ASCII)
"""What ends in a number is an address to some resolvers and a name to none (WHATWG URL, "ends in a number")."""


def check_no_port(place: Place, word: str, at: int) -> None:
    """Refuse a port behind a name or address: the filter tells it, so that no two places can differ."""
    match = _PORT.match(word)
    if match:
        right = 'write it there, such as "and tcp port %s"' % (match.group(1)[1:6] or "443")
        raise place.error("a port is read from the filter alone", right, at + match.start(1))


def read_host(place: Place, word: str, at: int) -> tuple[str, str]:
    """Return ``ip`` and an address, or ``dns`` and a name; ``at`` is where in the text the word begins.

    Raises OptionError for what is neither, and for an address that is not one machine's wherever it is used.
    """
    check_no_port(place, word, at)
    brackets = _BRACKETS.match(word)
    text = brackets.group(1) if brackets else word
    if ":" in text and "%" in text:
        raise place.error("a zone means another link on each node", "write an address without %", at + word.index("%"))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        if brackets or ("://" not in word and ":" in word):
            raise place.error("%s is no IPv6 address" % shown(word), "write one such as fd00::1", at) from None
        return DNS, _name(place, word, at)
    if brackets and address.version == 4:
        raise place.error("brackets are for IPv6", "write %s" % address, at)
    return IP, _usable(place, word, address, at)


def _usable(place: Place, word: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address, at: int) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            raise place.error("%s is sent as IPv4" % shown(word), "write %s" % address.ipv4_mapped, at)
        if address.is_link_local:
            wrong = "%s is link-local, another machine's on each link" % address
            raise place.error(wrong, "write an address that is routed", at)
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        raise place.error("%s is no address of one machine" % address, "write one such as 10.0.0.1 or fd00::1", at)
    return str(address)


def _name(place: Place, word: str, at: int) -> str:
    name = word.lower()
    if _NUMBER.match(name):
        right = "write four numbers from 0 to 255, such as 10.0.0.1, or a DNS name"
        raise place.error("%s is no IPv4 address" % shown(word), right, at)
    if not _NAME.match(name):
        raise _no_name(place, word, at)
    return name


def _no_name(place: Place, word: str, at: int) -> OptionError:
    if "://" in word:
        return place.error("%s is a URL" % shown(word), "write the name in it alone, such as google.com", at)
    if "/" in word:
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            right = "write pod NAMESPACE/NAME or service NAMESPACE/NAME"
            return place.error("%s says not what it is" % shown(word), right, at)
        return place.error("%s is a network" % shown(word), "write one address in it", at)
    right = "write at most 253 letters, digits, - and _, in labels of at most 63 between dots"
    return place.error("%s is no DNS name" % shown(word), right, at)
