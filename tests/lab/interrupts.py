# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIGINT and SIGTERM as an exception: what was begun is taken down by its own blocks, which nothing cuts short."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """One of the two signals has come; ``status`` is the exit status that tells which."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def arm() -> None:
    """Has the first of these signals raise Interrupted in the main thread, and those after it do nothing."""
    for number in SIGNALS:
        signal.signal(number, _raise_once)


def run(title: str, command: Callable[[], object], failures: tuple[type[Exception], ...]) -> None:
    """Runs one command of a command line; a failure is one sentence, an interrupt is an exit status."""
    try:
        arm()
        command()
    except Interrupted as interrupted:
        sys.exit(interrupted.status)
    except failures as error:
        sys.exit("%s: %s" % (title, error))


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Lets these signals wait until the block has ended. Of the main thread."""
    come: list[int] = []

    def note(number: int, _frame: object) -> None:
        come.append(number)

    # The programs that clean up inherit the mask. Where there are other threads, one of these takes the signal.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    handlers = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number in come[:1]:
            signal.raise_signal(number)


def _raise_once(number: int, _frame: object) -> None:
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # the programs that clean up inherit it
    raise Interrupted(number)
