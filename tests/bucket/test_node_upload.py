# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's uploads, by policy and by its metadata server's token: what is stored, proved, refused and told."""

from __future__ import annotations

import hashlib
import json
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import bucket as node_bucket
from ansible_collections.kube.pcap.plugins.module_utils._node import sinks
from ansible_collections.kube.pcap.plugins.module_utils._records import to_result
from tests.bucket.node import DATA, GOOGLE, NAME, SINK, both
from tests.bucket.proxy import Proxy


@both
@pytest.mark.parametrize("data", [b"", b"x", DATA * 3], ids=len)
@pytest.mark.parametrize("tls", [False, True])
def test_stored(request, kind, data, tls):
    """KNT-5: the object is the file, byte by byte, and the answer has proved it; what else it tells is true."""
    node = request.getfixturevalue("tls_node" if tls else "node")
    told = node.confirmed(kind, data)
    (found,) = node.bucket.objects()
    assert (found.md5, found.content_type) == (hashlib.md5(data).hexdigest(), "application/gzip")
    expected = (found.generation, found.crc32c) if kind == "metadata" else (None, None)
    assert (told["generation"], told["crc32c"]) == expected
    assert abs(told["server_time"] - time.time()) < 60


@both
def test_paced(node, kind):
    """A rate is kept."""
    begin = time.monotonic()
    node.confirmed(kind, rate=2 * len(DATA))
    assert time.monotonic() - begin >= 0.4


@both
def test_through_a_proxy(tls_node, monkeypatch, kind):
    """HTTPS_PROXY is asked for the bucket, and nobody for a token but the metadata server itself."""
    bucket = tls_node.bucket
    bucket.front.use_certificate(bucket.authority.server(GOOGLE))
    with Proxy().running() as proxy:
        proxy.routes[GOOGLE + ":443"] = (bucket.front.host, bucket.front.port)
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        tls_node.url = "https://" + GOOGLE
        tls_node.confirmed(kind)
        assert set(proxy.used) == {("CONNECT", GOOGLE + ":443")}


@both
def test_environment_of_the_start(tls_node, monkeypatch, kind):
    """A supervisor has another environment than who started it: what that one said is kept beside the policy."""
    said = sinks.environment()
    assert set(said) == {"SSL_CERT_FILE", "GCE_METADATA_HOST"}
    for name in said:
        monkeypatch.setenv(name, "/nowhere")
    tls_node.confirmed(kind, environment=said)


@both
def test_bytes_that_changed(node, kind):
    """Content that is not what its digest says is not stored."""
    source = node.folder / "segment"
    source.write_bytes(DATA)
    (node.folder / "upload.json").write_text(json.dumps(to_result(node.way(kind))))
    told = node_bucket.store(str(source), SINK, NAME.split("/")[1:], "0" * 32, str(node.folder / "upload.json"), None)
    assert told["file_fault"] and not told["refused"] and "answered 400" in told["error"]
    assert node.bucket.objects() == []


@both
def test_no_md5(node, kind):
    """Under a customer's key no answer has an MD5: the object is there, and unconfirmed."""
    node.bucket.front.service.tells_md5 = False
    assert node.failed(kind, "no MD5") == {"unconfirmed"}
    node.holds()


@both
@pytest.mark.parametrize("may_read", [False, True])
def test_another_content(node, kind, may_read):
    """An object of that name is never replaced, and never taken for the file."""
    node.confirmed(kind, b"other")
    node.allow(*["storage.objects.get"] * may_read)
    words = "another object" if may_read and kind == "metadata" else "an object"
    assert node.failed(kind, "the bucket has %s of that name: %s" % (words, NAME)) == {"unconfirmed"}
    node.holds(b"other")


def test_policy_expired(node):
    """By this node's clock it is not used; by the service's it is refused."""
    past = time.time_ns() - 10**9
    assert node.failed("policy", "the upload policy expired at ", expires_ns=past) == set()
    assert node.bucket.front.seen == []
    node.bucket.front.clock_offset = 3600
    assert node.failed("policy", "answered 400: ExpiredToken") == {"refused"}


@both
def test_another_prefix(node, kind):
    """Names outside of what the node was given are not tried; nor would the service take them."""
    assert node.failed(kind, "is not below p/c-1/node-b/", prefix="p/c-1/node-b/") == {"refused"}
    assert node.bucket.front.seen == []


def test_policy_for_another_prefix(node):
    """What is signed counts, not what stands beside it."""
    fields = node.way("policy", "p/c-1/node-b/").fields
    assert node.failed("policy", "answered 400: InvalidPolicyDocument", fields=fields) == {"refused"}
    assert node.bucket.objects() == []


@both
def test_no_right(node, kind):
    """The service's own words name the right that is missing."""
    for account in (node.bucket.account, node.bucket.machine):
        node.bucket.allow(account)
    assert node.failed(kind, "does not have storage.objects.create access") == {"refused"}


def test_token_that_is_not_taken(node):
    """A token that ended early is replaced at once."""
    node.confirmed("metadata", b"1")
    node.bucket.front.accounts.forget_tokens()
    node.allow("storage.objects.get")
    node.confirmed("metadata", b"1")


@pytest.mark.parametrize("kind, wanted", [("policy", None), ("metadata", "this node has no metadata server")])
def test_no_metadata_server(node, monkeypatch, kind, wanted):
    """It is asked for a token alone, and its absence is told."""
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    if wanted:
        assert node.failed(kind, wanted) == set()
    else:
        node.confirmed(kind)
