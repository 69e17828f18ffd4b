# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The front: an HTTP or HTTPS server before the emulator, with the service's manners and with faults."""

from __future__ import annotations

import contextlib
import email.utils
import http.server
import io
import os
import pathlib
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import IO, Any

from .answers import Answer, RefusedError, Request, Seen
from .emulator import Emulator
from .faults import DroppedError, Fault, Faults
from .identity import Account
from .pieces import PIECE, pieces, spooled
from .service import Service
from .tokens import Accounts
from .upstream import Upstream

IDLE_SECONDS = 300.0
"""So long a connection may be silent."""


class Front:
    """Where clients find the bucket. Attributes that tests may change at any time:

    ``faults``; ``clock_offset``, seconds that its clock is ahead; ``service.tells_md5``, ``.expired``;
    ``accounts.permissions``, ``.machine``, ``.token_seconds``. ``seen`` are the requests so far, oldest first.
    """

    def __init__(
        self,
        emulator: Emulator,
        accounts: Iterable[Account],
        host: str = "127.0.0.1",
        certificate: pathlib.Path | None = None,
    ) -> None:
        self.faults = Faults()
        self.seen: list[Seen] = []
        self.clock_offset = 0.0
        self.host, self.port = host, 0
        self._scheme = "https" if certificate else "http"
        self.accounts = Accounts(accounts, self.clock)
        self.service = Service(Upstream(emulator, self._scheme), self.accounts, self.clock)
        self._tls = _context(certificate) if certificate else None
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where it listens: ``http://127.0.0.1:4443``."""
        return "%s://%s:%d" % (self._scheme, "[%s]" % self.host if ":" in self.host else self.host, self.port)

    def clock(self) -> float:
        """Seconds since 1970, as the front believes."""
        return time.time() + self.clock_offset

    def use_certificate(self, certificate: pathlib.Path) -> None:
        """Shows another certificate from the next connection on."""
        self._tls = _context(certificate)

    def up(self) -> None:
        """Listens; after ``down`` on the same port."""
        if self._server is None:
            self._server = _Server(self)
            self.port = self._server.server_address[1]
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self) -> None:
        """Refuses connections, and drops those that are there."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.drop_connections()
            self._server = None

    def secure(self, connection: socket.socket) -> socket.socket:
        """The connection as it is spoken on; where that is TLS the first read greets."""
        if self._tls is None:
            return connection
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)


@contextlib.contextmanager
def running(front: Front) -> Iterator[Front]:
    """A front that listens, and is gone at the end with whatever waits in it."""
    front.up()
    try:
        yield front
    finally:
        front.faults.clear()
        front.down()


def _context(certificate: pathlib.Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class _Server(http.server.ThreadingHTTPServer):
    """One life of the front's listener. TLS begins in the connection's own thread: who stalls there stalls alone."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, front: Front) -> None:
        self.front = front
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in front.host else socket.AF_INET
        super().__init__((front.host, front.port), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serves one connection to its end."""
        with contextlib.suppress(DroppedError, OSError), self._kept(request):
            # Whoever went away, or does not trust us, hears no more of it.
            self.front.faults.accepted()
            request.settimeout(IDLE_SECONDS)
            with self.front.secure(request) as connection, self._kept(connection):
                super().finish_request(connection, client_address)

    @contextlib.contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[None]:
        """Whoever drops all connections knows of this one."""
        with self._lock:
            self._connections.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)

    def drop_connections(self) -> None:
        """Ends every connection in the middle of whatever it does."""
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Serves one request, whatever its method."""
        front = self.server.front
        seen = Seen(time.time(), self.command, self.path)
        front.seen.append(seen)
        hits = front.faults.strike(seen)
        try:
            self._send(seen, self._answer(front, seen, hits))
        except (DroppedError, OSError):
            self.close_connection = True
        finally:
            seen.ended = time.time()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_GET

    def _answer(self, front: Front, seen: Seen, hits: list[Fault]) -> Answer:
        with contextlib.closing(spooled()) as body:
            try:
                self._receive(seen, body, hits)
            except (DroppedError, OSError):
                with contextlib.suppress(RefusedError):
                    front.service.keep(self._request(seen, body))
                raise
            request = self._request(seen, body)
            for fault in hits:
                other = fault.read(seen)
                if other:
                    return other
            answer = front.service.answer(request)
            for fault in hits:
                answer = fault.answered(seen, answer)
            return answer

    def _receive(self, seen: Seen, body: IO[bytes], hits: list[Fault]) -> None:
        """Reads the request's body; DroppedError where it ends too early, or a fault ends it."""
        said = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not said.isdecimal():
            raise DroppedError
        left = int(said)
        while left:
            piece = self.rfile.read1(min(PIECE, left))
            if not piece:
                raise DroppedError
            body.write(piece)
            left -= len(piece)
            seen.content += len(piece)
            for fault in hits:
                fault.received(seen, len(piece))

    def _request(self, seen: Seen, body: IO[bytes]) -> Request:
        path, _mark, query = self.path.partition("?")
        body.seek(0)
        return Request(
            method=self.command,
            path=path,
            query=urllib.parse.parse_qs(query, keep_blank_values=True),
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            size=seen.content,
            seen=seen,
        )

    def _send(self, seen: Seen, answer: Answer) -> None:
        """Sends an answer; its status is noted before its first byte, so that whoever has it can look."""
        seen.status = answer.status
        size = len(answer.body)
        if answer.stream:
            size = answer.stream.seek(0, os.SEEK_END)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if self.command == "HEAD":
            return
        for piece in pieces(answer.stream or io.BytesIO(answer.body), 0, size):
            self.wfile.write(piece)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The header Date, by the front's clock."""
        return email.utils.formatdate(self.server.front.clock() if timestamp is None else timestamp, usegmt=True)

    def version_string(self) -> str:
        """The header Server."""
        return "UploadServer"

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: ``Front.seen`` holds it all."""
