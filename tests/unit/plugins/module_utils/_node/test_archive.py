# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor's archive: the same bytes from the same sources, and it runs alone."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import archive, recorder
from ansible_collections.kube.pcap.plugins.module_utils._node.spool import Spool

ALONE = [sys.executable, "-I", "-S"]
BELOW = "ansible_collections/kube/pcap/plugins/module_utils/"


@pytest.fixture(scope="module")
def built():
    """The archive of the supervisor."""
    return archive.build(recorder.__name__)


def run(path, *args):
    """Runs an archive with nothing but the standard library, elsewhere."""
    return subprocess.run(
        [*ALONE, str(path), *args],
        cwd="/",
        env={},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_same_bytes_each_time(built):
    """The same sources are the same bytes, on every day."""
    assert archive.build(recorder.__name__) == built
    dates = {entry.date_time for entry in zipfile.ZipFile(io.BytesIO(built)).infolist()}
    assert dates == {(1980, 1, 1, 0, 0, 0)}


def test_what_is_in_it(built):
    """Sources of this collection's module_utils, the packages above them, a main; no compiled and no foreign file."""
    names = zipfile.ZipFile(io.BytesIO(built)).namelist()
    assert names == sorted(set(names))
    assert {"__main__.py", BELOW + "_node/recorder.py", BELOW + "_packet/counter.py", BELOW + "__init__.py"} <= set(
        names
    )
    above = {"/".join(BELOW.split("/")[:depth]) + "/__init__.py" for depth in range(1, 6)}
    assert all(name.startswith(BELOW) or name == "__main__.py" or name in above for name in names)
    assert all(name.endswith(".py") for name in names)


def test_sources_are_unchanged(built):
    """What runs on the node is what was reviewed."""
    with open(recorder.__file__, encoding="utf-8") as file:
        source = file.read()
    assert zipfile.ZipFile(io.BytesIO(built)).read(BELOW + "_node/recorder.py").decode() == source


def test_it_runs_alone(built, tmp_path):
    """Without Ansible, without installed packages, it comes as far as its own error."""
    (tmp_path / "recorder.pyz").write_bytes(built)
    spool = Spool(str(tmp_path), "c-1")
    spool.make()
    done = run(tmp_path / "recorder.pyz", spool.folder)
    assert done.returncode == 1
    assert done.stderr.strip() == "%s holds no capture" % spool.folder


def test_a_second_supervisor_goes_away(built, tmp_path):
    """Who finds the lock taken ends, without an error and without touching anything."""
    (tmp_path / "recorder.pyz").write_bytes(built)
    spool = Spool(str(tmp_path), "c-1")
    spool.make()
    held = spool.lock()
    assert held is not None
    done = run(tmp_path / "recorder.pyz", spool.folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
