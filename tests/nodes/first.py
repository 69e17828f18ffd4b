# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first process of a node without systemd: keeps its services running and reaps what others leave."""

from __future__ import annotations

import os
import time

RESTART_DELAY_S = 0.5


def _spawn(argv: list[str]) -> int:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.execv(argv[0], argv)
    return pid


def run(services: list[list[str]]) -> None:
    """Runs for as long as the node does. A service that ends is started again."""
    running = {_spawn(argv): argv for argv in services}
    while True:
        try:
            pid, _status = os.wait()
        except ChildProcessError:
            time.sleep(RESTART_DELAY_S)
            continue
        if pid in running:
            argv = running.pop(pid)
            time.sleep(RESTART_DELAY_S)
            running[_spawn(argv)] = argv
