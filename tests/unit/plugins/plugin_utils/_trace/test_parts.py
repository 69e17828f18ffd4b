# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace expression's parts as plain data."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.parts import parts

PARTS = {
    "expression": "from pod shop/cart to service shop/db and tcp port 5432",
    "source": {"kind": "pod", "namespace": "shop", "name": "cart"},
    "destination": {"kind": "service", "namespace": "shop", "name": "db"},
    "filter": "tcp port 5432",
    "protocol": "tcp",
    "sport": None,
    "dport": 5432,
    "ip_version": None,
}


def test_parts():
    """KP-1: all that the text tells, in the types of JSON."""
    told = parts("from  pod shop/cart to service shop/db  and tcp port 5432")
    assert told == PARTS and json.loads(json.dumps(told)) == PARTS


@pytest.mark.parametrize("text", ["", "from pod a/b", "from pod a/b to c and tcp"])
def test_refused(text):
    """An error of any part is the error."""
    with pytest.raises(OptionError, match="^trace_expression: "):
        parts(text)
