# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be brought where: pure. PRIVATE to the collection.

check_place(dest, sink)         refuses what cannot be
read_options(options, cwd)      what is wanted of one host
choose_place(wanted, own)       where the files of one capture go
read_captures(result)           what a node tells of its captures
waiting(capture)                the segments that are to be brought
manifest_due(capture, place)    whether the manifest is to be brought now
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import NodeError, OptionError
from ...module_utils._names import check_id
from ...module_utils._options import capture_options
from ...module_utils._records import RecordError, TargetRef, from_result
from ...module_utils._sinks import SCHEME, Bucket, is_bucket, parse_bucket

CONTROLLER = "controller:"
"""What stands in a manifest before a folder of the controller, in the place of a sink."""
DEFAULT_FOLDER = "captures"
_FILE = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]*\Z", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where files go: a folder of the controller, or a bucket."""

    sink: str
    """What the manifest calls it."""
    folder: str | None = None
    bucket: Bucket | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.folder or self.sink


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is wanted of one host."""

    id: str
    """A capture, or all."""
    spool: str
    dest: str | None
    """The folder that was asked for."""
    sink: str | None
    """The bucket that was asked for."""
    cwd: str
    """Where relative paths begin."""
    node: str | None
    """The name that the host was given: it speaks of no other's captures."""


@dataclasses.dataclass(frozen=True)
class Segment:
    """A closed segment, as its node's manifest has it."""

    target: TargetRef
    file: str
    bytes: int
    sha256: str
    where: str
    """spool, sink or evicted."""
    sink: str | None = None
    """Which place has it."""


@dataclasses.dataclass(frozen=True)
class HeldCapture:
    """A capture as its node tells of it."""

    id: str
    node: str | None
    phase: str
    reason: str | None
    sink: str | None
    settled: bool
    """Whether no segment will come any more."""
    segment_list: tuple[Segment, ...]


@dataclasses.dataclass(frozen=True)
class _Told:
    captures: tuple[HeldCapture, ...]


def check_place(dest: str | None, sink: str | None, prefix: str = "") -> None:
    """Raise OptionError where both are set, or the sink is no bucket."""
    if dest and sink:
        raise OptionError(prefix + "dest", "%ssink is set, too" % prefix, "set one of them")
    if sink and not is_bucket(sink):
        right = "write gs://BUCKET/PREFIX, or set %sdest to a folder of the controller" % prefix
        raise OptionError(prefix + "sink", "%r is no bucket" % sink[:80], right)
    if sink:
        parse_bucket(prefix + "sink", sink)


def read_options(options: Mapping[str, Any], cwd: str, node: str | None) -> Wanted:
    """Return what the options of the module ask for; raise OptionError."""
    dest, sink, id = options["dest"] or None, options["sink"] or None, options["id"] or "all"
    check_place(dest, sink)
    spool = capture_options({"spool": options["spool"]}).spool
    return Wanted(id if id == "all" else check_id("id", id), spool, dest, sink, cwd, node or None)


def choose_place(wanted: Wanted, own: str | None) -> Place:
    """Return where the files of a capture go whose own sink is this: what was asked for, its bucket, a folder."""
    chosen = None if wanted.dest else wanted.sink or (own if is_bucket(own) else None)
    if chosen:
        bucket = parse_bucket("sink", chosen)
        return Place(SCHEME + "/".join([bucket.name, *([bucket.prefix] if bucket.prefix else [])]), bucket=bucket)
    folder = os.path.normpath(os.path.join(wanted.cwd, os.path.expanduser(wanted.dest or DEFAULT_FOLDER)))
    return Place(CONTROLLER + folder, folder=folder)


def read_captures(result: Mapping[str, Any], node: str | None) -> tuple[HeldCapture, ...]:
    """Return the captures that ``capture`` told of this node; raise NodeError for what cannot be used."""
    try:
        told = from_result(_Told, result).captures
    except RecordError as error:
        raise NodeError("the node's answer cannot be used: %s" % error) from None
    for one in told:
        check_id("captures.id", one.id)
        if node and one.node not in (None, node):
            raise NodeError("capture %s is of node %s, and kube_node_name is %s" % (one.id, one.node, node))
        wrong = next((segment.file for segment in one.segment_list if not _FILE.match(segment.file)), None)
        if wrong is not None:
            raise NodeError("the node's answer cannot be used: %r is no segment's name" % wrong[:80])
    return told


def waiting(capture: HeldCapture) -> tuple[Segment, ...]:
    """Return the segments that lie on the node, oldest first."""
    return tuple(one for one in capture.segment_list if one.where == "spool")


def manifest_due(capture: HeldCapture, place: Place) -> bool:
    """Return whether the manifest is to be brought, by what is where now.

    It goes where its segments went, and where there is none. In a folder it is replaced when it has grown; in a bucket
    nothing is replaced, so it goes there once nothing will come any more, and all else is there.
    """
    here = any(one.sink == place.sink for one in capture.segment_list)
    if place.bucket is None:
        return here or not capture.segment_list
    own = here or capture.sink == place.sink or not capture.segment_list
    return own and capture.settled and not waiting(capture)
