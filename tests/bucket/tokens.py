# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may ask: Google's token endpoint, the metadata server of a machine, and IAM credentials' signBlob."""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
import threading
import urllib.parse
from collections.abc import Callable, Iterable
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .answers import Answer, RefusedError, Request, json_answer
from .identity import Account

SIGN_BLOB = "iam.serviceAccounts.signBlob"
EVERYTHING = frozenset(
    [SIGN_BLOB]
    + ["storage.buckets." + verb for verb in ("create", "get", "list")]
    + ["storage.objects." + verb for verb in ("create", "delete", "get", "list")]
)
"""All permissions that the front knows."""
_GOOGLE_TOKEN = "https://oauth2.googleapis.com/token"  # google-auth writes it whatever the key's token_uri is
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_METADATA = "/computeMetadata/v1/instance/service-accounts/"
_SIGN_PATH = re.compile(r"/v1/projects/-/serviceAccounts/([^/:]+):signBlob\Z")
_MOST_SKEW_SECONDS = 300
_FLAVOR = {"Metadata-Flavor": "Google"}


def lacks(email: str, permission: str) -> RefusedError:
    """What an account is told that may not do something."""
    what = "bucket" if ".buckets." in permission else "object"
    text = "%s does not have %s access to the Google Cloud Storage %s." % (email, permission, what)
    return RefusedError(403, "forbidden", text)


class Accounts:
    """The accounts that exist, what each may do, and the tokens they were given."""

    def __init__(self, accounts: Iterable[Account], clock: Callable[[], float]) -> None:
        self.accounts = {account.email: account for account in accounts}
        self.permissions: dict[str, set[str]] = {email: set(EVERYTHING) for email in self.accounts}
        self.machine: Account | None = None
        """Whose tokens the metadata server hands out; None: nobody's."""
        self.token_seconds = 3600.0
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}

    @property
    def keys(self) -> dict[str, rsa.RSAPublicKey]:
        """Public keys by email."""
        return {email: account.key.public_key() for email, account in self.accounts.items()}

    def caller(self, request: Request) -> str:
        """The email that the request's bearer token stands for; RefusedError."""
        kind, _space, token = request.headers.get("authorization", "").partition(" ")
        if not kind:
            raise RefusedError(401, "required", "Anonymous caller does not have access.")
        with self._lock:
            email, expires = self._tokens.get(token, ("", 0.0))
        if kind != "Bearer" or not email or expires <= self._clock():
            raise RefusedError(401, "authError", "Invalid Credentials")
        return email

    def demand(self, email: str, permission: str) -> None:
        """RefusedError where the account lacks the permission."""
        if permission not in self.permissions[email]:
            raise lacks(email, permission)

    def forget_tokens(self) -> None:
        """Every token that was given is worth nothing any more."""
        with self._lock:
            self._tokens.clear()

    def answer(self, request: Request) -> Answer | None:
        """The answer of one of the three services; None for a request that is none of theirs; RefusedError."""
        if request.path == "/token" and request.method == "POST":
            return self._token(request)
        if request.path == "/" and "metadata-flavor" in request.headers:
            return Answer(200 if self.machine else 404, _FLAVOR)  # so a library finds out that it runs on a machine
        if request.path.startswith("/computeMetadata/") and request.method == "GET":
            return self._metadata(request)
        signing = _SIGN_PATH.match(urllib.parse.unquote(request.path))
        return self._sign(request, signing[1]) if signing and request.method == "POST" else None

    def _grant(self, email: str) -> dict[str, Any]:
        token = "ya29." + secrets.token_urlsafe(32)
        with self._lock:
            self._tokens[token] = (email, self._clock() + self.token_seconds)
        return {"access_token": token, "expires_in": int(self.token_seconds), "token_type": "Bearer"}

    def _token(self, request: Request) -> Answer:
        form = urllib.parse.parse_qs(request.body.read().decode())
        try:
            if form["grant_type"] != [_GRANT]:
                raise ValueError("the grant type is not " + _GRANT)
            where = "%s/token" % request.headers.get("host", "")
            return json_answer(self._grant(self._issuer(form["assertion"][0], where)))
        except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature) as error:
            return json_answer({"error": "invalid_grant", "error_description": "Invalid JWT: %s" % error}, 400)

    def _issuer(self, assertion: str, where: str) -> str:
        """Who signed this JSON Web Token; ValueError and its kin."""
        signed, _dot, signature = assertion.rpartition(".")
        header, claims = (json.loads(_unpadded(part)) for part in signed.split("."))
        if header["alg"] != "RS256" or not (claims["aud"] == _GOOGLE_TOKEN or claims["aud"].endswith("://" + where)):
            raise ValueError("wrong algorithm or audience")
        email: str = claims["iss"]
        key = self.accounts[email].key.public_key()
        key.verify(_unpadded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        now = self._clock()
        if not claims["iat"] - _MOST_SKEW_SECONDS <= now < claims["exp"]:
            raise ValueError("iat and exp are not in a reasonable time frame; check the clock")
        return email

    def _metadata(self, request: Request) -> Answer:
        if request.headers.get("metadata-flavor") != "Google":
            return Answer(403, _FLAVOR, b"the header Metadata-Flavor: Google is missing")
        prefix, _slash, what = request.path.removeprefix(_METADATA).partition("/")
        if self.machine is None or prefix not in ("default", self.machine.email):
            return Answer(404, _FLAVOR)
        scopes = ["https://www.googleapis.com/auth/devstorage.read_write"]
        if what == "token":
            return json_answer(self._grant(self.machine.email), headers=_FLAVOR)
        if what == "" and request.asked("recursive") == "true":
            about = {"email": self.machine.email, "scopes": scopes, "aliases": ["default"]}
            return json_answer(about, headers=_FLAVOR)
        texts = {"email": self.machine.email, "scopes": "\n".join(scopes)}
        if what not in texts:
            return Answer(404, _FLAVOR)
        return Answer(200, {**_FLAVOR, "Content-Type": "application/text"}, texts[what].encode())

    def _sign(self, request: Request, email: str) -> Answer:
        if SIGN_BLOB not in self.permissions[self.caller(request)] or email not in self.accounts:
            text = "Permission '%s' denied on resource (or it may not exist)." % SIGN_BLOB
            raise RefusedError(403, "PERMISSION_DENIED", text)
        try:
            payload = base64.b64decode(json.loads(request.body.read())["payload"], validate=True)
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise RefusedError(400, "INVALID_ARGUMENT", "The payload is not in base64.") from None
        account = self.accounts[email]
        signature = account.key.sign(payload, padding.PKCS1v15(), hashes.SHA256())
        return json_answer({"keyId": account.key_id, "signedBlob": base64.b64encode(signature).decode()})


def _unpadded(text: str) -> bytes:
    """What base64 for URLs, without its padding, says."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
