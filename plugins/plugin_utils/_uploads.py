# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives nodes what they need of the controller for their buckets. PRIVATE to the collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..module_utils._records import Upload
from ..module_utils._sinks import parse_bucket
from ._archive.access import read_access
from ._archive.credentials import EMULATOR
from ._archive.gcs import Archive
from ._archive.policy import SERVICE
from ._signing import Unconfirmed, WantedUpload, as_policies, unconfirmed, wanted_by_node, wanted_by_start


class Uploads:
    """Asks for credentials only where a bucket is written to, and the service only for what it alone can tell."""

    def __init__(self, options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._options, self._environment = options, environment
        self._opened: Archive | None = None

    def for_start(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the module is to be told beside its options; raise PcapError."""
        wanted = wanted_by_start(given)
        return self._policies([wanted] if wanted else [])

    def for_node(self, told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return what the module is to be told for what it has returned as ``uploads``; raise PcapError."""
        confirmed: dict[str, list[dict[str, Any]]] = {}
        for one in unconfirmed(told):
            found = self._find(one)
            if found:
                confirmed.setdefault(one.id, []).append(found)
        return {**self._policies(wanted_by_node(told)), **({"confirmed": confirmed} if confirmed else {})}

    @property
    def _archive(self) -> Archive:
        if self._opened is None:
            self._opened = Archive.open(read_access(self._options, self._environment))
        return self._opened

    def _policies(self, wanted: Iterable[WantedUpload]) -> dict[str, Any]:
        ways = {one.id: self._way(one) for one in wanted}
        return {"policies": as_policies(ways)} if ways else {}

    def _way(self, wanted: WantedUpload) -> Upload:
        if not wanted.signed:
            return Upload(self._environment.get(EMULATOR) or SERVICE, wanted.prefix)
        return self._archive.sign(wanted.bucket.name, wanted.prefix, wanted.seconds)

    def _find(self, one: Unconfirmed) -> dict[str, Any] | None:
        """Return what the bucket has under a file's name where that is the file, byte for byte; None otherwise."""
        found = self._archive.find(parse_bucket("sink", one.sink).name, one.object)
        if found is None or (found.size, found.md5) != (one.size, one.md5):
            return None
        versions = {"generation": found.generation, "crc32c": found.crc32c}
        return {"file": one.file, "sink": one.sink, "object": one.object, **versions}
