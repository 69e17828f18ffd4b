# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that a user types: the demo to its end, and what an interrupt leaves of demo, gate and lab: nothing."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.bucket import build
from tests.gate.__main__ import LAB
from tests.lab import demo_sinks
from tests.lab import lab as lab_module
from tests.lab.conftest import lab_name
from tests.lab.lab import Lab, names
from tests.lab.model import LabError
from tests.lab.test_lab import SMALL, held, namespaces, ticks, traces
from tests.nodes.node import CHECKOUT

PATIENCE = 120.0
GATE = str(CHECKOUT / "tests" / "gate" / "run")
CHILD = [sys.executable, "-m", "tests.gate.child"]


def wait_for(condition, seconds=PATIENCE):
    """What the condition returns once that is true; AssertionError when it never is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to pass within %d s" % seconds
        time.sleep(0.05)
    return found


@pytest.fixture
def temporary(tmp_path):
    """A folder for a command's temporary files, which must be empty in the end."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


@contextlib.contextmanager
def started(argv, folder, sink="directory"):
    """A command as a terminal starts it, leader of a group of its own; SIGINT may have come ignored to us."""
    home = pathlib.Path(sys.prefix).parent  # the gate's environments, also where sudo has changed HOME
    kept = {"XDG_CACHE_HOME": str(home.parent)} if home.name == "kube-pcap" else {}
    env = {**os.environ, **kept, "TMPDIR": str(folder), demo_sinks.WISH: sink}
    argv = ["env", "--default-signal=INT", *argv]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(argv, cwd=CHECKOUT, env=env, start_new_session=True, **piped) as command:
        try:
            yield command
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(command.pid, signal.SIGKILL)


def labs_of(session):
    """The names of the labs that a command of a session has started, once one of them stands."""
    found, stands = [], False
    for name in names():
        with contextlib.suppress(LabError, ProcessLookupError):
            lab = Lab.attach(name)
            if lab.state.owner and os.getsid(lab.state.owner) == session:
                found.append(name)
                stands |= lab.inventory.exists()
    return found if stands else []


def made_by(name):
    """The namespaces of a lab that is up, and of nothing else."""
    pids = [int(pid) for pid in traces(name)["processes"]]
    return namespaces(pids) - namespaces([os.getpid()])


