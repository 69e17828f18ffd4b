# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's uploads, by policy and by its metadata server's token, against the service with its faults."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import re
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from ansible_collections.kube.pcap.plugins.module_utils._errors import OptionError
from ansible_collections.kube.pcap.plugins.module_utils._node import bucket as node_bucket
from ansible_collections.kube.pcap.plugins.module_utils._node import resumable, sinks, token, transport
from ansible_collections.kube.pcap.plugins.module_utils._records import (
    CaptureOptions,
    NodeCapture,
    Upload,
    from_result,
    to_result,
)
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.policy import sign_policy, write_policy
from tests.bucket import build, front, scene
from tests.bucket.proxy import Proxy

pytestmark = pytest.mark.skipif(not build.can_build(), reason="Go, which builds the emulator, is not here")

DATA = os.urandom(1_000_000)
SINK = "gs://%s/p" % scene.BUCKET
PREFIX = "p/c-1/node-a/"
NAME = PREFIX + "shop/cart/x.pcap.gz"
GOOGLE = "storage.googleapis.com"
SHAPE = {"object", "error", "retry_after", "file_fault", "unconfirmed", "refused", "server_time"}
SECRETS = re.compile("Bearer|upload_id|signature=|[0-9a-f]{64}")
both = pytest.mark.parametrize("kind", ["policy", "metadata"])


def contents(seen):
    """Requests that bring the bytes of an object: a form, or a piece of a resumable upload."""
    return seen.is_upload and (seen.method == "PUT" or not seen.path.startswith("/upload/"))


class Node:
    """A node with a file to ship; its accounts may create objects, and nothing else, until a test allows more."""

    def __init__(self, bucket, folder):
        self.bucket, self.folder = bucket, folder
        self.url = bucket.url
        self.allow()

    def allow(self, *permissions):
        """Both accounts may do this beside creating."""
        for account in (self.bucket.account, self.bucket.machine):
            self.bucket.allow(account, "storage.objects.create", *permissions)

    def way(self, kind, prefix=PREFIX, seconds=600):
        """How it may write."""
        if kind == "metadata":
            return Upload(self.url, prefix)
        account, now = self.bucket.account, datetime.datetime.now(datetime.timezone.utc)
        unsigned = write_policy(scene.BUCKET, prefix, now, seconds, account.email, service=self.url)
        return sign_policy(unsigned, lambda text: account.key.sign(text, padding.PKCS1v15(), hashes.SHA256()))

    def store(self, kind, data=DATA, rate=None, **changed):
        """What becomes of an upload."""
        source, upload = self.folder / "segment", self.folder / "upload.json"
        source.write_bytes(data)
        upload.write_text(json.dumps({**to_result(self.way(kind)), **changed}))
        md5 = hashlib.md5(data).hexdigest()
        told = node_bucket.store(str(source), SINK, NAME.split("/")[1:], md5, str(upload), rate)
        assert set(told) - {"generation", "crc32c"} == SHAPE and told["object"] == NAME
        assert not SECRETS.search(json.dumps({**told, "crc32c": None}))
        return told

    def confirmed(self, kind, data=DATA, **options):
        """An upload that goes well, and what it tells."""
        told = self.store(kind, data, **options)
        assert not any((told["error"], told["unconfirmed"], told["refused"], told["file_fault"])), told
        self.holds(data)
        return told

    def holds(self, data=DATA):
        """The bucket has this under the name, and nothing else."""
        assert [one.name for one in self.bucket.objects()] == [NAME]
        assert self.bucket.content(NAME) == data

    def failed(self, kind, words, **changed):
        """An upload that does not go well, whose error tells these words; which flags are set."""
        told = self.store(kind, **changed)
        assert told["error"].startswith(SINK + ": ") and words in told["error"], told["error"]
        return {name for name in ("unconfirmed", "refused", "file_fault") if told[name]}


@contextlib.contextmanager
def a_node(folder, monkeypatch, tls=False):
    """A node, its bucket, and its metadata server, which is another one and knows neither TLS nor faults."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(resumable, "_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(token, "_kept", {})
    with scene.running(folder, tls=tls) as bucket:
        machine = front.Front(bucket.emulator, [])
        machine.service.accounts = bucket.front.accounts
        with front.running(machine):
            monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:%d" % machine.port)
            monkeypatch.setenv("SSL_CERT_FILE", str(bucket.authority.ca))
            yield Node(bucket, folder)


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Its bucket speaks plain HTTP."""
    with a_node(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
def tls_node(tmp_path, monkeypatch):
    """Its bucket speaks HTTPS, by a certificate of an authority that SSL_CERT_FILE names."""
    with a_node(tmp_path, monkeypatch, tls=True) as made:
        yield made


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


def capture(kind):
    """What is to be recorded."""
    return NodeCapture("c-1", "node-a", (), CaptureOptions(sink=SINK, upload=kind), ())


@both
def test_check(node, kind):
    """A start leaves one object, which says what was asked, below the node's prefix."""
    node_bucket.check(capture(kind), node.way(kind), 1_795_255_200_000_001_000)
    (found,) = node.bucket.objects()
    assert (found.name, found.content_type) == (PREFIX + "start-20261121T100000.000001Z.json", "application/json")
    written = json.loads(node.bucket.content(found.name))
    assert written.pop("at_ns") == 1_795_255_200_000_001_000
    assert from_result(NodeCapture, written) == capture(kind)


@both
def test_check_again(node, kind):
    """A moment's failure, or an answer that is lost, stops no start."""
    for fault in (node.bucket.faults.status(503, times=1), node.bucket.faults.answer_lost(contents, times=1)):
        with fault:
            node_bucket.check(capture(kind), node.way(kind), time.time_ns())
    assert len(node.bucket.objects()) == 2


@both
@pytest.mark.parametrize("offset, words", [(3600, "behind"), (-3600, "ahead of")])
def test_check_of_clocks(node, kind, offset, words):
    """A clock that is wrong is told before anything else: it explains the rest."""
    node.bucket.front.clock_offset = offset
    with pytest.raises(OptionError, match=r"sink: the clock of this node is 3\d+ s %s the bucket's; set it" % words):
        node_bucket.check(capture(kind), node.way(kind), time.time_ns())


def test_check_of_the_controllers_clock(node):
    """The clock of who signed is known by the time of signing."""
    way = dataclasses.replace(node.way("policy"), issued_ns=time.time_ns() - 3600 * 10**9)
    with pytest.raises(OptionError, match=r"the clock of the controller is 3\d+ s behind the bucket's"):
        node_bucket.check(capture("policy"), way, time.time_ns())


@both
def test_check_refused(node, kind):
    """What is missing is named with whom it is missing to."""
    for account in (node.bucket.account, node.bucket.machine):
        node.bucket.allow(account)
    with pytest.raises(OptionError) as failure:
        node_bucket.check(capture(kind), node.way(kind), time.time_ns())
    who = "the signer" if kind == "policy" else "this node's account"
    assert "storage.objects.create access" in str(failure.value)
    assert str(failure.value).endswith("and that %s may create objects in gs://captures" % who)


def test_check_without_metadata_server(node, monkeypatch):
    """A node of another cloud is told which option helps."""
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    with pytest.raises(OptionError, match=r"answers at 127.0.0.1:1 \(Connection refused\); use capture_upload=policy"):
        node_bucket.check(capture("metadata"), node.way("metadata"), time.time_ns())
