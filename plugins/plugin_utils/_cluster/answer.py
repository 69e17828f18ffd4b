# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``targets_info`` answers. PRIVATE to the collection."""

from __future__ import annotations

from typing import Any

from ...module_utils._matching import choose
from ...module_utils._records import to_result
from ...module_utils._selection import parse
from .snapshot import read_snapshot, resolve_path


def answer(snapshot: str, targets: object, started_in: str) -> dict[str, Any]:
    """Return all candidates of a snapshot, and as targets what the selections match, or everything.

    ``started_in`` is where relative paths begin. Raises OptionError, FileError and TargetError.
    """
    selections = None if targets is None else parse("targets", targets)
    known = read_snapshot(resolve_path(snapshot, started_in))
    chosen = [c.target for c in known] if selections is None else choose(selections, known, "targets")
    return {"targets": to_result(chosen), "candidates": to_result(known)}
