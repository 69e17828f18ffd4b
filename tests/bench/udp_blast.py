# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends datagrams that do not compress; runs inside a pod: ``python -I -S -c SOURCE ADDRESS PORT COUNT RATE SIZE``.

Prints the seconds that it took. Every datagram is taken by the kernel, or the program fails.
"""

from __future__ import annotations

import os
import socket
import sys
import time

address = (sys.argv[1], int(sys.argv[2]))
count, rate, size = int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(address)
noise = memoryview(os.urandom(65536 + size))
done, start = 0, time.monotonic()
while done < count:
    # What is due is sent at once, at most 5 ms worth of it, so that bursts stay small.
    due = min(count, int((time.monotonic() - start) * rate) + 1, done + max(1, int(rate * 0.005)))
    for number in range(done, due):
        at = number * size % 65536  # what was sent before comes again beyond the reach of gzip, which is 32 KiB
        sock.send(noise[at : at + size])
    done = max(done, due)
    time.sleep(max(0.0005, start + done / rate - time.monotonic()) if done < count else 0)
print(time.monotonic() - start)
