# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trace expressions: each pair of ends, where each error stands, and that no text does more than that."""

from __future__ import annotations

import itertools
import random
import string

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.expression import End, Expression, parse, to_text

SOURCES = [
    ("node node-a.example", End("node", None, "node-a.example")),
    ("pod shop/cart", End("pod", "shop", "cart")),
    ("here", End("here")),
]
DESTINATIONS = [
    ("node node-b", End("node", None, "node-b")),
    ("pod kube-system/coredns-0.x", End("pod", "kube-system", "coredns-0.x")),
    ("service shop/db", End("service", "shop", "db")),
    ("10.0.0.1", End("ip", None, "10.0.0.1")),
    ("fd00::1", End("ip", None, "fd00::1")),
    ("[fd00::1]", End("ip", None, "fd00::1")),
    ("google.com", End("dns", None, "google.com")),
    ("db", End("dns", None, "db")),
]
_SOURCE = "node NAME, pod NAMESPACE/NAME or here"
_DESTINATION = "node NAME, pod NAMESPACE/NAME, service NAMESPACE/NAME, an IP address or a DNS name"
_WHOLE = "from pod shop/cart to service shop/db and tcp port 5432"
_AND = 'write a filter behind the destination, such as "and tcp port 443"'
_FILTER = 'write one behind it, such as "and tcp port 443"'
_NAMES = "write at most 253 of a-z, 0-9, - and ."
REFUSED = [
    # missing from, to, and
    ("", "it is empty; write " + _WHOLE),
    (" \n ", "it is empty; write " + _WHOLE),
    ("pod a/b to c and tcp", 'column 1: "pod" stands where "from" must be; write ' + _WHOLE),
    ("  FROM pod a/b to c and tcp", 'column 3: "FROM" stands where "from" must be; write ' + _WHOLE),
    ("from pod a/b", 'column 13: "to" is missing; write "to" with ' + _DESTINATION),
    ("from pod a/b and tcp", 'column 14: "and" stands where "to" must be; write "to" with ' + _DESTINATION),
    ("from pod a/b c/d to e and tcp", 'column 14: "c/d" stands where "to" must be; write "to" with ' + _DESTINATION),
    ("from pod a/b to c", 'column 18: "and" is missing; ' + _AND),
    ("from pod a/b to c  ", 'column 18: "and" is missing; ' + _AND),
    ("from pod a/b to c tcp port 80", 'column 19: "tcp" stands where "and" must be; ' + _AND),
    ("from pod a/b to c.d && tcp", 'column 21: "&&" stands where "and" must be; ' + _AND),
    ("from pod a/b to c and", 'column 22: no filter is behind "and"; ' + _FILTER),
    (
        "from pod a/b to c and -w x",
        "column 23: a filter cannot begin with -; write it as tcpdump's filters are, see pcap-filter(7)",
    ),
    # sources
    ("from", 'column 5: it says not from where; write "from" with ' + _SOURCE),
    ("from to c and tcp", 'column 6: it says not from where; write "from" with ' + _SOURCE),
    (
        "from service shop/db to pod a/b and tcp",
        "column 6: a Service sends nothing, its pods do; name a pod behind it, such as from pod shop/db-0",
    ),
    ("from shop/cart to c and tcp", 'column 6: "shop/cart" says not what it is; write pod NAMESPACE/NAME'),
    (
        "from 10.0.0.1 to c and tcp",
        'column 6: "10.0.0.1" is no source, from which the collection can send; write "from" with ' + _SOURCE,
    ),
    (
        "from deployment shop/web to c and tcp",
        'column 6: "deployment" is no source, from which the collection can send; write "from" with ' + _SOURCE,
    ),
    ("from pod", "column 9: it says not which pod; write pod shop/cart"),
    ("from pod to c and tcp", "column 10: it says not which pod; write pod shop/cart"),
    ("from node to c and tcp", "column 11: it says not which node; write node node-a"),
    ("from pod cart to c and tcp", 'column 10: "cart" is not NAMESPACE/NAME; write pod shop/cart'),
    ("from pod a/b/c to c and tcp", 'column 10: "a/b/c" is not NAMESPACE/NAME; write pod shop/cart'),
    (
        "from pod Shop/cart to c and tcp",
        'column 10: "Shop" is not a namespace\'s name; write at most 63 of a-z, 0-9, -',
    ),
    ("from pod shop/Cart to c and tcp", 'column 15: "Cart" is not a pod\'s name; ' + _NAMES),
    ("from pod shop/ to c and tcp", 'column 15: "" is not a pod\'s name; ' + _NAMES),
    ("from pod shop/* to c and tcp", 'column 15: "*" is not a pod\'s name; ' + _NAMES),
    ("from node node/a to c and tcp", 'column 11: "node/a" is not a node\'s name; ' + _NAMES),
    (
        "from pod shop/cart[app] to c and tcp",
        "column 19: a container in brackets says nothing, since all of a pod's share its network;"
        " leave the brackets out",
    ),
    # destinations
    ("from here to", "column 13: it says not where to; write " + _DESTINATION),
    ("from here to and tcp", "column 14: it says not where to; write " + _DESTINATION),
    (
        "from pod a/b to here and tcp",
        "column 17: the controller is where no arrival is watched; write its address, or trace from here",
    ),
    (
        "from here to shop/db and tcp",
        'column 14: "shop/db" says not what it is; write pod NAMESPACE/NAME or service NAMESPACE/NAME',
    ),
    (
        "from here to deployment shop/web and tcp",
        'column 14: "deployment" is no kind of destination; write ' + _DESTINATION,
    ),
    ("from here to Pod shop/web and tcp", 'column 14: "Pod" is no kind of destination; write ' + _DESTINATION),
    ("from here to nodes * and tcp", 'column 14: "nodes" is no kind of destination; write ' + _DESTINATION),
    ("from here to service and tcp", "column 22: it says not which service; write service shop/db"),
    ("from here to service db and tcp", 'column 22: "db" is not NAMESPACE/NAME; write service shop/db'),
    ("from here to service a/b[c] and tcp", 'column 24: "b[c]" is not a service\'s name; ' + _NAMES),
    (
        "from here to service shop/db:5432 and tcp",
        'column 29: a port is read from the filter alone; write it there, such as "and tcp port 5432"',
    ),
    (
        "from here to node node-a:80 and tcp",
        'column 25: a port is read from the filter alone; write it there, such as "and tcp port 80"',
    ),
    # hostile text
    (None, '"None" is not a trace expression; write text such as ' + _WHOLE),
    (["from pod a/b"], "\"['from pod a/b']\" is not a trace expression; write text such as " + _WHOLE),
    ("from pod a/b to c and " + "x" * 5000, "it has 5022 characters; write at most 4096"),
    ("from pod a/\x00b to c and tcp", "column 12: a control character stands there; write plain text"),
    ("from pod a/b to c and tcp\x1b[2J", "column 26: a control character stands there; write plain text"),
    ("from pod a/b to bücher.de and tcp", 'column 18: "ü" is not ASCII; write a DNS name in its form with xn--'),
    ("from pod a/b\u00a0to c and tcp", 'column 13: "?" is not ASCII; write a DNS name in its form with xn--'),
    ("'from pod a/b' to c and tcp", 'column 1: "\'from" stands where "from" must be; write ' + _WHOLE),
    ('from pod "a/b" to c and tcp', 'column 10: ""a" is not a namespace\'s name; write at most 63 of a-z, 0-9, -'),
    ("from pod a\\/b to c and tcp", 'column 10: "a\\" is not a namespace\'s name; write at most 63 of a-z, 0-9, -'),
    ("from pod ../b to c and tcp", 'column 10: ".." is not a namespace\'s name; write at most 63 of a-z, 0-9, -'),
    ("from pod {{x}}/b to c and tcp", 'column 10: "{{x}}" is not a namespace\'s name; write at most 63 of a-z, 0-9, -'),
]


