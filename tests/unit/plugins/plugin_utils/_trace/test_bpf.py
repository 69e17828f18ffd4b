# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The grammar of filters: what is refused, and what is left to libpcap."""

from __future__ import annotations

import random
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._grammar import Place
from ansible_collections.kube.pcap.plugins.plugin_utils._trace import bpf
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.conditions import Packet

from .filters import NOTHING, OPEN, TAKEN

PLACE = Place("trace_expression")
_JOIN = 'write "and" or "or" between two conditions'
_ONE = "write one such as tcp port 443"
REFUSED = [
    ("tcp 443", 'column 5: "443" cannot follow "tcp"; write tcp port 443'),
    ("tcp udp", 'column 5: "udp" cannot follow "tcp"; ' + _JOIN),
    ("ip tcp port 80", 'column 4: "tcp" cannot follow "ip"; ' + _JOIN),
    ("tcp port 80 443", 'column 13: "443" cannot follow "80"; ' + _JOIN),
    ("tcp port 80 udp", 'column 13: "udp" cannot follow "80"; ' + _JOIN),
    ("tcp port 80 (udp)", 'column 13: "(" cannot follow "80"; ' + _JOIN),
    ("tcp (port 80 or port 443)", 'column 5: "(" cannot follow "tcp"; ' + _JOIN),
    ("tcp port 80 = 3", 'column 13: "=" cannot follow "80"; ' + _JOIN),
    ("tcp port 80 not udp", 'column 13: "not" cannot follow "80"; ' + _JOIN),
    ("tcp and", "column 8: a condition is missing; " + _ONE),
    ("and tcp", 'column 1: "and" stands where a condition must be; ' + _ONE),
    ("tcp and or udp", 'column 9: "or" stands where a condition must be; ' + _ONE),
    ("tcp and ()", 'column 10: ")" stands where a condition must be; ' + _ONE),
    ("not", "column 4: a condition is missing; " + _ONE),
    ("(tcp", 'column 1: "(" is not closed; close it'),
    ("tcp port (80 or 443", 'column 10: "(" is not closed; close it'),
    ("tcp[13 & 2 != 0", 'column 4: "[" is not closed; close it'),
    ("tcp)", "column 4: this parenthesis closes nothing; leave it out"),
    ("(" * 51 + "tcp" + ")" * 51, "column 51: parentheses lie too deep; write at most 50"),
    ("src !" * 51 + "port 1", "column 255: conditions lie too deep; write at most 50"),
    ("tcp port 70000", 'column 10: "70000" is no port; write one from 1 to 65535'),
    ("tcp portrange 1-70000", 'column 15: "70000" is no port; write one from 1 to 65535'),
    ("ip6 proto tcp", 'column 11: "tcp" is a word of its own there; write \\tcp'),
    (
        "port " + " or ".join(map(str, range(1, 40))),
        "column 189: more than 32 ports are named; write the one to send to, such as tcp port 443",
    ),
]


@pytest.mark.parametrize("text, said", REFUSED)
def test_refused(text, said):
    """KP-12: what libpcap would call a syntax error has its column and the way out."""
    with pytest.raises(OptionError) as caught:
        bpf.read(PLACE, text)
    assert str(caught.value) == "trace_expression: " + said


@pytest.mark.parametrize(
    "text",
    ["inbound", "broadcast", "vlan 100 and vlan 200", "llc rnr", "type mgt subtype beacon", "action pass", "$0a", "foo"]
    + ["geneve 0xb && ip", "ifindex 3", "gateway gw", "host a and b", "src foo", "src", "port", "wlan ra 1:2:3:4:5:6"]
    + ["net 10.0.0.0/8", "]", "* 3", "proto \\ospf", "dir nods", "newword 7 and tcp"],
)
def test_left_to_libpcap(text):
    """What need not be understood is not refused, whether libpcap takes it or not."""
    assert bpf.read(PLACE, text).passes(Packet(4, "tcp", None, None)) in (None, True, False)


def test_what_is_named():
    """Ports that a filter names, by their direction and with their places."""
    found = bpf.read(PLACE, "tcp src port 1000 or dst port https or name or 0x50")
    assert (found.sports, found.dports) == ((1000,), (443, "name", 80))
    assert found.places == {1000: 13, 443: 30, "name": 39, 80: 47}


def test_qualifiers_are_inherited():
    """A word alone takes the last qualifiers, also from within a parenthesis."""
    for text in ("tcp dst port 80 or 443", "tcp dst port (80 or 443)", "(tcp dst port 80) or 443"):
        passes = bpf.read(PLACE, text).passes
        assert passes(Packet(4, "tcp", None, 443)) is True
        assert passes(Packet(4, "udp", None, 443)) is False


def test_any_text():
    """Whatever is written is read or refused in one line, and soon."""
    rng = random.Random(7)
    pool = " ".join([*(text for text, _wanted in [*TAKEN, *OPEN]), *NOTHING]).split()
    words = sorted({part for word in pool for part in (word, word.strip("()!"))}) + ["(", ")", "[", "]", "!", "<", "'"]
    packets = [Packet(version, protocol, 1, 80) for version in (4, 6) for protocol in ("tcp", "icmp6", "other")]
    taken = 0
    for _number in range(5000):
        try:
            found = bpf.read(PLACE, " ".join(rng.choices(words, k=rng.randrange(1, 12))))
        except OptionError as error:
            assert str(error).startswith("trace_expression: column ") and str(error).isprintable()
            continue
        taken += 1
        assert {found.passes(packet) for packet in packets} <= {True, False, None}
    assert taken > 500


@pytest.mark.parametrize(
    "text",
    [
        "(" * 4000,
        "!" * 4000,
        "tcp and " * 500 + "tcp",
        "[" * 4000,
        "not " * 1000 + "tcp",
        "(tcp) and " * 400 + "1",
        "port " + "9" * 4000,
        "tcp " + "9" * 4000,
    ],
)
def test_long_text(text):
    """A hostile filter costs little."""
    begun = time.process_time()
    try:
        bpf.read(PLACE, text).passes(Packet(4, "tcp", None, None))
    except OptionError as error:
        assert len(str(error)) < 300
    assert time.process_time() - begun < 2
