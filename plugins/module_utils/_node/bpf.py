# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many programs are attached somewhere, by bpf(2). PRIVATE to the collection."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

# linux/bpf.h
TCX_INGRESS, TCX_EGRESS, NETKIT_PRIMARY, NETKIT_PEER = 46, 47, 54, 55
CGROUP_INET4_CONNECT, CGROUP_INET6_CONNECT = 10, 11
QUERY_EFFECTIVE = 1
"""Of a control group: also what is attached above it."""
_PROG_QUERY = 16
_QUERY = struct.Struct("=IIIIQI")
_QUERY_BYTES = 64
"""Of all that the kernel may write there, up to ``revision``."""

# asm/unistd.h: neither libc nor Python has a function for it
_NUMBERS = {"x86_64": 321, "aarch64": 280, "ppc64le": 361, "s390x": 351, "riscv64": 280, "loongarch64": 280}
_NOTHING_THERE = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOENT, errno.ENODEV)
"""The kernel, or the interface, knows of no such attachments, so that there are none; or nothing is attached; or the
interface has gone."""
_LIBC = ctypes.CDLL(None, use_errno=True)


def count(target: int, attachment: int, flags: int = 0) -> int:
    """Return how many programs are attached to an interface or control group.

    target: the interface's index in the caller's network namespace, or a descriptor of the group's folder. Raises
    OSError where that is not told: without the right, or ENOSYS where the machine's number of the call is not known.
    """
    machine = os.uname().machine
    if machine not in _NUMBERS or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    asked = ctypes.create_string_buffer(query(target, attachment, flags), _QUERY_BYTES)
    given = (ctypes.c_long(_NUMBERS[machine]), ctypes.c_long(_PROG_QUERY), asked, ctypes.c_long(_QUERY_BYTES))
    code = ctypes.get_errno() if _LIBC.syscall(*given) < 0 else 0
    if code in _NOTHING_THERE:
        return 0
    if code:
        raise OSError(code, os.strerror(code))
    return counted(asked.raw)


def query(target: int, attachment: int, flags: int = 0) -> bytes:
    """Return what is asked, as ``union bpf_attr`` has it: for the number alone, and no program's id."""
    return _QUERY.pack(target, attachment, flags, 0, 0, 0)


def counted(answer: bytes) -> int:
    """Return the number in an answer."""
    return int(_QUERY.unpack_from(answer)[5])
