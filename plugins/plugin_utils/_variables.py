# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of a play that were meant as options and are none. PRIVATE to the collection."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from ..module_utils._errors import OptionError, shown
from ..module_utils._options import NAMES
from ._exec import REQUEST
from ._request import COLLECT, STOP, TARGETS

CAPTURE, EXEC = "capture_", "exec_"
_OPTIONS = {
    CAPTURE: {TARGETS, *STOP, *COLLECT, "capture_api", "capture_snapshot", *(CAPTURE + name for name in NAMES)},
    EXEC: {*REQUEST, "exec_api", "exec_snapshot"},
}
_RESULT = "result"


def check_cut(words: object, option: str = TARGETS, value: str = "pod shop/cart") -> None:
    """Raise OptionError where ``-e key=value`` ended at a space; ``words``: what Ansible made of the rest, or None.

    option: one that the play takes, with a value. Ansible keeps the rest as ``_raw_params`` (parsing/splitter.py).
    """
    if words:
        right = """write the whole as JSON, such as -e '{"%s": "%s"}'""" % (option, value)
        raise OptionError("-e", "%s belongs to no variable, since key=value ends at a space" % shown(words), right)


def misspelled(names: Collection[str], prefix: str = CAPTURE) -> list[str]:
    """Return a warning for each variable that is called like an option and is none; it may be somebody's own."""
    options = _OPTIONS[prefix]
    short = sorted(name[len(prefix) :] for name in options)
    warnings = []
    for name in sorted({name for name in names if name.startswith(prefix)} - options - {prefix, prefix + _RESULT}):
        if not name.startswith(prefix + "_"):  # the role's own registers
            close = difflib.get_close_matches(name[len(prefix) :], short, 1)
            warnings.append("%s is no option%s" % (name, "; is %s meant?" % (prefix + close[0]) if close else ""))
    return warnings
