# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Segments of a connection that were split or merged on their way. PRIVATE to the collection.

The kernel hands large segments around and splits them late (GSO), and merges what comes in (GRO): see
Documentation/networking/segmentation-offloads.rst in Linux. What was one packet is several then, whose numbers tell it.
"""

from __future__ import annotations

import collections
from collections.abc import Hashable, Sequence

from ...module_utils._trace_records import Sighting

_ROUND, _HALF = 1 << 32, 1 << 31

_Range = tuple[int, int]
"""First sequence number, counted from the first that was seen, and that behind the last."""


class Segments:
    """The segments that were seen, in the order in which they are told."""

    def __init__(self) -> None:
        self._first: dict[Hashable, int] = {}
        self._seen: dict[Hashable, list[tuple[_Range, Hashable]]] = collections.defaultdict(list)

    def change(self, sighting: Sighting, spot: Hashable) -> str | None:
        """Return what was done to a segment since it was seen before; ``spot``: the interface, and which way it goes.

        ``split from 4000 bytes``, or ``merged from 3 segments``; None where it came as it is, or was seen nowhere.
        """
        if sighting.seq is None or not sighting.payload:
            return None
        key = (sighting.probe, sighting.leg)
        start = (sighting.seq - self._first.setdefault(key, sighting.seq) + _HALF) % _ROUND - _HALF
        own, seen = (start, start + sighting.payload), self._seen[key]
        told = _change(own, seen, spot)
        seen.append((own, spot))
        return told


def _change(own: _Range, seen: Sequence[tuple[_Range, Hashable]], spot: Hashable) -> str | None:
    """Return what differs from where the latest of what has the same bytes was seen."""
    shared = [one for one in seen if one[0][0] < own[1] and own[0] < one[0][1]]
    if not shared or any(where == spot for _range, where in shared):  # else it is sent again, maybe in other portions
        return None
    there = {one for one, where in shared if where == shared[-1][1]}
    if own in there:
        return None
    around = [end - start for start, end in there if start <= own[0] and own[1] <= end]
    if around:
        return "split from %d bytes" % min(around)
    within = [end - start for start, end in there if own[0] <= start and end <= own[1]]
    whole = len(within) == len(there) > 1 and sum(within) == own[1] - own[0]
    return "merged from %d segments" % len(within) if whole else None
