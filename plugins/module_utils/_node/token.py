# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token of the account that this node runs as, from its metadata server. PRIVATE to the collection.

The token is a secret. It stays in the memory of the process that asked, and no message holds it.
See https://cloud.google.com/compute/docs/access/authenticate-workloads.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import time

_NAME = "metadata.google.internal"
_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
_TIMEOUT_SECONDS = 5.0
_SPARE_SECONDS = 240.0  # the server hands out the same one until five minutes before its end
_MOST = 1 << 16
_TOKEN = re.compile(r"^[!-~]+\Z")
_kept: dict[str, tuple[str, float]] = {}
"""By server: a token, and until when it serves on this process's monotonic clock."""


class TokenError(OSError):
    """There is no token; the text is a sentence."""


def get(fresh: bool = False) -> str:
    """Return a token, a fresh one where that is asked or the last one is about to end; raise TokenError."""
    server = os.environ.get("GCE_METADATA_HOST") or _NAME
    token, until = _kept.get(server, ("", 0.0))
    asked_at = time.monotonic()
    if fresh or asked_at >= until:
        token, seconds = _read(server, *_ask(server))
        _kept[server] = (token, asked_at + seconds - _SPARE_SECONDS)
    return token


def _ask(server: str) -> tuple[int, bytes]:
    """Return status and body; never through a proxy, since the answer is for whoever asks."""
    try:
        with contextlib.closing(http.client.HTTPConnection(server, timeout=_TIMEOUT_SECONDS)) as connection:
            connection.request("GET", _PATH, headers={"Metadata-Flavor": "Google"})
            response = connection.getresponse()
            return response.status, response.read(_MOST)
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        text = "this node has no metadata server that answers at %s (%s); use capture_upload=policy"
        raise TokenError(text % (server, why)) from None


def _read(server: str, status: int, body: bytes) -> tuple[str, float]:
    """Return a token and the seconds that it lasts."""
    if status != 200:
        text = "the metadata server at %s answered %d and gave no token; give this node a service account, or use %s"
        raise TokenError(text % (server, status, "capture_upload=policy"))
    try:
        told = json.loads(body)
        token, seconds = told["access_token"], float(told["expires_in"])
        if not _TOKEN.match(token):
            raise ValueError
    except (ValueError, TypeError, KeyError):
        text = "what answers at %s is no metadata server of Google's; use capture_upload=policy"
        raise TokenError(text % server) from None
    return token, seconds
