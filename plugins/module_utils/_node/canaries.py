# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends the canaries of a trace: datagrams that taps on their way are to see. PRIVATE to the collection."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time
from typing import Iterable

from .._trace_records import Canary
from . import netns

COUNT = 4
"""Of each way: some may be lost, and clocks are compared by the fastest. More would use up what the kernel answers to
closed ports, six at once to each address (icmp_ratelimit in Documentation/networking/ip-sysctl.rst)."""
_PORT = 9  # discard (RFC 863): nobody need listen there
_AFTER = 1 << 15
_APART_SECONDS = 0.002
_NUMBER = struct.Struct(">I")


def send(canaries: Iterable[Canary]) -> dict[str, str]:
    """Send canaries of every way, in turns; return why those of a way were not sent: {number: errno's name}.

    Raises PcapError where a namespace cannot be entered.
    """
    failed: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        opened = [(one, stack.enter_context(_open(one))) for one in canaries]
        for turn in range(COUNT if opened else 0):
            for one, sock in opened:
                number = one.number << 16 | (_AFTER if one.after else 0) | turn
                try:
                    # Not connected: what comes back as an error must not keep the next from being sent.
                    sock.sendto(bytes.fromhex(one.nonce) + _NUMBER.pack(number), (one.destination, _PORT))
                except OSError as error:
                    failed[str(one.number)] = errno.errorcode.get(error.errno or 0, str(error))
            time.sleep(_APART_SECONDS)
    return failed


def _open(canary: Canary) -> socket.socket:
    namespace = netns.open_target(canary.target)
    try:
        with netns.inside(namespace):
            return socket.socket(socket.AF_INET6 if ":" in canary.destination else socket.AF_INET, socket.SOCK_DGRAM)
    finally:
        os.close(namespace)
