# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts tcpdumps by nsenter without waiting; runs on a node: ``python -I -S -c SOURCE JSON``.

JSON: ``{"pids": [...], "folder": ..., "args": [...]}``; ``{}`` in an argument becomes the folder of that tcpdump.
Prints the seconds from before the first start until the last one said that it listens, and ends them all.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time

want = json.loads(sys.argv[1])
folders = [os.path.join(want["folder"], str(pid)) for pid in want["pids"]]
for folder in folders:
    os.makedirs(folder)
started, waiting = [], selectors.DefaultSelector()
begin = time.monotonic()
for pid, folder in zip(want["pids"], folders, strict=True):
    argv = ["nsenter", "-t", str(pid), "-n", *(word.replace("{}", folder) for word in want["args"])]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    started.append(process)
    waiting.register(process.stderr, selectors.EVENT_READ)
words = dict.fromkeys(waiting.get_map(), b"")
while waiting.get_map():
    for key, _events in waiting.select():
        data = os.read(key.fd, 4096)
        words[key.fd] += data
        if not data:
            sys.exit(words[key.fd].decode())
        if b"listening on" in words[key.fd]:
            waiting.unregister(key.fileobj)
print(time.monotonic() - begin)
for process in started:
    process.terminate()
for process in started:
    process.communicate()
