# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``targets_info`` answers, and whom it asks. PRIVATE to the collection.

A snapshot comes before the API: who gives one wants no other answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ...module_utils._errors import OptionError, PcapError, TargetError, shown
from ...module_utils._matching import choose
from ...module_utils._records import Candidate, Selection, to_result
from ...module_utils._selection import parse
from .access import DEFAULT, read_access
from .access import OPTIONS as ACCESS
from .api import Found, find, uncollected
from .client import connect
from .merging import API, SNAPSHOT
from .requests import CUT
from .services import AddressPort, Service
from .snapshot import read_snapshot, resolve_path

AUTO, ALWAYS, NEVER = "auto", "always", "never"

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "snapshot": {"type": "str"},
    "api": {"type": "str"},
    "targets": {"type": "raw"},
    "for_plan": {"type": "bool", "default": False},
    **ACCESS,
}
"""The argument specification of action ``targets_info``."""


@dataclasses.dataclass(frozen=True)
class _Known:
    candidates: tuple[Candidate, ...] = ()
    services: tuple[Service, ...] = ()
    source: str | None = None
    problem: str | None = None
    cut: bool = False
    warnings: tuple[str, ...] = ()


def answer(
    options: Mapping[str, Any], environ: Mapping[str, str], started_in: str, asked: Sequence[AddressPort] = ()
) -> dict[str, Any]:
    """Return all candidates, and as targets what the selections match, or everything.

    options: by their names in OPTIONS. started_in: where relative paths begin. asked: to which Services these lead is
    told, too. Raises PcapError.
    """
    for_plan = bool(options.get("for_plan"))
    selections = _selections(options.get("targets"), for_plan)
    known = _known(options, selections, environ, started_in, asked)
    try:
        found = chosen(known.candidates, None if for_plan else selections)
    except TargetError as error:
        raise TargetError("%s; %s" % (error, CUT)) if known.cut else error from None
    return {
        **found,
        "services": to_result(known.services),
        "source": known.source,
        "problem": known.problem,
        "cut": known.cut,
        **({"warnings": list(known.warnings)} if known.warnings else {}),
    }


@uncollected()
def chosen(known: Sequence[Candidate], selections: Sequence[Selection] | None) -> dict[str, Any]:
    """Return candidates, and as targets what the selections match, or all, as a result; raise TargetError."""
    candidates = to_result(known)
    if selections is None:
        return {"targets": [candidate["target"] for candidate in candidates], "candidates": candidates}
    told = {one.target.ref: candidate["target"] for one, candidate in zip(known, candidates, strict=True)}
    matching = choose(selections, known, "targets")
    targets = [{**told[target.ref], "container": target.container} for target in matching]
    return {"targets": targets, "candidates": candidates}


def _selections(targets: object, for_plan: bool) -> tuple[Selection, ...] | None:
    """Return what is selected; what a plan cannot read either is refused there, by the name of its own option."""
    if for_plan:
        try:
            return parse("targets", "" if targets is None else targets)
        except OptionError:
            return ()
    return None if targets is None else parse("targets", targets)


def _known(
    options: Mapping[str, Any],
    selections: Sequence[Selection] | None,
    environ: Mapping[str, str],
    started_in: str,
    asked: Sequence[AddressPort],
) -> _Known:
    mode = options.get("api") or (AUTO if options.get("for_plan") else ALWAYS)
    if mode not in (AUTO, ALWAYS, NEVER):
        wrong = "%s is not taken" % shown(mode)
        raise OptionError("api (in a playbook capture_api or exec_api)", wrong, "write auto, always or never")
    if options.get("snapshot"):
        return _Known(*read_snapshot(resolve_path(options["snapshot"], started_in)), SNAPSHOT)
    if mode == NEVER and not options.get("for_plan"):
        raise OptionError("snapshot", "none is given, and the API must not be asked", "give one, or leave out api")
    return _Known() if mode == NEVER else _asked(options, selections, environ, mode, asked)


def _asked(
    options: Mapping[str, Any],
    selections: Sequence[Selection] | None,
    environ: Mapping[str, str],
    mode: str,
    asked: Sequence[AddressPort],
) -> _Known:
    """Return what the API knows; with ``auto`` a problem is a warning, and no cluster that is named none at all."""
    try:
        access = read_access(options, environ)
        if mode == AUTO and access.place == DEFAULT:
            return _Known()
        with connect(access) as client:
            found = find(client, selections, every_node=bool(options.get("for_plan")), asked=asked)
    except PcapError as error:
        if mode == ALWAYS:
            raise
        return _spoiled(Found(()), str(error))
    if found.problems and mode == ALWAYS:
        raise found.problems[0]
    if found.problems:
        return _spoiled(found, "; ".join(map(str, found.problems)))
    gaps = tuple("a part is not known: %s" % one for one in found.gaps)
    return _Known(found.candidates, found.services, API, cut=found.cut, warnings=gaps)


def _spoiled(found: Found, problem: str) -> _Known:
    warning = "%s; what the nodes know is used" % problem
    return _Known(found.candidates, found.services, API, problem, warnings=(warning,))
