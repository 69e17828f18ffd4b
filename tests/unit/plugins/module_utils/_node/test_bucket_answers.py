# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an answer proves: a segment goes only for the MD5 of its own bytes."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import bucket_answers
from ansible_collections.kube.pcap.plugins.module_utils._node.transport import Answer

MD5 = "9e107d9d372bb6826bd81d3542a419d6"
BASE64 = base64.b64encode(bytes.fromhex(MD5)).decode()
OTHER = "0" * 32
POST = '<?xml version="1.0"?><PostResponse><Bucket>b</Bucket><Key>k</Key><%s>%s</%s></PostResponse>'
REFUSED = "<Error><Code>%s</Code><Message>%s</Message><Details>%s</Details></Error>"


def post(tag, name="ETag"):
    """The body of a form's answer."""
    return POST % (name, tag, name)


def read(status, body="", **headers):
    """What becomes of an upload."""
    return bucket_answers.read(Answer(status, headers, body.encode()), "k", MD5)


@pytest.mark.parametrize(
    "body, headers",
    [
        (post("&quot;%s&quot;" % MD5), {}),
        (post('"%s"' % MD5.upper()), {}),
        (post(BASE64, "Etag"), {}),
        ("", {"etag": '"%s"' % MD5}),
        ("", {"x-goog-hash": "crc32c=n03x6A==,md5=" + BASE64}),
        ('{"md5Hash": "%s", "generation": "17", "crc32c": "n03x6A=="}' % BASE64, {"etag": "CJu="}),
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_confirmed(status, body, headers):
    """KNT-5: the service writes the MD5 in hex or base64, into its answer's body or head."""
    told = read(status, body, **headers)
    assert told["error"] is None and not told["unconfirmed"] and told["object"] == "k"


def test_versions():
    """Generation and CRC32C are kept where the answer has them."""
    headers = {"x-goog-hash": "crc32c=n03x6A==,md5=" + BASE64, "x-goog-generation": "1700000000000001"}
    told = read(201, "", **headers)
    assert (told["generation"], told["crc32c"]) == (1700000000000001, "n03x6A==")
    assert (read(201, post(MD5))["generation"], read(201, post(MD5))["crc32c"]) == (None, None)


@pytest.mark.parametrize(
    "body, headers", [(post(OTHER), {}), ("", {"x-goog-hash": "md5=%s" % base64.b64encode(bytes(16)).decode()})]
)
def test_another_md5(body, headers):
    """Bytes that changed on the way are an error of this file; others may go on."""
    told = read(201, body, **headers)
    assert "another MD5" in told["error"] and told["file_fault"] and not told["unconfirmed"]


@pytest.mark.parametrize("body", [post("CPjEyd=="), post("-CKjEyd+x2-"), "", "<html>sign in to the hotel</html>"])
def test_no_md5(body):
    """Under a customer's key the entity tag is no MD5; and a proxy's page proves nothing."""
    told = read(200, body)
    assert told["unconfirmed"] and "no MD5" in told["error"]


@pytest.mark.parametrize(
    "status, body",
    [
        (412, REFUSED % ("PreconditionFailed", "At least one condition did not hold.", "")),
        (403, REFUSED % ("AccessDenied", "Access denied.", "a@b does not have storage.objects.delete access.")),
        (403, REFUSED % ("AccessDenied", "No.", "a" * 300 + "@b does not have storage.objects.delete access.")),
    ],
)
def test_the_name_is_taken(status, body):
    """It may be our own upload, whose answer was lost: only a reader of the bucket can tell."""
    told = read(status, body)
    assert told["unconfirmed"] and "has an object of that name" in told["error"]


@pytest.mark.parametrize(
    "status, code, words",
    [
        (403, "AccessDenied", "a@b does not have storage.objects.create access"),
        (403, "SignatureDoesNotMatch", "The request signature we calculated does not match"),
        (400, "ExpiredToken", "The provided token has expired."),
        (404, "NoSuchBucket", "The specified bucket does not exist."),
    ],
)
def test_refused(status, code, words):
    """What another policy may mend is told in the service's words."""
    told = read(status, REFUSED % (code, words, ""))
    assert told["refused"] and not told["unconfirmed"] and told["retry_after"] is None
    assert told["error"] == "the bucket answered %d: %s %s" % (status, code, words)


def test_a_refusal_quotes_nothing_signed():
    """The service repeats what it was to sign; no message does."""
    body = "<Error><Code>SignatureDoesNotMatch</Code><Message>No.</Message><StringToSign>SECRET</StringToSign></Error>"
    assert "SECRET" not in str(read(403, body))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_again(status):
    """KNT-6: these say nothing of the file or the policy."""
    told = read(status, "<html>busy</html>")
    assert "answered %d" % status in told["error"] and not (
        told["refused"] or told["file_fault"] or told["unconfirmed"]
    )


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "86400"}, 3600.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:20 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 20.0),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:20 GMT"}, None),
    ],
)
def test_retry_after(headers, seconds):
    """Seconds or a date, by the server's own clock, and never longer than an hour."""
    assert read(503, "", **headers)["retry_after"] == seconds


def test_the_file_is_at_fault():
    """One file that the bucket will not take holds up no other."""
    told = read(400, REFUSED % ("BadDigest", "The Content-MD5 you specified did not match.", ""))
    assert told["file_fault"] and not told["refused"]


def test_words_are_clean():
    """No control character of a server reaches a terminal, and no endless text."""
    told = read(400, REFUSED % ("X", "a\x1b[2J" + "b" * 1000, ""))
    assert "\x1b" not in told["error"] and len(told["error"]) < 260


def test_server_time():
    """The server's clock is told, where its answer has it."""
    assert read(201, post(MD5), date="Sat, 21 Nov 2026 10:00:00 GMT")["server_time"] == 1795255200.0
    assert read(503)["server_time"] is None


def test_a_field_of_the_users_is_no_proof():
    """Only the object's own MD5 and size count, not what somebody wrote into its metadata."""
    body = '{"metadata": {"md5Hash": "%s", "size": "3"}, "size": "3", "md5Hash": "AAAAAAAAAAAAAAAAAAAAAA=="}' % BASE64
    told = bucket_answers.found(Answer(200, {}, body.encode()), "k", 3, MD5)
    assert told["unconfirmed"] and "another object" in told["error"]
    assert bucket_answers.found(Answer(200, {}, b"[1]"), "k", 3, MD5)["unconfirmed"]
