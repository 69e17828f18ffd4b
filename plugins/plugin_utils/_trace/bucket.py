# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace's files in a bucket. PRIVATE to the collection.

<prefix>/<id>/trace.json    the result
<prefix>/<id>/trace.md      the same as Markdown
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import pathlib
import tempfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...module_utils._errors import FileError, OptionError, PcapError, reason_of, shown
from ...module_utils._names import check_id
from ...module_utils._sinks import SCHEME, Bucket, content_type, is_bucket, parse_bucket
from .._archive.access import read_access
from .files import FROM, MARKDOWN, NAME, named, parsed, taken, written

if TYPE_CHECKING:
    from .._archive.gcs import Archive

SINK = "trace_sink"
_LARGEST_RESULT = 512 << 20
"""Bytes of an object that is still read as a result: taps tell at most 2,000 packets each, about 1 KiB a packet."""


def check_sink(sink: str | None, id: str | None, access: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Raise PcapError where a trace could not be put into its bucket, or one of this name (if it has one) is there.

    access: the options that say who asks. No bucket, nothing to check.
    """
    if not sink:
        return
    bucket, there = _bucket(sink), []
    with named(SINK):
        archive = _open(access, environment)
        archive.check(bucket.name, bucket.object([""]))
        if id is not None:
            # Who may only create may not look; then the name is refused in the end.
            with contextlib.suppress(PcapError):
                there = [name for name in (NAME, MARKDOWN) if archive.find(bucket.name, bucket.object([id, name]))]
    if there:
        raise taken(_url(bucket, id or ""), "remove its objects")


def put_trace(
    sink: str, result: Mapping[str, Any], text: str, access: Mapping[str, Any], environment: Mapping[str, str]
) -> str:
    """Put a result and its Markdown into a bucket, and return the URL of ``trace.json``; raise PcapError."""
    bucket, id = _bucket(sink), str(result["id"])
    with named(SINK), _folder() as folder:
        archive = _open(access, environment)
        for name, content in ((MARKDOWN, text.encode()), (NAME, written(result).encode())):
            path = folder / name
            path.write_bytes(content)
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            archive.put(str(path), bucket.name, bucket.object([id, name]), content_type(name), md5)
    return "%s/%s" % (_url(bucket, id), NAME)


@contextlib.contextmanager
def _folder() -> Iterator[pathlib.Path]:
    """Give a folder for files on their way; a disk that is full is a FileError."""
    try:
        with tempfile.TemporaryDirectory(prefix="kube-pcap-") as folder:
            yield pathlib.Path(folder)
    except OSError as error:
        raise FileError(reason_of(error)) from None


def get_trace(given: str, access: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the result that ``gs://BUCKET/PREFIX/ID`` names, or its ``trace.json``; raise PcapError."""
    parent, _slash, id = given.rstrip("/").removesuffix("/" + NAME).rpartition("/")
    if not is_bucket(parent):
        right = "write gs://BUCKET/PREFIX/ID, as the trace was told %s and its id" % SINK
        raise OptionError(FROM, "%s names no trace in a bucket" % shown(given), right)
    bucket = parse_bucket(FROM, parent)
    name = bucket.object([check_id(FROM, id), NAME])
    with named(FROM):
        archive = _open(access, environment)
        content = archive.read(bucket.name, name, _LARGEST_RESULT)
        where = "%s%s/%s" % (SCHEME, bucket.name, name)
        if content is None:
            raise FileError("%s is not there" % where)
        return parsed(where, content)


def _open(access: Mapping[str, Any], environment: Mapping[str, str]) -> Archive:
    """Return the archive, which asks as the account that has the credentials: who signs for nodes has no part in it."""
    from .._archive.gcs import Archive  # part of a second, which plays without a bucket do not need

    return Archive.open(dataclasses.replace(read_access(access, environment), email=None))


def _bucket(sink: str) -> Bucket:
    if not is_bucket(sink):
        right = "write gs://BUCKET/PREFIX; a folder of the controller is trace_dest"
        raise OptionError(SINK, "%s is no bucket" % shown(sink), right)
    return parse_bucket(SINK, sink)


def _url(bucket: Bucket, id: str) -> str:
    return "%s%s/%s" % (SCHEME, bucket.name, bucket.object([id]))
