# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel says of its clock, as bytes and as it is."""

from __future__ import annotations

import ctypes
import struct

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import kernel_clock
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import KernelClock

UNSYNC, NANO = 0x40, 0x2000


def timex(status, offset):
    """``struct timex`` of linux/timex.h: modes, offset, freq, maxerror, esterror, status."""
    raw = struct.pack("@IlllliL", 0, offset, 9, 250, 17, status, 0)
    return kernel_clock.Timex.from_buffer_copy(raw.ljust(ctypes.sizeof(kernel_clock.Timex), b"\0"))


@pytest.mark.parametrize(
    "state, status, offset, told",
    [
        (0, 0x2001, -5, KernelClock(True, 250, 17, -5)),
        (0, 0x0001, -5, KernelClock(True, 250, 17, -5000)),
        (1, NANO, 0, KernelClock(True, 250, 17, 0)),  # a leap second is to come
        (5, UNSYNC, 0, KernelClock(False, 250, 17, 0)),
        (5, 0x1000 | NANO, 3, KernelClock(False, 250, 17, 3)),  # STA_CLOCKERR
    ],
)
def test_a_record(state, status, offset, told):
    """Synchronised is what the kernel calls so; an offset is in nanoseconds, also where the kernel has microseconds."""
    assert kernel_clock.clock(state, timex(status, offset)) == told


def test_this_kernel():
    """It tells, and agrees with its own flag; nobody who asks needs a right for that."""
    told, raw = kernel_clock.read(), kernel_clock.Timex()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(raw))
    assert state in range(6) and raw.modes == 0
    assert told is not None and told.synchronised == (state != 5)
    assert not (told.synchronised and raw.status & UNSYNC)
    assert told.max_error_us >= 0 and told.estimated_error_us >= 0
    # What nobody keeps grows by 500 µs a second, up to 16 s; who keeps it may have told the kernel meanwhile.
    assert abs(told.max_error_us - raw.maxerror) <= 16_000_000
