# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node's kernel says of its own clock, by adjtimex(2). PRIVATE to the collection."""

from __future__ import annotations

import ctypes

from .._trace_records import KernelClock

# linux/timex.h
_STA_NANO = 0x2000
_TIME_ERROR = 5


class Timex(ctypes.Structure):
    """``struct timex`` up to what is read of it; the rest is room."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 32),
    ]


def read() -> KernelClock | None:
    """Return what the kernel says; None where it does not, as a container's seccomp may have it."""
    told = Timex()  # modes is 0: nothing is set
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(told))
    return None if state < 0 else clock(state, told)


def clock(state: int, told: Timex) -> KernelClock:
    """Return an answer as a record."""
    offset = told.offset if told.status & _STA_NANO else told.offset * 1000
    return KernelClock(state != _TIME_ERROR, told.maxerror, told.esterror, offset)
