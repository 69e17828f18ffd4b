# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Captures that ship to a bucket, and what must hold of the bucket in the end."""

from __future__ import annotations

import hashlib
import json
import pathlib
from typing import Any

from tests.bucket.scene import Bucket
from tests.lab.recording import Recording, seen, wait_for

CREATE_ONLY = ("storage.objects.create", "storage.objects.get")
"""What the signer may do: who may not delete replaces nothing."""
PREFIX = "cluster-a"


def environment(bucket: Bucket, url: str | None = None) -> dict[str, str]:
    """The controller's, as a job template with a Google credential has it."""
    return {
        "STORAGE_EMULATOR_HOST": url or bucket.url,
        "GCP_AUTH_KIND": "serviceaccount",
        "GCP_SERVICE_ACCOUNT_FILE": str(bucket.key_file),
    }


class Shipped:
    """A capture on one node with a bucket as its sink."""

    def __init__(self, one: Recording, bucket: Bucket, folder: pathlib.Path) -> None:
        self.one, self.bucket, self.folder = one, bucket, folder

    def start(self, targets: Any = "pod shop/cart", **options: Any) -> dict[str, Any]:
        """Starts it, with small segments of what the tests send."""
        fixed = {"filter": "udp port 9000", "segment_size": "1M", "compress": False, "min_free": "1%"}
        sink = "gs://%s/%s" % (self.bucket.name, PREFIX)
        return self.one.start(targets, **{**fixed, "sink": sink, "kube_node_name": self.one.node.name, **options})

    def wait_shipped(self, segments: int = 1, seconds: float = 300.0) -> dict[str, Any]:
        """Waits until all closed segments are in the bucket; what may be there is looked up as status does it."""

        def done() -> bool:
            state = self.one.state()
            if state["unconfirmed"]:
                self.refresh()
            return bool(state["segments"] >= segments and state["shipped"] + state["evicted"] == state["segments"])

        wait_for(done, seconds, "the bucket to have all segments: %s" % self.one.state()["last_error"])
        return self.one.state()

    def refresh(self) -> dict[str, Any]:
        """What the playbook status does first."""
        result = self.one.call(state="refreshed")
        assert not result["failed"], result["msg"]
        return result

    def finish(self, seconds: float = 120.0) -> dict[str, Any]:
        """Stops it and waits until its manifest is in the bucket."""
        self.one.call(state="stopped", wait=0)

        def done() -> bool:
            state = self.one.state()
            if state["unconfirmed"]:
                self.refresh()
            return bool(state["phase"] == "done")

        wait_for(done, seconds, "the end")
        return self.one.info()

    def segments(self) -> dict[str, bytes]:
        """The bucket's segments of this capture by their file's name."""
        prefix = "%s/%s/%s/" % (PREFIX, self.one.id, self.one.node.name)
        names = [one.name for one in self.bucket.objects(prefix) if ".pcap" in one.name]
        return {name.rpartition("/")[2]: self.bucket.content(name) for name in names}

    def check(self) -> None:
        """Each segment is one object, whole, and the manifest, the last one, tells so."""
        content = self.segments()
        lines = [json.loads(line) for line in self.manifest().splitlines()]
        told = {one["file"]: one["sha256"] for one in lines if one["event"] == "segment"}
        gone = {one["file"] for one in lines if one["event"] == "evicted"}
        assert {name: hashlib.sha256(data).hexdigest() for name, data in content.items()} == {
            name: digest for name, digest in told.items() if name not in gone
        }
        stored = [one["object"] for one in lines if one["event"] == "stored"]
        assert len(stored) == len(set(stored)) == len(content)
        keys = [one.key for one in self.bucket.front.seen if one.status == 201 and self.one.id in (one.key or "")]
        assert keys[-1].endswith("/manifest.jsonl")

    def manifest(self) -> bytes:
        """The node's manifest in the bucket."""
        return self.bucket.content("%s/%s/%s/manifest.jsonl" % (PREFIX, self.one.id, self.one.node.name))

    def seen(self, stream: int) -> list[int]:
        """The sequence numbers in the bucket's segments."""
        for name, data in self.segments().items():
            (self.folder / name).write_bytes(data)
        return seen((self.folder / name for name in self.segments()), stream)
