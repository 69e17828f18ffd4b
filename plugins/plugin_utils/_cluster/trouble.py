# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said when the API server refuses, or is not reached. PRIVATE to the collection.

ApiError             the API server did not answer what it was asked for
├── Unreachable      nobody answered, or not as an API server does
└── Forbidden        a right is missing; its text names it
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ...module_utils._errors import PcapError, shown
from . import library

_MOST = 200
_USER = re.compile(r'User "([^"]*)"')
_NOBODY = "system:anonymous"
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/[^/]+"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/))?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?\Z"
)


class ApiError(PcapError):
    """The API server did not answer what it was asked for."""


class Unreachable(ApiError):
    """Nobody answered, or not as an API server does."""


class Forbidden(ApiError):
    """A right is missing."""


def wanted(path: str) -> str:
    """Return what a path of the API asks for, as its rights are called: ``list pods in namespace shop``."""
    match = _PATH.match(path)
    if not match:
        return "get %s" % path
    verb = "get" if match.group("name") else "list"
    where = "in namespace %s" % match.group("namespace") if match.group("namespace") else "in the whole cluster"
    return "%s %s %s" % (verb, match.group("resource"), where)


def refusal(status: int, body: bytes, path: str, host: str) -> ApiError:
    """Return the error for an answer that is none; ``path`` is what was asked for, ``body`` what was said."""
    said = _said(body)
    if status == 401:
        text = "%s does not know who asks (401): the token or certificate is missing, wrong or over; %s"
        return ApiError(text % (_server(host), "give a valid api_key, client_cert or kubeconfig"))
    if status == 403:
        return _forbidden(said, path, host)
    if status == 404:
        text = "%s has no %s (404); host must be the URL of a Kubernetes API server of version 1.21 or newer"
        return ApiError(text % (_server(host), path))
    if 300 <= status < 400:
        text = "%s sends elsewhere (%d); host must be the URL of the API server itself"
        return Unreachable(text % (_server(host), status))
    text = "%s answered %d when asked to %s: %s"
    return ApiError(text % (_server(host), status, wanted(path), said or "it did not say why"))


def unreachable(error: Exception, host: str) -> Unreachable:
    """Return the error for a request that got no answer."""
    reason = _reason(error)
    if isinstance(error, library.urllib3.exceptions.SSLError):
        text = "the certificate of %s is not accepted: %s; %s"
        right = "give its authority as ca_cert (K8S_AUTH_SSL_CA_CERT), and the host as it stands in the certificate"
        return Unreachable(text % (_server(host), reason, right))
    return Unreachable("%s cannot be reached: %s" % (_server(host), reason))


def is_final(error: Exception) -> bool:
    """Say whether a request that got no answer would get none the next time, either: a certificate, a wrong URL."""
    kinds = library.urllib3.exceptions
    return isinstance(error, (kinds.SSLError, kinds.LocationParseError, kinds.ReadTimeoutError))


def no_json(path: str, host: str) -> Unreachable:
    """Return the error for an answer that no API server gives."""
    return Unreachable("%s does not answer as an API server does when asked for %s; check host" % (_server(host), path))


def _forbidden(said: str, path: str, host: str) -> Forbidden:
    user = _USER.search(said)
    match = _PATH.match(path)
    if not match:
        return Forbidden("%s forbids to get %s: %s" % (_server(host), path, said))
    if user and user.group(1) == _NOBODY:
        right = "give api_key or client_cert, or mend the kubeconfig's user"
        text = "%s forbids to %s, since it was asked without credentials that it takes; %s"
        return Forbidden(text % (_server(host), wanted(path), right))
    verb, resource = ("get" if match.group("name") else "list"), match.group("resource")
    group = "apiGroup %s, " % shown(match.group("group")) if match.group("group") else ""
    binding = "a Role in that namespace, or a ClusterRole" if match.group("namespace") else "a ClusterRole"
    text = "%s forbids %s to %s; grant it %s on %s (%sby %s)"
    who = "user " + user.group(1) if user else "whom it takes us for"
    return Forbidden(text % (_server(host), who, wanted(path), verb, resource, group, binding))


def _server(host: str) -> str:
    return "the API server %s" % host


def _said(body: bytes) -> str:
    """Return the message of a Status, else the first of what was sent, as it may stand in a sentence."""
    try:
        status = json.loads(body)
    except (ValueError, RecursionError):
        status = None
    text = status.get("message") if isinstance(status, Mapping) else body[:_MOST].decode("utf-8", "replace")
    return " ".join(str(text or "").split())[:_MOST]


def is_absent(status: int, body: bytes) -> bool:
    """Say whether an answer means that there is no object of that name; a path that nobody serves is another 404."""
    if status != 404:
        return False
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return False
    details = said.get("details") if isinstance(said, dict) else None
    return isinstance(details, dict) and bool(details.get("name"))


def _reason(error: BaseException) -> str:
    """Return the innermost reason of an error, without the objects that libraries wrap it in."""
    innermost, seen = error, {id(error)}
    while True:
        inner = next(
            (
                one
                for one in (*innermost.args, innermost.__cause__, innermost.__context__)
                if isinstance(one, BaseException) and id(one) not in seen
            ),
            None,
        )
        if inner is None:
            break
        innermost = inner
        seen.add(id(inner))
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return "it did not answer in time"
    text = getattr(innermost, "verify_message", None) or getattr(innermost, "strerror", None) or str(innermost)
    return " ".join(str(text).split())[:_MOST].rstrip(".") or type(innermost).__name__
