# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A resumable upload against a server that plays the service's part."""

from __future__ import annotations

import base64
import hashlib
import json
import os

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import resumable, token, transport
from ansible_collections.kube.pcap.plugins.module_utils._node.content import Content

from .scripted import playing

NAME = "p/c-1/node a/x.pcap.gz"
DATA = bytes(range(256)) * 4096
STEP = 1 << 18
MD5 = hashlib.md5(DATA).hexdigest()
BASE64 = base64.b64encode(bytes.fromhex(MD5)).decode()
TAKEN = (412, {}, b'{"error": {"message": "At least one condition did not hold."}}')


@pytest.fixture
def service(monkeypatch):
    """The service, and this node's metadata server, in one."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(resumable, "_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(token, "_kept", {})
    with playing() as script:
        monkeypatch.setenv("GCE_METADATA_HOST", script.place)
        yield script


def put(service, *answers, data=DATA):
    """What becomes of an upload that meets these answers; all of them are used."""
    service.answers = list(answers)
    content = Content(NAME, len(data), hashlib.md5(data).hexdigest(), lambda start: [data[start:]])
    try:
        return resumable.put(service.url + "/", "b", content, None)
    finally:
        assert service.answers == []


def begun(service, scheme="http"):
    """An upload begins."""
    return 200, {"Location": "%s://%s/session?upload_id=SECRET" % (scheme, service.place)}, b""


def resource(**changed):
    """The object is there."""
    told = {"size": str(len(DATA)), "md5Hash": BASE64, "generation": "17", "crc32c": "n03x6A==", **changed}
    return 200, {}, json.dumps({name: value for name, value in told.items() if value is not None}).encode()


def rest(there):
    """The upload has not ended; so many bytes are there."""
    return 308, {"Range": "bytes=0-%d" % (there - 1)} if there else {}, b""


def test_whole(service):
    """One request to begin, with the digest and never to replace, one for the bytes; the answer confirms them."""
    told = put(service, begun(service), resource())
    assert (told["error"], told["unconfirmed"], told["object"]) == (None, False, NAME)
    assert (told["generation"], told["crc32c"]) == (17, "n03x6A==")
    (method, path, headers, body), second = service.seen
    assert method == "POST" and path == (
        "/upload/storage/v1/b/b/o?uploadType=resumable&name=p%2Fc-1%2Fnode+a%2Fx.pcap.gz&ifGenerationMatch=0"
    )
    assert json.loads(body) == {"name": NAME, "contentType": "application/gzip", "md5Hash": BASE64}
    assert headers["Authorization"] == "Bearer token-1"
    assert (headers["X-Upload-Content-Type"], headers["X-Upload-Content-Length"]) == ("application/gzip", "1048576")
    method, path, headers, body = second
    assert (method, path, body) == ("PUT", "/session?upload_id=SECRET", DATA)
    assert headers["Content-Range"] == "bytes 0-1048575/1048576" and "Authorization" not in headers


def test_nothing_in_it(service):
    """An empty file has no first byte."""
    empty = base64.b64encode(hashlib.md5(b"").digest()).decode()
    assert put(service, begun(service), resource(size="0", md5Hash=empty), data=b"")["error"] is None
    assert service.seen[1][2]["Content-Range"] == "bytes */0"


def test_cut(service):
    """After a cut the service is asked what it has, and gets the rest."""
    told = put(service, begun(service), STEP + 5, rest(STEP), resource())
    assert told["error"] is None and not told["unconfirmed"]
    ranges = [headers["Content-Range"] for _method, _path, headers, _body in service.seen[1:]]
    assert ranges == ["bytes 0-1048575/1048576", "bytes */1048576", "bytes 262144-1048575/1048576"]
    assert service.seen[3][3] == DATA[STEP:]


@pytest.mark.parametrize("failure", [0, (503, {}, b""), (429, {"Retry-After": "1"}, b"")])
def test_again(service, failure):
    """A moment's failure is waited for; what had arrived nobody sends twice, and nothing is there at first."""
    assert put(service, begun(service), failure, rest(0), resource())["error"] is None
    assert service.seen[3][3] == DATA


def test_answer_lost(service):
    """The object is there, and who asks how far the upload is gets its answer."""
    told = put(service, begun(service), len(DATA), resource())
    assert told["error"] is None and told["generation"] == 17


def test_cut_again_and_again(service):
    """A way that never lasts for the whole file carries it all the same."""
    steps = [one for done in (1, 2, 3) for one in (STEP, rest(done * STEP))]
    assert put(service, begun(service), *steps, resource())["error"] is None


