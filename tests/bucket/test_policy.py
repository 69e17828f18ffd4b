# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the service demands of a signed form: each demand broken once."""

from __future__ import annotations

import base64
import datetime
import io
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.bucket import policy
from tests.bucket.answers import RefusedError
from tests.bucket.forms import read_form
from tests.bucket.identity import make_account
from tests.bucket.pieces import PIECE, contains

ACCOUNT = make_account("signer")
NOW = datetime.datetime(2026, 11, 21, 12, 0, tzinfo=datetime.timezone.utc)
DATE = "20261121T120000Z"
FIELDS = {
    "key": "p/id/node/pod/1.pcap.gz",
    "content-type": "application/gzip",
    "content-md5": "rL0Y20zC+Fzt72VPzMSk2A==",
    "success_action_status": "201",
    "x-goog-date": DATE,
    "x-goog-credential": ACCOUNT.email + "/20261121/auto/storage/goog4_request",
    "x-goog-algorithm": "GOOG4-RSA-SHA256",
}
CONDITIONS = (
    {"bucket": "captures"},
    ["starts-with", "$key", "p/id/node/"],
    ["content-length-range", 0, 1000],
    ["starts-with", "$Content-Type", "application/"],
    ["starts-with", "$Content-MD5", ""],
    {"success_action_status": "201"},
    {"x-goog-date": DATE},
    {"x-goog-credential": FIELDS["x-goog-credential"]},
    {"x-goog-algorithm": "GOOG4-RSA-SHA256"},
)


