# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives nodes what they need to write to their buckets. PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils._records import Upload
from ._archive.access import read_access
from ._archive.credentials import EMULATOR
from ._archive.gcs import Archive
from ._archive.policy import SERVICE
from ._signing import WantedUpload, as_policies, wanted_by_node, wanted_by_start


class Uploads:
    """Asks for credentials only where a bucket is written to."""

    def __init__(self, options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._options, self._environment = options, environment
        self._archive: Archive | None = None

    def for_start(self, given: Mapping[str, Any]) -> dict[str, str]:
        """Return what the module is to be told beside its options; raise PcapError."""
        if given.get("state", "started") != "started":
            return {}
        wanted = wanted_by_start(given)
        return self._policies([wanted] if wanted else [])

    def for_node(self, told: Iterable[Mapping[str, Any]]) -> dict[str, str]:
        """Return what the module is to be told for what it has returned as ``uploads``; raise PcapError."""
        return self._policies(wanted_by_node(told))

    def _policies(self, wanted: Iterable[WantedUpload]) -> dict[str, str]:
        ways = {one.id: self._way(one) for one in wanted}
        return {"policies": as_policies(ways)} if ways else {}

    def _way(self, wanted: WantedUpload) -> Upload:
        if not wanted.signed:
            return Upload(self._environment.get(EMULATOR) or SERVICE, wanted.prefix)
        if self._archive is None:
            self._archive = Archive.open(read_access(self._options, self._environment))
        return self._archive.sign(wanted.bucket.name, wanted.prefix, wanted.seconds)
