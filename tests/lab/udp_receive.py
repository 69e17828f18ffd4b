# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts the datagrams of ``udp_send``; runs inside a pod or node: ``python -I -c SOURCE PORT STREAM``.

Prints ``ready`` when it listens. When its standard input ends, it goes on until nothing more comes, and prints
``{"packets", "distinct", "first", "last"}``.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys

BUFFER = 32 << 20
SILENCE_S = 0.3


def listen(port: int) -> socket.socket:
    """A socket for both families, with room for what arrives while this process waits for a CPU."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_RCVBUFFORCE", 33), BUFFER)
    sock.bind(("::", port))
    sock.setblocking(False)
    return sock


def drain(sock: socket.socket, stream: int, seen: set[int]) -> int:
    """Takes all that waits; returns how many datagrams of the stream there were."""
    packets, unpack = 0, struct.Struct("!4sIQ").unpack_from
    while True:
        try:
            data = sock.recv(65536)
        except BlockingIOError:
            return packets
        if len(data) >= 16:
            magic, number, sequence = unpack(data)
            if magic == b"kpcL" and number == stream:
                packets += 1
                seen.add(sequence)


def main() -> None:
    """Waits for packets and for the end of standard input."""
    sock, stream = listen(int(sys.argv[1])), int(sys.argv[2])
    print("ready", flush=True)
    seen: set[int] = set()
    packets, sources, timeout = 0, [sock.fileno(), sys.stdin.fileno()], None
    while True:
        ready = select.select(sources, [], [], timeout)[0]
        if sys.stdin.fileno() in ready:
            sources, timeout = [sock.fileno()], SILENCE_S
        elif not ready:
            break
        packets += drain(sock, stream, seen)
    limits = {"first": min(seen, default=None), "last": max(seen, default=None)}
    print(json.dumps({"packets": packets, "distinct": len(seen), **limits}))


main()
