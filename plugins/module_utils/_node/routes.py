# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface of the default route, from /proc/PID/net (proc(5)). PRIVATE to the collection."""

from __future__ import annotations

from .proc import read_text

_UP, _REJECT = 0x1, 0x200  # linux/route.h


def parse_route(text: str) -> str | None:
    """Return the interface of the IPv4 default route with the lowest metric in /proc/PID/net/route."""
    found = []
    for line in text.splitlines()[1:]:
        field = line.split()
        if len(field) < 8 or field[1] != "00000000" or field[7] != "00000000":
            continue
        flags = int(field[3], 16)
        if flags & _UP and not flags & _REJECT:
            found.append((int(field[6]), field[0]))
    return min(found, key=lambda route: route[0])[1] if found else None


def parse_ipv6_route(text: str) -> str | None:
    """Return the interface of the IPv6 default route with the lowest metric in /proc/PID/net/ipv6_route."""
    found = []
    for line in text.splitlines():
        field = line.split()
        if len(field) < 10 or field[0] != "0" * 32 or field[1] != "00":
            continue
        flags = int(field[8], 16)
        if flags & _UP and not flags & _REJECT:
            found.append((int(field[5], 16), field[9]))
    return min(found, key=lambda route: route[0])[1] if found else None


def read_default_interface(proc_root: str, pid: int) -> str | None:
    """Return the default route's interface in a process's network namespace: IPv4's, else IPv6's, else None."""
    folder = "%s/%d/net" % (proc_root, pid)
    return parse_route(read_text(folder + "/route") or "") or parse_ipv6_route(read_text(folder + "/ipv6_route") or "")
