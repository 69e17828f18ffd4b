# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the reason of an ended capture says that its sink lacks: pure. PRIVATE to the collection."""

from __future__ import annotations

_UNSHIPPED = "; unshipped: "
_NO_MANIFEST = "; the manifest is not in the sink"


def with_rest(reason: str, unshipped: int, manifest: bool) -> str:
    """Return why a capture with a sink has ended, and what is left here; manifest: whether the sink has it.

    reason: may be one that this made before, and says what was left then.
    """
    if unshipped:
        return "%s%s%d" % (_plain(reason), _UNSHIPPED, unshipped)
    return _plain(reason) + ("" if manifest else _NO_MANIFEST)


def has_rest(reason: str | None) -> bool:
    """Return whether segments or the manifest were left."""
    return reason is not None and _plain(reason) != reason


def lacks_manifest(reason: str | None) -> bool:
    """Return whether the manifest alone was left."""
    return (reason or "").endswith(_NO_MANIFEST)


def _plain(reason: str) -> str:
    return reason.partition(_UNSHIPPED)[0].partition(_NO_MANIFEST)[0]
