# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as Google's library takes them, and how it asks for tokens. PRIVATE to the collection."""

from __future__ import annotations

import datetime
import email.utils
import json
import os
from typing import Any

from ...module_utils._errors import OptionError
from . import library
from .access import APPLICATION, KEY, MACHINE, Access
from .policy import EMULATOR

SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write", "https://www.googleapis.com/auth/iam")
TIMEOUT_SECONDS = 20
"""For each answer of the network."""


class Request:
    """How Google's library asks for tokens and signatures: within a time, and noting the service's clock."""

    def __init__(self) -> None:
        self._send = library.google.auth.transport.requests.Request()
        self.skew_seconds = 0.0
        """The controller's clock less the service's."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        response = self._send(*args, **{**options, "timeout": options.get("timeout") or TIMEOUT_SECONDS})
        date = email.utils.parsedate_tz(response.headers.get("date", ""))
        if date:
            self.skew_seconds = datetime.datetime.now(datetime.timezone.utc).timestamp() - email.utils.mktime_tz(date)
        return response


def make_credentials(access: Access) -> Any:
    """Return the library's credentials; raise OptionError for a key that is none."""
    google = library.google
    if access.kind == KEY:
        try:
            key = json.loads(access.contents or "")
            return google.oauth2.service_account.Credentials.from_service_account_info(key, scopes=SCOPES)
        except (ValueError, TypeError):
            option = "service_account_file" if access.file else "service_account_contents"
            wrong = "the private key in it cannot be read"
            raise OptionError(option, wrong, "give it as Google wrote it") from None
    if access.kind == MACHINE:
        return google.auth.compute_engine.Credentials(scopes=SCOPES)
    if access.kind == APPLICATION:
        if os.environ.get(EMULATOR) and not os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
            return google.auth.credentials.AnonymousCredentials()
        return google.auth.default(scopes=SCOPES)[0]
    return google.oauth2.credentials.Credentials(access.token)
