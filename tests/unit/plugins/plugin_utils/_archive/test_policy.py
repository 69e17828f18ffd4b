# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy that a node gets."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._archive.policy import (
    LARGEST_OBJECT,
    sign_policy,
    write_policy,
)

NOW = datetime.datetime(2026, 11, 21, 9, 2, 30, 123456, tzinfo=datetime.timezone.utc)
EMAIL = "recorder@test.iam.gserviceaccount.com"
PREFIX = "cluster-a/c-1/node-a/"
DAY = 24 * 3600


def digest(data):
    """Stands in for a signature where only the place of one matters."""
    return hashlib.sha256(data).digest()


def decoded(upload):
    """The policy's document."""
    return json.loads(base64.b64decode(upload.fields["policy"]))


def test_what_it_allows():
    """New objects below one prefix of one bucket, up to a size, until a time; every field has its condition."""
    upload = sign_policy(write_policy("caps", PREFIX, NOW, 3600, EMAIL, most=10**9), digest)
    assert decoded(upload) == {
        "expiration": "2026-11-21T10:02:30Z",
        "conditions": [
            {"bucket": "caps"},
            ["starts-with", "$key", "cluster-a/c-1/node-a/"],
            ["content-length-range", 0, 10**9],
            ["starts-with", "$Content-Type", "application/"],
            ["starts-with", "$Content-MD5", ""],
            {"success_action_status": "201"},
            {"x-goog-date": "20261121T090230Z"},
            {"x-goog-credential": EMAIL + "/20261121/auto/storage/goog4_request"},
            {"x-goog-algorithm": "GOOG4-RSA-SHA256"},
        ],
    }
    assert (upload.url, upload.prefix) == ("https://storage.googleapis.com/caps/", PREFIX)


def test_the_form():
    """The form's fields in their order; what is signed is the document as it is posted."""
    upload = sign_policy(write_policy("caps", PREFIX, NOW, 3600, EMAIL), digest)
    fields = ["success_action_status", "x-goog-date", "x-goog-credential", "x-goog-algorithm", "policy"]
    assert list(upload.fields) == [*fields, "x-goog-signature"]
    assert upload.fields["x-goog-signature"] == hashlib.sha256(upload.fields["policy"].encode()).hexdigest()


@pytest.mark.parametrize("seconds, lives", [(90, 90), (7 * DAY, 7 * DAY), (7 * DAY + 1, 7 * DAY), (30 * DAY, 7 * DAY)])
def test_lifetime(seconds, lives):
    """Seconds from the second in which it was signed, seven days at most; document and record say the same."""
    upload = sign_policy(write_policy("caps", PREFIX, NOW, seconds, EMAIL), digest)
    assert upload.issued_ns == 1795251750 * 10**9
    assert upload.expires_ns - upload.issued_ns == lives * 10**9
    end = datetime.datetime.fromtimestamp(upload.expires_ns // 10**9, datetime.timezone.utc)
    assert decoded(upload)["expiration"] == end.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_size():
    """Where nothing smaller is asked for, the most is what the service takes."""
    upload = sign_policy(write_policy("caps", PREFIX, NOW, 60, EMAIL), digest)
    assert ["content-length-range", 0, LARGEST_OBJECT] in decoded(upload)["conditions"]


@pytest.mark.parametrize("service", ["http://127.0.0.1:4443", "http://127.0.0.1:4443/"])
def test_an_emulator(service):
    """The form is posted to the emulator's host where there is one."""
    assert write_policy("caps", PREFIX, NOW, 60, EMAIL, service=service).url == "http://127.0.0.1:4443/caps/"


def test_it_says_what_googles_library_says(monkeypatch):
    """Date, credential, algorithm, expiration, address and signature are those of google-cloud-storage."""
    storage = pytest.importorskip("google.cloud.storage")
    service_account = pytest.importorskip("google.oauth2.service_account")
    keys = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    primitives = pytest.importorskip("cryptography.hazmat.primitives")
    padding = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.padding")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    forms = primitives.serialization
    private = keys.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    key = {"client_email": EMAIL, "private_key": pem.decode(), "token_uri": "https://oauth2.googleapis.com/token"}
    credentials = service_account.Credentials.from_service_account_info(key)
    client = storage.Client(project="p", credentials=credentials)

    theirs = client.generate_signed_post_policy_v4("caps", PREFIX + "x", datetime.timedelta(hours=1), scheme="https")
    their_fields = theirs["fields"]
    signed = datetime.datetime.strptime(their_fields["x-goog-date"], "%Y%m%dT%H%M%SZ")
    now = signed.replace(tzinfo=datetime.timezone.utc)
    ours = sign_policy(write_policy("caps", PREFIX, now, 3600, EMAIL), credentials.sign_bytes)

    assert ours.url == theirs["url"]
    for name in ("x-goog-date", "x-goog-credential", "x-goog-algorithm"):
        assert ours.fields[name] == their_fields[name]
    their_policy = json.loads(base64.b64decode(their_fields["policy"]))
    assert abs(ours.expires_ns - _seconds(their_policy["expiration"]) * 10**9) <= 10**9
    assert len(decoded(ours)["expiration"]) == len(their_policy["expiration"].partition(".")[0].rstrip("Z")) + 1
    for fields in (ours.fields, their_fields):
        signature = bytes.fromhex(fields["x-goog-signature"])
        how = (padding.PKCS1v15(), primitives.hashes.SHA256())
        private.public_key().verify(signature, fields["policy"].encode(), *how)


def _seconds(expiration):
    """Seconds since 1970."""
    plain = datetime.datetime.fromisoformat(expiration.rstrip("Z"))
    return int(plain.replace(tzinfo=datetime.timezone.utc).timestamp())
