# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong on the way to the bucket, each fault a small object; they add up.

A request meets the faults that were there when it began. ``lift`` ends one, ``clear`` all; whoever waits in one that is
lifted goes on. Each is a context manager too: ``with faults.stalled(): ...``.
"""

from __future__ import annotations

import dataclasses
import email.utils
import re
import threading
import time
from collections.abc import Callable, Mapping

from .answers import Answer, RefusedError, Seen

Choice = Callable[[Seen], bool]
_CHECKSUM = re.compile(r'(\A"|<ETag>(?:&quot;|")|"(?:md5Hash|crc32c)": ?")([^"&])')
"""Of an ETag header, of a form's answer, of an object in JSON."""


class DroppedError(Exception):
    """The connection is closed without an answer."""


def anything(seen: Seen) -> bool:
    """Every request."""
    return True


def uploads(seen: Seen) -> bool:
    """Requests that bring content."""
    return seen.is_upload


class Fault:
    """One thing that goes wrong, with the next ``times`` requests that ``only`` chooses, or until it is lifted."""

    def __init__(self, only: Choice, times: int | None = None) -> None:
        self.only = only
        self.left = times
        self.lifted = threading.Event()

    def lift(self) -> None:
        """Ends it."""
        self.lifted.set()

    def __enter__(self) -> Fault:
        return self

    def __exit__(self, *exception: object) -> None:
        self.lift()

    def accepted(self) -> None:
        """A connection is there, and nothing of it was read."""

    def received(self, seen: Seen, count: int) -> None:
        """Some bytes of the request's body arrived; ``seen.content`` of them by now."""

    def read(self, seen: Seen) -> Answer | None:
        """The request is here, nothing is done about it; an answer takes the place of the service's."""
        return None

    def answered(self, seen: Seen, answer: Answer) -> Answer:
        """The service has done what it was asked, and its answer is on the way."""
        return answer


class Deaf(Fault):
    """Connections are accepted, and nothing is read from them."""

    def accepted(self) -> None:
        """Waits; then the connection is closed."""
        self.lifted.wait()
        raise DroppedError


class Stalled(Fault):
    """Requests are read, nothing is done, and no answer comes; when it is lifted their connections are closed."""

    def read(self, seen: Seen) -> Answer | None:
        """Waits."""
        self.lifted.wait()
        raise DroppedError


class Cut(Fault):
    """The connection is closed once so many bytes of the body have arrived."""

    def __init__(self, after: int, only: Choice, times: int | None) -> None:
        super().__init__(only, times)
        self.after = after

    def received(self, seen: Seen, count: int) -> None:
        """Counts."""
        if seen.content >= self.after:
            raise DroppedError


class AnswerLost(Fault):
    """What was asked is done, and the connection is closed before the answer."""

    def answered(self, seen: Seen, answer: Answer) -> Answer:
        """Drops it."""
        raise DroppedError


class Refuses(Fault):
    """Another answer than the service's."""

    def __init__(self, status: int, headers: Mapping[str, str], only: Choice, times: int | None) -> None:
        super().__init__(only, times)
        self.status, self.headers = status, headers

    def read(self, seen: Seen) -> Answer | None:
        """Says it in the language of the request."""
        refused = RefusedError(self.status, "InjectedFault", "The front was told to answer so.")
        answer = refused.json() if "/storage/v1/" in seen.path else refused.xml()
        return dataclasses.replace(answer, headers={**answer.headers, **self.headers})


class WrongChecksum(Fault):
    """The content is stored as it came, and the answer tells another checksum."""

    def answered(self, seen: Seen, answer: Answer) -> Answer:
        """Turns every checksum that the answer holds."""
        headers = {name: _turn(value) if name == "ETag" else value for name, value in answer.headers.items()}
        return dataclasses.replace(answer, headers=headers, body=_turn(answer.body.decode()).encode())


class Slow(Fault):
    """The body is read at so many bytes per second, and so many seconds pass before anything is done."""

    def __init__(self, seconds: float, rate: float | None, only: Choice, times: int | None) -> None:
        super().__init__(only, times)
        self.seconds, self.rate = seconds, rate

    def received(self, seen: Seen, count: int) -> None:
        """Waits as long as so many bytes take."""
        if self.rate:
            self.lifted.wait(count / self.rate)

    def read(self, seen: Seen) -> Answer | None:
        """Waits."""
        self.lifted.wait(self.seconds)
        return None


class Faults:
    """Those that are there now; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._there: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Makes it happen from now on."""
        with self._lock:
            self._there.append(fault)
        return fault

    def clear(self) -> None:
        """Lifts all."""
        with self._lock:
            for fault in self._there:
                fault.lift()
            self._there.clear()

    def stalled(self, only: Choice = anything, times: int | None = None) -> Fault:
        """Requests are read and never answered."""
        return self.add(Stalled(only, times))

    def deaf(self) -> Fault:
        """Connections are accepted and nothing is read, no TLS greeting either."""
        return self.add(Deaf(anything))

    def cut(self, after: int, only: Choice = uploads, times: int | None = None) -> Fault:
        """The connection ends after so many bytes of the request's body."""
        return self.add(Cut(after, only, times))

    def answer_lost(self, only: Choice = uploads, times: int | None = None) -> Fault:
        """The object is stored, and nobody hears of it."""
        return self.add(AnswerLost(only, times))

    def status(
        self,
        status: int,
        times: int | None = None,
        retry_after: float | None = None,
        retry_date: float | None = None,
        only: Choice = anything,
    ) -> Fault:
        """Answers so; ``Retry-After`` in whole seconds, or as the date so many seconds from now."""
        headers = {}
        if retry_after is not None:
            headers["Retry-After"] = "%d" % retry_after
        if retry_date is not None:
            headers["Retry-After"] = email.utils.formatdate(time.time() + retry_date, usegmt=True)
        return self.add(Refuses(status, headers, only, times))

    def wrong_checksum(self, only: Choice = uploads, times: int | None = None) -> Fault:
        """The answer to an upload tells another checksum than the content has."""
        return self.add(WrongChecksum(only, times))

    def slow(
        self, seconds: float = 0, rate: float | None = None, only: Choice = uploads, times: int | None = None
    ) -> Fault:
        """Uploads take so many seconds more, or come in at ``rate`` bytes per second."""
        return self.add(Slow(seconds, rate, only, times))

    def accepted(self) -> None:
        """A connection is there."""
        for fault in self._now():
            fault.accepted()

    def strike(self, seen: Seen) -> list[Fault]:
        """The faults that this request meets; one that is for K requests counts it."""
        hits = []
        with self._lock:
            for fault in self._there:
                if not fault.lifted.is_set() and fault.left != 0 and fault.only(seen):
                    hits.append(fault)
                    fault.left = None if fault.left is None else fault.left - 1
        return hits

    def _now(self) -> list[Fault]:
        with self._lock:
            return [fault for fault in self._there if not fault.lifted.is_set()]


def _turn(text: str) -> str:
    """The same text with the first character of each checksum in it replaced by another digit."""
    return re.sub(_CHECKSUM, lambda found: found[1] + ("1" if found[2] != "1" else "2"), text)
