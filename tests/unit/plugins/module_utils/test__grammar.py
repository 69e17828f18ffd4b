# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What grammars have in common: where an error stands, and Kubernetes' names."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._grammar import Place, check_name


def test_an_error_tells_its_place():
    """The option, the item, the column from 1, counted from the beginning of the user's text."""
    place = Place("targets", "item 2: ", 10)
    assert str(place.error("wrong", "right")) == "targets: item 2: wrong; right"
    assert str(place.error("wrong", "right", 4)) == "targets: item 2: column 15: wrong; right"


@pytest.mark.parametrize(
    "what, text",
    [("namespace", "kube-system"), ("container", "a" * 63), ("node", "ip-10-0-0-1.eu.internal"), ("pod", "a" * 253)],
)
def test_names(what, text):
    """Labels for namespaces and containers, subdomains for everything else."""
    assert check_name(Place("targets"), what, text, 0) == text


@pytest.mark.parametrize(
    "what, text, said",
    [
        ("namespace", "a.b", 'column 1: "a.b" is not a namespace\'s name; write at most 63 of a-z, 0-9, -'),
        ("node", "a_b", 'column 1: "a_b" is not a node\'s name; write at most 253 of a-z, 0-9, - and .'),
        ("pod", "a" * 254, '"%s..." is not a pod\'s name' % ("a" * 57)),
        ("pod", "", '"" is not a pod\'s name'),
        ("pod", "a\n", '"a?" is not a pod\'s name'),
    ],
)
def test_no_names(what, text, said):
    """Anything else is refused, with what may stand there."""
    with pytest.raises(OptionError) as caught:
        check_name(Place("targets"), what, text, 0)
    assert said in str(caught.value)
