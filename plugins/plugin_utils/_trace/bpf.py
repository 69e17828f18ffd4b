# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters in the grammar of pcap-filter(7), read as far as a probe must know. PRIVATE to the collection.

``and`` and ``or`` bind equally and to the left, ``not`` binds more; a word without qualifiers takes the last ones
(``port 80 or 443``). What is not understood stays open, and libpcap judges it on each node. Refused is only what
libpcap refuses in any case, without telling where.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...module_utils._errors import OptionError, shown
from ...module_utils._grammar import Place
from . import conditions
from .conditions import OTHERS, PROTOCOLS, TYPES, Condition
from .tokens import Token, scan

_JOINS = {"and": conditions.both, "&&": conditions.both, "or": conditions.either, "||": conditions.either}
_NOT = ("not", "!")
_ENDS = frozenset([*_JOINS, ")", ""])
_OPERATORS = frozenset("+ - * / % & | ^ << >> < > <= >= = == !=".split())
_OPPOSITE = {"src": "dst", "dst": "src"}
_DEEPEST = 50
_MOST_PORTS = 32


class _Qualifiers(NamedTuple):
    protocol: str | None = None
    direction: str | None = None
    """``src``, ``dst`` or ``both``; ``src or dst`` is ``dst``: of what a probe sends, that is the one to choose."""
    type: str | None = None


class Filter(NamedTuple):
    """What a filter says of packets."""

    passes: Condition
    sports: tuple[int | str, ...]
    """All source ports that it names; text where a name's number is not known."""
    dports: tuple[int | str, ...]
    """All destination ports, and ports of which it does not say whose."""
    places: Mapping[int | str, int]
    """Where in the text each of both stands first, from 0."""


def read(place: Place, text: str) -> Filter:
    """Return the meaning of a filter; raise OptionError, with the column of what is wrong."""
    reader = _Reader(place, scan(place, text))
    passes = reader.group(0)
    left = reader.peek()
    if left.text:
        raise place.error("this parenthesis closes nothing", "leave it out", left.at)
    return Filter(passes, tuple(reader.sports), tuple(reader.dports), reader.places)


