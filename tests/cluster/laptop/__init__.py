# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A controller that is no node: without any privilege, and with nothing of what only Linux has.

It is no macOS, which cannot be had here; it lacks what that lacks.
"""

from __future__ import annotations

import pathlib

_WITHOUT = """
mount -t tmpfs none /sys
mount -t tmpfs none /proc
exec setpriv --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
"""
PREFIX = ["unshare", "--mount", "sh", "-ec", _WITHOUT, "sh"]
"""Before a command: root's files, but no capability, and neither /proc nor /sys."""
ENVIRONMENT = {"PYTHONPATH": str(pathlib.Path(__file__).parent)}
"""Has each Python read ``sitecustomize`` first."""