def signed(fields=(), conditions=CONDITIONS, expiration="2026-11-21T13:00:00Z"):
    """The fields of a form, with its policy and the policy's signature."""
    text = json.dumps({"conditions": conditions, "expiration": expiration}).encode()
    document = base64.b64encode(text).decode()
    signature = ACCOUNT.key.sign(document.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()
    return {**FIELDS, **dict(fields), "policy": document, "x-goog-signature": signature}


def check(fields, size=10, bucket="captures", now=NOW):
    """The front's judgement."""
    return policy.check(fields, size, bucket, {ACCOUNT.email: ACCOUNT.key.public_key()}, now)


def test_a_form_that_meets_its_policy_is_taken():
    """The signer's email comes back; bounds are inclusive, and a client's clock may be a little ahead."""
    assert check(signed()) == ACCOUNT.email
    assert check(signed(), size=1000) == ACCOUNT.email
    assert check(signed(), now=NOW - datetime.timedelta(minutes=14)) == ACCOUNT.email
    assert check(signed(expiration="2026-11-21T12:00:01.500000Z")) == ACCOUNT.email


OTHER_SCOPE = ACCOUNT.email + "/20261120/auto/storage/goog4_request"


@pytest.mark.parametrize(
    "fields, options, refusal",
    [
        (signed({"key": "p/id/other/1.pcap"}), {}, (400, "InvalidPolicyDocument", '"$key", "p/id/node/"')),
        (signed({"content-type": "text/html"}), {}, (400, "InvalidPolicyDocument", "$content-type")),
        (signed({"success_action_status": "200"}), {}, (400, "InvalidPolicyDocument", "$success_action_status")),
        (signed({"acl": "public-read"}), {}, (400, "InvalidPolicyDocument", "no condition for: acl")),
        (signed(), {"bucket": "another"}, (400, "InvalidPolicyDocument", "$bucket")),
        (signed(conditions=CONDITIONS[:-1]), {}, (400, "InvalidPolicyDocument", "x-goog-algorithm")),
        (signed(conditions=[*CONDITIONS, ["ends-with", "$key", "z"]]), {}, (400, "InvalidPolicyDocument", "ends-with")),
        (signed(conditions=[*CONDITIONS, ["starts-with", "$acl", ""]]), {}, (400, "InvalidPolicyDocument", "$acl")),
        ({**signed(), "policy": "e30="}, {}, (403, "SignatureDoesNotMatch", "")),
        ({**signed(), "x-goog-signature": "00" * 256}, {}, (403, "SignatureDoesNotMatch", "")),
        ({**signed(), "x-goog-signature": "no hex"}, {}, (403, "SignatureDoesNotMatch", "")),
        ({**signed(), "x-goog-credential": "x@y/20261121/a"}, {}, (403, "SignatureDoesNotMatch", "")),
        ({**signed(), "x-goog-credential": OTHER_SCOPE}, {}, (403, "SignatureDoesNotMatch", "")),
        ({k: v for k, v in signed().items() if k != "policy"}, {}, (400, "InvalidPolicyDocument", "policy")),
        (signed(), {"size": 1001}, (400, "EntityTooLarge", "1001 bytes")),
        (signed(conditions=[*CONDITIONS, ["content-length-range", 5, 9]]), {"size": 4}, (400, "EntityTooSmall", "4")),
        (signed(), {"now": NOW + datetime.timedelta(hours=1)}, (400, "ExpiredToken", "13:00:00Z")),
        (signed(), {"now": NOW - datetime.timedelta(minutes=16)}, (403, "RequestTimeTooSkewed", DATE)),
        (signed(expiration="tomorrow"), {}, (400, "InvalidPolicyDocument", "no time")),
        (signed(conditions=[*CONDITIONS, ["content-length-range", "0", "9"]]), {}, (400, "InvalidPolicyDocument", "")),
        (signed(conditions=[*CONDITIONS, ["eq", "$key"]]), {}, (400, "InvalidPolicyDocument", "is no condition")),
        (signed(conditions="none"), {}, (400, "InvalidPolicyDocument", "no document")),
    ],
)
def test_a_form_against_its_policy_is_refused(fields, options, refusal):
    """The status and the code of the service, and what was wrong."""
    with pytest.raises(RefusedError) as refused:
        check(fields, **options)
    assert (refused.value.status, refused.value.code) == refusal[:2]
    assert refusal[2] in refused.value.details


def form(*parts, end="--B--\r\n"):
    """A form's bytes."""
    text = "".join('--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % part for part in parts) + end
    return text.encode()


def read(body, content_type="multipart/form-data; boundary=B"):
    """What is read of it."""
    return read_form(content_type, io.BytesIO(body), len(body))


@pytest.mark.parametrize("end", ["--B--\r\n", "--B--"])
@pytest.mark.parametrize("content", ["", "x", "--B--", "\r\n--A--\r\n\r\n", "\r\n" * 40_000])
def test_a_form_is_read(content, end):
    """Fields by lower-case name, and the file byte for byte, whatever resembles a boundary in it."""
    body = form(("Key", "a/b"), ("policy", "cG9s\r\naWN5"), ("file", content), end=end)
    read_back = read(body)
    assert read_back.fields == {"key": "a/b", "policy": "cG9s\r\naWN5"}
    assert body[read_back.offset : read_back.offset + read_back.size] == content.encode()


@pytest.mark.parametrize("before", [0, PIECE - 3, PIECE, 2 * PIECE - 1])
def test_bytes_are_found_wherever_they_lie(before):
    """On the edge of two pieces too; what lies outside the stretch does not count."""
    body = io.BytesIO(b"x" * before + b"MARK" + b"x" * 10)
    assert contains(body, 0, before + 4, b"MARK")
    assert not contains(body, 0, before + 3, b"MARK")
    assert not contains(body, before + 1, 10, b"MARK")


@pytest.mark.parametrize(
    "body, content_type",
    [
        (form(("key", "a"), ("file", "x")), "multipart/form-data"),
        (form(("key", "a")), "multipart/form-data; boundary=B"),
        (form(("key", "a"), ("file", "x"), end=""), "multipart/form-data; boundary=B"),
        (form(("key", "a"), ("file", "x"))[:-20], "multipart/form-data; boundary=B"),
        (form(("key", "a" * 70_000), ("file", "x")), "multipart/form-data; boundary=B"),
        (form(("key", "a"), ("file", "x" * 70_000), ("acl", "y")), "multipart/form-data; boundary=B"),
        (b"", "multipart/form-data; boundary=B"),
        (b"--C\r\n", "multipart/form-data; boundary=B"),
    ],
)
def test_what_is_no_form_is_refused(body, content_type):
    """No boundary, no file, no end."""
    with pytest.raises(RefusedError) as refused:
        read(body, content_type)
    assert (refused.value.status, refused.value.code) == (400, "MalformedPOSTRequest")
