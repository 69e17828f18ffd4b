# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain values at a plugin's edge."""

from __future__ import annotations

import datetime

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._plain import plain


class Text(str):
    """Stands for Ansible's tagged strings."""


class Number(int):
    """Stands for Ansible's tagged numbers."""


@pytest.mark.parametrize(
    "value, expected",
    [
        (Text("a"), "a"),
        ({Text("k"): (Number(3), None, True, 1.5)}, {"k": [3, None, True, 1.5]}),
        (datetime.date(2026, 11, 20), "2026-11-20"),
        ({"x"}, ["x"]),
    ],
)
def test_plain(value, expected):
    """Subclasses become their plain types, all the way down; what JSON does not know becomes text."""
    found = plain(value)
    assert found == expected and found.__class__ is expected.__class__


@pytest.mark.parametrize("value", [{"a": [{"b": 1}], "c": {}}, [], [["a"], None]])
def test_what_is_plain_stays_what_it_is(value):
    """It is not copied, but for what holds a tag, and what is above that."""
    assert plain(value) is value
    beside = {"x": value, "y": Text("a")}
    assert plain(beside) == beside and plain(beside) is not beside and plain(beside)["x"] is value


def test_no_subclass_is_left():
    """A key and an item lose their tags too."""
    ((key, (item,)),) = plain({Text("k"): [Text("v")]}).items()
    assert key.__class__ is str and item.__class__ is str
