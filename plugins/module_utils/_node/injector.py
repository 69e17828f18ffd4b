# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the probes of a trace from a target's network namespace. PRIVATE to the collection."""

from __future__ import annotations

import base64
import dataclasses
import errno
import os
import threading
import time
from typing import Callable, Sequence

from .._trace_records import NodeInjection, Probe, Sent
from . import netns, probes
from .probe_sockets import as_user

_STEP_SECONDS = 0.25


def inject(asked: NodeInjection, is_gone: Callable[[], bool] = lambda: False) -> tuple[Sent, ...]:
    """Send every probe at its time; return what became of each, in their order.

    is_gone: whether nobody waits for the answer any more; then no further probe is sent. Raises PcapError where the
    namespace cannot be entered, and where a right is missing.
    """
    sends = [_Send(probe) for probe in asked.probes]
    namespace = netns.open_target(asked.target)
    try:
        with netns.inside(namespace), as_user(asked.uid):
            for one in sends:
                one.open(asked.timeout_ms / 1000)
    except BaseException:
        for one in sends:
            one.finish()
        raise
    finally:
        os.close(namespace)
    _send(sends, asked.interval_ms / 1000, is_gone)
    return tuple(one.told() for one in sends)


def _send(sends: Sequence[_Send], interval: float, is_gone: Callable[[], bool]) -> None:
    due = time.monotonic()
    for number, one in enumerate(sends):
        due += one.wait(interval) if number else 0.0
        while not is_gone():
            left = due - time.monotonic()
            if left <= 0:
                one.start()
                break
            time.sleep(min(left, _STEP_SECONDS))
    for one in sends:
        one.finish()


class _Send:
    """One probe on its way; each has a thread of its own, since one that waits must not hold up the next."""

    def __init__(self, probe: Probe) -> None:
        self._sent = Sent(probe.number)
        self._probe = probe
        self._exchange: probes.Exchange | None = None
        self._thread: threading.Thread | None = None

    def wait(self, interval: float) -> float:
        """Return the seconds from the start of the one before it."""
        return interval if self._probe.wait_ms is None else self._probe.wait_ms / 1000

    def open(self, timeout: float) -> None:
        """Open its socket; raise NodeError where a right is missing."""
        try:
            self._exchange = probes.Exchange(self._probe, probes.OPENING[self._probe.kind](self._probe), timeout)
        except OSError as error:
            self._sent = dataclasses.replace(self._sent, stage="open", error=_name(error))

    def start(self) -> None:
        """Send it."""
        if self._exchange is None:
            return
        thread = threading.Thread(target=self._run, args=(self._exchange,))
        try:
            thread.start()
        except RuntimeError:  # the control group has no room for another
            self._sent = dataclasses.replace(self._sent, stage="open", error=errno.errorcode[errno.EAGAIN])
        else:
            self._thread = thread

    def finish(self) -> None:
        """Wait until it has ended; one that was never sent lets its socket go."""
        if self._thread is not None:
            self._thread.join()
        elif self._exchange is not None:
            self._exchange.sock.close()

    def told(self) -> Sent:
        """Return what became of it."""
        return self._sent

    def _run(self, exchange: probes.Exchange) -> None:
        began, stage, why = time.time_ns(), None, None
        try:
            exchange.run()
        except OSError as error:
            stage, why = exchange.stage, _name(error)
        source, port = exchange.name or (None, None)
        self._sent = Sent(
            number=self._probe.number,
            started_ns=began,
            ended_ns=time.time_ns(),
            source=source,
            source_port=port,
            connected=exchange.connected,
            stage=stage,
            error=why,
            sent_bytes=exchange.sent_bytes,
            received_bytes=exchange.received_bytes,
            received=base64.b64encode(exchange.received).decode("ascii"),
        )


def _name(error: OSError) -> str:
    """Return errno's name; a socket that waited in vain has none."""
    return errno.errorcode.get(error.errno or errno.ETIMEDOUT, str(error))
