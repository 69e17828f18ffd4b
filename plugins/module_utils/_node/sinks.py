# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a capture's sink will take its files, before anything starts. PRIVATE to the collection."""

from __future__ import annotations

import os
import time

from .._errors import OptionError
from .._records import NodeCapture, Upload
from .._sinks import is_bucket
from . import bucket, directory

_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
_AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_ENVIRONMENT = (*_PROXIES, *(name.lower() for name in _PROXIES), *_AUTHORITIES, "GCE_METADATA_HOST")


def check(asked: NodeCapture, way: Upload | None, check_mode: bool) -> None:
    """Raise OptionError unless the sink can be written to; in check mode nothing is written.

    way: to the bucket, where it is one.
    """
    sink = asked.options.sink or ""
    if not is_bucket(sink):
        directory.check(sink, write=not check_mode)
        directory.check_unused(sink, asked.id, asked.node)
    elif way is None:
        right = "let the playbook kube.pcap.capture sign one"
        raise OptionError("sink", "%s takes an upload policy, and none came along" % sink, right)
    elif not check_mode:
        bucket.check(asked, way, time.time_ns())


def environment() -> dict[str, str]:
    """Return what this process's environment says of the way to a bucket, for a supervisor that has another."""
    return {name: os.environ[name] for name in _ENVIRONMENT if os.environ.get(name)}
