# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The emulator of Google Cloud Storage, built before root needs it: what builds it and its cache are the user's."""

from __future__ import annotations

import os

from .places import run
from .venvs import venv


def build() -> str:
    """Builds it when it is missing; GateError with a sentence."""
    run([venv("run") / "python", "-m", "tests.bucket"])
    return ""


def choose_sink() -> str:
    """Decides where the demo ships to, and hands that down as DEMO_SINK; GateError."""
    words = run([venv("run") / "python", "-m", "tests.lab", "demo", "--choose-sink"]).strip()
    os.environ["DEMO_SINK"] = words.partition(":")[0]
    return words
