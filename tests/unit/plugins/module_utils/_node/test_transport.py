# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One request to a real server: streamed, paced, through a proxy, and each failure a sentence."""

from __future__ import annotations

import http.server
import os
import socket
import threading
import time

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import transport

SEEN = []


class Handler(http.server.BaseHTTPRequestHandler):
    """Notes what it was asked; a path names what it does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Answers with what it read, or misbehaves."""
        SEEN.append((self.path, dict(self.headers)))
        if self.path.endswith("/early"):
            self.close_connection = True
            self.rfile.read(10)
            self._answer(403, b"no")
            return
        if self.path.endswith("/silent"):
            time.sleep(3)
            return
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/lost"):
            self.close_connection = True
            return
        self._answer(201, data[:1000])

    def _answer(self, status, data):
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Goog-Hash", "md5=x")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_words):
        """Says nothing."""


@pytest.fixture
def server(monkeypatch):
    """A server's address; the environment names no proxy."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    SEEN.clear()
    made = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield "http://127.0.0.1:%d" % made.server_address[1]
    made.shutdown()
    thread.join()
    made.server_close()


def post(url, body, rate=None):
    """Posts pieces of a body."""
    return transport.send("POST", url, {"Content-Length": str(sum(map(len, body)))}, body, rate)


def test_an_answer(server):
    """Status, headers by their names in lower case, and the body."""
    answer = post(server + "/a?b=c", [b"one ", b"two"])
    assert (answer.status, answer.body, answer.headers["x-goog-hash"]) == (201, b"one two", "md5=x")
    assert SEEN[0][0] == "/a?b=c"


def test_an_early_answer(server):
    """Who refuses before the end of the body is heard."""
    assert post(server + "/early", [b"x" * 65536] * 400).status == 403


def test_a_lost_answer(server):
    """A connection that ends without an answer is a failure, and what was sent may have arrived."""
    with pytest.raises(transport.TransportError, match="127.0.0.1: "):
        post(server + "/lost", [b"x"])


def test_silence(server, monkeypatch):
    """A server that says nothing is not waited for for ever."""
    monkeypatch.setattr(transport, "TIMEOUT_SECONDS", 0.2)
    with pytest.raises(transport.TransportError, match="has not answered within"):
        post(server + "/silent", [b"x"])


def test_nobody_there():
    """A refused connection names the host."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(transport.TransportError, match="127.0.0.1: Connection refused"):
            post("http://127.0.0.1:%d/" % taken.getsockname()[1], [])


def test_no_such_name():
    """A name that DNS does not know is told as one."""
    with pytest.raises(transport.TransportError, match="bucket.invalid cannot be found: "):
        post("http://bucket.invalid/", [])


@pytest.mark.parametrize("place", ["a..b", "127.0.0.1:99999", "127.0.0.1:x"])
def test_no_such_place(server, place):
    """Nor does an address that cannot be one end otherwise."""
    with pytest.raises(transport.TransportError):
        post("http://%s/" % place, [])


def test_through_a_proxy(server, monkeypatch):
    """HTTP_PROXY is asked for the whole address, with its password, which no message shows."""
    monkeypatch.setenv("http_proxy", server.replace("http://", "http://user:secret@"))
    assert post("http://bucket.invalid/x", [b"y"]).status == 201
    assert SEEN[0][0] == "http://bucket.invalid/x"
    monkeypatch.setenv("http_proxy", "http://user:secret@127.0.0.1:1")
    with pytest.raises(transport.TransportError, match="the proxy 127.0.0.1: ") as failure:
        post("http://bucket.invalid/x", [b"y"])
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    "address",
    ["http://user:SECRET/x@127.0.0.1:1", "user:12/SECRET@h", "user:1#SECRET@h", "http://[S@h]:1", "h:SECRET", ":1"],
)
def test_no_such_proxy(monkeypatch, address):
    """An address that cannot be a proxy's is told without a word of it: a password may have broken it."""
    monkeypatch.setenv("http_proxy", address)
    with pytest.raises(transport.TransportError, match="^HTTP_PROXY names no proxy; write http://HOST:PORT") as failure:
        post("http://bucket.invalid/x", [b"y"])
    assert "SECRET" not in str(failure.value) and "user" not in str(failure.value)


def test_no_authorities(monkeypatch):
    """A bundle that is not there is named."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
    with pytest.raises(transport.TransportError, match="the authorities in /no/such.pem cannot be read: No such file"):
        post("https://127.0.0.1:1/", [])


def test_past_a_proxy(server, monkeypatch):
    """NO_PROXY is heeded."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert post(server + "/x", [b"y"]).status == 201


def test_paced(server):
    """A rate is kept over the whole body."""
    start = time.monotonic()
    post(server + "/x", [b"z" * 10_000] * 10, rate=200_000)
    assert time.monotonic() - start >= 0.45


def test_blocks(tmp_path):
    """A file comes in pieces, whole or up to a size, also where it has grown since."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 2000)
    assert b"".join(transport.blocks(str(path))) == path.read_bytes()
    assert b"".join(transport.blocks(str(path), 300_001)) == path.read_bytes()[:300_001]
    assert b"".join(transport.blocks(str(path), 300_001, 299_000)) == path.read_bytes()[299_000:300_001]
    assert max(map(len, transport.blocks(str(path)))) <= 1 << 17
