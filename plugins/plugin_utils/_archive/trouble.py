# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the library raised, as a sentence for a user. PRIVATE to the collection.

Of what a service said only the message is quoted, without any long word: keys, tokens, signatures are such.
"""

from __future__ import annotations

import ast
import json
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from ...module_utils._errors import PcapError
from . import library

CLOCK = "the clocks of controller and service differ; set the controller's"
_LONG_WORD = re.compile(r"[A-Za-z0-9_+/=.-]{100,}", re.ASCII)
_TIMES = re.compile(r"\biat\b.*\bexp\b")
_IAM = "IAM signBlob API: "
_MOST = 300


def sentence(subject: str, error: BaseException, right: str, secrets: Sequence[str] = ()) -> PcapError:
    """Return what to tell of a failure of the library.

    ``subject``: what was asked, such as a bucket. ``right``: what to do where access is refused. ``secrets``: words
    that may be in no text.
    """
    causes = list(_causes(error))
    wrong = _tls(causes) or _network(causes) or _credentials(causes) or _answer(causes, right)
    text = "%s: %s" % (subject, wrong or "%s (%s)" % (type(error).__name__, quoted(str(error))))
    for secret in filter(None, secrets):
        text = text.replace(secret, "...")
    return PcapError(text)


def quoted(text: str) -> str:
    """Return what somebody else said: one line, not endless, without what may be a secret."""
    plain = "".join(c if c.isprintable() else " " for c in _LONG_WORD.sub("...", text))
    line = " ".join(plain.split())
    return line if len(line) <= _MOST else line[: _MOST - 3] + "..."


def certificate(error: BaseException) -> bool:
    """Return whether it failed for a certificate, which another try does not mend."""
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that it was made of, wherever a library keeps them."""
    known: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and not any(cause is other for other in known):
            known.append(cause)
            yield cause
            waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def _host(causes: Sequence[BaseException]) -> str:
    """Return whom the request was for."""
    urls = [getattr(getattr(cause, "request", None), "url", None) for cause in causes]
    return next((urlsplit(url).netloc for url in urls if isinstance(url, str)), "the service")


def _tls(causes: Sequence[BaseException]) -> str | None:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            right = "if it is right, set the controller's clock or name its authority in REQUESTS_CA_BUNDLE"
            return "the certificate of %s is refused (%s); %s" % (_host(causes), quoted(cause.verify_message), right)
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return "TLS with %s failed (%s); see whether a proxy stands between" % (_host(causes), cause.reason)
    return None


def _network(causes: Sequence[BaseException]) -> str | None:
    kinds = library.requests.exceptions
    host = _host(causes)
    right = "see the controller's network, and HTTPS_PROXY and NO_PROXY"
    for cause in causes:
        if isinstance(cause, kinds.InvalidURL):  # its text quotes what may be a proxy's password
            return "an address cannot be one; see HTTPS_PROXY, and write what is special in a password as %XX"
    for cause in causes:
        if isinstance(cause, kinds.ProxyError):
            return "the proxy lets nothing through to %s; %s" % (host, right)
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return "the name of %s is not known (%s); %s" % (host, cause.strerror, right)
    for cause in causes:
        if isinstance(cause, (kinds.Timeout, TimeoutError)):
            return "%s gave no answer in time; %s" % (host, right)
    for cause in causes:
        if isinstance(cause, kinds.ConnectionError):
            why = next((c.strerror for c in causes if isinstance(c, OSError) and c.errno and c.strerror), "cut off")
            return "%s cannot be reached (%s); %s" % (host, why, right)
    return None


def _credentials(causes: Sequence[BaseException]) -> str | None:
    for cause in causes:
        text = str(cause)
        if isinstance(cause, library.auth.RefreshError):
            if _TIMES.search(text):
                return "Google refuses the time in what the key signed (%s): %s" % (quoted(_first(cause)), CLOCK)
            if "refresh_token" in text:
                return "the access token is not accepted, or has expired; give a new one"
            return "no token for these credentials (%s); see auth_kind and what belongs to it" % quoted(_first(cause))
        if isinstance(cause, library.auth.DefaultCredentialsError):
            right = "set auth_kind and what belongs to it, or GOOGLE_APPLICATION_CREDENTIALS"
            return "there are no credentials; " + right
        if isinstance(cause, library.auth.TransportError) and _IAM in text:
            right = "grant roles/iam.serviceAccountTokenCreator on it to who asks"
            return "IAM does not sign for the account (%s); %s" % (quoted(_signer_said(text)), right)
        if isinstance(cause, library.auth.TransportError):
            return "the metadata server is not there, or gave no token (%s)" % quoted(_first(cause))
    return None


def _first(error: BaseException) -> str:
    """Return an exception's own words; what follows them is the whole answer."""
    return str(error.args[0]) if error.args else type(error).__name__


def _signer_said(text: str) -> str:
    """Return the message of IAM's answer, which the library shows as bytes."""
    answer = text.partition(_IAM)[2]
    try:
        return str(json.loads(ast.literal_eval(answer))["error"]["message"])
    except (ValueError, SyntaxError, TypeError, KeyError):
        return answer


def _answer(causes: Sequence[BaseException], right: str) -> str | None:
    for cause in causes:
        if isinstance(cause, library.api.GoogleAPICallError):
            said = quoted(_message(cause))
            if cause.code == 404:
                return "this does not exist (%s); create the bucket, or correct its name" % said
            if cause.code in (401, 403):
                return "access is refused (%s); %s" % (said, right)
            return "the service answers %s (%s)" % (cause.code, said)
    return None


def _message(error: BaseException) -> str:
    """Return the message of a service's answer."""
    try:
        answer = json.loads(getattr(getattr(error, "response", None), "text", ""))
        return str(answer["error"]["message"])
    except (ValueError, TypeError, KeyError):
        return str(error).rpartition(": ")[2]
