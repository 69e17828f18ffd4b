# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the gate decides: which skips it may not overlook, and which settings pip gets inside ansible-test."""

from __future__ import annotations

import io
import pathlib

import pytest

from ansible_collections.kube.pcap.tests.gate import ansible_test, machine

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "line, refused",
    [
        ('WARNING: Skipping sanity test "import" on Python 3.9 because it could not be found.', True),
        ('WARNING: Skipping sanity test "import" on Python 3.8 because it could not be found.', False),
        ("WARNING: Skipping unit tests on Python 3.8 because it could not be found.", False),
        ('WARNING: Skipping sanity test "shellcheck" since it is missing.', True),
        ("WARNING: Required program `pwsh` could not be found.", True),
        ('Running sanity test "import" on Python 3.9', False),
    ],
)
def test_skips(line, refused):
    """Only a Python that the machine does not have may be missing from a run."""
    assert list(ansible_test.skips(f"before\n{line}\nafter", ["3.9", "3.11"])) == ([line] if refused else [])


def test_pip_settings():
    """The environment wins over the files, other sections stay, and every value is written as pip reads it."""
    listed = ":env:.cert='/env.pem'\nglobal.cert='/file.pem'\ninstall.no-binary='one\\ntwo'"
    text = io.StringIO()
    ansible_test.pip_settings(listed, "/cache").write(text)
    assert (
        text.getvalue().split() == "[global] cache-dir = /cache cert = /env.pem [install] no-binary = one two".split()
    )


def test_the_pythons_of_the_machine_are_those_of_the_gate():
    """.ci/run refuses a machine without one of the Pythons that the gate would test."""
    (line,) = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("pythons=")]
    assert line == f"pythons=({' '.join(machine.PYTHONS['2.19'])})"
