# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._report.text import clean, table


@pytest.mark.parametrize(
    "text, shown",
    [
        ("web-1", "web-1"),
        ("a\nb\tc\r", "a?b?c?"),
        ("\x1b[2Jboo", "?[2Jboo"),
        ("\x9b31m", "?31m"),
        ("abc\u202edcba", "abc?dcba"),
        ("nul\x00", "nul?"),
        ("\ud800", "?"),
        ("caf\u00e9", "caf\u00e9"),
        (5, "5"),
    ],
)
def test_clean(text, shown):
    """No name moves the cursor, breaks the line or turns the reading direction."""
    assert clean(text) == shown


@pytest.mark.parametrize(
    "headings, rows, right, lines",
    [
        (("A", "B"), [], (), ["A  B"]),
        (("NODE", "N"), [("a", 5), ("node-b", 12)], ("N",), ["NODE     N", "a        5", "node-b  12"]),
        (("NODE", "N"), [("a", None), ("b", 0)], ("N",), ["NODE  N", "a", "b     0"]),
        (("A", "B"), [("x\ny", "z")], (), ["A    B", "x?y  z"]),
        (("A",), [("x" * 300,)], (), ["A", "x" * 300]),
    ],
)
def test_table(headings, rows, right, lines):
    """Columns are as wide as their content, one line a row, nothing is cut, no blanks at the end."""
    assert table(headings, rows, right) == lines
