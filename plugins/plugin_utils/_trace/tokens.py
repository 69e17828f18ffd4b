# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A filter's text as the words and signs of pcap-filter(7). PRIVATE to the collection.

Source: libpcap 1.10, ``scanner.l``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ...module_utils._errors import shown
from ...module_utils._grammar import Place

_TOKEN = re.compile(
    r" +"
    r"|(?P<word>[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.[0-9]+){0,3}"  # IPv6, MAC
    r"|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?"
    r"|\\[^ !()]+)"
    r"|(?P<sign>&&|\|\||!=|==|>=|<=|<<|>>|[-+*/%:\[\]!<>()&|^=$])"
)


class Token(NamedTuple):
    """One word or sign."""

    at: int
    """Where in the text it begins, from 0."""
    text: str
    """As it was written: a name that could be taken for a word of the grammar begins with a backslash."""
    is_word: bool

    @property
    def name(self) -> str:
        """What it names."""
        return self.text.lstrip("\\")


def scan(place: Place, text: str) -> list[Token]:
    """Return a filter's tokens, behind them an empty one; raise OptionError for a sign that libpcap does not know."""
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            wrong = "%s means nothing in a filter" % shown(text[at])
            raise place.error(wrong, "write it as pcap-filter(7) tells", at)
        if match.lastgroup:
            tokens.append(Token(at, match.group(), match.lastgroup == "word"))
        at = match.end()
    return [*tokens, Token(len(text), "", False)]
