# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain text for people: tables whose columns are as wide as their content. PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Collection, Sequence

_GAP = "  "


def clean(text: object) -> str:
    """Return text that stays on its line and moves no cursor: what is not printable becomes ``?``."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], right: Collection[str] = ()) -> list[str]:
    """Return the lines of a table; the columns in ``right`` end at their right edge, and None is an empty cell."""
    cells = [["" if value is None else clean(value) for value in row] for row in rows]
    every = [list(headings), *cells]
    widths = [max(len(row[column]) for row in every) for column in range(len(headings))]
    lines = []
    for row in every:
        parts = [
            cell.rjust(width) if heading in right else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ]
        lines.append(_GAP.join(parts).rstrip())
    return lines
