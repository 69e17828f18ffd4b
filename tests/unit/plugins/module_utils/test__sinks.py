# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names in a sink: each object below its capture and node, of the type that it is."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _sinks as sinks
from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import TargetRef

WEB = TargetRef("pod", "shop", "web", "u", "node-a")


@pytest.mark.parametrize(
    "sink, name, prefix, node_prefix",
    [
        ("gs://captures", "captures", "", "c-1/node-a/"),
        ("gs://captures/", "captures", "", "c-1/node-a/"),
        ("gs://captures/a/b", "captures", "a/b", "a/b/c-1/node-a/"),
        ("gs://my.captures_1-x/cluster=a//", "my.captures_1-x", "cluster=a", "cluster=a/c-1/node-a/"),
    ],
)
def test_a_bucket(sink, name, prefix, node_prefix):
    """The prefix takes the place of a directory's path; what a node writes begins with its own folder."""
    bucket = sinks.parse_bucket("sink", sink)
    assert (bucket.name, bucket.prefix, bucket.node_prefix("c-1", "node-a")) == (name, prefix, node_prefix)
    assert sinks.is_bucket(sink)


@pytest.mark.parametrize(
    "sink", ["gs://", "gs:///x", "gs://ab", "gs://Captures", "gs://a..b/../c", "gs://captures/a b"]
)
def test_no_bucket(sink):
    """What names no bucket is refused by the option's name, with what would be right."""
    with pytest.raises(OptionError, match="^capture_sink: .*; write "):
        sinks.parse_bucket("capture_sink", sink)


@pytest.mark.parametrize("sink", [None, "", "/mnt/x", "/gs://x"])
def test_a_directory_is_no_bucket(sink):
    """Only the scheme makes a bucket."""
    assert not sinks.is_bucket(sink)


def test_a_hostile_node_stays_in_its_folder():
    """SN-9: a name is cleaned before it becomes a part of an object's name."""
    prefix = sinks.parse_bucket("sink", "gs://captures/x").node_prefix("c-1", "../../node-a")
    assert prefix.startswith("x/c-1/") and prefix.count("/") == 3 and ".." not in prefix
    parts = sinks.segment_parts("c-1", "node-a", TargetRef("pod", "../x", "a/b", "u", "node-a"), "s.pcap")
    assert len(parts) == 5 and not any("/" in part or part.startswith(".") for part in parts)


def test_places():
    """Segments lie by namespace and pod below their node, beside the node's manifest."""
    assert sinks.segment_parts("c-1", "node-a", WEB, "s.pcap") == ["c-1", "node-a", "shop", "web", "s.pcap"]
    assert sinks.manifest_parts("c-1", "node-a") == ["c-1", "node-a", "manifest.jsonl"]


@pytest.mark.parametrize(
    "name, kind",
    [
        ("x.pcap", "application/vnd.tcpdump.pcap"),
        ("x.pcap.gz", "application/gzip"),
        ("manifest.jsonl", "application/jsonl"),
        ("start-1.json", "application/json"),
    ],
)
def test_types(name, kind):
    """A compressed segment is a gzip file, so that who downloads it gets the bytes that the manifest digests."""
    assert sinks.content_type(name) == kind
