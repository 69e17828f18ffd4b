# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A filter's words and signs."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._grammar import Place
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.tokens import Token, scan


@pytest.mark.parametrize(
    "text, words",
    [
        ("tcp port 443", ["tcp", "port", "443"]),
        ("tcp[13]&2!=0", ["tcp", "[", "13", "]", "&", "2", "!=", "0"]),
        ("ether[0:4]", ["ether", "[", "0", ":", "4", "]"]),
        ("!(a&&b||c)", ["!", "(", "a", "&&", "b", "||", "c", ")"]),
        ("1<<2>>3<=4>=5==6", ["1", "<<", "2", ">>", "3", "<=", "4", ">=", "5", "==", "6"]),
        ("(tcp-syn|tcp-ack)", ["(", "tcp-syn", "|", "tcp-ack", ")"]),
        ("portrange 6000-6008", ["portrange", "6000-6008"]),
        ("host fd00::1/64", ["host", "fd00::1", "/", "64"]),
        ("host ::", ["host", "::"]),
        ("host ::ffff:10.0.0.1", ["host", "::ffff:10.0.0.1"]),
        ("ether host 00:11:22:33:44:55", ["ether", "host", "00:11:22:33:44:55"]),
        ("ip proto \\tcp", ["ip", "proto", "\\tcp"]),
        ("host db-0.shop.svc.", ["host", "db-0.shop.svc."]),
        ("", []),
    ],
)
def test_words_and_signs(text, words):
    """As libpcap's scanner takes them; an empty one is behind the last."""
    assert [token.text for token in scan(Place("x"), text)] == [*words, ""]


def test_a_token():
    """It knows its place, and an escaped name is the name."""
    assert scan(Place("x"), "! \\tcp") == [Token(0, "!", False), Token(2, "\\tcp", True), Token(6, "", False)]
    assert scan(Place("x"), "\\tcp")[0].name == "tcp"


@pytest.mark.parametrize("sign", "\"';,{}@#?~`_.")
def test_refused(sign):
    """What means nothing to libpcap has a column."""
    with pytest.raises(OptionError) as caught:
        scan(Place("trace_expression", start=20), "tcp %s" % sign)
    said = 'trace_expression: column 25: "%s" means nothing in a filter; write it as pcap-filter(7) tells'
    assert str(caught.value) == said % sign
