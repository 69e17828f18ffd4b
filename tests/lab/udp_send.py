# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends counted datagrams; runs inside a pod or node: ``python -I -c SOURCE JSON``.

JSON: ``{"address", "port", "count", "rate", "size", "first", "stream", "source"}``. Each payload is the four bytes
``kpcL``, the stream (4 bytes), the sequence number (8 bytes, big-endian), then zeroes. Prints what was sent as JSON.
"""

from __future__ import annotations

import errno
import json
import socket
import struct
import sys
import time


def send_one(sock: socket.socket, payload: bytearray, peer: tuple[str, int], counts: dict[str, float]) -> None:
    """Hands one datagram to the kernel, again for as long as its queue is full; a firewall's refusal is counted."""
    while True:
        try:
            sock.sendto(payload, peer)
            counts["sent"] += 1
            return
        except OSError as error:
            if error.errno in (errno.ENOBUFS, errno.EAGAIN):
                counts["retries"] += 1
                time.sleep(0.0002)
            elif error.errno in (errno.EPERM, errno.EHOSTUNREACH, errno.ENETUNREACH):
                counts["refused"] += 1
                return
            else:
                raise


def main() -> None:
    """Paces by the clock: what is due is sent at once, at most 5 ms worth of it, so that bursts stay small."""
    want = json.loads(sys.argv[1])
    family = socket.AF_INET6 if ":" in want["address"] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if want["source"]:
        sock.bind(("", want["source"]))
    payload = bytearray(want["size"])
    struct.pack_into("!4sI", payload, 0, b"kpcL", want["stream"])
    peer, rate, total = (want["address"], want["port"]), want["rate"], want["count"]
    counts: dict[str, float] = {"sent": 0, "refused": 0, "retries": 0}
    burst, done, start = max(1, int(rate * 0.005)), 0, time.monotonic()
    while done < total:
        due = min(total, int((time.monotonic() - start) * rate) + 1, done + burst)
        for number in range(done, due):
            struct.pack_into("!Q", payload, 8, want["first"] + number)
            send_one(sock, payload, peer, counts)
        done = max(done, due)
        time.sleep(max(0.0005, min(0.1, start + done / rate - time.monotonic())) if done < total else 0)
    counts["seconds"] = time.monotonic() - start
    print(json.dumps(counts))


main()
