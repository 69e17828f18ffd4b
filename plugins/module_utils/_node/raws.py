# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queue of files that tcpdump closed and that are no segments yet. PRIVATE to the collection."""

from __future__ import annotations

import collections
import dataclasses

from .retention import Held, on_disk

_TRIES = 5


@dataclasses.dataclass(eq=False)
class Raw:
    """A file that tcpdump closed and that is no segment yet."""

    run: int
    name: str
    bytes: int
    interfaces: dict[str, str]
    """Index to name when the file was found closed; empty where nobody looked in time."""
    failures: int = 0
    failed_at: float = 0.0
    """When the first of its failures was, on the steady clock."""

    @property
    def id(self) -> str:
        """What the manifest calls it."""
        return "%d/%s" % (self.run, self.name)

    @property
    def opened(self) -> int:
        """Seconds since 1970, from tcpdump's name for it."""
        return int(self.name.partition(".")[0])

    def fail(self, now: float) -> None:
        """Count a failure."""
        self.failed_at = self.failed_at if self.failures else now
        self.failures += 1

    def is_hopeless(self, now: float, grace_seconds: float) -> bool:
        """Whether it has failed often, and for as long as may be waited for it."""
        return self.failures >= _TRIES and now - self.failed_at >= grace_seconds


class Raws:
    """Files wait in the order in which they were closed; each stays until ``remove``, also while it is worked on."""

    def __init__(self) -> None:
        self.bytes = 0
        """What all of them take of the disk."""
        self._waiting: collections.deque[Raw] = collections.deque()
        self._runs: collections.Counter[int] = collections.Counter()

    def __bool__(self) -> bool:
        return any(self._runs.values())

    def holds(self, run: int) -> bool:
        """Whether a file of that run is among them."""
        return self._runs[run] > 0

    def add(self, raw: Raw) -> None:
        """Take in a file."""
        self._waiting.append(raw)
        self._runs[raw.run] += 1
        self.bytes += on_disk(raw.bytes)

    def take(self) -> Raw | None:
        """Return the file to work on next, if one waits."""
        return self._waiting.popleft() if self._waiting else None

    def put_back(self, raw: Raw) -> None:
        """Have a file wait again: first, or behind all others once it has failed too often to hold them up."""
        if raw.failures < _TRIES:
            self._waiting.appendleft(raw)
        else:
            self._waiting.append(raw)

    def remove(self, raw: Raw) -> None:
        """Let go of a file."""
        if raw in self._waiting:
            self._waiting.remove(raw)
        self._runs[raw.run] -= 1
        self.bytes -= on_disk(raw.bytes)

    def held(self) -> list[Held]:
        """Return what waits, oldest first."""
        return sorted(Held((raw.opened, raw.id), on_disk(raw.bytes), raw) for raw in self._waiting)
