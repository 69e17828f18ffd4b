# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host's call of module ``capture``, with what its bucket takes of the controller. PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..module_utils._errors import PcapError
from ._report.text import clean
from ._uploads import Uploads

_TELLS_NEEDS = ("refreshed", "stopped")


def run_capture(
    given: Mapping[str, Any],
    call: Callable[[Mapping[str, Any]], dict[str, Any]],
    uploads: Uploads,
    node: str | None,
    check_mode: bool,
) -> dict[str, Any]:
    """Return the result of the task; a host without a record has no part in the capture, and is not asked.

    given: the module's options. call: runs it with such, and returns its result. node: as the inventory calls it. Where
    a node needs something of the controller, it is handed over by a refresh, and a stop waits once more.
    """
    state = given.get("state", "started")
    if state == "started" and not given.get("record", True) and "targets" not in given:
        return {"changed": False, "capture": None}
    try:
        ways = uploads.for_start(given) if state == "started" else {}
    except PcapError as error:
        return {"failed": True, "changed": False, "msg": clean(str(error))}
    answers = [call({**given, **ways})]
    needed = answers[0].pop("uploads", ())
    more: dict[str, Any] = {}
    if state in _TELLS_NEEDS and not check_mode:
        more = uploads.for_node(needed, node)
    for step in _steps(given, state, more):
        if not answers[-1].get("failed"):
            answers.append(call(step))
            answers[-1].pop("uploads", None)
    result = {**answers[-1], "changed": any(one.get("changed") for one in answers)}
    if check_mode and state in _TELLS_NEEDS and uploads.would_renew(needed, node):
        result["changed"] = True
    words = [one["msg"] for one in answers if one.get("msg")]
    return _with_words(result, [*words, *uploads.problems], uploads.warnings)


def _steps(given: Mapping[str, Any], state: str, more: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the calls that hand over what a node needs."""
    handing_over = [{**given, **more, "state": "refreshed"}] if more else []
    return [*handing_over, *([given] if more and state == "stopped" else [])]


def _with_words(result: Mapping[str, Any], words: Sequence[str], warnings: Sequence[str]) -> dict[str, Any]:
    """Return a module's result with all that was said beside it, each once."""
    shown = [*result.get("warnings", ()), *warnings]
    return {
        **result,
        **({"msg": clean("; ".join(dict.fromkeys(words)))} if words else {}),
        **({"warnings": [clean(warning) for warning in shown]} if shown else {}),
    }
