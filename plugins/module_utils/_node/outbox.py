# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tcpdump has closed, on its way out of the node. PRIVATE to the collection.

taps/<run>/<file>  -- finish -->  segments/<name> + a manifest line  -- store -->  the sink, confirmed, deleted here
"""

from __future__ import annotations

from .._records import CaptureOptions
from .finisher import Finisher
from .holdings import Holdings
from .journal import Journal
from .process import Clock
from .shipper import Shipper
from .spool import Spool
from .worker import Worker


class Outbox:
    """Finisher and shipper have workers of their own: neither waits for the other's disk or server."""

    def __init__(
        self, spool: Spool, node: str, options: CaptureOptions, journal: Journal, clock: Clock, holdings: Holdings
    ) -> None:
        self._options, self._ledger, self._holdings = options, journal.ledger, holdings
        self._finisher = Finisher(options, journal, holdings)
        self.shipper = Shipper(spool, node, options, journal, clock, holdings)

    @property
    def workers(self) -> list[Worker]:
        """What a selector waits on."""
        return [self._finisher.worker, *self.shipper.workers]

    @property
    def last_error(self) -> str | None:
        """What went wrong last and is not over."""
        return self.shipper.last_error or self._finisher.last_error

    def unshipped(self) -> int:
        """Return how many segments the sink has not confirmed."""
        return sum(len(one.closed) for one in self._ledger.accounts.values()) if self._options.sink else 0

    def backlog_bytes(self) -> int:
        """Return what closed files that wait for the sink take of the disk."""
        return self._holdings.closed_bytes() if self._options.sink else 0

    def tick(self, now: float) -> None:
        """Give idle workers their next job."""
        self._finisher.tick(now)
        self.shipper.tick(now)

    def receive(self, worker: Worker, now: float) -> None:
        """Take a worker's answer."""
        got = worker.receive()
        if got is not None:
            (self._finisher if worker is self._finisher.worker else self.shipper).take(*got, now)

    def close(self) -> None:
        """End the workers."""
        self._finisher.worker.close()
        self.shipper.close()
