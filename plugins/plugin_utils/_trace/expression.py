# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trace expressions: which packet is followed, from where to where. PRIVATE to the collection.

    from SOURCE to DESTINATION and FILTER

    SOURCE        node NAME | pod NAMESPACE/NAME | here
    DESTINATION   node NAME | pod NAMESPACE/NAME | service NAMESPACE/NAME | an IP address | a DNS name
    FILTER        as pcap-filter(7) tells; the first ``and`` begins it

``here`` is the controller. Words are in lower case, and any white space stands between them; columns count from 1,
each character of the text one. What a filter means is read elsewhere (``bpf.py``, ``wanted.py``).
"""

from __future__ import annotations

import dataclasses
import re

from ...module_utils._errors import shown
from ...module_utils._grammar import Place, check_name
from ...module_utils._selection import KINDS
from .host import DNS, IP, check_no_port, read_host

OPTION = "trace_expression"
NODE, POD, SERVICE, HERE = "node", "pod", "service", "here"

_EXAMPLE = "from pod shop/cart to service shop/db and tcp port 5432"
_SOURCES = "node NAME, pod NAMESPACE/NAME or here"
_DESTINATIONS = "node NAME, pod NAMESPACE/NAME, service NAMESPACE/NAME, an IP address or a DNS name"
_AFTER = {
    "from": "write %s" % _EXAMPLE,
    "to": 'write "to" with %s' % _DESTINATIONS,
    "and": 'write a filter behind the destination, such as "and tcp port 443"',
}
_OBJECTS = {NODE: "node node-a", POD: "pod shop/cart", SERVICE: "service shop/db"}
_TEXT_MOST = 4096
_SPACE = " \t\r\n"
_WORD = re.compile("[^%s]+" % _SPACE)


@dataclasses.dataclass(frozen=True)
class End:
    """Where a trace begins, or leads to."""

    kind: str
    """``node``, ``pod``, ``service``, ``ip``, ``dns``, or ``here``, the controller."""
    namespace: str | None = None
    """Of a pod or service."""
    name: str | None = None
    """A Kubernetes name, an address, a DNS name; None for ``here``."""
    column: int = dataclasses.field(default=0, compare=False)
    """Where in the text it stands, from 1."""

    @property
    def title(self) -> str:
        """How expressions and messages call it."""
        if self.kind in (IP, DNS, HERE):
            return self.name or HERE
        return "%s %s" % (self.kind, "/".join(part for part in (self.namespace, self.name) if part))


@dataclasses.dataclass(frozen=True)
class Expression:
    """A trace expression, taken apart."""

    source: End
    destination: End
    filter: str
    """In pcap-filter(7)'s grammar, on one line; whether it compiles, libpcap decides on each node."""
    filter_column: int = dataclasses.field(default=0, compare=False)

    @property
    def filter_place(self) -> Place:
        """Where errors in the filter stand."""
        return Place(OPTION, start=self.filter_column - 1)


class _Words:
    """The words of a text, one after the other; behind the last one stands an empty one."""

    def __init__(self, place: Place, text: str) -> None:
        self.place, self._text, self._at = place, text, 0

    def peek(self) -> tuple[int, str]:
        """Return where the next word begins, and the word."""
        match = _WORD.search(self._text, self._at)
        return (match.start(), match.group()) if match else (len(self._text), "")

    def take(self) -> tuple[int, str]:
        """Return the same, and go on behind it."""
        at, word = self.peek()
        self._at = at + len(word)
        return at, word

    def expect(self, keyword: str) -> None:
        """Take one of the three words that hold an expression together."""
        at, word = self.take()
        if word != keyword:
            wrong = '%s stands where "%s" must be' % (shown(word), keyword) if word else '"%s" is missing' % keyword
            raise self.place.error(wrong, _AFTER[keyword], at)


