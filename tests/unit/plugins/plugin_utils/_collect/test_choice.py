# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where segments are to go, and which."""

from __future__ import annotations

import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError, OptionError
from ansible_collections.kube.pcap.plugins.module_utils._sinks import Bucket
from ansible_collections.kube.pcap.plugins.plugin_utils._collect.choice import (
    Place,
    choose_place,
    manifest_due,
    read_captures,
    read_options,
    waiting,
)

HERE = Place("controller:/srv/x", folder="/srv/x")
GS = Place("gs://box/p", bucket=Bucket("box", "p"))
REF = {"kind": "pod", "namespace": "shop", "name": "web", "uid": "u", "node": "node-a"}


def wanted(dest=None, sink=None, id="all", spool="/var/lib/kube-pcap", node=None):
    return read_options({"dest": dest, "sink": sink, "id": id, "spool": spool}, "/home/ann", node)


def segment(file, where="spool", sink=None):
    """One segment as capture_info lists it."""
    told = {"file": file, "bytes": 24, "sha256": "00", "where": where, "sink": sink, "event": "segment"}
    return {**told, "target": REF}


def info(*segments, settled=True, sink="gs://box/p", **more):
    """A node's answer of one capture."""
    one = {"id": "c-1", "node": "node-a", "phase": "done", "reason": None, "sink": sink, "settled": settled}
    return {"captures": [{**one, "segment_list": list(segments), **more}], "changed": False}


def capture(*segments, **more):
    (one,) = read_captures(info(*segments, **more), None)
    return one


@pytest.mark.parametrize(
    "dest, sink, own, place",
    [
        ("/srv/x", None, None, HERE),
        ("/srv/x/", None, "gs://box/p", HERE),
        ("../../srv/x", None, "/mnt/nfs", HERE),
        ("x", None, None, Place("controller:/home/ann/x", folder="/home/ann/x")),
        (None, "gs://box/p/", None, GS),
        (None, "gs://box/p", "gs://other", GS),
        (None, None, "gs://box/p", GS),
        ("", "", "gs://box", Place("gs://box", bucket=Bucket("box", ""))),
        (None, None, "/mnt/nfs", Place("controller:/home/ann/captures", folder="/home/ann/captures")),
        (None, None, None, Place("controller:/home/ann/captures", folder="/home/ann/captures")),
    ],
)
def test_where_to(dest, sink, own, place):
    """The folder that was asked for, else the bucket, else the capture's own bucket, else ./captures."""
    assert choose_place(wanted(dest, sink), own) == place


def test_home(monkeypatch):
    """A tilde is the home of who runs Ansible, and no folder of that name."""
    monkeypatch.setenv("HOME", "/home/bob")
    assert choose_place(wanted("~/pcap"), None).folder == os.path.join("/home/bob", "pcap")


@pytest.mark.parametrize(
    "options, words",
    [
        ({"dest": "x", "sink": "gs://box"}, "dest: sink is set, too; set one of them"),
        ({"sink": "/mnt"}, "sink: '/mnt' is no bucket; write gs://BUCKET/PREFIX"),
        ({"sink": "gs://box/../x"}, "sink: "),
        ({"id": "../up"}, "id: '../up' is not an id"),
        ({"spool": "relative"}, "spool: "),
    ],
)
def test_refused(options, words):
    """What cannot be is refused by the option's name."""
    with pytest.raises(OptionError) as error:
        wanted(**options)
    assert str(error.value).startswith(words)


def test_what_waits():
    """Segments of the spool alone, in the manifest's order."""
    one = capture(segment("b"), segment("a", "evicted"), segment("c", "sink", "gs://box/p"), segment("d"))
    assert [found.file for found in waiting(one)] == ["b", "d"]


@pytest.mark.parametrize(
    "answer, words",
    [
        (info(segment("../../etc/shadow")), "is no segment's name"),
        (info(segment(".part")), "is no segment's name"),
        (info(segment("a/b")), "is no segment's name"),
        (info(id="../c-1"), "'../c-1' is not an id"),
        (info(node="node-b"), "capture c-1 is of node node-b, and kube_node_name is node-a"),
        (info(phase=5), "the node's answer cannot be used: captures[0].phase is no text"),
        ({"captures": None}, "the node's answer cannot be used: captures is no list"),
    ],
)
def test_what_a_node_may_not_say(answer, words):
    """No name leads out of its folder, and no node speaks of another's captures."""
    with pytest.raises((NodeError, OptionError)) as error:
        read_captures(answer, "node-a")
    assert words in str(error.value)


@pytest.mark.parametrize(
    "one, place, due",
    [
        (capture(segment("a", "sink", HERE.sink), settled=False), HERE, True),
        (capture(segment("a", "sink", "/mnt")), HERE, False),
        (capture(settled=False), HERE, True),
        (capture(segment("a", "evicted")), HERE, False),
        (capture(segment("a", "sink", GS.sink)), GS, True),
        (capture(segment("a", "sink", GS.sink), sink=None), GS, True),
        (capture(segment("a", "sink", GS.sink), settled=False), GS, False),
        (capture(segment("a", "sink", GS.sink), segment("b")), GS, False),
        (capture(segment("a", "sink", HERE.sink)), GS, True),
        (capture(segment("a", "sink", HERE.sink), sink=None), GS, False),
        (capture(segment("a", "evicted")), GS, True),
        (capture(sink="/mnt"), GS, True),
    ],
)
def test_whether_the_manifest_is_due(one, place, due):
    """It goes where its segments went; to a bucket only when there will be no more of it, and to its own always."""
    assert manifest_due(one, place) is due
