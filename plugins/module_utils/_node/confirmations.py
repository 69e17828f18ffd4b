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

from .._endings import has_rest, with_rest
from .._records import CaptureOptions, Target, from_result
from .._sinks import MANIFEST
from .holdings import Holdings
from .journal import Journal
from .ledger import Ledger
from .process import Clock
from .spool import Spool


def take(spool: Spool, journal: Journal, holdings: Holdings) -> bool:
    """Write down and delete what ``confirmed.json`` names; return whether that was the manifest, too.

    Shape of an item: file, sink, object, generation (or None), crc32c (or None). Where object is None, the sink has no
    such object, and the file is sent again.
    """
    manifest = False
    while spool.has_confirmed:
        confirmed = {one["file"]: one for one in spool.take_confirmed()}
        for closed in [one for one in journal.ledger.closed() if one.file in confirmed]:
            told = confirmed[closed.file]
            if told["object"] is None:
                if closed.file in journal.ledger.unconfirmed:
                    journal.record("missing", closed.ref, seq=closed.seq, file=closed.file, sink=told["sink"])
                continue
            fields = {name: told.get(name) for name in ("sink", "object", "generation", "crc32c")}
            journal.record("stored", closed.ref, seq=closed.seq, **fields)
            holdings.delete_segment(closed)
        spool.drop_confirmed()
        manifest = manifest or MANIFEST in confirmed
    return manifest


def bring(spool: Spool, confirmed: Sequence[Mapping[str, Any]]) -> None:
    """Hand over what was found; return once it is written down, or will be by the supervisor that runs."""
    spool.write_confirmed(confirmed)
    lock = spool.lock()
    while lock is None and not spool.running:  # somebody looked just then whether one runs
        lock = spool.lock()
    if lock is None:
        os.utime(spool.path("capture.json"))
        return
    try:
        wanted = spool.read_wanted()
        if wanted is not None:
            _take_alone(spool, wanted.capture.options)
    finally:
        os.close(lock)


def _take_alone(spool: Spool, options: CaptureOptions) -> None:
    """Do it in the place of a supervisor that has ended, and have its last word say so."""
    journal = Journal(spool, Clock())
    holdings = Holdings(spool, options, journal)
    holdings.recover()  # of a file that has its line, somebody before may have been cut off before deleting it
    unconfirmed = len(journal.ledger.unconfirmed)
    manifest = take(spool, journal, holdings)
    journal.close()
    state = spool.read_state()
    if state is not None:
        rest = 0 if manifest else state.get("unconfirmed", 0) - unconfirmed  # the manifest
        state["unconfirmed"] = len(journal.ledger.unconfirmed) + rest
        if has_rest(state["reason"]):
            left = sum(1 for _closed in journal.ledger.closed())
            state["reason"] = with_rest(state["reason"], left, manifest)
        spool.write_state(_brought_up_to_date(state, options, journal.ledger, holdings))


def _brought_up_to_date(
    state: Mapping[str, Any], options: CaptureOptions, ledger: Ledger, holdings: Holdings
) -> dict[str, Any]:
    """Return a supervisor's last state with what is left now."""
    left = sum(1 for _closed in ledger.closed()) if options.sink else 0
    targets = [
        {**one, "shipped": ledger.account(from_result(Target, one["target"]).ref).shipped} for one in state["targets"]
    ]
    return {
        **state,
        "targets": targets,
        "shipped": sum(one["shipped"] for one in targets),
        "stored_in": holdings.stored_in(),
        "backlog_bytes": holdings.closed_bytes() if options.sink else 0,
        "disk_bytes": holdings.disk_bytes(),
        "last_error": state["last_error"] if left else None,
    }