def using(folder):
    """The processes whose command names this folder, as the emulator's does."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += [path] if os.fsencode(folder) in path.read_bytes() else []
    return found


def go(folder, monkeypatch, script=None):
    """Makes PATH a folder with this ``go`` alone, and the emulator one that is not built."""
    folder.mkdir()
    if script:
        (folder / "go").write_text("#!/bin/sh\n" + script)
        (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(build, "BINARY", folder / "emulator")


@pytest.mark.parametrize("sink", ["gs", "directory"])
def test_the_demo_shows_the_main_job(temporary, sink):
    """It ends well, its own count is what it says of it, every packet is in the sink, and nothing is left."""
    name = lab_name("d" + sink[0])
    with started([sys.executable, "-m", "tests.lab", "demo", "--name", name], temporary, sink) as demo:
        text = demo.communicate(timeout=600)[0]
    assert demo.returncode == 0, text
    where = {"gs": "bucket", "directory": "directory"}[sink]
    pattern = r"sent to web pods +(\d+)\nin the %s +(\d+)\ncounted as dropped +(\d+)\nthe count holds\n" % where
    sent, held, dropped = map(int, re.search(pattern, text).groups())
    assert sent == held + dropped == sum(map(int, re.findall(r"^shop/\S+: stream \d+: sent (\d+) ", text, re.M)))
    assert sent > 10000 and "Traceback" not in text and "WARNING" not in text
    typed = [line for line in text.splitlines() if line.startswith("$ ")]
    shown = [re.findall(r"kube\.pcap\.(capture|status|stop|trace) ", line) for line in typed]
    assert [name for names in shown for name in names] == ["capture", "status", "stop", "trace", "trace"]
    verdicts = re.findall(r"^trace demo-(\w+): (\w+) \((\w+)\)", text, re.M)
    assert verdicts == [("well", "answered", "proven"), ("ill", "lost", "proven")]
    assert "was lost inside node node-c or before pod shop/db-0 on node-c" in text
    rows = re.findall(r"^node-[abc] +(?:pod shop/web-|node node-b).*", text, re.M)
    assert sum(" ready " in row for row in rows) == 8, "each target is told when it starts, and while it records"
    assert sum(" done " in row for row in rows) == 4, "and when it has stopped"
    for node, count in {"node-a": 1, "node-b": 2, "node-c": 1}.items():
        listed = re.findall(r"^ +\d+  demo/%s/(\S+)$" % node, text, re.M)
        assert sum(one.endswith(".pcap.gz") for one in listed) == count, "each target's segment is in the sink"
        assert listed[-1] == "manifest.jsonl", "the manifest is the last"
    assert len(re.findall(r"^\d\d:\d\d:\d\d\.\d{6} ", text, re.M)) == 4, "packets are decoded"
    assert traces(name) == {} and name not in names() and using(temporary) == []


@pytest.mark.alone  # it compares the namespaces of the machine
@pytest.mark.parametrize("number, sink", [(signal.SIGINT, "gs"), (signal.SIGTERM, "directory")])
def test_an_interrupted_demo_leaves_nothing(temporary, number, sink):
    """As by Ctrl-C in `make demo`, while its traffic runs: the gate waits for the clean-up and says how it ended."""
    name = lab_name("e")
    with started([GATE, "demo", "--name", name], temporary, sink) as gate:
        words = []
        while not words or " tests.lab traffic " not in words[-1]:
            words.append(gate.stdout.readline())
            assert words[-1], "".join(words)
        made, until = made_by(name), ticks()
        assert len(made) > 20 and (using(temporary) or sink == "directory")
        os.killpg(gate.pid, number)
        words.append(gate.communicate(timeout=PATIENCE)[0])
    text = "".join(words)
    assert gate.returncode == 128 + number and "Traceback" not in text and "interrupted" in text, text
    assert traces(name) == {} and made & held(until) == set() and using(temporary) == []


NO_GO = "Go 1.26 or newer, which builds the emulator of a bucket, is not on PATH"
OFFLINE = "[ $1 = env ] && echo go1.26.1 && exit; echo no proxy; exit 1"
NOT_BUILT = "github.com/fsouza/fake-gcs-server %s could not be built: no proxy" % build.VERSION


@pytest.mark.parametrize("script, why", [(None, NO_GO), ("echo go1.25.4", NO_GO), (OFFLINE, NOT_BUILT)])
def test_without_a_bucket_the_demo_ships_to_a_directory(tmp_path, monkeypatch, script, why):
    """Where Go is not there, too old or fails, the reason is told; who has asked for a bucket gets only that."""
    go(tmp_path / "bin", monkeypatch, script)
    assert demo_sinks.choose("") == ("directory", why)
    assert demo_sinks.choose("directory")[0] == "directory"
    with pytest.raises(LabError, match="^DEMO_SINK=gs: %s; see to that, or set DEMO_SINK=directory$" % re.escape(why)):
        demo_sinks.choose("gs")


def test_with_go_the_demo_ships_to_a_bucket(monkeypatch):
    """Whether that is asked for or not, once the emulator is built."""
    monkeypatch.delenv(demo_sinks.WISH, raising=False)
    assert demo_sinks.choose() == demo_sinks.choose("gs") == ("gs", str(build.emulator()))
    with pytest.raises(LabError, match="^DEMO_SINK is 's3': set it to gs or directory, or leave it out$"):
        demo_sinks.choose("s3")


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGINT] * 5])
def test_interrupted_tests_leave_no_lab(temporary, tmp_path, signals):
    """However impatient the user, the tests that `make test` runs take their labs down."""
    argv = [*CHILD, *LAB["test"], "-m", "not alone", "--basetemp", str(tmp_path / "pytest"), "tests/lab/test_lab.py"]
    with started(argv, temporary) as tests:
        made = wait_for(lambda: labs_of(tests.pid))
        for number in signals:
            os.killpg(tests.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                tests.wait(0.1)
        text = tests.communicate(timeout=PATIENCE)[0]
    assert tests.returncode == 2 and "Interrupted" in text and "Traceback" not in text, text
    assert {name: traces(name) for name in made if traces(name)} == {}


@pytest.mark.alone  # any other run would sweep its lab
def test_down_removes_what_a_killed_run_has_left(tmp_path):
    """As `make lab-down` after a demo that was killed, no other lab being up."""
    (tmp_path / "small.yml").write_text(SMALL)
    name = lab_name("g")
    code = "import os, sys; from tests.lab.lab import Lab; Lab.up(*sys.argv[1:], owner=os.getpid())"
    subprocess.run([sys.executable, "-c", code, name, str(tmp_path / "small.yml")], cwd=CHECKOUT, check=True)
    assert set(traces(name)) > {"processes"}
    argv = [sys.executable, "-m", "tests.lab", "down", "--name", lab_name("h")]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "") and "lab %s is gone" % name in done.stdout
    wait_for(lambda: traces(name) == {})


@pytest.mark.parametrize("usual", [True, False])
def test_a_second_lab_of_a_name_is_refused(lab, monkeypatch, usual):
    """It is told in one sentence how the first one is removed."""
    name = lab.state.name
    monkeypatch.setattr(lab_module, "NAME", name if usual else "shop")
    advice = "make lab-down" if usual else "python -m tests.lab down --name " + name
    with pytest.raises(LabError, match="^lab %s is up already; this removes it: %s$" % (name, advice)):
        Lab.up(name)
    assert lab.node("node-a").pid and lab.inventory.exists()


def test_an_interrupt_waits_until_a_lab_is_gone(tmp_path, monkeypatch):
    """Who is impatient while a lab is removed is heard when nothing of it is left."""
    (tmp_path / "small.yml").write_text(SMALL)
    lab = Lab.up(lab_name("i"), tmp_path / "small.yml", owner=os.getpid())
    stop = lab.underlay.stop
    monkeypatch.setattr(lab.underlay, "stop", lambda: (os.kill(os.getpid(), signal.SIGINT), stop()))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            lab.down()
    finally:
        signal.signal(signal.SIGINT, before)
    assert traces(lab.state.name) == {}
