# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs at interfaces and control groups, which let everything pass."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pathlib
import struct
from collections.abc import Iterator

_BPF_PROG_LOAD, _BPF_LINK_CREATE = 5, 28  # linux/bpf.h
_TYPE_SCHED_CLS, _TYPE_XDP, _TYPE_CGROUP_SOCK_ADDR = 3, 6, 18
_ATTACH_XDP, _ATTACH_TCX_INGRESS, _GENERIC = 37, 46, 2
_TCX_NEXT, _ALLOW, _XDP_PASS = -1, 1, 2
CONNECT = {4: 10, 6: 11}
"""Where a control group's sockets connect, by their IP version."""
_LIBC = ctypes.CDLL(None, use_errno=True)
_SYSCALLS = {"x86_64": 321, "aarch64": 280}


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    made: int = _LIBC.syscall(_SYSCALLS[os.uname().machine], command, buffer, 128)
    if made < 0:
        raise OSError(ctypes.get_errno(), "bpf(%d): %s" % (command, os.strerror(ctypes.get_errno())))
    return made


@contextlib.contextmanager
def _loaded(kind: int, returned: int, attachment: int = 0) -> Iterator[int]:
    """A program that returns a number at once."""
    code = struct.pack("<BBhi", 0xB7, 0, 0, returned) + struct.pack("<BBhi", 0x95, 0, 0, 0)  # r0 = …; exit
    held, license_ = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    load = struct.pack("<IIQQ", kind, len(code) // 8, ctypes.addressof(held), ctypes.addressof(license_))
    program = _bpf(_BPF_PROG_LOAD, load.ljust(68, b"\0") + struct.pack("<I", attachment))
    try:
        yield program
    finally:
        os.close(program)


@contextlib.contextmanager
def _linked(program: int, target: int, attachment: int, flags: int = 0) -> Iterator[None]:
    link = _bpf(_BPF_LINK_CREATE, struct.pack("<IIII", program, target, attachment, flags))
    try:
        yield
    finally:
        os.close(link)


@contextlib.contextmanager
def xdp(index: int) -> Iterator[None]:
    """An XDP program, at an interface of the namespace in which the caller is, while the body runs."""
    with _loaded(_TYPE_XDP, _XDP_PASS) as program, _linked(program, index, _ATTACH_XDP, _GENERIC):
        yield


@contextlib.contextmanager
def tcx(index: int) -> Iterator[bool]:
    """A program of tcx for what comes in, in the same way; whether the kernel knows of such, as Linux does since 6.6.

    To one that does not, the number means nothing.
    """
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(_loaded(_TYPE_SCHED_CLS, _TCX_NEXT))
        try:
            stack.enter_context(_linked(program, index, _ATTACH_TCX_INGRESS))
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            yield False
        else:
            yield True


@contextlib.contextmanager
def connecting(group: pathlib.Path, version: int) -> Iterator[None]:
    """A program where the sockets of a control group connect, while the body runs."""
    folder = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _loaded(_TYPE_CGROUP_SOCK_ADDR, _ALLOW, CONNECT[version]) as program:
            with _linked(program, folder, CONNECT[version]):
                yield
    finally:
        os.close(folder)
