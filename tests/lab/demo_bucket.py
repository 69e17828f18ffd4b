# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo's bucket: an emulator and its front on the lab's own address, and a signer that may only create and read."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

from tests.bucket import build, scene

from . import addresses
from .lab import Lab
from .shipped import CREATE_ONLY, environment

PREFIX = "shop/"


class BucketSink:
    """A bucket that the nodes reach."""

    def __init__(self, bucket: scene.Bucket, folder: pathlib.Path) -> None:
        self._bucket, self._folder = bucket, folder
        self.url = "gs://%s/%s" % (bucket.name, PREFIX.rstrip("/"))
        self.env = environment(bucket)
        print("%s: fake-gcs-server %s at %s" % (self.url, build.VERSION, bucket.url))

    def objects(self) -> list[tuple[str, int]]:
        """What the bucket lists; a later object has a larger generation."""
        found = sorted(self._bucket.objects(PREFIX), key=lambda one: (one.name.split("/")[2], one.generation))
        return [(one.name[len(PREFIX) :], one.size) for one in found]

    def content(self, name: str) -> bytes:
        """An object's bytes."""
        return self._bucket.content(PREFIX + name)

    def reader(self, name: str) -> list[str]:
        """Of a copy here."""
        copy = self._folder / name.rpartition("/")[2]
        copy.write_bytes(self.content(name))
        return ["zcat", str(copy)]


@contextlib.contextmanager
def running(lab: Lab, folder: pathlib.Path) -> Iterator[BucketSink]:
    """An empty bucket, until the end; its files lie in ``folder``."""
    with scene.running(folder, addresses.underlay(lab.state.index, addresses.HOST).v4) as bucket:
        bucket.allow(bucket.account, *CREATE_ONLY)
        yield BucketSink(bucket, folder)
