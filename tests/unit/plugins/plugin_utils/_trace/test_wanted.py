# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to send, from the text alone."""

from __future__ import annotations

import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.expression import parse
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.wanted import Wanted, read, wanted_of

from .filters import NOTHING, OPEN, TAKEN

_NOTHING = (
    "the filter lets nothing through that can be sent;"
    " write one that a probe of TCP, UDP, SCTP or ICMP to the destination can pass, such as tcp port 443"
)


def to(destination, filter_text):
    """An expression whose filter begins at column 29, or a little later."""
    return parse("from pod a/b to %s and %s" % (destination, filter_text))


@pytest.mark.parametrize("text, wanted", TAKEN)
def test_read(text, wanted):
    """Protocol, ports and version are read from the filter."""
    assert read(to("shop.com", text)) == Wanted(*wanted)


@pytest.mark.parametrize("text, left", OPEN)
def test_a_choice_is_refused(text, left):
    """Nothing is chosen for the user, whatever the destination has."""
    for destination in ("shop.com", "service shop/db"):
        with pytest.raises(OptionError) as caught:
            wanted_of(to(destination, text))
        assert str(caught.value).endswith(": the filter leaves the choice of %s; write one of them" % left)


@pytest.mark.parametrize("text", [*NOTHING, "tcp and udp", "icmp and port 80", "ip and icmp6", "ip6 and tcp[13] = 2"])
def test_nothing_to_send(text):
    """A filter that shows no probe is no filter for a trace."""
    with pytest.raises(OptionError) as caught:
        read(to("shop.com", text))
    assert str(caught.value) == "trace_expression: column 30: " + _NOTHING


@pytest.mark.parametrize(
    "destination, text, said",
    [
        (
            "a.com",
            "port 53",
            "column 27: the filter says not which protocol to send; add tcp or udp",
        ),
        (
            "a.com",
            "greater 100",
            "column 27: the filter says not which protocol to send; add one, such as tcp port 443, udp port 53 or icmp",
        ),
        ("pod a/b", "tcp", "column 29: the filter says not to which port to send; add one, such as tcp port 443"),
        ("node a", "udp", "column 28: the filter says not to which port to send; add one, such as udp port 53"),
        (
            "node a",
            "tcp and not port 22",
            "column 28: the filter says not to which port to send; add one, such as tcp port 443",
        ),
        (
            "node a",
            "tcp portrange 1-9",
            "column 28: the filter says not to which port to send; add one, such as tcp port 443",
        ),
        (
            "a.com",
            "tcp port metrics",
            'column 36: "metrics" is not known as a port\'s name;'
            " write its number (filters do not know what a Service calls its ports)",
        ),
        ("a.com", "tcp port 0", 'column 36: "0" is no port; write one from 1 to 65535'),
        (
            "10.0.0.1",
            "icmp6",
            "column 30: the filter lets IPv6 alone through, and 10.0.0.1 is IPv4; write ip for ip6 and icmp for icmp6",
        ),
        (
            "fd00::1",
            "icmp",
            "column 29: the filter lets IPv4 alone through, and fd00::1 is IPv6;"
            " write ip6 for ip and icmp6 for icmp, without tcp[...] and udp[...], which read IPv4 alone",
        ),
        (
            "service a/b",
            "icmp",
            "column 33: a Service forwards its ports alone, so that icmp to it proves nothing;"
            " write a port, such as tcp port 443, or trace to a pod behind it",
        ),
    ],
)
def test_refused(destination, text, said):
    """What the destination needs and the filter does not tell, or contradicts."""
    with pytest.raises(OptionError) as caught:
        wanted_of(to(destination, text))
    assert str(caught.value) == "trace_expression: " + said


@pytest.mark.parametrize(
    "destination, text, wanted",
    [
        ("a.com", "tcp port 443", Wanted("tcp", None, 443)),
        ("10.0.0.1", "tcp port 443", Wanted("tcp", None, 443, 4)),
        ("fd00::1", "tcp port 443", Wanted("tcp", None, 443, 6)),
        ("fd00::1", "icmp or icmp6", Wanted("icmp6", None, None, 6)),
        ("10.0.0.1", "icmp or icmp6", Wanted("icmp", None, None, 4)),
        ("pod a/b", "icmp", Wanted("icmp", None, None, 4)),
        ("service a/b", "tcp", Wanted("tcp")),
        ("service a/b", "port 53", Wanted(None, None, 53)),
        ("service a/b", "greater 100", Wanted()),
    ],
)
def test_wanted(destination, text, wanted):
    """An address tells its version; a Service may leave protocol and port open."""
    assert wanted_of(to(destination, text)) == wanted


def test_long_names_are_cut():
    """What a user wrote is shown, and not endlessly."""
    with pytest.raises(OptionError) as caught:
        read(to("a.com", "tcp port %s or %s" % ("x" * 1000, "y" * 1000)))
    assert 'ports "xxx' in str(caught.value) and len(str(caught.value)) < 300


def test_many_ports_cost_little():
    """The most ports that a filter may name, each tried with each."""
    ports = " or ".join(str(port) for port in range(1, 17))
    text = "tcp and src port (%s) and dst port (%s)" % (ports, ports.replace("1", "2"))
    begun = time.process_time()
    with pytest.raises(OptionError, match="the choice of source ports 1, 2, 3"):
        read(to("a.com", text))
    assert time.process_time() - begun < 2
