# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role's options as a play hands them over, beside those of the recording. PRIVATE to the collection.

selections(request)      what capture_targets selects
lenient(request)         whether capture_unmatched takes no match for no failure
change(of, request)      what is asked of captures that exist
collection(request)      what is to be collected
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..module_utils._errors import OptionError, shown
from ..module_utils._names import check_id
from ..module_utils._options import capture_options, flag
from ..module_utils._records import Selection
from ..module_utils._selection import parse
from ..module_utils._units import parse_duration
from ._collect.choice import check_place

TARGETS, ID, UNMATCHED = "capture_targets", "capture_id", "capture_unmatched"
_SPOOL, _SEGMENTS, _WAIT = "capture_spool", "capture_segments", "capture_wait"
_REMOVE, _FORCE = "capture_remove", "capture_force"
_STATUS = (ID, _SEGMENTS, _SPOOL, UNMATCHED)
STOP = (*_STATUS, _WAIT, _REMOVE, _FORCE)
_DEST, _SINK = "capture_dest", "capture_sink"
COLLECT = (ID, _DEST, _SINK, _SPOOL, UNMATCHED)
_LONGEST_WAIT = 86400


def check_names(request: Mapping[str, Any], taken: Collection[str]) -> None:
    """Raise OptionError for a name that is no option."""
    unknown = sorted(set(request) - set(taken))
    if unknown:
        raise OptionError(shown(unknown[0]), "it is not an option", "write one of %s" % ", ".join(taken))


def selections(request: Mapping[str, Any]) -> tuple[Selection, ...]:
    """Return what is selected; raise OptionError."""
    return parse(TARGETS, "" if request.get(TARGETS) is None else request[TARGETS])


def lenient(request: Mapping[str, Any], option: str = UNMATCHED) -> bool:
    """Say whether a play that finds nothing ends well; raise OptionError."""
    given = request.get(option)
    if given not in (None, "", "fail", "warn"):
        raise OptionError(option, "%s is not taken" % shown(given), "write fail or warn")
    return given == "warn"


def change(of: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked of captures that exist: {of, state, id, spool, wait, force, segments, unmatched}.

    of: status or stop; what is returned as ``of`` and ``state`` is for ``report`` and ``capture``. id: one, or all.
    wait: seconds. What is empty or None takes its default. Raises OptionError.
    """
    check_names(request, _STATUS if of == "status" else STOP)
    given = {name: value for name, value in request.items() if value is not None and value != ""}
    id = given.get(ID, "all" if of == "status" else None)
    if id is None:
        raise OptionError(ID, "no capture is named", "write its id, as kube.pcap.status tells it, or all")
    remove = flag(_REMOVE, given.get(_REMOVE, False))
    return {
        "of": "remove" if remove else of,
        "state": "refreshed" if of == "status" else "absent" if remove else "stopped",
        "id": id if id == "all" else check_id(ID, id),
        "spool": capture_options({"spool": given.get(_SPOOL)}, "capture_").spool,
        "wait": parse_duration(_WAIT, given.get(_WAIT, "60s"), 0, _LONGEST_WAIT),
        "force": flag(_FORCE, given.get(_FORCE, False)),
        "segments": flag(_SEGMENTS, given.get(_SEGMENTS, False)),
        "unmatched": "warn" if lenient(request) else "fail",
    }


def collection(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be collected: {of, id, dest, sink, spool, unmatched}; what is empty or None takes its default.

    dest and sink: where to, as they were given; both null where each capture's own sink tells. Raises OptionError.
    """
    check_names(request, COLLECT)
    given = {name: value for name, value in request.items() if value is not None and value != ""}
    id = given.get(ID, "all")
    dest, sink = (None if given.get(name) is None else str(given[name]) for name in (_DEST, _SINK))
    check_place(dest, sink, "capture_")
    return {
        "of": "collect",
        "id": id if id == "all" else check_id(ID, id),
        "dest": dest,
        "sink": sink,
        "spool": capture_options({"spool": given.get(_SPOOL)}, "capture_").spool,
        "unmatched": "warn" if lenient(request) else "fail",
    }
