# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server that says what a test has written down, over real HTTP."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


class Said(NamedTuple):
    """One answer; ``status`` 0 breaks the connection instead, as a server does that goes away.

    It is compressed for who takes that, unless ``headers`` say how it was encoded.
    """

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


class Asked(NamedTuple):
    """One request."""

    path: str
    query: dict[str, str]
    headers: Any


class ApiServer:
    """``asked`` has every request; ``answer`` is called with each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Said] = lambda asked: forbidden(asked.path)

    @property
    def paths(self) -> list[str]:
        """What was asked for, with the query where there is one."""
        queries = ["&".join("%s=%s" % pair for pair in asked.query.items()) for asked in self.asked]
        return [asked.path + ("?" + query if query else "") for asked, query in zip(self.asked, queries, strict=True)]


def listed(kind: str, *items: dict[str, Any], token: str = "") -> Said:
    """A page of a list."""
    return Said(200, {"kind": kind + "List", "metadata": {"continue": token}, "items": list(items)})


def failure(status: int, message: str = "", headers: tuple[tuple[str, str], ...] = (), **details: str) -> Said:
    """A Status."""
    return Said(status, {"kind": "Status", "code": status, "message": message, "details": details}, headers)


def forbidden(path: str) -> Said:
    """The answer to whoever has no right."""
    return failure(403, 'pods is forbidden: User "system:serviceaccount:ops:pcap" cannot list resource at %s' % path)


@contextlib.contextmanager
def serving(ssl_files: tuple[str, str] | None = None) -> Iterator[ApiServer]:
    """Yield a server on a free port of this machine, with TLS where files of a certificate and its key are given."""
    server: ApiServer

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urllib.parse.urlsplit(self.path)
            asked = Asked(parts.path, dict(urllib.parse.parse_qsl(parts.query)), self.headers)
            server.asked.append(asked)
            said = server.answer(asked)
            if not said.status:
                self.close_connection = True
                return
            body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            encoded = "content-encoding" in dict(said.headers)
            if "gzip" in self.headers.get("accept-encoding", "") and not encoded:
                body = gzip.compress(body)
                self.send_header("content-encoding", "gzip")
            for name, value in said.headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        if ssl_files:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*ssl_files)
            listening.socket = context.wrap_socket(listening.socket, server_side=True)
        server = ApiServer("http%s://127.0.0.1:%d" % ("s" if ssl_files else "", listening.server_address[1]))
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