def parse(raw: object) -> Expression:
    """Return the parts of an expression; raise OptionError, whose text is one sentence with the column."""
    place = Place(OPTION)
    text = _check_text(place, raw)
    words = _Words(place, text)
    words.expect("from")
    source = _source(words)
    words.expect("to")
    destination = _destination(words)
    words.expect("and")
    at, first = words.take()
    if not first:
        raise place.error('no filter is behind "and"', 'write one behind it, such as "and tcp port 443"', at)
    if first.startswith("-"):
        raise place.error("a filter cannot begin with -", "write it as tcpdump's filters are, see pcap-filter(7)", at)
    return Expression(source, destination, text[at:], at + 1)


def to_text(expression: Expression) -> str:
    """Return an expression as text that ``parse`` turns into the same expression."""
    return "from %s to %s and %s" % (expression.source.title, expression.destination.title, expression.filter)


def _source(words: _Words) -> End:
    at, word = words.take()
    if word in (NODE, POD):
        return _object(words, word, at)
    if word == HERE:
        return End(HERE, column=at + 1)
    if word == SERVICE:
        right = "name a pod behind it, such as from pod shop/db-0"
        raise words.place.error("a Service sends nothing, its pods do", right, at)
    if word in ("", "to", "and"):
        raise words.place.error("it says not from where", 'write "from" with %s' % _SOURCES, at)
    if "/" in word:
        raise words.place.error("%s says not what it is" % shown(word), "write pod NAMESPACE/NAME", at)
    wrong = "%s is no source, from which the collection can send" % shown(word)
    raise words.place.error(wrong, 'write "from" with %s' % _SOURCES, at)


def _destination(words: _Words) -> End:
    at, word = words.take()
    if word in _OBJECTS:
        return _object(words, word, at)
    if word == HERE:
        wrong = "the controller is where no arrival is watched"
        raise words.place.error(wrong, "write its address, or trace from here", at)
    if word in ("", "and"):
        raise words.place.error("it says not where to", "write %s" % _DESTINATIONS, at)
    if "/" in words.peek()[1] or (word in KINDS and words.peek()[1] != "and"):
        raise words.place.error("%s is no kind of destination" % shown(word), "write %s" % _DESTINATIONS, at)
    kind, name = read_host(words.place, word, at)
    return End(kind, name=name, column=at + 1)


def _object(words: _Words, kind: str, start: int) -> End:
    """Take the name behind ``node``, ``pod`` or ``service``."""
    at, word = words.take()
    place, right = words.place, "write %s" % _OBJECTS[kind]
    if word in ("", "to", "and"):
        raise place.error("it says not which %s" % kind, right, at)
    if kind == POD and "[" in word:
        wrong = "a container in brackets says nothing, since all of a pod's share its network"
        raise place.error(wrong, "leave the brackets out", at + word.index("["))
    check_no_port(place, word, at)
    if kind == NODE:
        return End(NODE, name=check_name(place, NODE, word, at), column=start + 1)
    namespace, slash, name = word.partition("/")
    if not slash or "/" in name:
        raise place.error("%s is not NAMESPACE/NAME" % shown(word), right, at)
    check_name(place, "namespace", namespace, at)
    return End(kind, namespace, check_name(place, kind, name, at + len(namespace) + 1), start + 1)


def _check_text(place: Place, raw: object) -> str:
    """Return the text on one line, every character where it was."""
    if not isinstance(raw, str):
        raise place.error("%s is not a trace expression" % shown(raw), "write text such as %s" % _EXAMPLE)
    text = raw.translate({ord(c): " " for c in _SPACE}).rstrip(" ")
    if not text:
        raise place.error("it is empty", "write %s" % _EXAMPLE)
    if len(text) > _TEXT_MOST:
        raise place.error("it has %d characters" % len(text), "write at most %d" % _TEXT_MOST)
    for index, char in enumerate(text):
        if not char.isascii():
            raise place.error("%s is not ASCII" % shown(char), "write a DNS name in its form with xn--", index)
        if not char.isprintable():
            raise place.error("a control character stands there", "write plain text", index)
    return text
