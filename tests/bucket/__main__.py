# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.bucket``: builds the emulator when it is missing, and prints its path."""

from __future__ import annotations

import sys

from .build import BuildError, emulator

if __name__ == "__main__":
    try:
        print(emulator())
    except BuildError as error:
        sys.exit(str(error))
