# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is signed for whom: one capture of one node, for its time, and never on a node's word for another."""

from __future__ import annotations

import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import CaptureError, OptionError
from ansible_collections.kube.pcap.plugins.module_utils._records import (
    CaptureOptions,
    NodeCapture,
    Upload,
    to_result,
)
from ansible_collections.kube.pcap.plugins.plugin_utils import _signing as signing

OPTIONS = CaptureOptions(sink="gs://captures/p", duration_seconds=60, grace_seconds=30, keep_bytes=5_000_000)
RECORD = to_result(NodeCapture("c-1", "node-a", (), OPTIONS, ()))
ASKED = {"id": "c-1", "node": "node-a", "sink": "gs://captures/p", "renew": True, "seconds": 90, "most": 5_000_000}
FILE = {"file": "s1", "object": "p/c-1/node-a/shop/web/s1", "bytes": 7, "md5": "ab" * 16}


@pytest.mark.parametrize(
    "given",
    [
        {"record": RECORD},
        {
            "id": "c-1",
            "kube_node_name": "node-a",
            "sink": "gs://captures/p/",
            "duration": "60s",
            "grace": 30,
            "keep": "5M",
            "snaplen": "96",
        },
    ],
)
def test_a_start(given):
    """With the plan's record and without one: below capture and node, until the grace has ended, up to the bound."""
    wanted = signing.wanted_by_start(given)
    assert (wanted.id, wanted.bucket.name, wanted.prefix) == ("c-1", "captures", "p/c-1/node-a/")
    assert (wanted.seconds, wanted.most, wanted.signed) == (690, 5_000_000, True)


@pytest.mark.parametrize(
    "given",
    [
        {"record": to_result(NodeCapture("c-1", "node-a", (), CaptureOptions(sink="/mnt"), ()))},
        {"record": to_result(NodeCapture("c-1", "node-a", (), CaptureOptions(), ()))},
        {"record": {"id": 5}},
        {"record": "x"},
        {"targets": "pod shop/web"},
        {"targets": "pod shop/web", "sink": "/mnt/x", "snaplen": "wide"},
        {"targets": "pod shop/web", "sink": None},
    ],
)
def test_nothing_is_wanted(given):
    """A directory takes no policy; what is no record is refused by the module, in its own words."""
    assert signing.wanted_by_start(given) is None


@pytest.mark.parametrize("given", [{}, {"id": "c-1"}, {"kube_node_name": "a"}, {"id": "../x", "kube_node_name": "a"}])
def test_a_start_without_names(given):
    """A policy is for one capture of one node, which must be named before any node is asked."""
    with pytest.raises(OptionError):
        signing.wanted_by_start({"sink": "gs://captures", **given})


def test_a_record_of_another_capture():
    """Whoever wrote the record, its id is no path."""
    with pytest.raises(OptionError, match="record.id: "):
        signing.wanted_by_start({"record": {**RECORD, "id": "c-1/node-b"}})


def test_a_node_as_its_own_account():
    """Nothing is signed for it."""
    record = {**RECORD, "options": {**RECORD["options"], "upload": "metadata"}}
    assert not signing.wanted_by_start({"record": record}).signed


def test_a_node_asks():
    """A renewal is what a start would be; a capture that wants none gets none."""
    (need,) = signing.read_needs([{**ASKED, "unconfirmed": []}], "node-a")
    assert signing.wanted_by_node(need) == signing.wanted_by_start({"record": RECORD})
    (need,) = signing.read_needs([{**ASKED, "renew": False, "unconfirmed": []}], None)
    assert signing.wanted_by_node(need) is None and signing.unconfirmed(need) == []


@pytest.mark.parametrize(
    "told",
    [
        5,
        "x",
        [5],
        [{}],
        [{**ASKED, "unconfirmed": 5}],
        [{**ASKED, "unconfirmed": [5]}],
        [{**ASKED, "unconfirmed": [{**FILE, "bytes": "7"}]}],
        [{**ASKED, "unconfirmed": [], "seconds": "90"}],
        [{**ASKED, "unconfirmed": [], "seconds": -(10**12)}],
        [{**ASKED, "unconfirmed": [], "renew": "yes"}],
        [{**ASKED, "unconfirmed": [], "id": "c-1/node-b/shop"}],
        [{**ASKED, "unconfirmed": [], "id": "../c-1"}],
        [{**ASKED, "unconfirmed": [], "node": "node-b"}],
    ],
)
def test_a_nodes_word(told):
    """SN-9: what has other types, and what would lead out of the node's own folder, gets nothing signed."""
    with pytest.raises(CaptureError, match="what the node says of its uploads cannot be used: "):
        signing.read_needs(told, "node-a")


@pytest.mark.parametrize("sink", ["gs://captures/../other", "gs://UPPER", "/mnt"])
def test_a_nodes_sink(sink):
    """One that no option could have named is refused."""
    (need,) = signing.read_needs([{**ASKED, "sink": sink, "unconfirmed": [FILE]}], None)
    for ask in (signing.wanted_by_node, signing.unconfirmed):
        with pytest.raises(OptionError, match="^sink: "):
            ask(need)


def test_a_nodes_files():
    """What it may have stored is looked for below its own folder alone."""
    other = {**FILE, "object": "p/c-1/node-b/shop/web/s1"}
    (need,) = signing.read_needs([{**ASKED, "unconfirmed": [FILE, other]}], "node-a")
    assert signing.unconfirmed(need) == [signing.Refused("s1", FILE["object"], 7, "ab" * 16)]


def test_as_policies():
    """One text, which the module reads back."""
    way = Upload("https://x/", "p/", {"policy": "s"}, 1, 2)
    assert json.loads(signing.as_policies({"c-1": way})) == {"c-1": to_result(way)}
