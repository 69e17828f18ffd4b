# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a server of DNS from a network namespace, and tells what came back. PRIVATE to the collection.

A connected socket hears the asked server alone. What else comes on it, with another id or about another question, is
passed by, and the answer is waited for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import secrets
import select
import socket
import time
from typing import Any, Sequence

from .._dns_course import Reply
from .._dns_records import Question
from .._packet import dns
from . import netns

TRUNCATED, DAMAGED, CLOSED = "truncated", "damaged", "closed"
_MOST_BYTES = 1 << 16


TCP, UDP = "tcp", "udp"


class _Exchange:
    """One question on its way."""

    def __init__(self, name: str, kind: str, server: str, protocol: str) -> None:
        number = secrets.randbelow(1 << 16)
        self.question = Question(name, kind, server, number, protocol)
        self.answer: dns.Answer | None = None
        self.sock: socket.socket | None = None
        """Open while the answer is waited for."""
        self._message = dns.question(number, name, kind)
        self._began = time.monotonic()

    def send(self, until: float) -> None:
        """Open the socket in the namespace in which the caller is, connect it, and send the message."""
        self._began = time.monotonic()
        server, _percent, scope = self.question.server.partition("%")
        six, stream = ":" in server, self.question.protocol == TCP
        family = socket.AF_INET6 if six else socket.AF_INET
        try:
            self.sock = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
            self.sock.settimeout(_left(until))
            self.sock.connect((server, dns.PORT, 0, _index(scope)) if six else (server, dns.PORT))
            source, port = self.sock.getsockname()[:2]
            self._note(source=source, source_port=port)
            self.sock.sendall((len(self._message).to_bytes(2, "big") if stream else b"") + self._message)
            self._note(query=self._message.hex())
        except OSError as error:
            self.end(_name(error))

    def receive(self, sock: socket.socket) -> None:
        """Take in the datagram that is there; the kernel drops a damaged one only when it is fetched (select(2))."""
        sock.settimeout(0)
        try:
            self._take(sock.recv(_MOST_BYTES))
        except BlockingIOError:
            pass
        except OSError as error:
            self.end(_name(error))

    def receive_stream(self, until: float) -> None:
        """Wait for the answer on a connection, as long as there is time."""
        try:
            while self.sock is not None:
                size = int.from_bytes(_exactly(self.sock, 2, until), "big")
                self._take(_exactly(self.sock, size, until))
        except EOFError:
            self.end(CLOSED)
        except OSError as error:
            self.end(_name(error))

    def _take(self, data: bytes) -> None:
        """Read a message, and end where it is the answer."""
        asked, answer = self.question, dns.read(data)
        if not dns.answers(answer, asked.id, asked.name, asked.type):
            return
        self._note(rcode=answer.rcode, answers=tuple(map(str, answer.records)))
        if answer.truncated:
            self.end(TRUNCATED)
        elif answer.error:
            self.end(DAMAGED)
        else:
            self.answer = answer
            self.end(None)

    def end(self, error: str | None) -> None:
        """Close the socket, and write down how it ended."""
        self._note(error=error, time_ms=round((time.monotonic() - self._began) * 1000))
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def _note(self, **known: Any) -> None:
        self.question = dataclasses.replace(self.question, **known)


def ask(namespace: int, server: str, name: str, types: Sequence[str], seconds: float, over: float) -> tuple[Reply, ...]:
    """Ask a server for a name's records of these types, at the same time; for truncated ones again over TCP.

    namespace: a descriptor of the network namespace; seconds: for the datagrams, and again for each connection; over:
    when all of it must have ended, by the monotonic clock. The replies stand in the order in which their messages were
    sent. Raises NodeError where the namespace cannot be entered.
    """
    asked = [_Exchange(name, kind, server, UDP) for kind in types]
    until = min(time.monotonic() + seconds, over)
    with netns.inside(namespace):
        for one in asked:
            one.send(until)
    _listen(asked, until)
    for kind in [one.question.type for one in asked if one.question.error == TRUNCATED]:
        again = _Exchange(name, kind, server, TCP)
        until = min(time.monotonic() + seconds, over)
        with netns.inside(namespace):
            again.send(until)
        again.receive_stream(until)
        asked.append(again)
    return tuple(Reply(one.question, one.answer) for one in asked)


def _listen(asked: Sequence[_Exchange], until: float) -> None:
    """Receive until every question has its answer, or the time is over."""
    while True:
        waiting = {one.sock: one for one in asked if one.sock is not None}
        left = until - time.monotonic()
        if not waiting or left <= 0:
            break
        for sock in select.select(list(waiting), (), (), left)[0]:
            waiting[sock].receive(sock)
    for one in waiting.values():
        one.end(errno.errorcode[errno.ETIMEDOUT])


def _exactly(sock: socket.socket, size: int, until: float) -> bytes:
    """Return so many bytes of a connection; raise EOFError where it ends before, OSError where it fails."""
    data = b""
    while len(data) < size:
        sock.settimeout(_left(until))
        more = sock.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _left(until: float) -> float:
    """Return the seconds that are left, as a socket takes them: 0 would mean not to wait for the kernel either."""
    return max(until - time.monotonic(), 0.001)


def _index(scope: str) -> int:
    """Return the index of the interface that an address names as its scope, in this namespace; 0 for none."""
    if not scope or (scope.isascii() and scope.isdigit()):
        return int(scope or 0)
    with contextlib.suppress(OSError):
        return socket.if_nametoindex(scope)
    raise OSError(errno.ENODEV, "there is no such interface")


def _name(error: OSError) -> str:
    """Return errno's name; a socket that waited in vain has none."""
    return errno.errorcode.get(error.errno or errno.ETIMEDOUT, str(error))
