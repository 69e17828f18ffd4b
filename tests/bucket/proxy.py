# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A forward proxy, for HTTPS_PROXY and HTTP_PROXY: CONNECT, and requests by absolute URI; it notes whom."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
from typing import Any

_TIMEOUT_SECONDS = 60.0


class Proxy:
    """A proxy that listens on ``url``. ``used`` are the method and the place of each request, oldest first.

    ``routes`` leads a name, ``"iamcredentials.googleapis.com:443"``, to another address, such as a front's.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.used: list[tuple[str, str]] = []
        self.routes: dict[str, tuple[str, int]] = {}
        self._server = _Server((host, 0), _Handler)
        self._server.proxy = self
        self.url = "http://%s:%d" % (host, self._server.server_address[1])

    def connect(self, method: str, place: str) -> socket.socket:
        """A connection to HOST:PORT; OSError."""
        self.used.append((method, place))
        host, _colon, port = place.rpartition(":")
        return socket.create_connection(self.routes.get(place, (host.strip("[]"), int(port))), _TIMEOUT_SECONDS)

    @contextlib.contextmanager
    def running(self) -> Iterator[Proxy]:
        """Listens until the end."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_CONNECT(self) -> None:
        """Joins the client with whom it names."""
        self._join(self.path, b"", b"HTTP/1.1 200 Connection established\r\n\r\n")

    def do_GET(self) -> None:
        """Sends a request on, with a path in place of its absolute URI, and closes after the answer."""
        scheme, _colon, rest = self.path.partition("://")
        place, slash, path = rest.partition("/")
        if scheme != "http" or not slash:
            self.send_error(400, "a proxy is asked by absolute URI")
            return
        del self.headers["Connection"]
        del self.headers["Proxy-Connection"]
        lines = ["%s /%s HTTP/1.1" % (self.command, path), *("%s: %s" % header for header in self.headers.items())]
        head = "\r\n".join([*lines, "Connection: close", "", ""])
        self._join(place if ":" in place else place + ":80", head.encode("latin-1"), b"")

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _join(self, place: str, up: bytes, down: bytes) -> None:
        self.close_connection = True
        try:
            peer = self.server.proxy.connect(self.command, place)
        except (OSError, ValueError) as error:
            self.send_error(502, "no way to %s: %s" % (place, error))
            return
        with peer, contextlib.suppress(OSError):
            self.connection.sendall(down)
            peer.sendall(up)
            onward = threading.Thread(target=_copy, args=(self.rfile, peer), daemon=True)
            onward.start()
            _copy(peer.makefile("rb"), self.connection)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: ``Proxy.used`` holds it all."""


def _copy(source: Any, target: socket.socket) -> None:
    """Copies to the end, and tells the target of it."""
    with contextlib.suppress(OSError, ValueError):
        while piece := source.read1(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
