# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of captures, files and folders. PRIVATE to the collection.

Names that come from a cluster are data: a part of a file's name holds only ``[A-Za-z0-9._-]``, has at most 63
characters, and two different originals never become the same part.
"""

from __future__ import annotations

import hashlib
import re
import time

from ._errors import OptionError
from ._records import TargetRef

_PART = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9_])?\Z", re.ASCII)
_ID = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z", re.ASCII)
_CUT = re.compile(r"-[0-9a-f]{8}\Z", re.ASCII)


def clean_part(text: str) -> str:
    """Return ``text`` where it may stand in a file's name, else a safe form of it that ends in its own digest."""
    if _PART.match(text) and "--" not in text and not _CUT.search(text):
        return text
    safe = re.sub(r"-{2,}", "-", re.sub(r"[^A-Za-z0-9._-]", "-", text, flags=re.ASCII)).lstrip(".-")
    return "%s-%s" % (
        safe[:54].rstrip(".-") or "x",
        hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8],
    )


def check_id(option: str, text: object) -> str:
    """Return a capture's id as given, or raise OptionError."""
    shown = str(text)
    if not _ID.match(shown):
        raise OptionError(
            option,
            "%r is not an id" % shown[:80],
            "write at most 63 characters of a-z, 0-9 and -, beginning and ending with a letter or digit",
        )
    if shown == "all":
        raise OptionError(option, '"all" means every capture', "choose another id")
    return shown


def target_folder(target: TargetRef) -> tuple[str, str]:
    """Return the two folders (or name parts) that stand for a target: (namespace, pod), or (_node, _host)."""
    if target.kind == "node":
        return "_node", "_host"
    return clean_part(target.namespace or ""), clean_part(target.name or "")


def segment_name(target: TargetRef, interface: str, opened: int, seq: int, compressed: bool) -> str:
    """Return a segment's file name: ``NODE--NS--POD--IF--20261121T081502Z--00000001.pcap[.gz]``.

    ``opened`` is seconds since 1970. Within a target, names sort by it as long as it never falls, then by ``seq``.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(opened))
    parts = (clean_part(target.node or ""),) + target_folder(target) + (clean_part(interface), stamp, "%08d" % seq)
    return "--".join(parts) + (".pcap.gz" if compressed else ".pcap")
