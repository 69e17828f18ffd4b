# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a probe says over its socket, and what it hears. PRIVATE to the collection.

A socket knows only what its own kernel told it: whoever answered, and on which way, is what taps are for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time
from typing import Callable, Mapping

from .._trace_records import Probe
from . import lone, probe_sockets

MOST_BYTES = 64 << 10
"""That a conversation may receive, or send."""
_QUIET_SECONDS = 1.0
"""An answer is over when nothing more of it came for so long."""
_ECHO = struct.Struct(">BBHHH")


class Exchange:
    """One probe's socket, from its opening to its end; ``stage`` tells how far it came."""

    def __init__(self, probe: Probe, sock: socket.socket, timeout: float) -> None:
        """timeout: seconds from the start to the end."""
        self.probe, self.sock = probe, sock
        self.stage = "open"
        self.connected = False
        self.name: tuple[str, int | None] | None = None
        """The address and port that the kernel has it come from; None where nothing asks it."""
        self.sent_bytes = 0
        self.received = b""
        self.received_bytes = 0
        self._timeout = timeout
        self._until = 0.0

    def run(self) -> None:
        """Say it, and hear the answer; raise OSError, socket.timeout where nobody answered."""
        self._until = time.monotonic() + self._timeout
        with contextlib.closing(self.sock):
            _SAYING[self.probe.kind](self)

    @property
    def payload(self) -> bytes:
        """What is said."""
        return bytes.fromhex(self.probe.payload)

    def connect(self) -> None:
        """Connect; a datagram's socket then hears of ICMP errors, too."""
        self.stage = "connect"
        self._wait()
        try:
            self.sock.connect((self.probe.destination, self.probe.port or 0))
        finally:
            address, port = self.sock.getsockname()[:2]
            self.name = (address, port if self.probe.port else None)  # of an echo it is the protocol's number

    def say(self, message: bytes) -> None:
        """Send all of a message."""
        self.stage = "send"
        self._wait()
        self.sock.sendall(message)
        self.sent_bytes = len(message)

    def hear(self, most: float | None = None) -> bytes:
        """Wait for something, ``most`` seconds at most; nothing is the other side's end."""
        self._wait(most)
        return self.sock.recv(1 << 16)

    def keep(self, data: bytes) -> None:
        """Keep the beginning of what came, and count all of it."""
        self.received += data[: MOST_BYTES - len(self.received)]
        self.received_bytes += len(data)

    def _wait(self, most: float | None = None) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise socket.timeout()
        self.sock.settimeout(left if most is None else min(left, most))


def _converse(exchange: Exchange) -> None:
    """Connect, say what there is to say, hear the answer, and close so that neither side sends a reset."""
    try:
        exchange.connect()
    except (ConnectionResetError, BrokenPipeError):
        # Of a handshake that is refused the kernel says ECONNREFUSED, so this one was completed, and reset before
        # the socket was looked at (tcp_reset() in net/ipv4/tcp_input.c).
        exchange.connected, exchange.stage = True, "send"
        raise
    exchange.connected = True
    if exchange.payload:
        exchange.say(exchange.payload)
        exchange.stage = "receive"
        exchange.keep(exchange.hear())
        _hear_out(exchange)
    exchange.stage = "close"
    exchange.sock.shutdown(socket.SHUT_WR)
    _hear_out(exchange)


def _hear_out(exchange: Exchange) -> None:
    """Hear until the other side has closed, is quiet, or has said more than is kept."""
    with contextlib.suppress(socket.timeout):
        while exchange.received_bytes <= MOST_BYTES:
            data = exchange.hear(_QUIET_SECONDS)
            if not data:
                return
            exchange.keep(data)


def _ask(exchange: Exchange) -> None:
    """Send one datagram, and hear the first answer."""
    exchange.connect()
    exchange.say(exchange.payload)
    exchange.stage = "receive"
    exchange.keep(exchange.hear())


def _ping(exchange: Exchange) -> None:
    """Send an echo request, and hear its reply (RFC 792, RFC 4443)."""
    exchange.connect()
    six = exchange.sock.family == socket.AF_INET6
    asked, told = (128, 129) if six else (8, 0)
    message = _ECHO.pack(asked, 0, 0, exchange.probe.ident, exchange.probe.sequence) + exchange.payload
    exchange.say(message if six else message[:2] + struct.pack(">H", checksum(message)) + message[4:])
    exchange.stage = "receive"
    while True:
        data = exchange.hear()
        if not six:  # a raw socket has the IP header, too (raw(7))
            data = data[4 * (data[0] & 15) :]
        if data[:1] == bytes([told]) and data[4:8] == message[4:8]:
            exchange.keep(data[_ECHO.size :])
            return


def _throw(exchange: Exchange) -> None:
    """Send a SYN with its IP header, and hear its answer, which the kernel takes, too, and answers with a reset."""
    exchange.connect()
    packet = lone.read(exchange.payload)
    exchange.name = packet.source, packet.source_port
    exchange.say(packet.with_ttl(probe_sockets.ttl_of(exchange.sock)))
    exchange.stage = "receive"
    while True:
        try:
            data = exchange.hear()
        except socket.timeout:
            raise
        except OSError:  # an ICMP error about any TCP between the two addresses
            continue
        answer = packet.answer(data)
        if answer == lone.REFUSED:
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        if answer == lone.TAKEN:
            return


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(">%dH" % (len(padded) // 2), padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


_SAYING: Mapping[str, Callable[[Exchange], None]] = {
    "connection": _converse,
    "syn": _throw,
    "udp": _ask,
    "icmp": _ping,
}
OPENING: Mapping[str, Callable[[Probe], socket.socket]] = {
    "connection": probe_sockets.open_connection,
    "syn": probe_sockets.open_packets,
    "udp": probe_sockets.open_datagrams,
    "icmp": probe_sockets.open_echo,
}
