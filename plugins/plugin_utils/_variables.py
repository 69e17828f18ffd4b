# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of a play that were meant as options and are none. PRIVATE to the collection."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from ..module_utils._errors import OptionError, shown
from ..module_utils._options import NAMES
from ._request import COLLECT, STOP, TARGETS

_PREFIX = "capture_"
_OPTIONS = sorted({name[len(_PREFIX) :] for name in (TARGETS, *STOP, *COLLECT)} | {"api", "snapshot", *NAMES})
_RESULT = "result"


def check_cut(words: object) -> None:
    """Raise OptionError where ``-e key=value`` ended at a space; ``words``: what Ansible made of the rest, or None.

    Ansible keeps it as the variable ``_raw_params`` (parsing/splitter.py).
    """
    if words:
        right = """write the whole as JSON, such as -e '{"capture_targets": "pod shop/cart"}'"""
        raise OptionError("-e", "%s belongs to no variable, since key=value ends at a space" % shown(words), right)


def misspelled(names: Collection[str]) -> list[str]:
    """Return a warning for each variable that is called like an option and is none; it may be somebody's own."""
    meant = {name[len(_PREFIX) :] for name in names if name.startswith(_PREFIX)} - {*_OPTIONS, _RESULT}
    warnings = []
    for name in sorted(meant):
        if name and not name.startswith("_"):  # the role's own registers
            close = difflib.get_close_matches(name, _OPTIONS, 1)
            hint = "; is %s meant?" % (_PREFIX + close[0]) if close else ""
            warnings.append("%s is no option%s" % (_PREFIX + name, hint))
    return warnings
