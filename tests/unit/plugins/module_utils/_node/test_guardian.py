# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tools that run beside each other, each with its guardian; this process's own namespaces stand for a target's."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._command import command_options
from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError
from ansible_collections.kube.pcap.plugins.module_utils._node import commands, guardian, tool
from ansible_collections.kube.pcap.plugins.module_utils._node.running import Job
from ansible_collections.kube.pcap.plugins.module_utils._records import Target

from .forks import PATIENCE, fork, holds, is_alive, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are entered by root alone")


def target(**changes):
    """This process's network namespace, as a node's."""
    inode = os.stat("/proc/self/ns/net").st_ino
    return Target(**{"kind": "node", "name": "n", "node": "n", "pid": os.getpid(), "netns": inode, **changes})


def job(*argv, kept=1000, pretend=False, dest=None, **options):
    """A tool for that target."""
    return Job(target(), "n", command_options({"argv": list(argv), **options}), dest, kept, pretend)


def run_all(*jobs, at_once=8, is_gone=lambda: False):
    """The outcomes of jobs, run in a process of its own: it becomes a parent of orphans."""
    reader, writer = os.pipe()

    def run():
        try:
            told = commands.run_all(jobs, is_gone, at_once)
        except NodeError as error:
            told = str(error)
        with open(writer, "w", encoding="utf-8") as file:
            json.dump(told, file)

    pid = fork(run)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        text = file.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def test_in_their_order():
    """Outcomes stand in the order of the jobs, whichever ends first."""
    outcomes = run_all(job("sh", "-c", "sleep 0.3; echo 1"), job("echo", "2"), job("sh", "-c", "exit 3"))
    assert [(one["rc"], one["stdout"]) for one in outcomes] == [(0, "1\n"), (0, "2\n"), (3, "")]


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_no_more_than_so_many_at_once(tmp_path, at_once):
    """SN-4: each tool counts who runs beside it."""
    script = "touch %s/$$; ls %s | wc -l; sleep 0.3; rm %s/$$" % ((tmp_path,) * 3)
    outcomes = run_all(*[job("sh", "-c", script) for _number in range(10)], at_once=at_once)
    counts = [int(one["stdout"]) for one in outcomes]
    assert max(counts) <= at_once and all(one["rc"] == 0 for one in outcomes)
    assert at_once == 1 or max(counts) > 1


def test_what_cannot_be_started(tmp_path):
    """A target that has gone, and a program that is not there, are outcomes; nothing ran."""
    gone = job("ip")._replace(target=target(netns=5))
    lost, missing, path = run_all(gone, job("no-such-tool"), job(str(tmp_path)))
    assert not lost["found"] and "not in 5 any more; resolve it again" in lost["error"] and lost["rc"] is None
    assert missing["found"] and missing["error"].startswith("node n has no program no-such-tool; looked in /")
    assert path["error"] == "node n has no program %s" % tmp_path and path["rc"] is None


def test_a_program_that_the_kernel_refuses(tmp_path):
    """Its words stand in the outcome."""
    path = tmp_path / "tool"
    path.write_text("no program\n")
    path.chmod(0o755)
    (one,) = run_all(job(str(path)))
    assert one["error"] == "%s cannot be started: Exec format error" % path and one["rc"] is None


def test_a_tool_that_is_killed_before_it_starts(monkeypatch):
    """What ended before the program was there has run nothing, and does not pass for success."""
    monkeypatch.setattr(tool, "_become", lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL))
    (one,) = run_all(job("true"))
    assert one["rc"] is None and one["error"].startswith("it ended before the tool was started, with status ")


def test_pretending(tmp_path):
    """The program's path is told, and it does not run; no file is made."""
    (one,) = run_all(job("touch", str(tmp_path / "x"), pretend=True, dest=str(tmp_path / "y")))
    assert one["argv"][0].endswith("bin/touch") and one["rc"] is None and one["error"] is None
    assert list(tmp_path.iterdir()) == []


def test_a_timeout():
    """SN-5: SIGINT, then after two seconds SIGKILL, to all that it has started."""
    heeds = job("sh", "-c", "trap 'echo heard; exit 5' INT; echo up; while :; do sleep 0.1; done", timeout=1)
    ignores = job("sh", "-c", "trap '' INT; (setsid sleep 61 &); sleep 62", timeout=1)
    began = time.monotonic()
    first, second = run_all(heeds, ignores)
    assert (first["timed_out"], first["rc"], first["stdout"]) == (True, 5, "up\nheard\n")
    assert (second["timed_out"], second["rc"]) == (True, -signal.SIGKILL) and 3 <= second["seconds"]
    assert time.monotonic() - began < 60


def test_nobody_waits_any_more():
    """Everything is ended at once, and what waits is not started."""
    calls = []

    def is_gone():
        calls.append(1)
        return len(calls) > 1

    began = time.monotonic()
    told = run_all(*[job("sleep", "60") for _number in range(3)], at_once=2, is_gone=is_gone)
    assert told == "the connection is gone, and what ran was ended" and time.monotonic() - began < 30


def test_streams_that_somebody_else_holds():
    """A tool that has ended is not waited for, though its output is still open elsewhere."""
    (one,) = run_all(job("sh", "-c", "setsid sleep 60 & echo x"))
    assert (one["rc"], one["stdout"]) == (0, "x\n") and one["seconds"] < 30


def test_signals_and_environment():
    """The tool has the default actions, its own session, and no descriptor of ours."""
    script = (
        "import os, signal; print([str(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)"
        " if signal.getsignal(s) is signal.SIG_IGN], os.getsid(0) == os.getpid(), sorted(os.environ), os.getcwd(),"
        " sorted(map(int, os.listdir('/proc/self/fd')))[:-1])"
    )
    code = "import signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL); " + script
    (one,) = run_all(job(sys.executable, "-I", "-c", code))
    assert one["stdout"].startswith("[] True ['LC_ALL'") and one["stdout"].endswith("] / [0, 1, 2]\n"), one


def test_a_guardian_that_is_killed():
    """PT-12: its tool ends, and the outcome says so."""

    def run():
        one = guardian.Guardian(job("sh", "-c", "(setsid sleep 63 &); sleep 64"))
        until(lambda: _running("sleep 63") and _running("sleep 64"))
        os.kill(one.pid, signal.SIGKILL)
        select.select([one], [], [], PATIENCE)
        told = one.receive()
        until(lambda: not _running("sleep 63") and not _running("sleep 64"))
        return told["error"].endswith("was killed, and the tool with it")

    assert holds(run)


@pytest.mark.parametrize(
    "kill, number", [(os.kill, signal.SIGKILL), (os.kill, signal.SIGTERM), (os.killpg, signal.SIGKILL)]
)
def test_a_module_that_is_killed(kill, number):
    """PT-12: its guardians end their tools, and nothing that these have started is left."""

    def run():
        os.setpgid(0, 0)
        commands.run_all([job("sh", "-c", "trap '' TERM; (setsid sleep 65 &); sleep 66")], lambda: False)

    pid = fork(run)
    until(lambda: _running("sleep 65") and _running("sleep 66"))
    kill(pid, number)
    os.waitpid(pid, 0)
    until(lambda: not _running("sleep 65") and not _running("sleep 66"))


def _running(argument):
    """Whether a process has exactly these arguments."""
    wanted = argument.replace(" ", "\0").encode() + b"\0"
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % name, "rb") as file:
                if file.read().endswith(wanted) and is_alive(int(name)):
                    return True
        except OSError:
            continue
    return False
