# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a capture's targets, taken together, let it end, and what it says meanwhile."""

from __future__ import annotations

import types

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import together
from ansible_collections.kube.pcap.plugins.module_utils._node.watch import COUNTED, GONE

READY, WAITING = ("ready", None), ("starting", GONE + "; waiting for it to come back")
LEFT, FULL, BROKEN, CLOSING = ("done", GONE), ("done", COUNTED), ("failed", "no such device"), ("draining", "deadline")


def watches(*told):
    return [types.SimpleNamespace(phase=phase, reason=reason) for phase, reason in told]


@pytest.mark.parametrize(
    "told, reason, closed",
    [
        ([READY, LEFT], None, False),
        ([WAITING], None, False),
        ([FULL, FULL], None, True),
        ([FULL, BROKEN], None, True),
        ([LEFT], None, False),
        ([FULL, LEFT], None, False),
        ([LEFT], "deadline", True),
        ([CLOSING, LEFT], "stopped", True),
        ([READY, LEFT], "stopped", False),
    ],
)
def test_closed(told, reason, closed):
    """A pod that has gone keeps its capture open for another, until something ends it."""
    assert together.all_closed(watches(*told), reason) is closed


@pytest.mark.parametrize(
    "phase, told, idle",
    [
        ("ready", [LEFT, LEFT], True),
        ("ready", [LEFT, FULL], True),
        ("ready", [LEFT, READY], False),
        ("ready", [WAITING], False),
        ("ready", [FULL], False),
        ("draining", [LEFT], False),
    ],
)
def test_idle(phase, told, idle):
    """It says so only where nothing is being recorded, and something may be again."""
    assert together.idle_reason(phase, watches(*told)) == (together.DESERTED if idle else None)


def test_one_reason_or_several():
    """A reason that all have is the capture's; several are told by the targets."""
    assert together.common_reason(watches(FULL, FULL)) == COUNTED
    assert together.common_reason(watches(FULL, BROKEN)) == "every target has ended"
