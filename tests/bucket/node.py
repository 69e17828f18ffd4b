# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node that ships to the bucket, by policy or by its metadata server's token."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from ansible_collections.kube.pcap.plugins.module_utils._node import bucket as node_bucket
from ansible_collections.kube.pcap.plugins.module_utils._node import resumable, token
from ansible_collections.kube.pcap.plugins.module_utils._records import Upload, to_result
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.policy import sign_policy, write_policy
from tests.bucket import front, scene

DATA = os.urandom(1_000_000)
SINK = "gs://%s/p" % scene.BUCKET
PREFIX = "p/c-1/node-a/"
NAME = PREFIX + "shop/cart/x.pcap.gz"
GOOGLE = "storage.googleapis.com"
_SHAPE = {"object", "error", "retry_after", "file_fault", "unconfirmed", "refused", "server_time"}
_SECRETS = re.compile("Bearer|ya29|upload_id|signature=|[0-9a-f]{64}")
both = pytest.mark.parametrize("kind", ["policy", "metadata"])


def contents(seen):
    """Requests that bring the bytes of an object: a form, or a piece of a resumable upload."""
    return seen.is_upload and (seen.method == "PUT" or not seen.path.startswith("/upload/"))


class Node:
    """A node with a file to ship; its accounts may create objects, and nothing else, until a test allows more."""

    def __init__(self, bucket, folder):
        self.bucket, self.folder = bucket, folder
        self.url = bucket.url
        self.allow()

    def allow(self, *permissions):
        """Both accounts may do this beside creating."""
        for account in (self.bucket.account, self.bucket.machine):
            self.bucket.allow(account, "storage.objects.create", *permissions)

    def way(self, kind, prefix=PREFIX, seconds=600):
        """How it may write."""
        if kind == "metadata":
            return Upload(self.url, prefix)
        account, now = self.bucket.account, datetime.datetime.now(datetime.timezone.utc)
        unsigned = write_policy(scene.BUCKET, prefix, now, seconds, account.email, service=self.url)
        return sign_policy(unsigned, lambda text: account.key.sign(text, padding.PKCS1v15(), hashes.SHA256()))

    def store(self, kind, data=DATA, rate=None, **changed):
        """What becomes of an upload."""
        source, upload = self.folder / "segment", self.folder / "upload.json"
        source.write_bytes(data)
        upload.write_text(json.dumps({**to_result(self.way(kind)), **changed}))
        md5 = hashlib.md5(data).hexdigest()
        told = node_bucket.store(str(source), SINK, NAME.split("/")[1:], md5, str(upload), rate)
        assert set(told) - {"generation", "crc32c"} == _SHAPE and told["object"] == NAME
        assert not _SECRETS.search(json.dumps({**told, "crc32c": None}))
        return told

    def confirmed(self, kind, data=DATA, **options):
        """An upload that goes well, and what it tells."""
        told = self.store(kind, data, **options)
        assert not any((told["error"], told["unconfirmed"], told["refused"], told["file_fault"])), told
        self.holds(data)
        return told

    def holds(self, data=DATA):
        """The bucket has this under the name, and nothing else."""
        assert [one.name for one in self.bucket.objects()] == [NAME]
        assert self.bucket.content(NAME) == data

    def failed(self, kind, words, **changed):
        """An upload that does not go well, whose error tells these words; which flags are set."""
        told = self.store(kind, **changed)
        assert told["error"].startswith(SINK + ": ") and words in told["error"], told["error"]
        return {name for name in ("unconfirmed", "refused", "file_fault") if told[name]}


@contextlib.contextmanager
def running(folder, monkeypatch, tls=False):
    """A node, its bucket, and its metadata server, which is another one and knows neither TLS nor faults."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(resumable, "_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(token, "_kept", {})
    with scene.running(folder, tls=tls) as bucket:
        machine = front.Front(bucket.emulator, [])
        machine.service.accounts = bucket.front.accounts
        with front.running(machine):
            monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:%d" % machine.port)
            monkeypatch.setenv("SSL_CERT_FILE", str(bucket.authority.ca))
            yield Node(bucket, folder)
