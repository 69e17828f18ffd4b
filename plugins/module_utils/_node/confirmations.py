# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controller found of a capture's files elsewhere, and the node may delete. PRIVATE to the collection.

``confirmed.json`` hands it to the supervisor, which alone writes the manifest; where none runs any more, whoever brings
it takes the supervisor's lock and does the same. What was cut off in the middle is done again: a segment that has its
line is none any more.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Sequence

from .holdings import Holdings
from .journal import Journal
from .process import Clock
from .reading import MANIFEST
from .spool import Spool


def take(spool: Spool, journal: Journal, holdings: Holdings) -> bool:
    """Write down and delete what ``confirmed.json`` names; return whether that was the manifest, too.

    Shape of an item: file, sink, object, generation (or None), crc32c (or None).
    """
    confirmed = {one["file"]: one for one in spool.read_confirmed()}
    for closed in [one for one in journal.ledger.closed() if one.file in confirmed]:
        told = confirmed[closed.file]
        fields = {name: told.get(name) for name in ("sink", "object", "generation", "crc32c")}
        journal.record("stored", closed.ref, seq=closed.seq, **fields)
        holdings.delete_segment(closed)
    spool.drop_confirmed()
    return MANIFEST in confirmed


def bring(spool: Spool, confirmed: Sequence[Mapping[str, Any]]) -> None:
    """Hand over what was found; return once it is written down, or will be by the supervisor that runs."""
    spool.write_confirmed(confirmed)
    lock = spool.lock()
    if lock is None:
        os.utime(spool.path("capture.json"))
        return
    try:
        wanted = spool.read_wanted()
        if wanted is not None:
            journal = Journal(spool, Clock())
            take(spool, journal, Holdings(spool, wanted.capture.options, journal))
            journal.close()
    finally:
        os.close(lock)
