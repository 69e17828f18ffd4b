# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records cross between controller, node and files as plain JSON, and come back the same."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils import _records as records

CONTAINER = records.Container("web", "a" * 64, 4711)
TARGET = records.Target(
    "pod",
    "shop",
    "web-0",
    "uid-1",
    "node-a",
    "web",
    (CONTAINER, records.Container("proxy")),
    4711,
    4026532000,
    False,
    ("10.0.0.7", "fd00::7"),
    {"lo": 1, "eth0": 2},
    {"app": "web"},
    "b" * 32,
)
SELECTION = records.Selection("pods", "shop", None, "web", ("app=web", "tier!=db"))
OPTIONS = records.CaptureOptions(filter="port 53", interface="eth0", packet_count=7, sink="/mnt/x", compress=False)
SAMPLES = [
    CONTAINER,
    records.Container("init"),
    records.TargetRef("pod", "shop", "web-0", "uid-1", "node-a"),
    records.TargetRef("node", None, "node-a", None, "node-a"),
    TARGET,
    records.Target("node"),
    records.Candidate(TARGET, "Running", (("replicaset", "web-1"), ("deployment", "web")), ("web", "all")),
    records.Candidate(records.Target("node"), None, None, None),
    SELECTION,
    OPTIONS,
    records.CaptureOptions(),
    records.Upload("https://x/bucket/", "c-1/node-a/", {"policy": "p"}, 5, 7),
    records.Upload("https://x", "c-1/node-a/"),
    records.NodeCapture("c-1", "node-a", (SELECTION,), OPTIONS, (TARGET, records.Target("node", name="node-a"))),
    records.CommandOptions(("ip", "addr"), ("net", "pid"), 60, "in", "base64", "/tmp/", 7, False),
    records.CommandOptions(("ip",)),
    records.NodeCommand("node-a", records.CommandOptions(("ip",)), (TARGET,)),
]
KINDS = [
    one
    for one in vars(records).values()
    if isinstance(one, type) and dataclasses.is_dataclass(one) and one.__module__ == records.__name__
]


def test_every_record_is_tried():
    """No record is without a sample here."""
    assert set(KINDS) == {type(one) for one in SAMPLES}


@pytest.mark.parametrize("record", SAMPLES, ids=lambda record: type(record).__name__)
def test_round_trip(record):
    """Through JSON and back, a record is the same one."""
    plain = json.loads(json.dumps(records.to_result(record)))
    assert records.from_result(type(record), plain) == record


@pytest.mark.parametrize("record", SAMPLES, ids=lambda record: type(record).__name__)
def test_unknown_keys_are_ignored(record):
    """A newer side may say more than an older one knows."""
    plain = dict(records.to_result(record), added_in_some_later_version={"x": [1]})
    assert records.from_result(type(record), plain) == record


def test_unknown_keys_are_ignored_inside():
    """So are unknown keys of a record within a record."""
    plain = records.to_result(SAMPLES[13])
    for inner in (plain["options"], plain["targets"][0], plain["targets"][0]["containers"][0], plain["selections"][0]):
        inner["later"] = True
    assert records.from_result(records.NodeCapture, plain) == SAMPLES[13]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_missing_keys_take_their_defaults(kind):
    """An older side says less: what has a default may be missing."""
    sample = next(one for one in SAMPLES if one.__class__ is kind)
    plain = records.to_result(sample)
    for field in dataclasses.fields(kind):
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING:
            del plain[field.name]
    needed = {name: getattr(sample, name) for name in plain}
    assert records.from_result(kind, plain) == kind(**needed)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"kind": None}, "kind is no text"),
        ({"kind": 5}, "kind is no text"),
        ({"pid": "4711"}, "pid is no whole number"),
        ({"pid": True}, "pid is no whole number"),
        ({"pid": 1.0}, "pid is no whole number"),
        ({"host_network": "false"}, "host_network is neither true nor false"),
        ({"containers": None}, "containers is no list"),
        ({"containers": [{"name": "web"}, {"id": "a"}]}, "containers[1].name is missing"),
        ({"containers": ["web"]}, "containers[0] is no mapping"),
        ({"addresses": "10.0.0.7"}, "addresses is no list"),
        ({"addresses": [7]}, "addresses[0] is no text"),
        ({"interfaces": {"eth0": "2"}}, "a value of interfaces is no whole number"),
        ({"labels": ["app"]}, "labels is no mapping"),
        ({"labels": {7: "web"}}, "a key of labels is no text"),
    ],
)
def test_a_value_of_another_type(change, words):
    """What the other side sends is believed to be nothing that it is not; the error says which value."""
    plain = {"target": {**records.to_result(TARGET), **change}}
    with pytest.raises(records.RecordError) as error:
        records.from_result(records.Candidate, plain)
    assert str(error.value).replace("target.", "", 1) == words


@pytest.mark.parametrize(
    "value, words",
    [
        (None, "it is no mapping"),
        ([], "it is no mapping"),
        ({}, "target is missing"),
        ({"target": {"kind": "pod"}, "workloads": [["a", "b", "c"]]}, "workloads[0] has not 2 items"),
        ({"target": {"kind": "pod"}, "workloads": [["a", 5]]}, "workloads[0][1] is no text"),
    ],
)
def test_no_record(value, words):
    """Neither is a whole that is none."""
    with pytest.raises(records.RecordError) as error:
        records.from_result(records.Candidate, value)
    assert str(error.value) == words


def test_records_are_frozen():
    """A record that crossed is not changed behind anybody's back."""
    for record in SAMPLES:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, dataclasses.fields(record)[0].name, "other")


def test_containers_of_records():
    """Lists, tuples and mappings of records are plain too; keys become text."""
    plain = records.to_result({7: [CONTAINER], "x": (1, None, True)})
    assert plain == {"7": [{"name": "web", "id": "a" * 64, "pid": 4711}], "x": [1, None, True]}


def test_what_names_a_target():
    """Of a target, only what never changes names it; it can be a key, and messages can call it."""
    moved = dataclasses.replace(TARGET, pid=1, netns=2, labels={}, interfaces={})
    assert {TARGET.ref: 1}[moved.ref] == 1
    assert TARGET.title == "pod shop/web-0"
    assert records.Target("node", name="node-b", node="node-b").title == "node node-b"
    assert (TARGET.node_uid, dataclasses.replace(TARGET, static_hash=None).node_uid) == ("b" * 32, "uid-1")
