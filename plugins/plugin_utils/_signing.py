# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node needs of the controller for a bucket, asked for and answered. PRIVATE to the collection.

wanted_by_start(given)      the upload policy that a start needs, by the module's options
read_needs(told)            what a node says its captures need: its word alone, and never of another node's folder
wanted_by_node(need)        the policy that such a capture needs
unconfirmed(need)           its files that may be in the bucket
as_policies(ways)           the answer, as the module takes it
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ..module_utils._errors import CaptureError, OptionError, PcapError
from ..module_utils._names import check_id
from ..module_utils._options import NAMES, capture_options
from ..module_utils._records import NodeCapture, RecordError, Upload, from_result, to_result
from ..module_utils._sinks import Bucket, is_bucket, parse_bucket

_SPARE_SECONDS = 600
"""A policy is signed before its capture starts, and by another clock than the one that ends it."""


@dataclasses.dataclass(frozen=True)
class WantedUpload:
    """One capture on one node that ships to a bucket."""

    id: str
    bucket: Bucket
    prefix: str
    """What the names of its objects begin with."""
    seconds: int
    """How long it is to last."""
    most: int
    """Bytes of the largest object: the node's bound."""
    signed: bool
    """Whether the controller signs a policy; else the node's metadata server lets it."""


@dataclasses.dataclass(frozen=True)
class Refused:
    """A file that was refused since the bucket has its name, perhaps by its own upload; as its node tells of it."""

    file: str
    object: str
    bytes: int
    md5: str


@dataclasses.dataclass(frozen=True)
class Need:
    """What module ``capture`` returns as one of ``uploads`` (module_utils/_node/reading.py)."""

    id: str
    node: str
    sink: str
    renew: bool
    seconds: int
    most: int
    unconfirmed: tuple[Refused, ...]


def wanted_by_start(given: Mapping[str, Any]) -> WantedUpload | None:
    """Return what the start of a capture needs, None where its sink is no bucket; raise OptionError.

    given: the options of module ``capture``. Without a record, the node's name is not known before the module asks.
    """
    if given.get("record"):
        try:
            capture = from_result(NodeCapture, given["record"])
        except RecordError:  # the module refuses it, and says why
            return None
        id, node, options = check_id("record.id", capture.id), capture.node, capture.options
    else:
        if not is_bucket(str(given.get("sink") or "")):
            return None
        options = capture_options({name: given.get(name) for name in NAMES})
        id, node = given.get("id") or "", given.get("kube_node_name") or ""
        if not id or not node:
            wrong = "a bucket takes an upload policy for one capture of one node, and these are not named"
            raise OptionError("sink", wrong, "set id and kube_node_name, or use the playbook kube.pcap.capture")
        check_id("id", id)
    if options.sink is None or not is_bucket(options.sink):
        return None
    seconds = options.duration_seconds + options.grace_seconds
    return _wanted(id, node, options.sink, seconds, options.keep_bytes, options.upload == "policy")


def read_needs(told: Any, node: str | None) -> list[Need]:
    """Return what module ``capture`` returned as ``uploads``; raise CaptureError where it cannot be used.

    node: the only one of which it may speak; None where the inventory does not say.
    """
    try:
        needs = [from_result(Need, one, "uploads[%d]" % number) for number, one in enumerate(told)]
        for need in needs:
            check_id("id", need.id)
            if node and need.node != node:
                raise CaptureError("it is %s, and speaks of %s" % (node, need.node))
            if min(need.seconds, need.most) < 0:
                raise CaptureError("seconds or most is negative")
        return needs
    except (TypeError, PcapError) as error:
        raise CaptureError("what the node says of its uploads cannot be used: %s" % error) from None


def wanted_by_node(need: Need) -> WantedUpload | None:
    """Return the policy that a capture of a node needs, None where it has a good one; raise OptionError."""
    return _wanted(need.id, need.node, need.sink, need.seconds, need.most, True) if need.renew else None


def unconfirmed(need: Need) -> list[Refused]:
    """Return the files that may be in the bucket and may not; what is not below the node's own folder is none."""
    prefix = parse_bucket("sink", need.sink).node_prefix(need.id, need.node)
    return [one for one in need.unconfirmed if one.object.startswith(prefix)]


def as_policies(ways: Mapping[str, Upload]) -> str:
    """Return ways by capture as one text: all of it is a secret, and no part of it alone."""
    return json.dumps(to_result(ways))


def _wanted(id: str, node: str, sink: str, seconds: int, most: int, signed: bool) -> WantedUpload:
    bucket = parse_bucket("sink", sink)
    return WantedUpload(id, bucket, bucket.node_prefix(id, node), seconds + _SPARE_SECONDS, most, signed)
