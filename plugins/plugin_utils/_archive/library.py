# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""google-cloud-storage and what comes with it, where it is installed. PRIVATE to the collection."""

from __future__ import annotations

import sys

from ...module_utils._errors import PcapError

try:
    import google.auth
    import google.auth.compute_engine
    import google.auth.credentials
    import google.auth.iam
    import google.auth.transport.requests
    import google.oauth2.credentials
    import google.oauth2.service_account
    import google_crc32c
    import requests
    from google.api_core import exceptions as api
    from google.api_core.retry import Retry
    from google.auth import exceptions as auth
    from google.cloud import storage
    from google.cloud.storage.exceptions import DataCorruption
except ImportError as error:
    MISSING: str | None = str(error)
    FAILURES: tuple[type[Exception], ...] = ()
else:
    MISSING = None
    # OSError: of a bundle of authorities that is not there, and of a credential's file
    FAILURES = (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException, DataCorruption, OSError)

__all__ = ["FAILURES", "MISSING", "Retry", "api", "auth", "google", "google_crc32c", "requests", "require", "storage"]


def require() -> None:
    """Raise PcapError where the library is not installed for the Python that runs."""
    if MISSING is not None:
        python = sys.executable
        install = "install it with `%s -m pip install google-cloud-storage`" % python
        raise PcapError("google-cloud-storage is missing for %s (%s); %s" % (python, MISSING, install))
