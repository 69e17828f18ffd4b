# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bench works, and its table says what was measured; its figures are for ``make bench``."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

from tests.bench.figures import figure, ratios, table
from tests.lab.lab import names
from tests.nodes.node import CHECKOUT


@pytest.mark.parametrize(
    "values, goal, line",
    [
        ([3.0, 1.0, 2.0], 2.0, "row       2  1 - 3      s     <= 2  met"),
        ([0.5], 0.4, "row     0.5             s   <= 0.4  MISSED"),
        ([250.4], None, "row     250             s"),
    ],
)
def test_a_row_tells_its_median_and_whether_its_goal_is_met(values, goal, line):
    """One round has no spread, a row without a goal no verdict."""
    row = table("title", [figure("row", "s", values, goal)]).splitlines()[-1]
    assert row.split() == line.split()


def test_ratios_are_taken_round_by_round():
    """What disturbed both sides of one round is in neither."""
    assert ratios([2.0, 30.0], [1.0, 10.0]) == [2.0, 3.0]


def test_a_quick_run_measures_and_leaves_no_lab(tmp_path: pathlib.Path) -> None:
    """Packets were counted on each tcpdump, none was dropped, and the JSON keeps every round."""
    argv = [sys.executable, "-m", "tests.bench", "--quick", "--only", "packets", "--output", str(tmp_path / "out.json")]
    bench = subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    words = bench.communicate(timeout=120)[0]
    assert bench.returncode == 0, words
    rows = {row["name"]: row for row in json.loads((tmp_path / "out.json").read_text())["figures"]["packets"]}
    for name in ("ours", "bare", "bare without -C"):
        assert 0 < rows["20000 packets/s: " + name]["median"] < 100
        assert rows["dropped in all rounds: " + name]["values"] == [0]
    assert "b%d" % bench.pid not in names()
