# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the service demands of a signed POST form (signature version 4), as pure functions.

Which codes and statuses the service uses is documented at https://cloud.google.com/storage/docs/xml-api/post-object and
…/reference-status; the sentences are ours.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .answers import RefusedError

ALGORITHM = "GOOG4-RSA-SHA256"
MOST_AHEAD = datetime.timedelta(minutes=15)
_FREE = {"x-goog-signature", "policy", "file"}
"""Fields that need no condition."""
_NEEDED = ("key", "policy", "x-goog-algorithm", "x-goog-credential", "x-goog-date", "x-goog-signature")


def check(
    fields: Mapping[str, str],
    size: int,
    bucket: str,
    keys: Mapping[str, rsa.RSAPublicKey],
    now: datetime.datetime,
) -> str:
    """Returns the email of the account that signed the form; RefusedError.

    ``fields`` by lower-case name, without the file; ``size`` of the file in bytes; ``keys`` by email; ``now`` in UTC.
    """
    for name in _NEEDED:
        if name not in fields:
            raise _against_policy("the form has no field %s" % name)
    signer = _signer(fields, keys)
    policy = _document(fields["policy"])
    _check_times(policy, fields["x-goog-date"], now)
    values = {**fields, "bucket": bucket}
    covered = set()
    for operator, name, wanted in _conditions(policy["conditions"]):
        covered.add(name)
        _check_condition(operator, name, wanted, values, size)
    strangers = sorted(set(fields) - covered - _FREE)
    if strangers:
        raise _against_policy("the policy has no condition for: " + ", ".join(strangers))
    return signer


def _signer(fields: Mapping[str, str], keys: Mapping[str, rsa.RSAPublicKey]) -> str:
    email, _slash, scope = fields["x-goog-credential"].partition("/")
    refused = RefusedError(403, "SignatureDoesNotMatch", "The signature is not that of the policy.", fields["policy"])
    day = fields["x-goog-date"][:8]
    if fields["x-goog-algorithm"] != ALGORITHM or email not in keys or not scope.startswith(day + "/"):
        raise refused
    try:
        signature = bytes.fromhex(fields["x-goog-signature"])
        keys[email].verify(signature, fields["policy"].encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        raise refused from None
    return email


def _document(policy: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(policy, validate=True))
        if isinstance(document, dict) and isinstance(document["conditions"], list) and document["expiration"]:
            return document
    except (binascii.Error, ValueError, KeyError):
        pass
    raise _against_policy("the policy is no document with expiration and conditions")


def _check_times(policy: Mapping[str, Any], signed: str, now: datetime.datetime) -> None:
    try:
        date = datetime.datetime.strptime(signed, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        expiration = datetime.datetime.fromisoformat(policy["expiration"].removesuffix("Z"))
    except (AttributeError, ValueError):
        raise _against_policy("x-goog-date or expiration is no time") from None
    if date > now + MOST_AHEAD:
        raise RefusedError(
            403, "RequestTimeTooSkewed", "The clock of the signer is too far ahead.", "x-goog-date is " + signed
        )
    if expiration.replace(tzinfo=datetime.timezone.utc) <= now:
        raise expired("at " + policy["expiration"])


def expired(when: str) -> RefusedError:
    """The refusal of a policy that is over."""
    return RefusedError(400, "ExpiredToken", "The policy has expired.", "It expired " + when)


def _conditions(conditions: list[Any]) -> Iterator[tuple[str, str, Any]]:
    """(operator, lower-case field, what it wants) of each condition in any of its spellings."""
    for condition in conditions:
        match condition:
            case dict():
                yield from (("eq", name.lower(), value) for name, value in condition.items())
            case ["content-length-range", int(least), int(most)]:
                yield "content-length-range", "", (least, most)
            case ["eq" | "starts-with" as operator, str(name), str(value)]:
                yield operator, name.removeprefix("$").lower(), value
            case _:
                raise _against_policy("%s is no condition" % json.dumps(condition))


def _check_condition(operator: str, name: str, wanted: Any, values: Mapping[str, str], size: int) -> None:
    if operator == "content-length-range":
        if size > wanted[1]:
            raise RefusedError(400, "EntityTooLarge", "The file is larger than the policy allows.", "%d bytes" % size)
        if size < wanted[0]:
            raise RefusedError(400, "EntityTooSmall", "The file is smaller than the policy allows.", "%d bytes" % size)
        return
    value = values.get(name)
    if not (value == wanted if operator == "eq" else value is not None and value.startswith(wanted)):
        raise _against_policy("the form fails the condition %s" % json.dumps([operator, "$" + name, wanted]))


def _against_policy(details: str) -> RefusedError:
    return RefusedError(400, "InvalidPolicyDocument", "The form does not meet the conditions of its policy.", details)