def test_kubectl_pcaps_own_example():
    """KP-1: source, destination, and as the filter all that stands behind the first "and"."""
    parsed = parse("from pod NS/P to google.com and port 443 and tcp".replace("NS/P", "shop/cart"))
    assert parsed == Expression(End("pod", "shop", "cart"), End("dns", None, "google.com"), "port 443 and tcp")


@pytest.mark.parametrize("source, destination", list(itertools.product(SOURCES, DESTINATIONS)))
def test_every_pair(source, destination):
    """KP-1, KP-7, PT-11: every source leads to every destination, and each knows its column."""
    text = "from %s to %s and tcp port 80" % (source[0], destination[0])
    parsed = parse(text)
    assert parsed == Expression(source[1], destination[1], "tcp port 80")
    assert parsed.source.column == 6
    assert text[parsed.destination.column - 1 :].startswith(destination[0])
    assert text[parsed.filter_column - 1 :] == "tcp port 80"
    assert parse(to_text(parsed)) == parsed


@pytest.mark.parametrize("raw, said", REFUSED)
def test_refused(raw, said):
    """KP-1: anything else is one sentence that names the option, the column, the fault and the way out."""
    with pytest.raises(OptionError) as caught:
        parse(raw)
    assert str(caught.value) == "trace_expression: " + said


def test_white_space():
    """Spaces, tabs and the line breaks of YAML's blocks; columns count each as one, and the filter is on one line."""
    parsed = parse("\n from\tpod shop/cart\n  to\r\n10.0.0.1\n  and tcp\n  and port  80\n")
    assert parsed == Expression(End("pod", "shop", "cart"), End("ip", None, "10.0.0.1"), "tcp   and port  80")
    assert (parsed.source.column, parsed.destination.column, parsed.filter_column) == (8, 28, 43)


def test_cut_text_is_refused():
    """KP-1: `-e key=value` ends at a space: what is left is no other trace, unless the filter alone was cut."""
    whole = "from pod shop/cart to service shop/db and "
    for length in range(len(whole)):
        with pytest.raises(OptionError):
            parse(whole[:length])


def test_titles():
    """Messages call an end as its expression does."""
    for text, end in [*SOURCES, *DESTINATIONS]:
        assert end.title == text.strip("[]")


def test_any_text():
    """Whatever is written is an expression whose text is read as the same, or one line that says what is wrong."""
    rng = random.Random(20261122)
    words = "from to and pod node service here a/b node-a 10.0.0.1 fd00::1 [::1] google.com tcp port 80 ( )".split()
    letters = string.printable + "äß\u0430\u2028\u200f\ud800\x00\x1b\\\"'{}$`"
    taken = 0
    for number in range(20_000):
        if number % 2:
            text = " ".join(rng.choices(words, k=rng.randrange(12)))
        else:
            text = _WHOLE
            for _change in range(rng.randrange(1, 4)):
                at = rng.randrange(len(text) + 1)
                text = text[:at] + rng.choice(letters) * rng.choice([0, 1, 1, 2]) + text[at + rng.randrange(3) :]
        try:
            parsed = parse(text)
        except OptionError as error:
            assert str(error).startswith("trace_expression: ") and str(error).isprintable() and "; " in str(error)
            continue
        taken += 1
        assert parse(to_text(parsed)) == parsed
    assert taken > 1000
