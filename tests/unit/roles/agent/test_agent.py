# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program of an agent pod."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import time
import types

import pytest

PROGRAM = pathlib.Path(__file__).resolve().parents[4] / "roles/agent/files/agent.py"
PATIENCE = 10.0
RECORDER = """\
import os, signal, sys, time
def end(*_):
    open(sys.argv[1] + "/closed", "w").close()
    raise SystemExit
signal.signal(signal.SIGTERM, end)
open(sys.argv[1] + "/begun", "a").write("x")
while True:
    signal.pause()
"""


@pytest.fixture
def agent(tmp_path, monkeypatch):
    """The program as a module; it takes processes of this test alone for its own."""
    module = types.ModuleType("agent")
    exec(compile(PROGRAM.read_text(), str(PROGRAM), "exec"), module.__dict__)
    module.RECORDER = "recorder-%s.py" % tmp_path.name
    yield module
    module.end()


@pytest.fixture
def spool(tmp_path, agent):
    """Captures in all states."""
    states = {"runs": "ready", "ships": "draining", "new": None, "over": "done", "broken": "failed"}
    for name, phase in states.items():
        folder = tmp_path / "spool" / name
        folder.mkdir(parents=True)
        (folder / agent.RECORDER).write_text(RECORDER)
        (folder / "capture.json").write_text("{}")
        if phase:
            (folder / "state.json").write_text(json.dumps({"phase": phase}))
    cut = tmp_path / "spool/cut"  # a start that was cut off: nothing was accepted
    cut.mkdir()
    (cut / agent.RECORDER).write_text(RECORDER)
    return tmp_path / "spool"


def begun(spool):
    """The captures whose recorders were started, once all three have begun."""
    end = time.monotonic() + PATIENCE
    while len(list(spool.glob("*/begun"))) < 3:
        assert time.monotonic() < end
        time.sleep(0.005)
    return sorted(path.parent.name for path in spool.glob("*/begun"))


def test_recorders_go_on_and_end_with_the_pod(agent, spool):
    """What has not come to its end is started again; in the end each recorder closes its files."""
    agent.resume(str(spool))
    assert begun(spool) == ["new", "runs", "ships"] and len(agent.recorders()) == 3
    agent.end()
    agent.reap(0, None)
    assert agent.recorders() == []
    assert sorted(path.parent.name for path in spool.glob("*/closed")) == ["new", "runs", "ships"]


def test_the_folder(agent, tmp_path, monkeypatch):
    """It is closed where it was made for the pod, stays while the pod does, and goes where nothing is in it."""
    monkeypatch.setattr(agent, "NODE", "")
    empty, used = tmp_path / "empty", tmp_path / "used"
    for folder in (empty, used):
        folder.mkdir(mode=0o755)
    (used / "capture").mkdir()
    for folder, mode in ((empty, 0o700), (used, 0o755)):
        agent.settle(str(folder))
        assert folder.stat().st_mode & 0o777 == mode
        with pytest.raises(OSError):
            folder.rmdir()
        agent.withdraw(str(folder))
    assert not empty.exists() and [path.name for path in used.iterdir()] == ["capture"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces")
def test_recorders_of_the_node_are_left_alone(agent, spool):
    """A recorder in another mount namespace is the node's own, and is not this pod's to end."""
    (spool / "runs/begun").touch()
    (spool / "new/begun").touch()
    outside = subprocess.Popen(
        ["unshare", "--mount", sys.executable, str(spool / "ships" / agent.RECORDER), str(spool / "ships")]
    )
    with outside:
        try:
            begun(spool)
            assert agent.recorders() == []
        finally:
            outside.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes namespaces")
def test_a_pod_that_lacks_something_says_so(tmp_path):
    """It ends with a sentence, which the kubelet keeps; here process 1 is of the same container."""
    done = subprocess.run(
        [
            "unshare",
            "--pid",
            "--fork",
            "--mount-proc",
            sys.executable,
            "-I",
            "-S",
            "-c",
            PROGRAM.read_text(),
            str(tmp_path),
        ],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and done.stderr == "process 1 is this container's: the pod needs hostPID\n"
