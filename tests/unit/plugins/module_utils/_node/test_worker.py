# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that may block is done by a forked process, and no death of it is the supervisor's."""

from __future__ import annotations

import os
import select
import signal
import struct
import time
import zlib

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.worker import Worker

from .forks import PATIENCE, fork, is_alive, until


def _sum(first, second):
    return {"sum": first + second, "pid": os.getpid()}


def _refuse(text):
    raise OSError(28, "No space left on device", text)


def _fail(kind):
    raise {"value": ValueError, "zlib": zlib.error, "memory": MemoryError, "struct": struct.error}[kind]


def _die(how):
    if how == "raise":
        raise KeyError("a fault of ours")
    os.kill(os.getpid(), signal.SIGKILL)


def _files():
    """What the worker has open; the listing's own descriptor is closed when it is looked at."""
    names = []
    for name in os.listdir("/proc/self/fd"):
        try:
            names.append(os.readlink("/proc/self/fd/" + name))
        except FileNotFoundError:
            continue
    return {"files": names}


def _status():
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        ignored = [int(line.split()[1], 16) for line in file if line.startswith("SigIgn:")]
    return {"ignored": ignored[0], "policy": os.sched_getscheduler(0), "idle": os.SCHED_IDLE}


def _hang(begun=None):
    if begun:
        open(begun, "x", encoding="ascii").close()
    signal.pause()


HANDLERS = {
    "sum": _sum,
    "refuse": _refuse,
    "fail": _fail,
    "die": _die,
    "files": _files,
    "status": _status,
    "text": lambda size: {"text": "x" * size},
    "hang": _hang,
}


@pytest.fixture
def worker():
    """A worker that is ended afterwards."""
    made = Worker(HANDLERS)
    yield made
    made.close()


def answer(worker):
    """Waits, as the supervisor does, until a job is answered."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        ready, _writable, _failed = select.select([worker], [], [], PATIENCE)
        assert ready, "the worker did not answer"
        got = worker.receive()
        if got is not None:
            return got
    raise AssertionError("the worker did not answer")


def done(worker, name, **arguments):
    """Returns the answer to a job."""
    job = {"do": name, "mark": object()}
    worker.submit(job, **arguments)
    assert worker.busy is job
    got, said = answer(worker)
    assert got is job and worker.busy is None
    return said


def test_answers(worker):
    """One job after the other is done in another process, and the job comes back with its answer."""
    for number in range(5):
        said = done(worker, "sum", first=number, second=10)
        assert said == {"sum": number + 10, "pid": worker.pid}
    assert worker.pid != os.getpid()


def test_a_long_answer(worker):
    """An answer that comes in several pieces is one."""
    assert len(done(worker, "text", size=1_000_000)["text"]) == 1_000_000


def test_a_job_that_fails(worker):
    """What the system refused is the answer's error, in its words, and the worker goes on."""
    assert "No space left on device" in done(worker, "refuse", text="x")["error"]
    assert done(worker, "sum", first=1, second=2)["sum"] == 3


@pytest.mark.parametrize("kind", ["value", "zlib", "memory", "struct"])
def test_a_job_that_meets_bad_data(worker, kind):
    """What one file's content brings about is the answer's error, and the worker goes on."""
    before = worker.pid
    assert "rror" in done(worker, "fail", kind=kind)["error"]
    assert worker.pid == before


@pytest.mark.parametrize("how", ["kill", "raise"])
def test_a_job_that_ends_its_worker(worker, how, capfd):
    """The job fails, another worker stands in, and the next job is done."""
    before = worker.pid
    assert "died" in done(worker, "die", how=how)["error"]
    assert worker.pid != before
    assert done(worker, "sum", first=1, second=2) == {"sum": 3, "pid": worker.pid}


def test_a_busy_worker_that_is_killed(worker, tmp_path):
    """Somebody's kill, or the kernel's for want of memory, fails the one job."""
    worker.submit({"do": "hang"}, begun=str(tmp_path / "begun"))
    until((tmp_path / "begun").exists)
    os.kill(worker.pid, signal.SIGKILL)
    assert answer(worker)[1]["error"]
    assert done(worker, "sum", first=1, second=2)["sum"] == 3


def test_an_idle_worker_that_is_killed(worker):
    """No job was lost, so nothing is told; the next one finds a worker."""
    before = worker.pid
    os.kill(before, signal.SIGKILL)
    assert select.select([worker], [], [], PATIENCE)[0]
    assert worker.receive() is None
    assert worker.pid != before
    assert done(worker, "sum", first=1, second=2)["sum"] == 3


def test_close_ends_it():
    """Nothing is left of a closed worker, busy or not."""
    for job in (None, {"do": "hang"}):
        made = Worker(HANDLERS)
        if job:
            made.submit(job)
        pid = made.pid
        made.close()
        until(lambda pid=pid: not is_alive(pid))


@pytest.mark.parametrize("job", ["", "hang"])
def test_it_ends_with_its_supervisor(tmp_path, job):
    """When the supervisor is killed, its worker ends too, whatever it is doing."""
    told = tmp_path / "pid"

    def supervise():
        made = Worker(HANDLERS)
        if job:
            made.submit({"do": job})
        (tmp_path / "part").write_text(str(made.pid))
        os.rename(str(tmp_path / "part"), str(told))
        signal.pause()

    supervisor = fork(supervise)
    until(told.exists)
    pid = int(told.read_text())
    assert is_alive(pid)
    os.kill(supervisor, signal.SIGKILL)
    os.waitpid(supervisor, 0)
    until(lambda: not is_alive(pid))


def test_what_the_supervisor_has_open_is_not_inherited(tmp_path):
    """Else a dead supervisor's lock would live on in its worker, and a dead worker's end in its neighbour."""
    with open(str(tmp_path / "lock"), "w", encoding="ascii") as held:
        first = Worker(HANDLERS)
        second = Worker(HANDLERS)
        try:
            for worker in (first, second):
                files = done(worker, "files")["files"]
                assert held.name not in files
                assert len([name for name in files if name.startswith("socket:")]) == 1 + _sockets_of_ours()
            os.kill(first.pid, signal.SIGKILL)
            assert select.select([first], [], [], PATIENCE)[0]
        finally:
            first.close()
            second.close()


def _sockets_of_ours():
    """How many of our standard streams are sockets: a worker keeps those."""
    return sum(os.readlink("/proc/self/fd/%d" % number).startswith("socket:") for number in range(3))


def test_it_is_out_of_the_way(worker):
    """It takes only what nobody else wants of the processor, and leaves it to its supervisor when to end."""
    said = done(worker, "status")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        assert said["ignored"] >> (number - 1) & 1
    assert said["policy"] == said["idle"]
