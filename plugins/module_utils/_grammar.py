# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What grammars of options have in common: where an error stands, and Kubernetes' names. PRIVATE to the collection."""

from __future__ import annotations

import re
from typing import NamedTuple

from ._errors import OptionError, shown

# Kubernetes' own rules: RFC 1123 label and subdomain.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z", re.ASCII)
_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\Z", re.ASCII)
_LABELS = ("namespace", "container")


class Place(NamedTuple):
    """Where in the user's value an error stands."""

    option: str
    item: str = ""
    start: int = 0
    """Columns before the text that is looked at."""

    def error(self, wrong: str, right: str, index: int | None = None) -> OptionError:
        """Return the refusal; ``index``, from 0, is where in the text that is looked at."""
        column = "" if index is None else "column %d: " % (self.start + index + 1)
        return OptionError(self.option, self.item + column + wrong, right)


def check_name(place: Place, what: str, text: str, index: int | None = None) -> str:
    """Return the name of a ``namespace``, a ``container`` or any other object (``what``), or raise OptionError."""
    if (_LABEL if what in _LABELS else _SUBDOMAIN).match(text):
        return text
    most, signs = (63, "-") if what in _LABELS else (253, "- and .")
    raise place.error(
        "%s is not a %s's name" % (shown(text), what), "write at most %d of a-z, 0-9, %s" % (most, signs), index
    )
