# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.gate.child MODULE ARGUMENT...``: ``python -m MODULE ARGUMENT...``, which one signal interrupts."""

from __future__ import annotations

import runpy
import sys

from ..lab import interrupts

if __name__ == "__main__":
    interrupts.arm()
    del sys.argv[0]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except interrupts.Interrupted as interrupted:
        sys.exit(interrupted.status)
