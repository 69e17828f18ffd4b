# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the gate decides: which skips it may not overlook, and which settings pip gets inside ansible-test."""

from __future__ import annotations

import io
import os
import pathlib
import sys

import pytest

from ansible_collections.kube.pcap.tests.gate import ansible_test, machine, places, steps

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
    """The environment wins over the files, other sections stay, values are as pip reads them, and it is quiet."""
    listed = ":env:.cert='/env.pem'\nglobal.cert='/file.pem'\ninstall.no-binary='one\\ntwo'"
    text = io.StringIO()
    ansible_test.pip_settings(listed, "/cache").write(text)
    wanted = "[global] cache-dir = /cache cert = /env.pem [install] quiet = 1 no-binary = one two"
    assert text.getvalue().split() == wanted.split()


def test_the_pythons_of_the_machine_are_those_of_the_gate():
    """.ci/run refuses a machine without one of the Pythons that the gate would test."""
    (line,) = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("pythons=")]
    assert line == f"pythons=({' '.join(machine.PYTHONS['2.19'])})"


def test_a_command_that_fails():
    """Its words are apart from the cause, which names the command as one would type it."""
    code = "import sys; print('out'); print('err', file=sys.stderr, flush=True); sys.exit(3)"
    with pytest.raises(places.GateError) as caught:
        places.run([sys.executable, "-c", code])
    assert str(caught.value) == f"exit status 3: {pathlib.Path(sys.executable).name} -c {code}"
    assert sorted(caught.value.output.split()) == ["err", "out"]


def test_commands_side_by_side(tmp_path):
    """Each waits for the other here; their words come in their order, and all that failed are told."""
    os.mkfifo(tmp_path / "pipe")
    codes = ["print(open('pipe').read())", "print('out', file=open('pipe', 'w')); print('written')"]
    commands = [places.Command([sys.executable, "-c", code], {}, tmp_path) for code in codes]
    assert [output.split() for output in places.run_all(commands)] == [["out"], ["written"]]
    codes = ["import sys; open('pipe').read(); sys.exit(3)", "open('pipe', 'w').close()", "raise SystemExit(4)"]
    commands = [places.Command([sys.executable, "-c", code], {}, tmp_path) for code in codes]
    with pytest.raises(places.GateError, match="^exit status 3: (?s:.*); exit status 4: "):
        places.run_all(commands)


@pytest.mark.parametrize("output", ["", "a tool's\nown words\n"])
def test_the_cause_is_told_last(capsys, output):
    """A failed step ends the run: what its tool said, then in one line the step and why; no further step is begun."""

    def fail():
        raise places.GateError("exit status 1: ruff check", output)

    assert not steps.passes([("virtual environment", lambda: "here"), ("ruff check", fail), ("mypy", fail)])
    words = capsys.readouterr().out
    lines = [line for line in words.splitlines() if line]
    assert lines[-1] == "ruff check: exit status 1: ruff check" and "\n\n\n" not in words
    assert lines[2:-1] == output.splitlines()
    assert lines[0].endswith("here") and "FAILED" in lines[1]


@pytest.mark.parametrize(
    "found, jobs",
    [
        (("3.8", "3.9", "3.10", "3.11", "3.13"), [["3.10"], ["3.8", "3.9", "3.10", "3.11", "3.13"]]),
        (("3.11",), [["3.11"], ["3.11"]]),
    ],
)
def test_pythons_of_unit_tests(monkeypatch, found, jobs):
    """Each once by the newer core; by the older one the oldest that a controller may have."""
    monkeypatch.setattr(machine.shutil, "which", lambda name: name if name.replace("python", "") in found else None)
    assert [job.found for job in ansible_test.units()] == jobs
