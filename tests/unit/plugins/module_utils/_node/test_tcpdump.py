# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tcpdump's command line, and what it says, as tcpdump 4.9 and 4.99 say it."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError
from ansible_collections.kube.pcap.plugins.module_utils._node import tcpdump
from ansible_collections.kube.pcap.plugins.module_utils._node.tcpdump import Counters

LISTENING = "tcpdump: listening on any, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 192 bytes\n"
ASKED = "tcpdump: %d packets captured, %d packets received by filter, %d packets dropped by kernel\n"
FINAL = "%d packets captured\n%d packets received by filter\n%d packets dropped by kernel\n"
COUNTERS = [
    ("asked", ASKED % (10, 12, 1), Counters(10, 12, 1)),
    ("final", FINAL % (10, 12, 1), Counters(10, 12, 1)),
    ("one of each", "1 packet captured\n1 packet received by filter\n1 packet dropped by kernel\n", Counters(1, 1, 1)),
    ("with the interface's", FINAL % (4, 5, 0) + "7 packets dropped by interface\n", Counters(4, 5, 0)),
    ("after listening", LISTENING + ASKED % (0, 0, 0), Counters(0, 0, 0)),
    ("the last of several", ASKED % (1, 2, 0) + ASKED % (3, 4, 1) + FINAL % (5, 6, 2), Counters(5, 6, 2)),
    ("zero packets", "0 packets captured\n0 packets received by filter\n0 packets dropped by kernel\n", Counters()),
]
COMPLAINTS = [
    (
        "tcpdump: eth7: No such device exists\n(No such device exists)\n",
        "eth7: No such device exists; (No such device exists)",
    ),
    ("tcpdump: can't parse filter expression: syntax error\n", "can't parse filter expression: syntax error"),
    (
        "tcpdump: listening on any, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 192 bytes\n"
        "tcpdump: /x/1.pcap: Permission denied\n0 packets captured\n0 packets received by filter\n"
        "0 packets dropped by kernel\n",
        "/x/1.pcap: Permission denied",
    ),
    (
        "tcpdump: data link type LINUX_SLL2\ntcpdump: syntax error in filter expression\n",
        "syntax error in filter expression",
    ),
    (
        "reading from file -, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 262144\n"
        "Warning: interface names might be incorrect\ntcpdump: can't parse filter expression: syntax error\n",
        "can't parse filter expression: syntax error",
    ),
    ("nsenter: cannot open /proc/1/ns/net: No such file\n", "cannot open /proc/1/ns/net: No such file"),
    ("", "it said nothing"),
    ("\n\n" + LISTENING, "it said nothing"),
]
VERSIONS = [
    ("tcpdump version 4.99.3\nlibpcap version 1.10.3 (with TPACKET_V3)\nOpenSSL 3.0.19 27 Jan 2026\n", (1, 10), True),
    ("tcpdump version 4.99.5\nlibpcap version 1.10.5 (64-bit time_t, with TPACKET_V3)\n", (1, 10), True),
    ("tcpdump version 4.9.3\nlibpcap version 1.9.1 (with TPACKET_V3)\nOpenSSL 1.1.1f  31 Mar 2020\n", (1, 9), False),
    ("tcpdump version 4.9.2\nlibpcap version 1.5.3\nOpenSSL 1.0.2k-fips  26 Jan 2017\n", (1, 5), False),
    ("tcpdump version 4.99.1\nlibpcap version 1.11.0-PRE-GIT (with TPACKET_V3)\n", (1, 11), True),
    ("tcpdump version 5.0.0-PRE-GIT\nlibpcap version 2.0.0\n", (2, 0), True),
    ("tcpdump: unrecognized option '--version'\n", None, False),
    ("", None, False),
]


def arguments(**changed):
    """The command line of a capture with these options."""
    given = {
        "write": "/spool/c/taps/1/%s.pcap",
        "snaplen": 192,
        "buffer_kib": 4096,
        "segment_bytes": 100_000_000,
        "segment_seconds": 60,
    }
    filter_text = changed.pop("filter_text", "tcp port 443")
    return tcpdump.capture_args("/usr/bin/tcpdump", "any", filter_text, **{**given, **changed})


