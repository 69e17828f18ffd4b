# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in a sink: a directory of the node, or a bucket of Google Cloud Storage. PRIVATE to the collection.

<sink>/<id>/<node>/<ns>/<pod>/<segment>      in a bucket the sink's prefix takes the place of its folder
<sink>/<id>/<node>/manifest.jsonl            the last that a node writes
"""

from __future__ import annotations

import dataclasses
import re
from typing import Sequence

from ._errors import OptionError
from ._names import clean_part, target_folder
from ._records import TargetRef

SCHEME = "gs://"
MANIFEST = "manifest.jsonl"
"""The name of a capture's manifest, in its spool and in its sink."""
_BUCKET = re.compile(r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]\Z", re.ASCII)
_PREFIX = re.compile(r"^[A-Za-z0-9._@+=-]+(?:/[A-Za-z0-9._@+=-]+)*\Z", re.ASCII)
_LONGEST_PREFIX = 400
_TYPES = {
    ".pcap": "application/vnd.tcpdump.pcap",
    ".gz": "application/gzip",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown; charset=utf-8",
}


@dataclasses.dataclass(frozen=True)
class Bucket:
    """``gs://name/prefix``."""

    name: str
    prefix: str
    """Without slashes at its ends; may be empty."""

    def object(self, parts: Sequence[str]) -> str:
        """Return the name of an object below the prefix, by its parts."""
        return "/".join([*([self.prefix] if self.prefix else []), *parts])

    def node_prefix(self, capture_id: str, node: str) -> str:
        """Return what the names of all objects begin with that one node writes for one capture."""
        return self.object([capture_id, clean_part(node), ""])


def manifest_parts(capture_id: str, node: str) -> list[str]:
    """Return the path of a node's manifest below the sink, by its parts."""
    return [capture_id, clean_part(node), MANIFEST]


def segment_parts(capture_id: str, node: str, target: TargetRef, file: str) -> list[str]:
    """Return the path of a segment below the sink, by its parts."""
    return [capture_id, clean_part(node), *target_folder(target), file]


def is_bucket(sink: str | None) -> bool:
    """Return whether a sink is a bucket, and no directory."""
    return sink is not None and sink.startswith(SCHEME)


def parse_bucket(option: str, sink: str) -> Bucket:
    """Return the bucket that ``gs://name/prefix`` names; raise OptionError."""
    name, _slash, prefix = sink[len(SCHEME) :].partition("/")
    prefix = prefix.strip("/")
    if not _BUCKET.match(name):
        raise OptionError(
            option, "%r is no bucket's name" % name[:80], "write gs://BUCKET/PREFIX, such as gs://my-captures/cluster-a"
        )
    parts = prefix.split("/") if prefix else []
    if len(prefix) > _LONGEST_PREFIX or (prefix and not _PREFIX.match(prefix)) or {".", ".."} & set(parts):
        raise OptionError(
            option,
            "%r is not taken as a prefix" % prefix[:80],
            "write at most %d letters, digits and . _ @ + = - with slashes between them" % _LONGEST_PREFIX,
        )
    return Bucket(name, prefix)


def content_type(name: str) -> str:
    """Return the media type of an object; a compressed segment is a gzip file, never an encoded pcap."""
    return next((kind for suffix, kind in _TYPES.items() if name.endswith(suffix)), "application/json")
