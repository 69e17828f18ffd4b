# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Google's library raises, as sentences."""

from __future__ import annotations

import errno
import json
import socket
import ssl

import pytest

from ansible_collections.kube.pcap.plugins.plugin_utils._archive.trouble import certificate, quoted, sentence

requests = pytest.importorskip("requests")
api = pytest.importorskip("google.api_core.exceptions")
auth = pytest.importorskip("google.auth.exceptions")

SECRET = "ya29.SECRET"
GRANT = "grant roles/storage.objectCreator on the bucket"


def made_of(error, cause):
    """One exception raised because of another."""
    error.__cause__ = cause
    return error


def refused(status, message):
    """An answer of the service."""
    response = requests.Response()
    response.status_code = status
    response._content = json.dumps({"error": {"code": status, "message": message}}).encode()
    return api.from_http_status(status, "GET https://storage.googleapis.com/x?upload_id=SECRET: x", response=response)


def bad_certificate():
    """As OpenSSL tells it."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "certificate has expired"
    return error


def to(url, error):
    """The same failure, of a request that is known."""
    error.request = requests.Request("GET", url).prepare()
    return error


ASKED = "https://storage.googleapis.com/b?upload_id=SECRET"
JWT = (
    "invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check "
    "your iat and exp values in the JWT claim."
)
SIGN = {"error": {"code": 403, "message": "Permission 'sign' denied", "status": "PERMISSION_DENIED"}}


def from_iam(data):
    """As the library shows an answer of IAM."""
    return auth.TransportError(f"Error calling the IAM signBlob API: {data}")


CASES = {
    "no bucket": (
        refused(404, "The specified bucket does not exist."),
        "this does not exist (The specified bucket does not exist.); create the bucket, or correct its name",
    ),
    "forbidden": (
        refused(403, "a@b does not have storage.objects.create access."),
        "access is refused (a@b does not have storage.objects.create access.); " + GRANT,
    ),
    "unauthorized": (refused(401, "Invalid Credentials"), "access is refused (Invalid Credentials); " + GRANT),
    "server": (refused(503, "Backend Error"), "the service answers 503 (Backend Error)"),
    "given up": (
        made_of(api.RetryError("Timeout of 30.0s exceeded", None), refused(503, "Backend Error")),
        "the service answers 503 (Backend Error)",
    ),
    "certificate": (
        to(ASKED, made_of(requests.exceptions.SSLError("x"), bad_certificate())),
        "the certificate of storage.googleapis.com is refused (certificate has expired); if it is right, set the "
        "controller's clock or name its authority in REQUESTS_CA_BUNDLE",
    ),
    "name": (
        to(ASKED, made_of(requests.exceptions.ConnectionError("x"), socket.gaierror(-2, "Name or service not known"))),
        "the name of storage.googleapis.com is not known (Name or service not known); see the controller's network, "
        "and HTTPS_PROXY and NO_PROXY",
    ),
    "port": (
        to(
            ASKED,
            made_of(requests.exceptions.ConnectionError("x"), OSError(errno.ECONNREFUSED, "Connection refused")),
        ),
        "storage.googleapis.com cannot be reached (Connection refused); see the controller's network, and HTTPS_PROXY "
        "and NO_PROXY",
    ),
    "slow": (
        to(ASKED, requests.exceptions.ReadTimeout("x")),
        "storage.googleapis.com gave no answer in time; see the controller's network, and HTTPS_PROXY and NO_PROXY",
    ),
    "proxy": (
        to(ASKED, requests.exceptions.ProxyError("x")),
        "the proxy lets nothing through to storage.googleapis.com; see the controller's network, and HTTPS_PROXY and "
        "NO_PROXY",
    ),
    "clock": (
        auth.RefreshError(JWT, {"error": "invalid_grant"}),
        f"Google refuses the time in what the key signed ({JWT}): the clocks of controller and service differ; set the "
        "controller's",
    ),
    "revoked": (
        auth.RefreshError("invalid_grant: Invalid JWT Signature.", {"error_description": "SECRET"}),
        "no token for these credentials (invalid_grant: Invalid JWT Signature.); see auth_kind and what belongs to it",
    ),
    "no credentials": (
        auth.DefaultCredentialsError("Your default credentials were not found."),
        "there are no credentials; set auth_kind and what belongs to it, or GOOGLE_APPLICATION_CREDENTIALS",
    ),
    "no signature": (
        from_iam(json.dumps(SIGN, indent=2).encode()),
        "IAM does not sign for the account (Permission 'sign' denied); grant roles/iam.serviceAccountTokenCreator on "
        "it to who asks",
    ),
    "no reason": (
        from_iam(b"<html>busy"),
        "IAM does not sign for the account (b'<html>busy'); grant roles/iam.serviceAccountTokenCreator on it to "
        "who asks",
    ),
    "network of the token": (
        auth.TransportError(to("https://oauth2.googleapis.com/token", requests.exceptions.ConnectTimeout("x"))),
        "oauth2.googleapis.com gave no answer in time; see the controller's network, and HTTPS_PROXY and NO_PROXY",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_sentence(case):
    """It says what happened and what would mend it, and no address with a secret."""
    error, told = CASES[case]
    text = str(sentence("gs://caps", error, GRANT))
    assert text == "gs://caps: " + told
    assert "SECRET" not in text


def test_a_stranger_is_told_by_its_name():
    """What nobody foresaw is still a sentence."""
    assert str(sentence("gs://caps", ValueError("odd\nthing"), GRANT)) == "gs://caps: ValueError (odd thing)"


def test_no_secret_is_quoted():
    """Neither a token that the service repeats, nor any word as long as a key or signature."""
    message = "token %s, signature %s, key %s" % (SECRET, "ab" * 256, "A+/" * 100)
    text = str(sentence("gs://caps", refused(403, message), GRANT, ["", SECRET]))
    assert "access is refused (token ..., signature ..., key ...)" in text


def test_what_is_quoted_is_short():
    """One line, and not an endless one."""
    assert quoted("a\x1b[31m b\n c") == "a [31m b c"
    assert len(quoted("word " * 1000)) == 300


def test_a_certificate_is_not_tried_again():
    """It is the same after a second."""
    assert certificate(made_of(requests.exceptions.SSLError("x"), bad_certificate()))
    assert not certificate(requests.exceptions.ConnectionError("x"))


def test_exceptions_that_hold_each_other():
    """Two exceptions that are each other's cause are told, not followed for ever."""
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert str(sentence("x", first, GRANT)) == "x: ValueError (a)"