def value(args, option):
    """What stands behind an option."""
    return args[args.index(option) + 1]


@pytest.mark.parametrize("_form, text, expected", COUNTERS, ids=[one[0] for one in COUNTERS])
def test_counters(_form, text, expected):
    """The counters are read in each form in which tcpdump prints them."""
    assert tcpdump.parse_counters(text) == expected


@pytest.mark.parametrize("text", ["", LISTENING, "10 packets captured\n", "packets captured, packets received"])
def test_no_counters(text):
    """Where there is no whole set, there are no counters."""
    assert tcpdump.parse_counters(text) is None


@pytest.mark.parametrize("form", [ASKED, FINAL], ids=["asked", "final"])
def test_counters_cut_at_every_byte(form):
    """Words that arrive in pieces never give a figure that tcpdump did not say."""
    text = form % (1234, 5678, 90)
    for cut in range(len(text)):
        assert tcpdump.parse_counters(text[:cut]) in (None, Counters(1234, 5678, 90))


@pytest.mark.parametrize(
    "said, before, expected",
    [
        ((5, 6, 7), Counters(4, 5, 6), Counters(5, 6, 7)),
        ((5, 6, 7), Counters(5, 6, 7), Counters(5, 6, 7)),
        ((5, 6, 0), Counters((1 << 32) - 1, 4, 0), Counters((1 << 32) + 5, 6, 0)),
        ((5, 6, 0), Counters((1 << 32) + 5, (1 << 32) + 9, 0), Counters((1 << 32) + 5, (2 << 32) + 6, 0)),
        ((0, 0, 0), Counters((3 << 32) - 1, 0, 0), Counters(3 << 32, 0, 0)),
    ],
)
def test_counters_go_round(said, before, expected):
    """tcpdump prints 32 bits: a figure that fell has gone round, and one that did not has not."""
    assert tcpdump.parse_counters(ASKED % said, before) == expected
    assert tcpdump.parse_counters(ASKED % said, expected) == expected


def test_what_tcpdump_answered_is_no_complaint():
    """However often it was asked: nothing of its answers is left of its words, and the rest stays."""
    text = "tcpdump: " + LISTENING + "".join(ASKED % (number, number, 0) for number in range(3))
    left = tcpdump.without_counters(text + "tcpdump: pcap_loop: The interface disappeared\n" + FINAL % (3, 3, 0))
    assert left == "tcpdump: " + LISTENING + "tcpdump: pcap_loop: The interface disappeared\n"
    assert tcpdump.parse_complaint(left) == "pcap_loop: The interface disappeared"


@pytest.mark.parametrize("text, expected", COMPLAINTS)
def test_complaint(text, expected):
    """A user sees tcpdump's own words on one line, without what it always says."""
    assert tcpdump.parse_complaint(text) == expected


@pytest.mark.parametrize("text, version, indexed", VERSIONS)
def test_versions(text, version, indexed):
    """libpcap 1.10 records each packet's interface on any; an unknown version is taken for an older one."""
    assert tcpdump.parse_libpcap(text) == version
    assert tcpdump.any_has_index(version) is indexed


@pytest.mark.parametrize(
    "text, listens",
    [
        (LISTENING, True),
        ("listening on eth0, link-type EN10MB (Ethernet), capture size 192 bytes\n", True),
        ("tcpdump: WARNING: x\n" + LISTENING, True),
        ("tcpdump: listening on any, ", False),
        ("tcpdump: not listening on any, link-type X\n", False),
    ],
)
def test_listening(text, listens):
    """ "listening on" with a link type is the sign of readiness, whatever came before."""
    assert bool(tcpdump.LISTENING.search(text)) is listens


