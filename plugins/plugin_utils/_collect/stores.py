# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where collected files are kept: a folder of the controller, or a bucket. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ...module_utils._errors import FileError, PcapError
from ...module_utils._sinks import MANIFEST, Bucket, content_type
from .._archive.access import read_access
from .._archive.gcs import Archive
from .choice import Place, Segment
from .fetching import Read, digest, fetch, fetch_growing, opened, sync_folder


@dataclasses.dataclass(frozen=True)
class Kept:
    """A file that is safe."""

    object: str
    """Its name in its place."""
    generation: int | None = None
    crc32c: str | None = None
    new: bool = True
    """Whether it was not there before."""


class Store(Protocol):
    """Takes files of nodes by their path there; None is the answer for one that is gone."""

    def keep(self, read: Read, source: str, parts: Sequence[str], segment: Segment) -> Kept | None:
        """Have a segment safe under a name, given by its parts."""

    def keep_manifest(self, read: Read, source: str, parts: Sequence[str], settled: bool) -> Kept | None:
        """Have the manifest safe as it is now."""


@contextlib.contextmanager
def stores(access: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Callable[[Place], Store]]:
    """Give what opens the store of a place; credentials are asked for where there is a bucket.

    access: the options that say who asks. Raises PcapError.
    """
    archive = functools.cache(lambda: Archive.open(read_access(access, environment)))
    with tempfile.TemporaryDirectory(prefix="kube-pcap-") as folder:

        def store(place: Place) -> Store:
            if place.bucket is None:
                return FolderStore(str(place.folder))
            archive().check(place.bucket.name, place.bucket.object([""]))  # before anything is brought
            return BucketStore(archive(), place.bucket, folder)

        yield store


class FolderStore:
    """Files below a folder, readable by their owner alone."""

    def __init__(self, root: str) -> None:
        self._root = root

    def keep(self, read: Read, source: str, parts: Sequence[str], segment: Segment) -> Kept | None:
        """Have a segment on disk; raise FileError where its name has another content."""
        path = self._make(parts)
        if os.path.lexists(path):
            with opened(path) as file:
                if digest(file, "sha256").hexdigest() != segment.sha256:
                    raise FileError("%s is there with another content, and stays; move it away" % path)
                os.fsync(file.fileno())  # whoever wrote it may have been cut off before that, or was another program
            sync_folder(path)
            return Kept("/".join(parts), new=False)
        return Kept("/".join(parts)) if fetch(read, source, path, segment.bytes, segment.sha256) else None

    def keep_manifest(self, read: Read, source: str, parts: Sequence[str], settled: bool) -> Kept | None:
        """Have the manifest in the place of a beginning of itself."""
        new = fetch_growing(read, source, self._make(parts), settled)
        return None if new is None else Kept("/".join(parts), new=new)

    def _make(self, parts: Sequence[str]) -> str:
        """Return the path of a file, whose folders are there."""
        path = self._root
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
            for part in parts[:-1]:
                path = os.path.join(path, part)
                os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise FileError("%s cannot be made: %s" % (path, error.strerror)) from None
        return os.path.join(path, parts[-1])


class BucketStore:
    """Objects of a bucket; each file lies in a folder of its own meanwhile, one at a time."""

    def __init__(self, archive: Archive, bucket: Bucket, folder: str) -> None:
        self._archive, self._bucket = archive, bucket
        self._path = os.path.join(folder, "file")

    def keep(self, read: Read, source: str, parts: Sequence[str], segment: Segment) -> Kept | None:
        """Have a segment in the bucket; raise PcapError where its name has another content."""
        with self._gone_afterwards():
            if not fetch(read, source, self._path, segment.bytes, segment.sha256):
                return None
            return self._put(parts)

    def keep_manifest(self, read: Read, source: str, parts: Sequence[str], settled: bool) -> Kept | None:
        """Have the manifest in the bucket, whole."""
        with self._gone_afterwards():
            if fetch_growing(read, source, self._path, settled) is None:
                return None
            return self._put(parts)

    def _put(self, parts: Sequence[str]) -> Kept:
        with opened(self._path) as file:
            md5 = digest(file, "md5").hexdigest()
        name = self._bucket.object(parts)
        there = None
        if parts[-1] == MANIFEST:
            with contextlib.suppress(PcapError):  # who may not look may put what is new all the same
                there = self._archive.find(self._bucket.name, name)
        found = self._archive.put(self._path, self._bucket.name, name, content_type(name), md5)
        return Kept(name, found.generation, found.crc32c, new=there is None)

    @contextlib.contextmanager
    def _gone_afterwards(self) -> Iterator[None]:
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
