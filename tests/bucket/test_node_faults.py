# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's uploads where something is in the way: nothing is there twice, and nothing is taken for proved."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import transport
from tests.bucket.node import DATA, GOOGLE, both, contents


def test_cut_policy(node):
    """A form that is cut leaves nothing, and is sent again."""
    with node.bucket.faults.cut(400_000, times=1):
        assert node.failed("policy", "127.0.0.1: ") == set()
    assert node.bucket.objects() == []
    node.confirmed("policy")


def test_cut_metadata(node):
    """What arrived before the cut stays; the rest is sent at once."""
    node.bucket.faults.cut(600_000, contents, times=1)
    node.confirmed("metadata")
    sent = [one.content for one in node.bucket.front.seen if one.method == "PUT"]
    kept = len(DATA) - sent[-1]
    assert sent[0] >= 600_000 and sent[1] == 0 and kept % (1 << 18) == 0 and 0 < kept <= sent[0]


def test_cut_too_often(node):
    """Where no byte gets through any more it is told, and the next attempt begins again."""
    with node.bucket.faults.cut(1000, contents):
        assert node.failed("metadata", "the bucket has 0 of 1000000 bytes, and no more of them arrive") == set()
    assert node.bucket.objects() == []
    node.confirmed("metadata")


def test_answer_lost_policy(node):
    """KNT-7: the retry is refused since the name is taken: nothing is proved, and nothing is there twice."""
    with node.bucket.faults.answer_lost(contents, times=1):
        assert node.failed("policy", "127.0.0.1: ") == set()
    assert node.failed("policy", "has an object of that name") == {"unconfirmed"}
    node.holds()


def test_answer_lost_metadata(node):
    """Who has an upload's address asks there; who has lost that too asks for the object, where it may."""
    with node.bucket.faults.answer_lost(contents, times=1):
        node.confirmed("metadata")
    generation = node.bucket.objects()[0].generation
    assert node.failed("metadata", "has an object of that name") == {"unconfirmed"}
    node.allow("storage.objects.get")
    assert node.confirmed("metadata")["generation"] == generation


def test_every_answer_lost_metadata(node):
    """An upload that ended unheard is found by the next attempt, and not sent again."""
    node.allow("storage.objects.get")
    with node.bucket.faults.answer_lost(contents):
        assert node.failed("metadata", "127.0.0.1: ") == set()
    node.holds()
    before = len(node.bucket.front.seen)
    told = node.confirmed("metadata")
    (found,) = node.bucket.objects()
    assert (told["generation"], told["crc32c"]) == (found.generation, found.crc32c)
    assert not [one for one in node.bucket.front.seen[before:] if contents(one)]


@both
@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy(node, kind, status):
    """KNT-6: the service's wish when to come back is told."""
    with node.bucket.faults.status(status, retry_after=7):
        told = node.store(kind)
    assert "answered %d: " % status in told["error"] and told["retry_after"] == 7.0
    assert not any((told["unconfirmed"], told["refused"], told["file_fault"]))
    assert node.bucket.objects() == []
    node.confirmed(kind)


def test_busy_in_the_middle(node):
    """A resumable upload outlives it."""
    node.bucket.faults.status(503, times=2, only=contents)
    node.confirmed("metadata")


@both
def test_wrong_checksum(node, kind):
    """An answer with another MD5 proves nothing, whatever is in the bucket."""
    with node.bucket.faults.wrong_checksum():
        assert node.failed(kind, "another MD5") == {"file_fault"}
    node.holds()


@both
@pytest.mark.parametrize("fault", ["stalled", "deaf"])
def test_silence(node, monkeypatch, kind, fault):
    """A service that says nothing is left after a while."""
    monkeypatch.setattr(transport, "TIMEOUT_SECONDS", 0.5)
    with getattr(node.bucket.faults, fault)():
        assert node.failed(kind, "127.0.0.1 has not answered within") == set()
    assert node.bucket.objects() == []
    monkeypatch.setattr(transport, "TIMEOUT_SECONDS", 30.0)
    node.confirmed(kind)


@both
def test_down(node, kind):
    """One that is not there is told so; once it is back everything goes well."""
    node.bucket.front.down()
    assert node.failed(kind, "127.0.0.1: Connection refused") == set()
    node.bucket.front.up()
    node.confirmed(kind)


@both
@pytest.mark.parametrize(
    "name, expired, words",
    [
        (
            "127.0.0.1",
            True,
            "the certificate of 127.0.0.1 is refused: certificate has expired; this node's clock says 2",
        ),
        (GOOGLE, False, "the certificate of 127.0.0.1 is refused: IP address mismatch"),
    ],
)
def test_certificates(tls_node, kind, name, expired, words):
    """Nothing is sent to whom the node does not trust; where a clock may be the reason, it is told."""
    bucket = tls_node.bucket
    bucket.front.use_certificate(bucket.authority.server(name, expired=expired))
    assert tls_node.failed(kind, words) == set()
    assert bucket.front.seen == []


@both
def test_no_such_name(node, kind):
    """DNS does not know the bucket's host."""
    node.url = "http://bucket.invalid"
    assert node.failed(kind, "bucket.invalid cannot be found: ") == set()
