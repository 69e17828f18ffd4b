# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server that answers as a test has written down, and notes what it was asked."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading

TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


class Script:
    """``answers``, one for each request: (status, headers, body), or how many bytes are read before the cut."""

    def __init__(self):
        self.answers = []
        self.seen = []
        """(method, path, headers, body) of each request but those for a token."""
        self.tokens = []
        """What the next questions for a token get; afterwards each is another good one."""
        self.handed_out = []
        self.url = self.place = ""

    def token_answer(self):
        """Status and body for who asks for a token."""
        if self.tokens:
            return self.tokens.pop(0)
        self.handed_out.append("token-%d" % (len(self.handed_out) + 1))
        return 200, json.dumps({"access_token": self.handed_out[-1], "expires_in": 3599, "token_type": "Bearer"})


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answers one request, whatever its method."""
        script = self.server.script
        if self.path == TOKEN_PATH:
            status, text = script.token_answer() if self.headers["Metadata-Flavor"] == "Google" else (403, "")
            self._answer(status, {}, text.encode())
            return
        length = int(self.headers.get("Content-Length") or 0)
        answer = script.answers.pop(0)
        body = self.rfile.read(min(length, answer) if isinstance(answer, int) else length)
        script.seen.append((self.command, self.path, dict(self.headers), body))
        if isinstance(answer, int):
            self.close_connection = True
        else:
            self._answer(*answer)

    do_POST = do_PUT = do_GET

    def _answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        """Says nothing."""


@contextlib.contextmanager
def playing():
    """A script that is played at ``url``; ``place`` is the same without its scheme."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Handler)
    server.script = Script()
    server.script.place = "127.0.0.1:%d" % server.server_address[1]
    server.script.url = "http://" + server.script.place
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
