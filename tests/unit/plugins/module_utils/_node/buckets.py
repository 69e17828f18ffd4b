# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bucket that takes forms as the service does: each name once, and an answer with the MD5 of what arrived."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import threading
import time

from ansible_collections.kube.pcap.plugins.module_utils._records import Upload

from .forks import PATIENCE

PREFIX = "p/c-1/node-a/"
SINK = "gs://captures/p"
SECRET = "5ec4e7" * 10
_TAKEN = "<Error><Code>AccessDenied</Code><Details>signer does not have storage.objects.delete access</Details></Error>"
_FORBIDDEN = "<Error><Code>SignatureDoesNotMatch</Code><Message>The signature is not ours.</Message></Error>"


class Bucket:
    """What arrived, and what comes next: ``faults`` holds one word for each of the next forms.

    A word is ``down``, ``wait 30`` (503 with Retry-After), ``lost`` (stored, no answer), ``mute`` (stored, an answer
    without MD5), ``refused`` or ``other`` (the MD5 of something else). While ``held``, no form is answered.
    """

    def __init__(self):
        self.objects, self.order, self.faults = {}, [], []
        self.types = {}
        self.url = ""
        self.inside = self.most_inside = 0
        self._lock, self._go = threading.Lock(), threading.Event()
        self._go.set()

    @contextlib.contextmanager
    def held(self):
        """Forms arrive and wait."""
        self._go.clear()
        try:
            yield
        finally:
            self._go.set()

    def way(self, prefix=PREFIX, seconds=600):
        """What a node is told."""
        now = time.time_ns()
        return Upload(self.url, prefix, {"x-goog-signature": SECRET}, now, now + seconds * 10**9)

    def names(self):
        """The file names of all objects but the manifest, in the order in which they came."""
        return [name.rpartition("/")[2] for name in self.order if not name.endswith("manifest.jsonl")]

    def answer(self, form):
        """Status, headers and text for a form; no status where there is no answer."""
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.inside, self.most_inside)
        try:
            assert self._go.wait(PATIENCE * 2)
            with self._lock:
                return self._judge(form, self.faults.pop(0) if self.faults else "")
        finally:
            with self._lock:
                self.inside -= 1

    def _judge(self, form, fault):
        if fault == "down":
            return 500, {}, ""
        if fault.startswith("wait"):
            return 503, {"Retry-After": fault.split()[1]}, ""
        if fault == "refused":
            return 403, {}, _FORBIDDEN
        name, data = form["key"].decode(), form["file"]
        if name in self.objects:
            return 403, {}, _TAKEN
        self.objects[name] = data
        self.types[name] = form["Content-Type"].decode()
        self.order.append(name)
        tag = hashlib.md5(b"other" if fault == "other" else data).hexdigest()
        return {"lost": None, "mute": 201}.get(fault, 201), {} if fault == "mute" else {"ETag": '"%s"' % tag}, ""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """Takes one form; one that was cut is none."""
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        self.close_connection = True
        status = None
        if len(body) == length:
            status, headers, text = self.server.bucket.answer(_fields(body, self.headers["Content-Type"]))
        if status is not None:
            with contextlib.suppress(ConnectionError):
                self._send(status, headers, text.encode())

    def _send(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        """Says nothing."""

    def finish(self):
        """Whoever asked may be gone."""
        with contextlib.suppress(OSError):
            super().finish()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_who):
        """A client that was killed is no news."""


def _fields(body, content_type):
    """The fields of a form (RFC 7578)."""
    mark = b"--" + content_type.partition("boundary=")[2].strip('"').encode()
    found = {}
    for part in body.split(mark)[1:-1]:
        head, _gap, value = part[2:].partition(b"\r\n\r\n")
        found[re.search(rb'[; ]name="([^"]+)"', head).group(1).decode()] = value[:-2]
    return found


@contextlib.contextmanager
def serving():
    """A bucket that can be reached."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.bucket = Bucket()
    server.bucket.url = "http://127.0.0.1:%d/captures/" % server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
