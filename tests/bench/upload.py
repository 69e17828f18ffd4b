# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Uploads files one after another and prints what that took: ``python upload.py JSON``; see Scene.upload.

``how`` is ``node``, as the shipper of a capture does it, or ``plain``, by google-cloud-storage. Prints seconds and CPU
seconds, those of children included, of the uploads alone: imports, signing and a first small upload come before.
"""

from __future__ import annotations

import datetime
import json
import os
import pathlib
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

Upload = Callable[[pathlib.Path], None]


def main(want: dict[str, Any]) -> None:
    """Uploads as wanted."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        upload = {"node": as_node, "plain": as_plain}[want["how"]](want, folder)
        first = folder / "first"
        first.write_bytes(b"first")
        upload(first)
        began, before = time.perf_counter(), cpu_seconds()
        for file in want["files"]:
            upload(pathlib.Path(file))
        print(json.dumps({"seconds": time.perf_counter() - began, "cpu": cpu_seconds() - before}))


def cpu_seconds() -> float:
    """What this process and its children have used; the kernel knows it to the microsecond, os.times() does not."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def as_plain(want: dict[str, Any], _folder: pathlib.Path) -> Upload:
    """As its users do, with its defaults."""
    from google.cloud import storage

    os.environ["STORAGE_EMULATOR_HOST"] = want["url"]
    bucket = storage.Client.from_service_account_json(want["key"]).bucket(want["bucket"])

    def upload(file: pathlib.Path) -> None:
        bucket.blob(want["prefix"] + file.name).upload_from_filename(str(file))

    return upload


def as_node(want: dict[str, Any], folder: pathlib.Path) -> Upload:
    """By a signed policy; the file's MD5 is taken at each upload, as of a manifest."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    from ansible_collections.kube.pcap.plugins.module_utils._node import bucket
    from ansible_collections.kube.pcap.plugins.module_utils._records import to_result
    from ansible_collections.kube.pcap.plugins.plugin_utils._archive.policy import sign_policy, write_policy

    key = json.loads(pathlib.Path(want["key"]).read_text(encoding="utf-8"))
    private = serialization.load_pem_private_key(key["private_key"].encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    now, email = datetime.datetime.now(datetime.timezone.utc), key["client_email"]
    unsigned = write_policy(want["bucket"], want["prefix"], now, 3600, email, service=want["url"])
    way = sign_policy(unsigned, lambda text: private.sign(text, padding.PKCS1v15(), hashes.SHA256()))
    (folder / "upload.json").write_text(json.dumps(to_result(way)), encoding="utf-8")

    def upload(file: pathlib.Path) -> None:
        sink = "gs://%s/%s" % (want["bucket"], want["prefix"].rstrip("/"))
        told = bucket.store(str(file), sink, [file.name], None, str(folder / "upload.json"), None)
        if told["error"] or told["unconfirmed"]:
            sys.exit(told["error"])

    return upload


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
