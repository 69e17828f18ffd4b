# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives nodes what they need of the controller for their buckets. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..module_utils._errors import PcapError
from ..module_utils._records import Upload
from ..module_utils._sinks import MANIFEST, SCHEME, parse_bucket
from ._archive.access import read_access
from ._archive.policy import service_root
from ._signing import (
    Need,
    Refused,
    WantedUpload,
    as_policies,
    read_needs,
    unconfirmed,
    wanted_by_node,
    wanted_by_start,
)

if TYPE_CHECKING:
    from ._archive.gcs import Archive


class Uploads:
    """Asks for credentials only where a bucket is written to, and the service only for what it alone can tell."""

    def __init__(self, options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._options, self._environment = options, environment
        self._opened: Archive | None = None
        self.warnings: list[str] = []
        """What is worth knowing of the account that signs."""
        self.problems: list[str] = []
        """Why a node did not get what it needs."""

    def for_start(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the module is to be told beside its options; raise PcapError."""
        wanted = wanted_by_start(given)
        if wanted is not None and wanted.signed:
            self._warn(wanted)
        return {"policies": as_policies({wanted.id: self._way(wanted)})} if wanted else {}

    def for_node(self, told: Sequence[Mapping[str, Any]], node: str | None = None) -> dict[str, Any]:
        """Return what the module is to be told for what it has returned as ``uploads``.

        node: as the inventory calls it, where it does: another's folder is none of its business. What cannot be had is
        a problem, and keeps nobody from being told how captures are.
        """
        ways: dict[str, Upload] = {}
        confirmed: dict[str, list[dict[str, Any]]] = {}
        with self._noting():
            for need in read_needs(told, node):
                with self._noting("capture %s has no new upload policy" % need.id):
                    wanted = wanted_by_node(need)
                    ways.update({wanted.id: self._way(wanted)} if wanted else {})
                with self._noting("what %s may have of capture %s was not looked up" % (need.sink, need.id)):
                    for one in unconfirmed(need):
                        confirmed.setdefault(need.id, []).extend(self._find(need, one))
        found = {id: files for id, files in confirmed.items() if files}
        return {**({"policies": as_policies(ways)} if ways else {}), **({"confirmed": found} if found else {})}

    def would_renew(self, told: Sequence[Mapping[str, Any]], node: str | None = None) -> bool:
        """Return whether ``for_node`` would have a policy signed."""
        with self._noting():
            return any(need.renew for need in read_needs(told, node))
        return False

    @contextlib.contextmanager
    def _noting(self, what: str | None = None) -> Iterator[None]:
        """Make an error a problem, told once; what: could not be done for it."""
        try:
            yield
        except PcapError as error:
            text = "%s: %s" % (what, error) if what else str(error)
            if text not in self.problems:
                self.problems.append(text)

    @property
    def _archive(self) -> Archive:
        if self._opened is None:
            from ._archive.gcs import Archive  # half a second, which captures without a bucket do not need

            self._opened = Archive.open(read_access(self._options, self._environment))
        return self._opened

    def _warn(self, wanted: WantedUpload) -> None:
        """Say what is not as it should be in the bucket; what cannot be asked from here is not known."""
        archive, bucket, manifest = self._archive, wanted.bucket.name, wanted.prefix + MANIFEST
        with contextlib.suppress(PcapError):
            if archive.may_delete(bucket):
                text = (
                    "the account that signs uploads to %s%s may delete objects, so a node's policy can replace what"
                    " that node has written; let an account sign that has roles/storage.objectCreator alone"
                )
                self.warnings.append(text % (SCHEME, bucket))
            if archive.find(bucket, manifest) is not None:
                text = "%s%s/%s is there, of an earlier capture; choose another id, whose manifest can be stored, too"
                self.warnings.append(text % (SCHEME, bucket, manifest))

    def _way(self, wanted: WantedUpload) -> Upload:
        if not wanted.signed:
            return Upload(service_root(self._environment), wanted.prefix)
        return self._archive.sign(wanted.bucket.name, wanted.prefix, wanted.seconds, wanted.most)

    def _find(self, need: Need, one: Refused) -> list[dict[str, Any]]:
        """Return what the bucket has under a file's name where that is the file, byte for byte, or that it has none."""
        found = self._archive.find(parse_bucket("sink", need.sink).name, one.object)
        if found is None:  # a manifest is sent again in any case
            nothing = {"object": None, "generation": None, "crc32c": None}
            return [] if one.file == MANIFEST else [{"file": one.file, "sink": need.sink, **nothing}]
        if (found.size, found.md5) != (one.bytes, one.md5):
            same = not found.md5 and found.size == one.bytes
            what = "an object without an MD5, which collect compares," if same else "an object with other content"
            self.problems.append("the bucket has %s of the name %s, and the node keeps the file" % (what, one.object))
            return []
        versions = {"generation": found.generation, "crc32c": found.crc32c}
        return [{"file": one.file, "sink": need.sink, "object": one.object, **versions}]
