# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of one target is in no file: pure. PRIVATE to the collection.

It follows from the manifest's lines alone, so that the next supervisor finds what this one had no time to write.
"""

from __future__ import annotations

from typing import Any

from .accounts import COUNTED, Account, Run


def due(account: Account) -> list[dict[str, Any]]:
    """Return the gaps that are known by now and not in the manifest yet: run, reason, from_ns, until_ns, packets.

    Ask when all files of the target are counted. A gap begins with the last packet that is in a file, else when the
    tap listened. It ends when a tap listened again (None: none did by now), or, for what a run lost before its
    target's own end, with that run. ``packets`` is how many its tcpdump is known to have read that no file holds, at
    least; None where nothing is known.
    """
    found = []
    watched = [run for run in account.runs if run.ready_ns is not None]
    for run, following in zip(watched, [*watched[1:], None]):
        if not run.stopped or (following is None and account.ended is None):
            continue
        if following is not None:
            if not run.has_gap or run.gap_until_ns == run.stopped_ns:
                found.append(_unwatched(run, following.ready_ns))
        elif not run.has_gap:
            counted = account.ended == ("done", COUNTED)  # all that was asked for was read
            if not counted and (run is not account.runs[-1] or account.ended != ("done", run.stop_reason)):
                found.append(_unwatched(run, None))
            elif run.missing or (not counted and (run.killed or run.behind)):
                found.append(_gap(run, _how(run), _since(run), run.stopped_ns))
    return found


def _unwatched(run: Run, until_ns: int | None) -> dict[str, Any]:
    """Return the gap between two taps; what the first one lost may have been told, as it was its target's last."""
    if run.has_gap:
        return dict(_gap(run, run.stop_reason or "unknown", run.stopped_ns, until_ns), packets=None)
    return _gap(run, run.stop_reason or "unknown", _since(run), until_ns)


def _gap(run: Run, reason: str, from_ns: int, until_ns: int | None) -> dict[str, Any]:
    span = {"from_ns": from_ns, "until_ns": until_ns}
    return {"run": run.number, "reason": reason, **span, "packets": run.missing or None}


def _since(run: Run) -> int:
    return (run.whole_until_ns if run.killed or run.missing else None) or run.known_until_ns


def _how(run: Run) -> str:
    """Return why packets are missing of a run that ended when its target did."""
    if run.complaint is not None:
        return run.complaint
    if run.behind:
        return "tcpdump may not have read everything when it ended"
    return "%d packets that tcpdump had read are in no file" % run.missing
