# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who resolves a name, and whose answer counts."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._dns_records import Question, Resolution
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError, TargetError
from ansible_collections.kube.pcap.plugins.module_utils._records import to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._play import Answer
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.names import (
    Asking,
    asking,
    questions,
    resolution,
    resolved,
)

WEB = Resolution(True, "web", addresses=("10.96.0.10",))
ABSENT = Resolution(False, "web", problem="pod shop/cart is not on this node")


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("from pod shop/cart to web and tcp port 80", Asking("web", "shop/cart", None, "both")),
        ("from node node-a to Web.Shop. and ip and tcp port 80", Asking("web.shop.", None, "node-a", "4")),
        ("from here to example.com and icmp6", Asking("example.com", None, None, "6", "(here)")),
        ("from pod shop/cart to 10.0.0.1 and icmp", None),
        ("from pod shop/cart to service shop/web and tcp", None),
    ],
)
def test_who_asks(expression, expected):
    """The source, for addresses of the versions that the filter leaves."""
    assert asking(expression) == expected


def test_a_filter_that_says_too_little():
    """It is refused before anybody is asked."""
    with pytest.raises(OptionError, match="says not to which port"):
        asking("from pod shop/cart to web and tcp")


def test_whose_answer():
    """The host's that has the source; where none has, each says why."""
    skipped = Answer("node-b", result={"skipped": True, "changed": False})
    lost = Answer("node-c", problem="unreachable: no route")
    assert resolution([skipped, lost, Answer("node-a", result=to_result(WEB))]) == WEB
    with pytest.raises(TargetError) as caught:
        resolution([Answer("node-a", result=to_result(ABSENT)), lost, skipped])
    assert str(caught.value).endswith(
        "nobody could ask for the name: node-a: pod shop/cart is not on this node; node-c: unreachable: no route; "
        "node-b: it was not asked"
    )


def test_from_the_variables_of_a_play():
    """Of the hosts, or of the task that the controller did."""
    options = {"resolved": "told", "resolved_here": "told_here"}
    known = {"ansible_play_hosts_all": ["a"], "hostvars": {"a": {"told": to_result(WEB)}}, "told_here": to_result(WEB)}
    assert resolved("from pod shop/cart to web and icmp", options, known) == WEB
    assert resolved("from here to web and icmp", options, {**known, "hostvars": {}}) == WEB
    assert resolved("from here to 10.0.0.1 and icmp", options, {}) is None


def test_questions():
    """Each once, by its server too; what was not sent, or over TCP, is not asked again; and not endlessly many."""
    every = [Question("web", "A", "10.0.0.%d" % n, n, query="00") for n in range(20)]
    more = [Question("web", "A", "10.0.0.1", 99, query="00"), Question("tcp", "A", "10.0.0.1", 1, "tcp", query="00")]
    told = Resolution(True, "web", questions=(Question("web", "AAAA", "10.0.0.1", 1), *more, *every))
    assert [one.server for one in questions(told)][:3] == ["10.0.0.1", "10.0.0.0", "10.0.0.2"]
    link_local = Resolution(True, "web", questions=(Question("web", "A", "fe80::1%eth0", 1, query="00"),))
    assert questions(link_local) == ()
    late = [Question("n%d" % n, "A", "10.0.0.1", n, query="00", rcode="NXDOMAIN") for n in range(9)]
    silent = Question("n9", "A", "10.0.0.1", 9, query="00")
    told_it = Question("web", "A", "10.0.0.1", 10, query="00", rcode="NOERROR", answers=("web A 10.0.0.9",))
    chosen = questions(Resolution(True, "web", questions=(*late, silent, told_it)))
    assert [one.name for one in chosen] == ["n0", "n1", "n2", "n3", "n4", "n5", "n9", "web"]
    assert len(questions(told)) == 8 and {one.name for one in questions(told)} == {"web"}
