# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes files to a bucket of Google Cloud Storage, by a signed policy or as the node's account. PRIVATE.

The policy is a secret. It stays in its file, which a worker reads for each upload, so that a renewed one is used at
once and no other process ever holds it. Without one, the node's metadata server says who the node is.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Iterable, Iterator, Mapping, Sequence

from .._errors import OptionError
from .._records import NodeCapture, RecordError, Upload, from_result, to_result
from .._sinks import content_type, parse_bucket
from . import bucket_answers, resumable, transport
from .content import Content
from .multipart import Form
from .segments import md5_of, new_md5

_TRIES = 3
_LONG_SECONDS = 20.0
"""Who has waited so long for a bucket that does not answer is told."""
_MOST_SKEW_SECONDS = 300


def store(
    source: str, sink: str, parts: Sequence[str], md5: str | None, upload: str, rate: int | None
) -> dict[str, Any]:
    """Upload a file to ``sink``/``parts`` and return what became of it (bucket_answers.read).

    md5: of the file, in hex; None where it is to be taken now. upload: the path of ``upload.json``.
    """
    bucket = parse_bucket("sink", sink)
    name = bucket.object(parts)
    try:
        way = read_upload(upload)
        size = os.stat(source).st_size
        content = Content(name, size, md5 or md5_of(source), lambda start: transport.blocks(source, size, start))
        told = _put(way, bucket.name, content, rate)
    except OSError as error:
        told = {**bucket_answers.nothing_of(name), "error": error.strerror or str(error)}
    return {**told, "error": told["error"] and "%s: %s" % (sink, told["error"])}


def check(capture: NodeCapture, way: Upload, now_ns: int) -> None:
    """Raise OptionError unless this node can write to its bucket: it writes down there what was asked.

    The object ``start-<UTC>.json`` stays: a create-only policy takes nothing away. It tells a reader of the bucket that
    a capture was started of which a manifest is to come.
    """
    sink = capture.options.sink or ""
    bucket = parse_bucket("sink", sink)
    about = {"at_ns": now_ns, **to_result(capture)}
    content = _in_memory(way.prefix + start_name(now_ns), json.dumps(about, sort_keys=True).encode())
    began = time.monotonic()
    for left in reversed(range(_TRIES)):
        try:
            told = _put(way, bucket.name, content, None)
        except OSError as error:
            wrong, again = str(error), True
        else:
            _check_clocks(told["server_time"], way, time.time())
            if told["error"] is None or told["unconfirmed"]:
                return
            wrong, again = told["error"], not (told["refused"] or told["file_fault"])
        if not again or not left or time.monotonic() - began > _LONG_SECONDS:
            break
        time.sleep(1.0)
    who = "this node's account" if way.fields is None else "the signer"
    right = "see that this node can reach it, and that %s may create objects in gs://%s" % (who, bucket.name)
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
    except ValueError:
        values = None
    try:
        way = from_result(Upload, values)
        os.environ.update(values.get("environment", {}))
    except (RecordError, AttributeError):
        raise OSError("the upload policy here is damaged; the playbook status signs another") from None
    if way.expires_ns and time.time_ns() >= way.expires_ns:
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(way.expires_ns // 1_000_000_000))
        raise OSError("the upload policy expired at %s; the playbook status signs another" % ended)
    return way


def _put(way: Upload, bucket: str, content: Content, rate: int | None) -> dict[str, Any]:
    """Return what became of an upload (bucket_answers.read); raise OSError with a sentence."""
    if not content.name.startswith(way.prefix):
        wrong = "%s is not below %s, where this node may write" % (content.name, way.prefix)
        return {**bucket_answers.nothing_of(content.name), "refused": True, "error": wrong}
    if way.fields is None:
        return resumable.put(way.url, bucket, content, rate)
    return _post(way.url, way.fields, content, rate)


def _post(url: str, signed: Mapping[str, str], content: Content, rate: int | None) -> dict[str, Any]:
    """Post the form that the policy signs, the file last."""
    own = {"key": content.name, "Content-Type": content_type(content.name), "Content-MD5": content.md5_base64}
    form = Form({**own, **signed}, content.name.rpartition("/")[2])
    length = len(form.head) + content.size + len(form.tail)
    headers = {"Content-Type": form.content_type, "Content-Length": str(length)}
    told = transport.send("POST", url, headers, _chain(form, content.pieces(0)), rate)
    return bucket_answers.read(told, content.name, content.md5)


def _chain(form: Form, body: Iterable[bytes]) -> Iterator[bytes]:
    yield form.head
    yield from body
    yield form.tail


def _in_memory(name: str, data: bytes) -> Content:
    hashed = new_md5()
    hashed.update(data)
    return Content(name, len(data), hashed.hexdigest(), lambda start: [data[start:]])


def _check_clocks(there: float | None, way: Upload, now: float) -> None:
    """Raise OptionError where a clock is so wrong that signatures or certificates break; the service's is right."""
    clocks = {"this node": now, **({} if way.fields is None else {"the controller": way.issued_ns / 1e9})}
    for whose, here in clocks.items():
        if there is not None and abs(here - there) > _MOST_SKEW_SECONDS:
            order = "ahead of" if here > there else "behind"
            wrong = "the clock of %s is %d s %s the bucket's" % (whose, abs(here - there), order)
            raise OptionError("sink", wrong, "set it: a signature holds for a time, and so does a certificate")
