# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of one target is in no file: pure. PRIVATE to the collection.

It follows from the manifest's lines alone, so that the next supervisor finds what this one had no time to write.
"""

from __future__ import annotations

from typing import Any

from .ledger import Account, Run


def due(account: Account) -> list[dict[str, Any]]:
    """Return the gaps that are known by now and not in the manifest yet: run, reason, from_ns, until_ns, packets.

    Ask when all files of the target are counted. A gap begins with the last packet that is in a file, else when the
    tap listened. It ends when a tap listened again (None: none did), or, for what a run lost before its target's own
    end, with that run. ``packets`` is what its tcpdump is known to have read and no file holds, None where nothing is.
    """
    found = []
    watched = [run for run in account.runs if run.ready_ns is not None]
    for run, following in zip(watched, [*watched[1:], None]):
        is_last = following is None and account.ended == ("done", run.stop_reason)
        if not run.stopped or run.has_gap or (following is None and account.ended is None):
            continue
        if not is_last:
            found.append(_gap(run, following.ready_ns if following else None))
        elif run.killed or run.behind or run.missing:
            found.append(_gap(run, run.stopped_ns))
    return found


def _gap(run: Run, until_ns: int | None) -> dict[str, Any]:
    since_ns = run.whole_until_ns if run.killed or run.missing else None
    return {
        "run": run.number,
        "reason": _reason(run),
        "from_ns": since_ns or run.known_until_ns,
        "until_ns": until_ns,
        "packets": run.missing or None,
    }


def _reason(run: Run) -> str:
    if run.status is not None and run.status < 0:
        return "tcpdump was killed by signal %d" % -run.status
    if run.behind:
        return "tcpdump was behind when it had to end"
    if run.missing and not run.killed:
        return "%d packets that tcpdump had read are in no file" % run.missing
    return run.stop_reason or "unknown"
