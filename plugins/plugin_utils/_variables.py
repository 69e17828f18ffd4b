# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of a play that were meant as options and are none. PRIVATE to the collection."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import NamedTuple

from ..module_utils._errors import OptionError, shown
from ..module_utils._options import NAMES
from ._agents.request import DEFAULTS as AGENT_OPTIONS
from ._exec import REQUEST
from ._request import COLLECT, STOP, TARGETS
from ._trace.request import OPTIONS as TRACE_OPTIONS

CAPTURE, EXEC, AGENT, TRACE = "capture_", "exec_", "agent_", "trace_"
_OPTIONS = {
    CAPTURE: {TARGETS, *STOP, *COLLECT, "capture_api", "capture_snapshot", *(CAPTURE + name for name in NAMES)},
    EXEC: {*REQUEST, "exec_api", "exec_snapshot"},
    AGENT: {AGENT + name for name in AGENT_OPTIONS},
    TRACE: {*TRACE_OPTIONS, "trace_api", "trace_snapshot", "trace_dest", "trace_sink", "trace_from"},
}
_RESULTS = ("result", "verdict")
"""What plays say themselves: in a variable, and to the next nodes of a workflow."""
_SHORTEST, _LONG = 4, 8
"""Letters of an option's name: of a shorter one any word is a slip, of a long one a slip may have two letters wrong."""
_PERMITS = ("allow", "permit", "whitelist")
"""Whatever is called so is meant to be exec_allowed, without which every program is."""


def check_cut(words: object, option: str = TARGETS, value: str = "pod shop/cart") -> None:
    """Raise OptionError where ``-e key=value`` ended at a space; ``words``: what Ansible made of the rest, or None.

    option: one that the play takes, with a value. Ansible keeps the rest as ``_raw_params`` (parsing/splitter.py).
    """
    if words:
        right = """write the whole as JSON, such as -e '{"%s": "%s"}'""" % (option, value)
        raise OptionError("-e", "%s belongs to no variable, since key=value ends at a space" % shown(words), right)


class Strange(NamedTuple):
    """Variables that are called like options and are none."""

    slips: tuple[str, ...] = ()
    """What is to be said of those that resemble one: without it a play would do more than was meant."""
    others: tuple[str, ...] = ()
    """What is to be said of the others, which may be somebody's own."""


def strange(names: Collection[str], prefix: str = CAPTURE) -> Strange:
    """Return what is to be said of the variables of a play that begin with a role's prefix and are no options of it."""
    options = _OPTIONS[prefix]
    short = sorted(name[len(prefix) :] for name in options)
    slips, others = [], []
    own_names = {prefix, *(prefix + name for name in _RESULTS)}
    for name in sorted({name for name in names if name.startswith(prefix)} - options - own_names):
        if name.startswith(prefix + "_"):  # the role's own registers
            continue
        own = name[len(prefix) :]
        meant = next((option for option in short if _is_slip(own, option)), None)
        if prefix == EXEC and any(word in own for word in _PERMITS):
            meant = "allowed"
        if meant:
            text = "%s is no option; write %s, or call a variable of your own otherwise"
            slips.append(text % (name, prefix + meant))
        else:
            close = difflib.get_close_matches(own, short, 1)
            others.append("%s is no option%s" % (name, "; is %s meant?" % (prefix + close[0]) if close else ""))
    return Strange(tuple(slips), tuple(others))


def _is_slip(word: str, option: str) -> bool:
    """Say whether a word is an option with a letter too few, too many, another one, or two that changed places."""
    if len(option) < _SHORTEST or word[:1] != option[:1]:
        return False
    return _distance(word, option) <= (2 if len(option) >= _LONG else 1)


def _distance(one: str, other: str) -> int:
    """Return how many letters must be put in, taken out, changed, or swapped with the next to make one the other."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            steps = [rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != wanted)]
            if i > 1 and j > 1 and one[i - 2 : i] == wanted + other[j - 2]:
                steps.append(rows[-2][j - 2] + 1)
            row.append(min(steps))
        rows.append(row)
    return rows[-1][-1]
