# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first process of a node without systemd: keeps its services running and reaps what others leave."""

from __future__ import annotations

import os
import pathlib
import time

RESTART_DELAY_S = 0.5
LOGS = pathlib.Path("/var/log")
PIDS = pathlib.Path("/run")


def _spawn(name: str, argv: list[str]) -> int:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        log = os.open(LOGS / (name + ".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.execv(argv[0], argv)
    (PIDS / (name + ".pid")).write_text("%d\n" % pid, encoding="ascii")
    return pid


def run(services: dict[str, list[str]]) -> None:
    """Runs for as long as the node does. A service that ends is started again.

    Each has its log, /var/log/NAME.log, and its process id, /run/NAME.pid.
    """
    running = {_spawn(name, argv): name for name, argv in services.items()}
    while True:
        try:
            pid, _status = os.wait()
        except ChildProcessError:
            time.sleep(RESTART_DELAY_S)
            continue
        if pid in running:
            name = running.pop(pid)
            time.sleep(RESTART_DELAY_S)
            running[_spawn(name, services[name])] = name
