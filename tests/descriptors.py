# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files this process has open, for tests that nothing leaves one open."""

from __future__ import annotations

import os


def open_now() -> set[tuple[str, str]]:
    """Return the descriptors, each with what it leads to (proc_pid_fd(5)): ``("7", "/etc/hosts")``.

    To be compared by ``<=`` with those of before: what something else has left, the garbage collector may close at any
    moment, and then it is not among the later ones.
    """
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add((number, os.readlink("/proc/self/fd/" + number)))
        except FileNotFoundError:  # the one by which the folder was read
            pass
    return found
