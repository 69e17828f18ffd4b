# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What resolv.conf and /etc/hosts say of a name, read as glibc's resolver does. PRIVATE to the collection.

Formats: resolv.conf(5), hosts(5). What glibc ignores is ignored: a line with another keyword, an address that is none.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple, Sequence

from ._errors import OptionError, shown
from ._packet.dns import MOST_LABEL, MOST_NAME

MOST_SERVERS = 3
_LOCAL = "127.0.0.1"
"""Where a server is asked when resolv.conf names none."""
_MOST_NDOTS, _MOST_TIMEOUT, _MOST_ATTEMPTS = 15, 30, 5
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
_SCOPE = re.compile(r"[!-~]{1,15}\Z", re.ASCII)
"""An interface's name (IFNAMSIZ in linux/if.h), or its index."""
_LABEL = r"[A-Za-z0-9_-]{1,%d}" % MOST_LABEL
_NAME = re.compile(r"(?=.{1,%d}\.?\Z)(?:%s\.)*%s\.?\Z" % (MOST_NAME, _LABEL, _LABEL), re.ASCII)
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?\Z", re.ASCII)
"""To some resolvers an address, and to others a name (WHATWG URL, "ends in a number")."""


class Config(NamedTuple):
    """What a resolver is told by resolv.conf."""

    servers: tuple[str, ...] = (_LOCAL,)
    """At most three, in the order in which they are asked; one of IPv6 may have a scope, as ``fe80::1%eth0``."""
    search: tuple[str, ...] = ()
    """Domains that are appended, in their order."""
    ndots: int = 1
    """A name with so many dots is asked as it is first."""
    timeout: int = 5
    """Seconds that each server has for its answer."""
    attempts: int = 2
    """How often all of them are asked."""


def check_name(option: str, raw: object) -> str:
    """Return a name as given, or an address in its usual form; raise OptionError for what is neither."""
    text = str(raw)
    address = read_address(text)
    if address is not None:
        return address
    if not text.isascii():
        raise OptionError(option, "%s is not ASCII" % shown(text), "write the name in its form with xn--")
    if _ENDS_IN_NUMBER.match(text):
        right = "write four numbers from 0 to 255, such as 10.0.0.1, or a DNS name"
        raise OptionError(option, "%s is no IPv4 address" % shown(text), right)
    if not _NAME.match(text):
        right = "write at most %d letters, digits, - and _, in labels of at most %d between dots"
        raise OptionError(option, "%s is no DNS name" % shown(text), right % (MOST_NAME, MOST_LABEL))
    return text


def read_address(text: str) -> str | None:
    """Return an address in its usual form (RFC 5952), None for what is none, or has a scope."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # Python 3.8 knows no scopes, and takes numbers with leading zeros, which to the C library are octal.
    return None if "%" in text or (address.version == 4 and str(address) != text) else str(address)


def version(address: str) -> int:
    """Return 4 or 6."""
    return 6 if ":" in address else 4


def read_config(text: str) -> Config:
    """Return what a resolv.conf says; of ``search`` and ``domain`` the last one counts."""
    servers = named_servers(text)
    config = Config(servers) if servers else Config()
    for line in text.split("\n"):
        keyword, words = _line(line)
        if keyword in ("search", "domain") and words:
            config = config._replace(search=tuple(words if keyword == "search" else words[:1]))
        elif keyword == "options":
            for word in words:
                config = _with_option(config, word)
    return config


def named_servers(text: str) -> tuple[str, ...]:
    """Return the servers that a resolv.conf names, at most three."""
    lines = (_line(line) for line in text.split("\n"))
    found = (_server(words[0]) for keyword, words in lines if keyword == "nameserver" and words)
    return tuple(server for server in found if server)[:MOST_SERVERS]


def _line(line: str) -> tuple[str, list[str]]:
    """Return the keyword, which begins its line, and the words behind it."""
    if not line or line[0] in "#; \t":
        return "", []
    keyword, *words = re.split(r"[ \t\r]+", line.rstrip(" \t\r"))
    return keyword, words


def _server(word: str) -> str | None:
    """Return an address as glibc takes it; IPv4's may have fewer than four numbers (inet_aton(3))."""
    text = re.split("[;#]", word)[0]
    address, percent, scope = text.partition("%")
    if percent and _SCOPE.match(scope) and ":" in address and read_address(address):
        return "%s%%%s" % (read_address(address), scope)
    try:
        return read_address(text) or socket.inet_ntoa(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


def _with_option(config: Config, word: str) -> Config:
    name, _colon, value = word.partition(":")
    match = _NUMBER.match(value)
    number = int(match.group()) if match else 0
    if name == "ndots":
        return config._replace(ndots=min(number, _MOST_NDOTS))
    if name == "timeout":
        return config._replace(timeout=min(max(number, 1), _MOST_TIMEOUT))
    if name == "attempts":
        return config._replace(attempts=min(max(number, 1), _MOST_ATTEMPTS))
    return config


def read_hosts(text: str, name: str, versions: Sequence[int]) -> tuple[str, ...]:
    """Return a name's addresses in a hosts file, IPv4's first, each in the order of its lines."""
    found = []
    for line in text.split("\n"):
        address, *names = line.partition("#")[0].split() or [""]
        if name.lower() in map(str.lower, names):
            found.append(read_address(address))
    known = [address for address in dict.fromkeys(found) if address is not None]
    return tuple(address for number in versions for address in known if version(address) == number)


def names_to_try(name: str, config: Config) -> tuple[str, ...]:
    """Return what is asked for a name, in this order, without dots at the ends.

    A name with a dot at its end is asked as it is, and so, first, is one with ``ndots`` dots; any other last. A domain
    of the search list with which no message can hold the name is left out.
    """
    plain = name[:-1] if name.endswith(".") else name
    if name.endswith("."):
        return (plain,)
    found = []
    for domain in config.search:
        bare = domain.strip(".")
        found.append("%s.%s" % (plain, bare) if bare else plain)
    found = [one for one in found if _NAME.match(one)]
    order = [plain, *found] if plain.count(".") >= config.ndots else [*found, plain]
    return tuple(dict.fromkeys(order))
