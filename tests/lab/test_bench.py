# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bench works, and its table says what was measured; its figures are for ``make bench``."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

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


def measured(folder: pathlib.Path, what: str) -> dict[str, dict[str, Any]]:
    """The rows of a quick run by name; its lab is gone."""
    argv = [sys.executable, "-m", "tests.bench", "--quick", "--only", what, "--output", str(folder / "out.json")]
    bench = subprocess.Popen(argv, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    words = bench.communicate(timeout=600)[0]
    assert bench.returncode == 0, words
    assert "b%d" % bench.pid not in names()
    rows = json.loads((folder / "out.json").read_text())["figures"][what]
    named = {row["name"]: row for row in rows}
    assert len(named) == len(rows), "each row has a name of its own"
    return named


@pytest.mark.alone  # it counts what is dropped
def test_a_quick_run_measures_and_leaves_no_lab(tmp_path: pathlib.Path) -> None:
    """Packets were counted on each tcpdump, none was dropped, and the JSON keeps every round."""
    rows = measured(tmp_path, "packets")
    for name in ("ours", "bare", "bare without -C"):
        assert 0 < rows["20000 packets/s: " + name]["median"] < 100
        assert rows["dropped in all rounds: " + name]["values"] == [0]


@pytest.mark.alone  # it counts what is dropped
def test_a_quick_run_ships_beside_google_cloud_storage(tmp_path: pathlib.Path) -> None:
    """Speed and CPU of both, their ratio, with gzip and without; packets came while segments were shipped."""
    rows = measured(tmp_path, "shipping")
    for title in ("one file of 4 MiB", "supervisor, no gzip", "supervisor, gzip"):
        for what in ("speed", "CPU"):
            (ours,), (plain,) = (rows["%s, %s: %s" % (title, what, who)]["values"] for who in ("ours", "plain"))
            assert 0 < ours and 0 < plain
            assert rows["%s, %s: ours / plain" % (title, what)]["values"] == [ours / plain]
    for how in ("no gzip", "gzip"):
        all_of_it, shippers = (rows["supervisor, %s, CPU: ours%s" % (how, of)] for of in ("", ", of it the shippers"))
        assert 0 < shippers["median"] < all_of_it["median"]
        title = "20000 packets/s while it ships, %s: " % how
        assert rows[title + "shipped meanwhile"]["median"] > 0
        assert rows[title + "dropped, ours"]["values"] == rows[title + "dropped, bare"]["values"] == [0]
        assert rows[title + "dropped by ours in these, most"]["met"]


@pytest.mark.parametrize("what", ["recorder", "life"])
def test_a_quick_run_of_the_others(tmp_path: pathlib.Path, what: str) -> None:
    """It ends well and has rows."""
    assert measured(tmp_path, what)
