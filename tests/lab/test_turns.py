# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several workers of one run: most tests run beside each other, and nothing runs beside one that is alone."""

from __future__ import annotations

import pathlib
import subprocess
import sys

from tests.nodes.node import CHECKOUT

CONFTEST = """
from tests.lab import turns

def pytest_configure(config):
    turns.register(config, bool)
"""
TESTS = """
import os, pathlib, time
import pytest

HERE = pathlib.Path(__file__).parent

def running():
    return sorted(path.name for path in HERE.glob("*.running"))

@pytest.fixture(autouse=True)
def note(request):
    file = HERE / (request.node.originalname + "-%d.running" % os.getpid())
    file.touch()
    yield file
    file.unlink()

@pytest.mark.parametrize("number", range(20))
def test_may_meet_another(number):
    until = time.monotonic() + 0.5
    while time.monotonic() < until and not (HERE / "met").exists():
        if len(running()) > 1:
            (HERE / "met").touch()
        time.sleep(0.001)

@pytest.mark.alone
@pytest.mark.parametrize("number", range(3))
def test_meets_nobody(note, number):
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        assert running() == [note.name]
        time.sleep(0.001)
"""


def test_who_runs_beside_whom(tmp_path: pathlib.Path) -> None:
    """Of those that may, one meets another; those that are alone, of both workers, see nobody."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "--maxschedchunk", "1"]
    argv += ["--rootdir", str(tmp_path), "--basetemp", str(tmp_path / "base"), str(tmp_path)]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "23 passed" in done.stdout, done.stdout
    assert (tmp_path / "met").exists()
