# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A worker that dies at the wrong moment."""

from __future__ import annotations

import os
import select
import signal

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.worker import Worker

from .forks import PATIENCE, is_alive, until


def handlers():
    return {"sum": lambda first, second: {"sum": first + second}}


@pytest.fixture
def worker():
    made = Worker(handlers())
    yield made
    made.close()


def answer(worker):
    assert select.select([worker], [], [], PATIENCE)[0]
    return worker.receive()


def test_a_worker_that_is_killed_before_it_reads_its_job(worker):
    """recv() then says ECONNRESET (unread data in the peer's queue, unix(7)), not an end of file."""
    os.kill(worker.pid, signal.SIGSTOP)
    worker.submit({"do": "sum"}, first=1, second=2)
    os.kill(worker.pid, signal.SIGKILL)
    assert answer(worker)[1]["error"]
    worker.submit({"do": "sum"}, first=1, second=2)
    assert answer(worker)[1]["sum"] == 3


def test_a_worker_that_is_killed_before_its_job_is_submitted(worker):
    """sendall() then raises EPIPE: the job fails, the supervisor does not."""
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: not is_alive(worker.pid))
    job = {"do": "sum"}
    worker.submit(job, first=1, second=2)
    assert answer(worker)[1]["error"]
    worker.submit({"do": "sum"}, first=1, second=2)
    assert answer(worker)[1]["sum"] == 3