def test_no_further(service):
    """Where nothing arrives any more the failure is told, without the address that is a secret."""
    with pytest.raises(transport.TransportError) as failure:
        put(service, begun(service), STEP, rest(STEP), 0, 0, 0, 0)
    assert "SECRET" not in str(failure.value)


def test_takes_no_more(service):
    """A service that takes no byte of it is not asked for ever."""
    with pytest.raises(OSError, match="the bucket has 262144 of 1048576 bytes, and no more of them arrive"):
        put(service, begun(service), *[rest(STEP)] * 5)


def test_a_long_wait(service):
    """Who is asked to come back much later does not wait here."""
    told = put(service, begun(service), (503, {"Retry-After": "60"}, b""))
    assert told["retry_after"] == 60.0 and not told["refused"]
    assert put(service, (503, {"Retry-After": "1"}, b""))["retry_after"] == 1.0


@pytest.mark.parametrize("status", [404, 410])
def test_forgotten(service, status):
    """An upload that the service has forgotten begins again, once."""
    gone = (status, {}, b"")
    assert put(service, begun(service), gone, begun(service), resource())["error"] is None
    with pytest.raises(OSError, match="has forgotten an upload"):
        put(service, begun(service), gone, begun(service), gone)


def test_no_such_bucket(service):
    """404 at the beginning is another thing."""
    told = put(service, (404, {}, b'{"error": {"message": "The specified bucket does not exist."}}'))
    assert told["refused"] and told["error"] == "the bucket answered 404: The specified bucket does not exist."


@pytest.mark.parametrize("answers", [["taken"], ["begun", "taken"]])
def test_our_own_is_there(service, answers):
    """A name that is taken by the same bytes is confirmed by reading."""
    known = {"taken": TAKEN, "begun": begun(service)}
    told = put(service, *[known[one] for one in answers], resource())
    assert (told["error"], told["unconfirmed"], told["generation"], told["crc32c"]) == (None, False, 17, "n03x6A==")
    method, path, headers, _body = service.seen[-1]
    assert (method, path) == ("GET", "/storage/v1/b/b/o/p%2Fc-1%2Fnode%20a%2Fx.pcap.gz")
    assert headers["Authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    "answer, words",
    [
        ((403, {}, b""), "the bucket has an object of that name: "),
        (resource(size="1"), "the bucket has another object of that name: "),
        (resource(md5Hash=base64.b64encode(bytes(16)).decode()), "the bucket has another object of that name: "),
        (resource(md5Hash=None), "its MD5 is not told"),
    ],
)
def test_another_is_there(service, answer, words):
    """Who may not look, or finds another object, has proved nothing."""
    told = put(service, TAKEN, answer)
    assert told["unconfirmed"] and words in told["error"]


@pytest.mark.parametrize("status", [404, 503])
def test_nothing_to_look_at(service, status):
    """What cannot be looked at now is tried again later."""
    told = put(service, TAKEN, (status, {}, b""))
    assert not told["unconfirmed"] and not told["refused"] and "answered %d" % status in told["error"]


def test_fresh_token(service):
    """A token that is not taken is replaced once."""
    assert put(service, (401, {}, b""), begun(service), resource())["error"] is None
    assert [one[2].get("Authorization") for one in service.seen] == ["Bearer token-1", "Bearer token-2", None]
    told = put(service, *[(401, {}, b'{"error": {"message": "Invalid Credentials"}}')] * 2)
    assert told["refused"] and told["error"] == "the bucket answered 401: Invalid Credentials"


def test_no_token(service):
    """A node without an account is told so, and the bucket hears nothing of it."""
    service.tokens = [(404, "")]
    with pytest.raises(token.TokenError, match="gave no token"):
        put(service)


@pytest.mark.parametrize("place", ["", "/session", "ftp://x/", "http://x y/", "https://x/", "http://u:p@x/"])
def test_no_place(service, place):
    """The bytes go nowhere but to an address like the service's own."""
    with pytest.raises(OSError, match="names no place for the content"):
        put(service, (200, {"Location": place}, b""))


def test_changed_on_the_way(service):
    """Other bytes than were declared are this file's fault, whoever notices."""
    words = b'{"error": {"message": "Provided MD5 hash \\"a\\" doesn\'t match calculated MD5 hash \\"b\\"."}}'
    told = put(service, begun(service), (400, {}, words))
    assert told["file_fault"] and not told["refused"] and 'hash "b".' in told["error"]
    other = resource(md5Hash=base64.b64encode(bytes(16)).decode())
    assert put(service, begun(service), other)["file_fault"]
