# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes files to a bucket of Google Cloud Storage, by a signed policy. PRIVATE to the collection.

The policy is a secret. It stays in its file, which a worker reads for each upload, so that a renewed one is used at
once and no other process ever holds it.
"""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any, Iterator, Sequence

from .._errors import OptionError
from .._records import NodeCapture, Upload, from_result, to_result
from .._sinks import content_type, parse_bucket
from . import bucket_answers, transport
from .multipart import Form
from .segments import md5_of, new_md5

_TRIES = 3
_MOST_SKEW_SECONDS = 300


def store(
    source: str, sink: str, parts: Sequence[str], md5: str | None, upload: str, rate: int | None
) -> dict[str, Any]:
    """Upload a file to ``sink``/``parts`` and return what became of it (bucket_answers.read).

    md5: of the file, in hex; None where it is to be taken now. upload: the path of ``upload.json``.
    """
    name = parse_bucket("sink", sink).object(parts)
    try:
        way = read_upload(upload)
        size = os.stat(source).st_size
        digest = md5 or md5_of(source)
        told = _post(way, name, size, digest, transport.blocks(source, size), rate)
    except OSError as error:
        return {**bucket_answers.nothing_of(name), "error": "%s: %s" % (sink, error.strerror or error)}
    read = bucket_answers.read(told, name, digest)
    return {**read, "error": read["error"] and "%s: %s" % (sink, read["error"])}


def check(capture: NodeCapture, way: Upload, now_ns: int) -> None:
    """Raise OptionError unless this node can write to its bucket: it writes down there what was asked.

    The object ``start-<UTC>.json`` stays: a create-only policy takes nothing away. It tells a reader of the bucket that
    a capture was started of which a manifest is to come.
    """
    sink = capture.options.sink or ""
    bucket = parse_bucket("sink", sink)
    content = json.dumps({"at_ns": now_ns, **to_result(capture)}, sort_keys=True).encode()
    name = way.prefix + start_name(now_ns)
    hashed = new_md5()
    hashed.update(content)
    digest = hashed.hexdigest()
    for left in reversed(range(_TRIES)):
        try:
            told = _post(way, name, len(content), digest, [content], None)
        except OSError as error:
            wrong, again = str(error), True
        else:
            _check_clocks(told, way, time.time())
            read = bucket_answers.read(told, name, digest)
            if read["error"] is None or read["unconfirmed"]:
                return
            wrong, again = read["error"], told.status >= 500
        if not again or not left:
            break
        time.sleep(1.0)
    right = "see that this node can reach it, and that the signer may create objects in gs://%s" % bucket.name
    raise OptionError("sink", "%s cannot be written to from this node: %s" % (sink, wrong), right)


def start_name(now_ns: int) -> str:
    """Return the name of what a start leaves in the bucket; another start has another."""
    seconds, rest = divmod(now_ns, 1_000_000_000)
    return "start-%s.%06dZ.json" % (time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds)), rest // 1000)


def read_upload(path: str) -> Upload:
    """Return what ``upload.json`` holds, and take over its environment; raise OSError with a sentence."""
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
    except FileNotFoundError:
        raise OSError("there is no upload policy; the playbook status signs one") from None
    os.environ.update(values.get("environment", {}))
    way = from_result(Upload, values)
    if way.expires_ns and time.time_ns() >= way.expires_ns:
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(way.expires_ns // 1_000_000_000))
        raise OSError("the upload policy expired at %s; the playbook status signs another" % ended)
    return way


def _post(way: Upload, name: str, size: int, md5: str, body: Any, rate: int | None) -> transport.Answer:
    """Post the form that the policy signs, the file last."""
    fields = {
        "key": name,
        "Content-Type": content_type(name),
        "Content-MD5": base64.b64encode(bytes.fromhex(md5)).decode(),
        **(way.fields or {}),
    }
    form = Form(fields, name.rpartition("/")[2])
    headers = {"Content-Type": form.content_type, "Content-Length": str(len(form.head) + size + len(form.tail))}
    return transport.send("POST", way.url, headers, _chain(form, body), rate)


def _chain(form: Form, body: Any) -> Iterator[bytes]:
    yield form.head
    yield from body
    yield form.tail


def _check_clocks(told: transport.Answer, way: Upload, now: float) -> None:
    """Raise OptionError where a clock is so wrong that signatures or certificates break; the service's is right."""
    there = bucket_answers.server_time(told)
    if there is None:
        return
    for whose, here in (("the controller", way.issued_ns / 1e9), ("this node", now)):
        if abs(here - there) > _MOST_SKEW_SECONDS:
            wrong = "the clock of %s is %d s %s the bucket's" % (
                whose,
                abs(here - there),
                "ahead of" if here > there else "behind",
            )
            raise OptionError("sink", wrong, "set it: a signature holds for a time, and so does a certificate")
