# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node may do with a bucket: a signed V4 POST policy. PRIVATE to the collection.

It allows new objects below one prefix, for a while, and nothing else. google-cloud-storage signs policies too, but
always with a condition that the name equals one given, so that every segment would need its own.

Source: https://cloud.google.com/storage/docs/authentication/signatures#policy-document
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
from collections.abc import Callable, Mapping

from ...module_utils._errors import OptionError
from ...module_utils._records import Upload

ALGORITHM = "GOOG4-RSA-SHA256"
SERVICE = "https://storage.googleapis.com"
EMULATOR = "STORAGE_EMULATOR_HOST"
"""The variable that names another root."""
LONGEST_SECONDS = 7 * 24 * 3600
"""Google refuses signatures that would live longer."""
LARGEST_OBJECT = 5 * 2**40
"""Bytes that an object of Google Cloud Storage may have."""


def service_root(environ: Mapping[str, str]) -> str:
    """Return where the service is; raise OptionError."""
    root = environ.get(EMULATOR) or SERVICE
    if "://" not in root:
        raise OptionError(EMULATOR, "%r has no scheme" % root, "write it as http://HOST:PORT")
    return root


@dataclasses.dataclass(frozen=True)
class Unsigned:
    """A policy that lacks its signature."""

    url: str
    prefix: str
    document: str
    """JSON in base64: what is signed."""
    fields: Mapping[str, str]
    """Of the form that is posted, in this order; without document and signature."""
    issued_ns: int
    expires_ns: int


def write_policy(
    bucket: str,
    prefix: str,
    now: datetime.datetime,
    seconds: int,
    email: str,
    most: int = LARGEST_OBJECT,
    service: str = SERVICE,
) -> Unsigned:
    """Return the policy for names that begin with ``prefix``, of objects of at most ``most`` bytes.

    It lives for ``seconds`` from ``now``, which is in UTC, but at most 7 days. ``email`` names the account that signs.
    """
    issued = now.replace(microsecond=0)
    expires = issued + datetime.timedelta(seconds=min(seconds, LONGEST_SECONDS))
    fields = {
        "success_action_status": "201",
        "x-goog-date": issued.strftime("%Y%m%dT%H%M%SZ"),
        "x-goog-credential": "%s/%s/auto/storage/goog4_request" % (email, issued.strftime("%Y%m%d")),
        "x-goog-algorithm": ALGORITHM,
    }
    conditions = [
        {"bucket": bucket},
        ["starts-with", "$key", prefix],
        ["content-length-range", 0, most],
        ["starts-with", "$Content-Type", "application/"],
        ["starts-with", "$Content-MD5", ""],
        *({name: value} for name, value in fields.items()),
    ]
    policy = {"conditions": conditions, "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return Unsigned(
        url="%s/%s/" % (service.rstrip("/"), bucket),
        prefix=prefix,
        document=base64.b64encode(json.dumps(policy, separators=(",", ":")).encode()).decode(),
        fields=fields,
        issued_ns=int(issued.timestamp()) * 10**9,
        expires_ns=int(expires.timestamp()) * 10**9,
    )


def sign_policy(unsigned: Unsigned, sign_bytes: Callable[[bytes], bytes]) -> Upload:
    """Return what a node needs; ``sign_bytes`` returns the RSA-SHA256 signature of bytes."""
    signature = sign_bytes(unsigned.document.encode()).hex()
    return Upload(
        url=unsigned.url,
        prefix=unsigned.prefix,
        fields={**unsigned.fields, "policy": unsigned.document, "x-goog-signature": signature},
        issued_ns=unsigned.issued_ns,
        expires_ns=unsigned.expires_ns,
    )
