# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes away what Python's documentation says is available on Linux and not on macOS."""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import socket

_LINUX = {
    fcntl: "F_ADD_SEALS F_GETPIPE_SZ F_NOTIFY F_OFD_SETLK F_SETPIPE_SZ",
    os: "O_DIRECT O_NOATIME O_PATH O_TMPFILE copy_file_range eventfd getrandom getxattr listxattr memfd_create "
    "pidfd_open posix_fadvise posix_fallocate removexattr sched_getaffinity sched_setaffinity setns setxattr splice "
    "unshare",
    resource: "prlimit",
    select: "epoll",
    signal: "SIGRTMIN pidfd_send_signal sigtimedwait sigwaitinfo",
    socket: "AF_NETLINK AF_PACKET AF_VSOCK SO_BINDTODEVICE SO_MARK SO_PEERCRED",
}

for _module, _names in _LINUX.items():
    for _name in _names.split():
        if hasattr(_module, _name):
            delattr(_module, _name)