@pytest.mark.parametrize(
    "changed",
    [{}, {"filter_text": ""}, {"packet_count": 5, "promiscuous": True}, {"filter_text": "-w x", "snaplen": 0}],
)
def test_what_costs_packets_is_never_asked_for(changed):
    """Neither -U nor --immediate-mode, and no name that is written over."""
    args = arguments(**changed)
    assert not {"-U", "--immediate-mode", "--packet-buffered", "-W", "-z"} & set(args)
    assert "%s" in value(args, "-w") and value(args, "-Z") == "root" and "-n" in args


def test_the_filter_stands_behind_the_options():
    """Whatever a filter is, it is one argument, and no option."""
    for text in ("tcp port 443", "-w /etc/passwd", "a; b"):
        assert arguments(filter_text=text)[-2:] == ["--", text]
        assert tcpdump.compile_args("tcpdump", "any", text, 192)[-2:] == ["--", text]
    assert "--" not in arguments(filter_text="")


@pytest.mark.parametrize(
    "changed, option, expected",
    [
        ({}, "-i", "any"),
        ({"snaplen": 0}, "-s", "0"),
        ({"buffer_kib": 512}, "-B", "512"),
        ({}, "-w", "/spool/c/taps/1/%s.pcap"),
        ({"segment_seconds": 5}, "-G", "5"),
        ({"segment_bytes": 100_000_000}, "-C", "100"),
        ({"segment_bytes": 1_999_999}, "-C", "1"),
        ({"segment_bytes": 1}, "-C", "1"),
        ({"packet_count": 7}, "-c", "7"),
    ],
)
def test_options_of_a_capture(changed, option, expected):
    """Each option is tcpdump's own, in tcpdump's own unit."""
    assert value(arguments(**changed), option) == expected


def test_options_of_a_trace():
    """Every packet is read and written at once, by all interfaces, and whoever ends it loses none."""
    args = tcpdump.tap_args("/usr/bin/tcpdump", "udp port 9", "/run/x/any.pcap")
    assert " ".join(args) == (
        "/usr/bin/tcpdump -p -n -Z root -i any -s 256 -B 4096 --immediate-mode -U -w /run/x/any.pcap -- udp port 9"
    )
    assert args[-2:] == ["--", "udp port 9"]
    one = tcpdump.tap_args("/usr/bin/tcpdump", "udp port 9", "/run/x/frames.pcap", "eth0", "out")
    assert value(one, "-i") == "eth0" and value(one, "-Q") == "out" and "-Q" not in args
    assert set(one) - set(args) == {"eth0", "-Q", "out", "/run/x/frames.pcap"} and one[-2:] == args[-2:]


def test_promiscuous_is_asked_for_only():
    """Without being asked, a capture changes nothing at the interface; without a count it counts none."""
    assert "-p" in arguments() and "-p" not in arguments(promiscuous=True)
    assert "-c" not in arguments()
    compiled = tcpdump.compile_args("tcpdump", "any", "port 1", 96)
    assert "-p" in compiled and "-d" in compiled and "-w" not in compiled and value(compiled, "-s") == "96"


def test_a_program_that_is_not_there(monkeypatch):
    """A node without tcpdump is told what to install."""
    monkeypatch.setattr(tcpdump, "search_path", lambda: "/nonexistent")
    with pytest.raises(NodeError, match="tcpdump is not installed on this node; install"):
        tcpdump.find_program()


def test_run_gives_words_and_status():
    """A program's words come back, also those that are no text; it reads nothing from us."""
    code = "import sys; sys.stdout.buffer.write(b'a\\xff'); sys.stderr.write(sys.stdin.read() + 'b'); sys.exit(3)"
    done = tcpdump.run([sys.executable, "-c", code])
    assert (done.returncode, done.stdout, done.stderr) == (3, "a\ufffd", "b")


def test_run_does_not_wait_for_ever():
    """A program that does not answer is an error with its name."""
    with pytest.raises(NodeError, match="did not answer within"):
        tcpdump.run([sys.executable, "-c", "import signal; signal.pause()"], timeout=0.2)
