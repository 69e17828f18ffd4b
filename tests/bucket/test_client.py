# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Google's own client finds the service behind the front: plain and with TLS."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from google.api_core import exceptions
from google.auth import iam
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import storage
from google.oauth2 import service_account

from tests.bucket import scene
from tests.bucket.identity import make_account

CONTENT = os.urandom(700_000)
SCOPES = ["https://www.googleapis.com/auth/devstorage.read_write"]


@pytest.fixture(params=["http", "https"])
def bucket(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """In both ways; the client trusts our CA."""
    with scene.running(tmp_path, tls=request.param == "https") as made:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.authority.ca))
        yield made


def client_of(bucket: scene.Bucket) -> storage.Client:
    """Google's client with the account's key file."""
    made = service_account.Credentials.from_service_account_file(str(bucket.key_file), scopes=SCOPES)
    return storage.Client("test-project", made, client_options={"api_endpoint": bucket.url})


def test_client_stores_and_reads(bucket):
    """Buckets, small and resumable uploads, listing, reading, deleting."""
    client = client_of(bucket)
    assert client.create_bucket("second").name == "second"
    found = client.get_bucket(bucket.name)
    found.blob("a/small").upload_from_string(b"small", "application/gzip")
    large = found.blob("a/large", chunk_size=256 * 1024)
    large.upload_from_file(io.BytesIO(CONTENT), content_type="application/gzip", if_generation_match=0)
    assert [one.status for one in bucket.front.seen if one.method == "PUT"] == [308, 308, 200]
    assert {one.name for one in client.list_blobs(bucket.name, prefix="a/")} == {"a/small", "a/large"}
    assert found.get_blob("a/large").download_as_bytes() == CONTENT == bucket.content("a/large")
    assert found.get_blob("a/large").md5_hash and found.get_blob("none") is None
    stored = bucket.objects("a/large")[0]
    assert (stored.size, stored.md5) == (len(CONTENT), hashlib.md5(CONTENT).hexdigest())
    assert stored.content_type == "application/gzip"
    found.blob("a/small").delete()
    assert [one.name for one in bucket.objects()] == ["a/large"]


@pytest.mark.parametrize("size", [5, 700_000])
def test_client_may_not_replace(bucket, size):
    """A name that is there: 412 where the client asked for none, 403 where its account may not delete."""
    blob = client_of(bucket).bucket(bucket.name).blob("one", chunk_size=256 * 1024)
    upload = functools.partial(blob.upload_from_file, size=size if size == 5 else None)
    upload(io.BytesIO(CONTENT[:size]))
    with pytest.raises(exceptions.PreconditionFailed):
        upload(io.BytesIO(CONTENT[:size]), if_generation_match=0)
    blob.upload_from_string(b"replaced!")
    assert bucket.content("one") == b"replaced!"
    bucket.allow(bucket.account, "storage.objects.create")
    with pytest.raises(exceptions.Forbidden, match="storage.objects.delete"):
        upload(io.BytesIO(CONTENT[:size]))
    assert bucket.content("one") == b"replaced!"


def test_client_is_told_what_it_may_not(bucket):
    """testPermissions answers from the given set, and each request without its permission is refused."""
    asked = ["storage.objects.create", "storage.objects.delete", "storage.buckets.get"]
    found = client_of(bucket).bucket(bucket.name)
    assert sorted(found.test_iam_permissions(asked)) == sorted(asked)
    bucket.allow(bucket.account, "storage.objects.create")
    assert found.test_iam_permissions(asked) == ["storage.objects.create"]
    blob = found.blob("mine")
    blob.upload_from_string(b"mine")
    for refused in (blob.reload, blob.download_as_bytes, blob.delete, found.reload, lambda: list(found.list_blobs())):
        with pytest.raises(exceptions.Forbidden):
            refused()
    bucket.allow(bucket.account)
    with pytest.raises(exceptions.Forbidden, match="storage.objects.create"):
        found.blob("other").upload_from_string(b"x")
    assert [one.name for one in bucket.objects()] == ["mine"]


def test_tokens_are_asked_for(bucket):
    """No token, a wrong one, one that was forgotten, one that has expired: 401."""
    place = "%s/storage/v1/b/%s" % (bucket.url, bucket.name)
    assert requests.get(place, timeout=60).status_code == 401
    assert requests.get(place, headers={"Authorization": "Bearer ya29.no"}, timeout=60).status_code == 401
    client = client_of(bucket)
    client.get_bucket(bucket.name)
    bucket.front.accounts.forget_tokens()
    token = client._credentials.token
    assert requests.get(place, headers={"Authorization": "Bearer " + token}, timeout=60).status_code == 401
    bucket.front.accounts.token_seconds = 100
    client._credentials.refresh(Request())
    header = {"Authorization": "Bearer " + client._credentials.token}
    assert requests.get(place, headers=header, timeout=60).status_code == 200
    bucket.front.clock_offset = 101
    assert requests.get(place, headers=header, timeout=60).status_code == 401


def test_another_key_gets_no_token(bucket):
    """Who signs as an account without its key."""
    forged = {**make_account("forger").key_json(bucket.url + "/token"), "client_email": bucket.account.email}
    with pytest.raises(RefreshError, match="invalid_grant"):
        service_account.Credentials.from_service_account_info(forged, scopes=SCOPES).refresh(Request())


def test_a_clock_that_is_off_gets_no_token(bucket):
    """A token's request is for now: the front's clock an hour and more away makes it worth nothing."""
    bucket.front.clock_offset = -4000
    made = service_account.Credentials.from_service_account_file(str(bucket.key_file), scopes=SCOPES)
    with pytest.raises(Exception, match="reasonable time frame"):
        made.refresh(Request())