class _Reader:
    """Takes a filter's tokens from left to right."""

    def __init__(self, place: Place, tokens: list[Token]) -> None:
        self._place, self._tokens, self._at = place, tokens, 0
        self._last = _Qualifiers()
        self.sports: dict[int | str, None] = {}
        self.dports: dict[int | str, None] = {}
        self.places: dict[int | str, int] = {}

    def peek(self, ahead: int = 0) -> Token:
        """Return the next token, or one behind it; the last is empty."""
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def group(self, depth: int) -> Condition:
        """Take conditions up to the end, or to a parenthesis that closes."""
        terms = [(conditions.both, self._term(depth))]
        while self.peek().text in _JOINS:
            terms.append((_JOINS[self._take().text], self._term(depth)))
        return conditions.of_group(terms)

    def _term(self, depth: int) -> Condition:
        negated = False
        while self.peek().text in _NOT:
            self._take()
            negated = not negated
        token = self.peek()
        if token.text in _ENDS:
            wrong = (
                "%s stands where a condition must be" % shown(token.text) if token.text else "a condition is missing"
            )
            raise self._place.error(wrong, "write one such as tcp port 443", token.at)
        nested = token.text == "(" and not self._is_arithmetic()
        term = self._parenthesis(depth) if nested else self._primitive(depth)
        return conditions.negated(term) if negated else term

    def _parenthesis(self, depth: int) -> Condition:
        opening = self._take()
        if depth >= _DEEPEST:
            raise self._place.error("parentheses lie too deep", "write at most %d" % _DEEPEST, opening.at)
        inner = self.group(depth + 1)
        if self._take().text != ")":
            raise self._unclosed(opening)
        return inner

    def _primitive(self, depth: int) -> Condition:
        start, found = self._at, self._qualifiers()
        token, bare = self.peek(), found == _Qualifiers()
        if found.direction is None and found.type is None:
            if found.protocol and token.text in _ENDS:
                return conditions.of_protocol(found.protocol)
            if found.protocol and token.text != "[" and token.text not in OTHERS:
                raise self._misplaced(token)
            if not token.is_word or token.text in OTHERS or self.peek(1).text not in _ENDS:
                return self._run(start)
        elif token.text == "(" or token.text in _NOT:
            self._last = found
            if depth >= _DEEPEST:
                raise self._place.error("conditions lie too deep", "write at most %d" % _DEEPEST, token.at)
            return self._term(depth + 1)
        elif not token.is_word or token.text in _ENDS:
            return self._run(start)
        self._last = self._last if bare else found
        return self._id(self._last)

    def _qualifiers(self) -> _Qualifiers:
        protocol = self._take().text if self.peek().text in PROTOCOLS else None
        direction = self._take().text if self.peek().text in _OPPOSITE else None
        if direction and self.peek().text in _JOINS and self.peek(1).text == _OPPOSITE[direction]:
            direction = "both" if _JOINS[self._take().text] is conditions.both else "dst"
            self._take()
        return _Qualifiers(protocol, direction, self._take().text if self.peek().text in TYPES else None)

    def _id(self, qualifiers: _Qualifiers) -> Condition:
        """Take what the qualifiers speak of: a port, a protocol's number, an address."""
        token = self._take()
        inner: Condition = conditions.unknown
        if qualifiers.type in ("port", "portrange"):
            inner = self._port(qualifiers, token)
        elif qualifiers.type in ("proto", "protochain"):
            if token.text in PROTOCOLS:
                wrong = "%s is a word of its own there" % shown(token.text)
                raise self._place.error(wrong, "write \\%s" % token.text, token.at)
            if qualifiers.protocol in (None, "ip", "ip6"):
                inner = conditions.of_protocol_number(token.name)
        else:
            if qualifiers.type in ("host", "net", None) and qualifiers.protocol not in conditions.LINKS:
                inner = conditions.of_host(token.text)
            while self.peek().text in ("/", "mask"):
                self._at += 2
        if self.peek().text not in _ENDS:
            raise self._misplaced(self.peek())
        protocol = conditions.of_protocol(qualifiers.protocol)
        return conditions.of_group([(conditions.both, protocol), (conditions.both, inner)])

    def _port(self, qualifiers: _Qualifiers, token: Token) -> Condition:
        direction = qualifiers.direction or "dst"
        ends = conditions.range_of(token.name) if qualifiers.type == "portrange" else (conditions.port_of(token.name),)
        for port in ends:
            if isinstance(port, int) and port > 65535:
                raise self._place.error("%s is no port" % shown(port), "write one from 1 to 65535", token.at)
            self.places.setdefault(port, token.at)
            if direction != "dst":
                self.sports[port] = None
            if direction != "src":
                self.dports[port] = None
        if len(self.places) > _MOST_PORTS:
            wrong = "more than %d ports are named" % _MOST_PORTS
            raise self._place.error(wrong, "write the one to send to, such as tcp port 443", token.at)
        return conditions.of_port(direction, ends[0], ends[-1])

    def _run(self, start: int) -> Condition:
        """Take a relation, or what else is not understood, up to its end; tell of the headers it looks into."""
        self._at = start
        opened: list[Token] = []
        headers = []
        while self.peek().text not in _ENDS or self._at == start or (opened and self.peek().text):
            token = self._take()
            if token.text in ("(", "["):
                opened.append(token)
            elif token.text in (")", "]") and opened:
                opened.pop()
            elif token.text in PROTOCOLS and (self.peek().text == "[" or self._at == start + 1):
                headers.append(token.text)
        if opened:
            raise self._unclosed(opened[-1])
        return conditions.of_headers(headers)

    def _is_arithmetic(self) -> bool:
        """Return whether the parenthesis that opens here holds numbers, not conditions."""
        depth = 0
        for index in range(self._at, len(self._tokens)):
            depth += {"(": 1, ")": -1}.get(self._tokens[index].text, 0)
            if not depth:
                return self._tokens[index + 1].text in _OPERATORS
        return False

    def _take(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def _misplaced(self, token: Token) -> OptionError:
        before = self._tokens[self._at - 1].text
        right = 'write "and" or "or" between two conditions'
        if before in PROTOCOLS and token.text.isdigit() and len(token.text) <= 5:
            right = "write %s port %s" % (before, token.text)
        return self._place.error("%s cannot follow %s" % (shown(token.text), shown(before)), right, token.at)

    def _unclosed(self, opening: Token) -> OptionError:
        return self._place.error("%s is not closed" % shown(opening.text), "close it", opening.at)
