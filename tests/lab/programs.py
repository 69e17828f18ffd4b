# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An XDP program at an interface, which lets everything pass."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator

_BPF_PROG_LOAD, _BPF_LINK_CREATE = 5, 28  # linux/bpf.h
_TYPE_XDP, _ATTACH_XDP, _GENERIC = 6, 37, 2
_PASS = struct.pack("<BBhi", 0xB7, 0, 0, 2) + struct.pack("<BBhi", 0x95, 0, 0, 0)
"""r0 = XDP_PASS; exit."""
_LIBC = ctypes.CDLL(None, use_errno=True)
_SYSCALLS = {"x86_64": 321, "aarch64": 280}


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    made: int = _LIBC.syscall(_SYSCALLS[os.uname().machine], command, buffer, 128)
    if made < 0:
        raise OSError(ctypes.get_errno(), "bpf(%d): %s" % (command, os.strerror(ctypes.get_errno())))
    return made


@contextlib.contextmanager
def xdp(index: int) -> Iterator[None]:
    """The program, at an interface of the namespace in which the caller is, while the body runs."""
    code, license_ = ctypes.create_string_buffer(_PASS, len(_PASS)), ctypes.create_string_buffer(b"GPL")
    load = struct.pack("<IIQQ", _TYPE_XDP, len(_PASS) // 8, ctypes.addressof(code), ctypes.addressof(license_))
    program = _bpf(_BPF_PROG_LOAD, load)
    try:
        attached = _bpf(_BPF_LINK_CREATE, struct.pack("<IIII", program, index, _ATTACH_XDP, _GENERIC))
    finally:
        os.close(program)
    try:
        yield
    finally:
        os.close(attached)