def test_policy_of_the_client_is_taken(bucket):
    """generate_signed_post_policy_v4 for an exact name, posted by requests: 201 and the MD5 in quotes, in hex."""
    fields = {"Content-Type": "application/gzip", "success_action_status": "201"}
    client = client_of(bucket)
    made = client.generate_signed_post_policy_v4(bucket.name, "exact", 600, fields=fields)
    answer = requests.post(bucket.url + "/" + bucket.name, made["fields"], files={"file": CONTENT}, timeout=60)
    assert answer.status_code == 201, answer.text
    assert answer.headers["ETag"] == '"%s"' % hashlib.md5(CONTENT).hexdigest()
    assert "<Key>exact</Key>" in answer.text
    assert bucket.content("exact") == CONTENT
    seen = bucket.front.seen[-1]
    assert (seen.method, seen.key, seen.content, seen.status) == ("POST", "exact", len(CONTENT), 201)


def test_machine_has_a_token(bucket):
    """The metadata server, asked as google-auth does: a token and an email, and nothing without its header."""
    place = bucket.url + "/computeMetadata/v1/instance/service-accounts/default/"
    flavor = {"Metadata-Flavor": "Google"}
    assert requests.get(place + "token", timeout=60).status_code == 403
    assert requests.get(place + "email", headers=flavor, timeout=60).text == bucket.machine.email
    token = requests.get(place + "token", headers=flavor, timeout=60).json()["access_token"]
    objects = bucket.url + "/storage/v1/b/captures/o"
    listed = requests.get(objects, headers={"Authorization": "Bearer " + token}, timeout=60)
    assert listed.status_code == 200


@pytest.mark.parametrize("bucket", ["http"], indirect=True)  # metadata servers speak nothing else
def test_library_finds_the_machine(bucket):
    """google-auth, told of the host in its environment, takes the front for the machine's metadata server."""
    program = "from google.auth import default, transport; import google.auth.transport.requests as r;"
    program += "made = default()[0]; made.refresh(r.Request()); print(made.service_account_email, made.token[:5])"
    place = {"GCE_METADATA_HOST": bucket.url.partition("://")[2], "GCE_METADATA_IP": bucket.url.partition("://")[2]}
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, env=place, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == [bucket.machine.email, "ya29."], done.stderr


def test_sign_blob(bucket, monkeypatch):
    """IAM signs for an account, for whoever has the permission."""
    monkeypatch.setattr(iam, "_IAM_SIGN_ENDPOINT", bucket.url + "/v1/projects/-/serviceAccounts/{}:signBlob")
    made = service_account.Credentials.from_service_account_file(str(bucket.key_file), scopes=SCOPES)
    signer = iam.Signer(Request(), made, bucket.machine.email)
    signature = signer.sign(b"text")
    bucket.machine.key.public_key().verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())
    bucket.allow(bucket.account)
    with pytest.raises(Exception, match="iam.serviceAccounts.signBlob"):
        signer.sign(b"text")


def test_interrupted_resumable_upload_goes_on(bucket):
    """What arrived before a cut is kept in whole steps, as a question tells; the rest may overlap, not leave a hole."""
    made = service_account.Credentials.from_service_account_file(str(bucket.key_file), scopes=SCOPES)
    session = AuthorizedSession(made)
    begin = bucket.url + "/upload/storage/v1/b/captures/o?uploadType=resumable&name=a/b&ifGenerationMatch=0"
    place = session.post(begin, json={"contentType": "application/gzip"}, timeout=60).headers["Location"]
    whole = {"Content-Range": "bytes 0-%d/%d" % (len(CONTENT) - 1, len(CONTENT))}
    with bucket.faults.cut(300_000), pytest.raises(requests.ConnectionError):
        requests.put(place, CONTENT, headers=whole, timeout=60)
    question = {"Content-Range": "bytes */%d" % len(CONTENT)}
    asked = requests.put(place, headers=question, timeout=60)
    assert (asked.status_code, asked.headers["Range"]) == (308, "bytes=0-%d" % (256 * 1024 - 1))
    assert bucket.objects() == []
    ahead = {"Content-Range": "bytes 300000-%d/%d" % (len(CONTENT) - 1, len(CONTENT))}
    assert requests.put(place, CONTENT[300_000:], headers=ahead, timeout=60).status_code == 503
    again = {"Content-Range": "bytes 200000-%d/%d" % (len(CONTENT) - 1, len(CONTENT))}
    answer = requests.put(place, CONTENT[200_000:], headers=again, timeout=60)
    assert answer.json()["name"] == "a/b" and int(answer.json()["size"]) == len(CONTENT)
    assert requests.put(place, headers=question, timeout=60).status_code == 200
    assert bucket.content("a/b") == CONTENT
    assert bucket.objects()[0].content_type == "application/gzip"
    assert session.post(begin, json={}, timeout=60).status_code == 412


@pytest.mark.parametrize("said", [{"md5Hash": "1B2M2Y8AsgTpgAmY7PhCfg=="}, {"crc32c": "AAAAAA=="}, []])
def test_resumable_upload_is_checked(bucket, said):
    """A checksum that its beginning declares must be that of the content, and the beginning must be an object."""
    made = service_account.Credentials.from_service_account_file(str(bucket.key_file), scopes=SCOPES)
    place = bucket.url + "/upload/storage/v1/b/captures/o?uploadType=resumable&name=a"
    begun = AuthorizedSession(made).post(place, data=json.dumps(said), timeout=60)
    if said:
        begun = requests.put(begun.headers["Location"], b"content", timeout=60)
    assert begun.status_code == 400 and bucket.objects() == []
