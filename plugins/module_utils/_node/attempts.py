# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When work that failed is tried again. PRIVATE to the collection."""

from __future__ import annotations

_BACKOFF_SECONDS = (1, 2, 4, 8, 15, 30, 60)


class Attempts:
    """One kind of work: ``error`` is what went wrong last and is not over."""

    def __init__(self) -> None:
        self.error: str | None = None
        self._failures = 0
        self._not_before = 0.0

    def is_due(self, now: float) -> bool:
        """Whether it may be tried."""
        return now >= self._not_before

    def succeed(self) -> None:
        """Note that it went well."""
        self.error, self._failures = None, 0

    def wait(self, now: float) -> None:
        """Have the next attempt wait, longer after each failure."""
        self._not_before = now + _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._failures += 1
