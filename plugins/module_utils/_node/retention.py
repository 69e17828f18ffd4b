# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the bounds of a capture are shared out and kept: pure decisions. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
from typing import Iterable, NamedTuple, Sequence

from .._errors import OptionError
from .._records import CaptureOptions
from .._units import format_size

LEAST_RING_KIB = 512
_LEAST_FREE_BYTES = 1 << 20
_BLOCK_BYTES = 4096
LEAST_SEGMENT_BYTES = 1_000_000
"""tcpdump's -C counts in millions of bytes."""


@dataclasses.dataclass(frozen=True)
class Share:
    """What one tap may take of the capture's memory and disk."""

    buffer_kib: int
    segment_bytes: int


class Held(NamedTuple):
    """A closed file on the node that may be given up for a bound."""

    key: tuple[int, str]
    """When it was opened, then what it is: sorts oldest first."""
    bytes: int
    item: object = None
    """What the caller knows it as."""


def on_disk(size: int) -> int:
    """Return the bytes that a file of this size takes of a disk: common file systems give room by 4 KiB."""
    return -(-size // _BLOCK_BYTES) * _BLOCK_BYTES


def share(options: CaptureOptions, running: Sequence[Share], new: int, room: int) -> Share:
    """Return what each of ``new`` taps may take beside those that run; raise OptionError where that is too little.

    Rings: their sum stays within ``memory_bytes``. Disk: an open file is reserved at twice its full size (it, and
    what it becomes when it is closed), and half of ``keep_bytes`` is for closed files; where the file system has less
    ``room`` than that for the whole capture, half of the room. Where it can be, one share more is left for targets
    that are added later, and so on.
    """
    least = min(LEAST_RING_KIB, options.buffer_kib)
    ring = _each(options.memory_bytes // 1024 - sum(one.buffer_kib for one in running), new, least)
    if ring < least:
        wanted = (sum(one.buffer_kib for one in running) + new * least) * 1024
        wrong = "%d packet rings of at least %d KiB need %s, the bound is %s" % (
            len(running) + new,
            least,
            format_size(wanted),
            format_size(options.memory_bytes),
        )
        raise OptionError("memory", wrong, "raise it, or select fewer targets")
    disk = min(options.keep_bytes, room)
    segment = _each(disk // 4 - sum(one.segment_bytes for one in running), new, LEAST_SEGMENT_BYTES)
    segment = min(segment, options.segment_bytes) // LEAST_SEGMENT_BYTES * LEAST_SEGMENT_BYTES
    if segment < LEAST_SEGMENT_BYTES:
        wanted = 4 * (sum(one.segment_bytes for one in running) + new * LEAST_SEGMENT_BYTES)
        need = "%d targets need at least %s on this node" % (len(running) + new, format_size(wanted))
        if disk < options.keep_bytes:
            left = "%s has room for %s above what must stay free" % (options.spool, format_size(max(0, room)))
            raise OptionError("min_free", "%s, and %s" % (need, left), "make room, lower it, or select fewer targets")
        bound = "the bound is %s" % format_size(options.keep_bytes)
        raise OptionError("keep", "%s, %s" % (need, bound), "raise it, or select fewer targets")
    return Share(min(ring, options.buffer_kib), segment)


def _each(left: int, new: int, least: int) -> int:
    """Return what each of ``new`` gets of what is left, with one share more unless that is less than ``least``."""
    roomy = left // (new + 1)
    return roomy if roomy >= least else left // max(new, 1)


def closed_bytes_allowed(options: CaptureOptions, running: Sequence[Share]) -> int:
    """Return what closed files and the manifest may take of the node's disk while these taps run."""
    return max(0, options.keep_bytes - 2 * sum(one.segment_bytes for one in running))


def outgrown(options: CaptureOptions, manifest_bytes: int) -> str | None:
    """Return why a capture is to end whose manifest leaves too little to its segments; None while it does not.

    No line of it is ever given up, but all segments would be. Half of ``keep_bytes`` may be for open files: with a
    quarter for the manifest, as much is left for closed ones.
    """
    if manifest_bytes <= options.keep_bytes // 4:
        return None
    return "the manifest has grown to %s, which is more than a quarter of capture_keep" % format_size(manifest_bytes)


def least_free(options: CaptureOptions, file_system_bytes: int) -> int:
    """Return how many bytes of the spool's file system must stay free.

    Never nothing: on a full disk tcpdump goes on, writes files with holes, and says that it dropped nothing.
    """
    return max(options.min_free_bytes, file_system_bytes * options.min_free_percent // 100, _LEAST_FREE_BYTES)


def no_space() -> str:
    """Return why a capture ends that has nothing more to give up."""
    text = "the spool's file system has less free than capture_min_free (at least %s), and nothing is left to give up"
    return text % format_size(_LEAST_FREE_BYTES)


def choose_evicted(held: Iterable[Held], excess_bytes: int) -> list[Held]:
    """Return what is to go of what is ``held``, oldest first, until ``excess_bytes`` are freed or nothing is left."""
    chosen: list[Held] = []
    left = iter(held)
    while excess_bytes > 0:
        one = next(left, None)
        if one is None:
            break
        chosen.append(one)
        excess_bytes -= one.bytes
    return chosen
