# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When work that failed is tried again. PRIVATE to the collection."""

from __future__ import annotations

import random

_BACKOFF_SECONDS = (1, 2, 4, 8, 15, 30, 60)
_JITTER = 0.25
"""So that many nodes do not all come back to a server at once."""


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

    def hasten(self) -> None:
        """Let the next attempt be now."""
        self._failures, self._not_before = 0, 0.0

    def wait(self, now: float, at_least: float = 0.0) -> None:
        """Have the next attempt wait, longer after each failure; of several under way that fail, one counts."""
        if now < self._not_before:
            self._not_before = max(self._not_before, now + at_least)
            return
        backoff = _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._not_before = now + max(at_least, backoff * random.uniform(1 - _JITTER, 1 + _JITTER))
        self._failures += 1
