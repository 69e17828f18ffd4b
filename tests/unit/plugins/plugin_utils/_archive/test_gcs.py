# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of a bucket, as far as it needs no network."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import FileError, OptionError, PcapError
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.access import Access
from ansible_collections.kube.pcap.plugins.plugin_utils._archive.gcs import Archive

pytest.importorskip("google.cloud.storage")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
padding = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.padding")
primitives = pytest.importorskip("cryptography.hazmat.primitives")

EMAIL = "recorder@test.iam.gserviceaccount.com"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """Nobody answers: what asks the network in these tests fails."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)


@pytest.fixture(scope="module")
def private():
    """A private key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_access(private, email=None):
    """Access by that key, written as AWX writes it: without the key's id."""
    forms = primitives.serialization
    pem = private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()).decode()
    key = {"type": "service_account", "client_email": EMAIL, "private_key": pem, "token_uri": "http://127.0.0.1:9/t"}
    return Access("serviceaccount", contents=json.dumps(key), email=email)


@pytest.mark.parametrize("email", [None, EMAIL])
def test_a_key_signs_here(private, email):
    """With the account's own key nobody is asked."""
    upload = Archive.open(key_access(private, email)).sign("caps", "a/c-1/node-a/", 60, 10**6)
    signature, document = bytes.fromhex(upload.fields["x-goog-signature"]), upload.fields["policy"]
    private.public_key().verify(signature, document.encode(), padding.PKCS1v15(), primitives.hashes.SHA256())
    assert upload.fields["x-goog-credential"].startswith(EMAIL + "/")
    assert upload.url == "http://127.0.0.1:9/caps/"
    assert ["content-length-range", 0, 10**6] in json.loads(base64.b64decode(document))["conditions"]


@pytest.mark.parametrize("kind, token", [("application", None), ("accesstoken", "t")])
def test_who_can_sign_nothing(kind, token):
    """Nobody's credentials and a bare token name no account; the sentence says what would."""
    with pytest.raises(OptionError, match="^auth_kind: .*%s name no account.*; choose serviceaccount or mach" % kind):
        Archive.open(Access(kind, token=token)).sign("caps", "a/", 60)


@pytest.mark.parametrize(
    "access, option",
    [
        ({"file": "/key.json"}, "service_account_file"),
        ({}, "service_account_contents"),
    ],
)
def test_a_private_key_that_is_none(access, option):
    """The option that gave it is named, and nothing of it is told."""
    key = {"client_email": EMAIL, "private_key": "SECRET", "token_uri": "http://127.0.0.1:9/t"}
    with pytest.raises(OptionError, match="^%s: the private key in it cannot be read" % option) as refused:
        Archive.open(Access("serviceaccount", contents=json.dumps(key), **access))
    assert "SECRET" not in str(refused.value)


def test_credentials_of_the_application_that_are_missing(monkeypatch):
    """What Google's library says of a file that is not there becomes a sentence."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/file.json")
    with pytest.raises(Exception, match="^auth_kind application: there are no credentials; set auth_kind"):
        Archive.open(Access("application"))


def test_an_emulator_without_a_scheme(monkeypatch):
    """The library would fail at the first request, in words about something else."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "127.0.0.1:4443")
    with pytest.raises(OptionError, match="^STORAGE_EMULATOR_HOST: .* has no scheme; write it as http://HOST:PORT"):
        Archive.open(Access("application"))


def test_a_file_that_is_not_there():
    """Before anybody is asked."""
    with pytest.raises(FileError, match=r"^/no/such.pcap cannot be read \(No such file or directory\)"):
        Archive.open(Access("application")).put("/no/such.pcap", "caps", "a/x.pcap", "application/gzip", "00" * 16)


@pytest.mark.parametrize("proxy", ["http://user:SECRET/x@127.0.0.1:1", "http://user:SECRET#x@127.0.0.1:1"])
def test_a_proxy_that_cannot_be_one(monkeypatch, proxy):
    """Its address may hold a password, and is not quoted."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://bucket.invalid")
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(PcapError, match="^gs://caps/x: an address cannot be one; see HTTPS_PROXY") as failure:
        Archive.open(Access("accesstoken", token="ya29.x")).find("caps", "x")
    assert "SECRET" not in str(failure.value)


def test_authorities_that_are_not_there(monkeypatch):
    """The bundle is named in a sentence."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "https://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
    with pytest.raises(PcapError, match="^gs://caps/x: .*/no/such.pem"):
        Archive.open(Access("accesstoken", token="ya29.x")).find("caps", "x")
