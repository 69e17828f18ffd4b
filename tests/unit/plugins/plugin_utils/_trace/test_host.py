# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Destinations that are an address or a DNS name."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._grammar import Place
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.host import read_host

TAKEN = [
    ("10.0.0.1", ("ip", "10.0.0.1")),
    ("169.254.20.10", ("ip", "169.254.20.10")),
    ("127.0.0.1", ("ip", "127.0.0.1")),
    ("fd00::1", ("ip", "fd00::1")),
    ("[fd00::1]", ("ip", "fd00::1")),
    ("FD00:0:0:0:0:0:0:1", ("ip", "fd00::1")),
    ("::1", ("ip", "::1")),
    ("64:ff9b::10.0.0.1", ("ip", "64:ff9b::a00:1")),
    ("google.com", ("dns", "google.com")),
    ("Google.COM", ("dns", "google.com")),
    ("google.com.", ("dns", "google.com.")),
    ("db", ("dns", "db")),
    ("db.shop.svc.cluster.local", ("dns", "db.shop.svc.cluster.local")),
    ("xn--bcher-kva.example", ("dns", "xn--bcher-kva.example")),
    ("my_host.example", ("dns", "my_host.example")),
    ("1und1.de", ("dns", "1und1.de")),
    ("a" * 63 + ".b", ("dns", "a" * 63 + ".b")),
]
_IPV4 = "write four numbers from 0 to 255, such as 10.0.0.1, or a DNS name"
_DNS = "write at most 253 letters, digits, - and _, in labels of at most 63 between dots"
_ONE = "write one such as 10.0.0.1 or fd00::1"
REFUSED = [
    ("1.2.3", 'column 1: "1.2.3" is no IPv4 address; ' + _IPV4),
    ("300.1.1.1", 'column 1: "300.1.1.1" is no IPv4 address; ' + _IPV4),
    ("010.0.0.1", 'column 1: "010.0.0.1" is no IPv4 address; ' + _IPV4),
    ("1.2.3.4.", 'column 1: "1.2.3.4." is no IPv4 address; ' + _IPV4),
    ("0x7f.1", 'column 1: "0x7f.1" is no IPv4 address; ' + _IPV4),
    ("0x7f000001", 'column 1: "0x7f000001" is no IPv4 address; ' + _IPV4),
    ("2130706433", 'column 1: "2130706433" is no IPv4 address; ' + _IPV4),
    ("[10.0.0.1]", "column 1: brackets are for IPv6; write 10.0.0.1"),
    ("[google.com]", 'column 1: "[google.com]" is no IPv6 address; write one such as fd00::1'),
    ("[]", 'column 1: "[]" is no IPv6 address; write one such as fd00::1'),
    ("fd00::1::2", 'column 1: "fd00::1::2" is no IPv6 address; write one such as fd00::1'),
    ("fd00:::1", 'column 1: "fd00:::1" is no IPv6 address; write one such as fd00::1'),
    ("fe80::1%eth0", "column 8: a zone means another link on each node; write an address without %"),
    ("[fe80::1%25eth0]", "column 9: a zone means another link on each node; write an address without %"),
    (
        "fe80::1",
        "column 1: fe80::1 is link-local, another machine's on each link; write an address that is routed",
    ),
    ("::ffff:10.0.0.1", 'column 1: "::ffff:10.0.0.1" is sent as IPv4; write 10.0.0.1'),
    ("224.0.0.1", "column 1: 224.0.0.1 is no address of one machine; " + _ONE),
    ("ff02::1", "column 1: ff02::1 is no address of one machine; " + _ONE),
    ("0.0.0.0", "column 1: 0.0.0.0 is no address of one machine; " + _ONE),
    ("::", "column 1: :: is no address of one machine; " + _ONE),
    ("255.255.255.255", "column 1: 255.255.255.255 is no address of one machine; " + _ONE),
    (
        "google.com:443",
        'column 11: a port is read from the filter alone; write it there, such as "and tcp port 443"',
    ),
    ("10.0.0.1:80", 'column 9: a port is read from the filter alone; write it there, such as "and tcp port 80"'),
    ("[::1]:80", 'column 6: a port is read from the filter alone; write it there, such as "and tcp port 80"'),
    ("google.com:", 'column 11: a port is read from the filter alone; write it there, such as "and tcp port 443"'),
    (
        "https://google.com/",
        'column 1: "https://google.com/" is a URL; write the name in it alone, such as google.com',
    ),
    ("10.0.0.0/8", 'column 1: "10.0.0.0/8" is a network; write one address in it'),
    (
        "shop/db",
        'column 1: "shop/db" says not what it is; write pod NAMESPACE/NAME or service NAMESPACE/NAME',
    ),
    ("a..b", 'column 1: "a..b" is no DNS name; ' + _DNS),
    (".com", 'column 1: ".com" is no DNS name; ' + _DNS),
    ("-a.com", 'column 1: "-a.com" is no DNS name; ' + _DNS),
    ("*.com", 'column 1: "*.com" is no DNS name; ' + _DNS),
    ("a$b", 'column 1: "a$b" is no DNS name; ' + _DNS),
    ("a" * 64, 'column 1: "%s..." is no DNS name; %s' % ("a" * 57, _DNS)),
    ("a." * 127 + "ab", 'column 1: "%s..." is no DNS name; %s' % (("a." * 29)[:57], _DNS)),
]


@pytest.mark.parametrize("word, read", TAKEN)
def test_taken(word, read):
    """PT-11: addresses of both families in their one form, names in lower case."""
    assert read_host(Place("trace_expression"), word, 0) == read


@pytest.mark.parametrize("word, said", REFUSED)
def test_refused(word, said):
    """PT-11: what is neither, or no machine's alone, is told with its reason."""
    with pytest.raises(OptionError) as caught:
        read_host(Place("trace_expression"), word, 0)
    assert str(caught.value) == "trace_expression: " + said
