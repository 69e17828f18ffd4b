# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A request to run a tool becomes one record per node. PRIVATE to the collection.

    plan_exec(request, answers, cluster)    what every host of the play is to run

Nothing here asks a host, a file or the clock, so that the same request gives the same plan on every controller.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..module_utils._command import AT_ONCE, NAMES, check_dest, command_options, own_words, with_container, words
from ..module_utils._errors import OptionError, TargetError, shown
from ..module_utils._records import Candidate, CommandOptions, NodeCommand
from ..module_utils._selection import parse
from ._cluster.merging import Told
from ._plan import LeftOut, choose_targets, settle
from ._play import Answer
from ._request import check_names, lenient

_PREFIX = "exec_"
_TARGETS, _CONTAINER, _ALLOWED = "exec_targets", "exec_container", "exec_allowed"
UNMATCHED = "exec_unmatched"
REQUEST = (_TARGETS, _CONTAINER, _ALLOWED, UNMATCHED, *(_PREFIX + name for name in NAMES))
_SNAPSHOT = Told()
_SPARE_SECONDS = 120


@dataclasses.dataclass(frozen=True)
class ExecPlan:
    """What every host is to run."""

    records: Mapping[str, NodeCommand]
    """By host; one without targets has none."""
    seconds: int
    """A host that has not answered after this time is not waited for."""
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]


def plan_exec(
    request: Mapping[str, Any], answers: Iterable[Answer], cluster: Sequence[Candidate] = (), told: Told = _SNAPSHOT
) -> ExecPlan:
    """Return the plan; raise PcapError for a bad value, a tool that is not allowed, and where nothing matches.

    request: the role's options by their names. The others as for ``plan_capture``.
    """
    check_names(request, REQUEST)
    selected = parse(_TARGETS, "" if request.get(_TARGETS) is None else request[_TARGETS])
    selected = with_container(_CONTAINER, selected, request.get(_CONTAINER))
    options = command_options({name: request.get(_PREFIX + name) for name in NAMES}, _PREFIX)
    written = _PREFIX + ("argv" if request.get(_PREFIX + "argv") else "command")
    check_allowed(options, request.get(_ALLOWED), written)
    only_warn = lenient(request, UNMATCHED)
    places = settle(answers, cluster, told)
    try:
        targets, warnings = choose_targets(_TARGETS, selected, places, only_warn)
    except TargetError as error:
        raise TargetError(own_words(str(error))) from None
    records = {}
    for node, host in places.hosts.items():
        own = tuple(target for target in targets if target.node == node)
        if own:
            check_dest(_PREFIX + "dest", options, len(own))
            records[host] = NodeCommand(node, options, own)
    left_out = ["host %s is left out: %s" % (one.host, one.reason) for one in places.left_out]
    said = tuple(map(own_words, (*left_out, *places.disputes, *warnings)))
    most = max((len(record.targets) for record in records.values()), default=0)
    seconds = _SPARE_SECONDS + math.ceil(most / AT_ONCE) * (options.timeout_seconds + 10)
    return ExecPlan(records, seconds, places.left_out, said)


def check_allowed(options: CommandOptions, allowed: object, written: str) -> None:
    """Raise OptionError for a tool that is not on the list, where there is one; ``written``: the option that names it.

    A name stands for the node's program of that name, and not for one of a pod's image.
    """
    if allowed is None or allowed == "":
        return
    names = words(_ALLOWED, allowed, "ip, ss")
    if "mount" in options.namespaces:
        wrong = "with mount the tool is the pod's own, and %s names those of the node" % _ALLOWED
        raise OptionError(_PREFIX + "namespaces", wrong, "leave out mount")
    if options.argv[0] not in names:
        right = "%s has %s; write one of these, exactly so" % (_ALLOWED, ", ".join(names))
        raise OptionError(written, "%s is not allowed" % shown(options.argv[0]), right)
