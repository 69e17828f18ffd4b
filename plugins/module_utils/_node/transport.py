# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One request over HTTP or HTTPS with a streamed body. PRIVATE to the collection.

Proxies are taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY, authorities from REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE,
SSL_CERT_FILE and SSL_CERT_DIR, in this process's environment.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import http.client
import os
import re
import socket
import ssl
import time
import urllib.parse
import urllib.request
from typing import Iterable, Iterator, Mapping

TIMEOUT_SECONDS = 30.0
"""Without a byte sent or received."""
_BLOCK = 1 << 17
_HOST = re.compile(r"^[A-Za-z0-9._:-]+\Z", re.ASCII)
_ANSWER_MOST = 1 << 16
_BAD_TIMES = (9, 10)  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED (openssl/x509_vfy.h)


class TransportError(OSError):
    """No answer; the text is a sentence. What was sent may have arrived."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    """Its first 64 KiB."""


def send(
    method: str, url: str, headers: Mapping[str, str], body: Iterable[bytes] = (), rate: int | None = None
) -> Answer:
    """Send a request and return the answer, also when it comes before the whole body was sent.

    rate: most bytes of the body a second. Raises TransportError.
    """
    parts = urllib.parse.urlsplit(url)
    host, proxy = parts.hostname or "", _proxy(parts)
    peer = host if proxy is None else "the proxy %s" % proxy.hostname  # nothing of its password
    try:
        with contextlib.closing(_connection(parts, proxy)) as connection:
            return _exchange(connection, method, _target(parts, proxy), headers, _paced(body, rate))
    except ssl.SSLCertVerificationError as error:
        hint = ""
        if error.verify_code in _BAD_TIMES:
            hint = "; this node's clock says %s" % time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        raise TransportError("the certificate of %s is refused: %s%s" % (host, error.verify_message, hint)) from None
    except socket.gaierror as error:
        raise TransportError("%s cannot be found: %s" % (peer, error.strerror)) from None
    except socket.timeout:
        raise TransportError("%s has not answered within %d s" % (host, TIMEOUT_SECONDS)) from None
    except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: a name or port that cannot be one
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise TransportError("%s: %s" % (peer, why)) from None


def blocks(path: str, end: int | None = None, start: int = 0) -> Iterator[bytes]:
    """Yield a file's bytes from one offset to another, or to its end."""
    left = (os.stat(path).st_size if end is None else end) - start
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        while left > 0:
            data = file.read(min(_BLOCK, left))
            if not data:
                return
            left -= len(data)
            yield data


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: Iterable[bytes],
) -> Answer:
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    broken: OSError | None = None
    try:
        for data in body:
            connection.send(data)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError) as error:
        broken = error  # who refuses a request may answer and close before it has read all of it
    try:
        response = connection.getresponse()
    except (OSError, http.client.HTTPException):
        if broken is not None:
            raise broken from None
        raise
    named = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, named, response.read(_ANSWER_MOST))


def _connection(parts: urllib.parse.SplitResult, proxy: urllib.parse.SplitResult | None) -> http.client.HTTPConnection:
    near = proxy or parts
    host, port = near.hostname or "", near.port
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    connection = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=_context())
    if proxy is not None:
        connection = http.client.HTTPSConnection(host, port or 80, timeout=TIMEOUT_SECONDS, context=_context())
        connection.set_tunnel(parts.hostname or "", parts.port or 443, _authorization(proxy))
    return connection


def _target(parts: urllib.parse.SplitResult, proxy: urllib.parse.SplitResult | None) -> str:
    """Return what the request line asks for: the path, or of a plain request through a proxy the whole address."""
    path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    plain_proxy = parts.scheme == "http" and proxy is not None
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path, "", "")) if plain_proxy else path


def _proxy(parts: urllib.parse.SplitResult) -> urllib.parse.SplitResult | None:
    """Return who stands between, if anybody; raise TransportError, which quotes nothing of what may hold a password."""
    known = urllib.request.getproxies_environment()
    if parts.scheme not in known or urllib.request.proxy_bypass(parts.netloc):
        return None
    address = known[parts.scheme]
    try:
        proxy = urllib.parse.urlsplit(address if "://" in address else "http://" + address)
        rest = proxy.path.strip("/") or proxy.query or proxy.fragment  # of a password with such a character
        if _HOST.match(proxy.hostname or "") and proxy.port != 0 and not rest:
            return proxy
    except ValueError:  # a port or an IPv6 address that cannot be one
        pass
    text = "%s_PROXY names no proxy; write http://HOST:PORT, and what is special in a password as %%XX"
    raise TransportError(text % parts.scheme.upper())


def _authorization(proxy: urllib.parse.SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    plain = "%s:%s" % (urllib.parse.unquote(proxy.username), urllib.parse.unquote(proxy.password or ""))
    return {"Proxy-Authorization": "Basic " + base64.b64encode(plain.encode()).decode()}


def _context() -> ssl.SSLContext:
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    try:
        return ssl.create_default_context(cafile=bundle or None)
    except OSError as error:
        raise TransportError("the authorities in %s cannot be read: %s" % (bundle, error.strerror)) from None


def _paced(body: Iterable[bytes], rate: int | None) -> Iterator[bytes]:
    """Yield the body no faster than ``rate`` bytes a second."""
    start, sent = time.monotonic(), 0
    for data in body:
        yield data
        sent += len(data)
        if rate:
            time.sleep(max(0.0, start + sent / rate - time.monotonic()))
