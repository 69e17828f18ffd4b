# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run of pytest with several workers (pytest-xdist) on one machine: who runs beside whom, and what an end leaves.

Each worker has a lab, or a cluster, of its own. A test that looks at nothing else runs beside others. One that is
marked ``alone`` compares or measures the whole machine: it runs while every other worker waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import signal
import tempfile
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.nodes import limits

from . import interrupts

PATIENCE_SECONDS = 120.0
"""So long interrupted workers may clean up."""
ORDER = ("tests/lab/", "tests/bucket/", "tests/unit/")
"""After those that are alone. The shortest tests are the last ones: so all workers end together."""


def is_alone(item: pytest.Item) -> bool:
    """Whether no other test may run meanwhile."""
    return item.get_closest_marker("alone") is not None


def arrange(items: list[pytest.Item]) -> None:
    """Puts tests into the order in which workers take them."""

    def place(item: pytest.Item) -> int:
        return -1 if is_alone(item) else next((n for n, path in enumerate(ORDER) if item.nodeid.startswith(path)), 0)

    items.sort(key=place)


class Turns:
    """A worker's plugin: each of its tests waits until it may run.

    A test holds the lock ``room`` while it runs, shared, or exclusively when it is alone. Who wants it waits at the
    lock ``door``, so that those who share do not pass one who is to be alone again and again. The whole session holds
    ``run``, shared. The kernel releases them all when a worker dies.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        """``folder``: one for all workers of the run."""
        self._door, self._room, self._run = (_open(folder, name) for name in ("door", "room", "run"))
        fcntl.flock(self._run, fcntl.LOCK_SH)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """The same in every worker."""
        arrange(items)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Holds the turn from the test's set-up to its teardown, and after the last test the session's."""
        fcntl.flock(self._door, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX if is_alone(item) else fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)
        try:
            return (yield)
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, object, object]:
        """What is left of the fixtures is torn down within."""
        try:
            return (yield)
        finally:
            fcntl.flock(self._run, fcntl.LOCK_UN)


class Workers:
    """The plugin of the process that has the workers: however they end, nothing that they made stays."""

    def __init__(self, sweep: Callable[[], object]) -> None:
        """``sweep`` removes what killed processes have left."""
        self._sweep = sweep
        self._folder = tempfile.TemporaryDirectory(prefix="kube-pcap-turns-")

    def pytest_configure_node(self, node: Any) -> None:
        """Tells a worker where the locks are."""
        node.workerinput["turns"] = self._folder.name

    def pytest_sessionstart(self) -> None:
        """What an earlier run has left is removed by one, not by all of them."""
        limits.hold(self._folder.name, limits.INOTIFY, os.getpid())
        self._sweep()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> Generator[None, object, object]:
        """pytest-xdist kills what has not ended 10 s later: so an interrupt is handed on and waited for here."""
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            self._wait()
        try:
            return (yield)
        finally:
            self._sweep()
            limits.release(self._folder.name)
            self._folder.cleanup()

    def _wait(self) -> None:
        run, end = _open(pathlib.Path(self._folder.name), "run"), time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(run, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.05)
        os.close(run)


def _open(folder: pathlib.Path, name: str) -> int:
    return os.open(folder / name, os.O_CREAT | os.O_WRONLY, 0o600)


def _children() -> list[int]:
    pid = os.getpid()
    return [int(word) for word in pathlib.Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()]


def register(config: pytest.Config, sweep: Callable[[], object]) -> None:
    """Makes a run with workers one that is safe; any other run stays as it is. ``sweep`` removes leftovers."""
    config.addinivalue_line("markers", "alone: compares or measures the whole machine, so no test runs beside it")
    if hasattr(config, "workerinput"):
        if not config.pluginmanager.has_plugin(__name__):  # as where tests of labs and of clusters are one run
            interrupts.arm()
            config.pluginmanager.register(Turns(pathlib.Path(config.workerinput["turns"])), __name__)
    elif config.getoption("tx", None):
        config.pluginmanager.register(Workers(sweep))
