# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Work that fails is tried again less and less often."""

from __future__ import annotations

from ansible_collections.kube.pcap.plugins.module_utils._node.attempts import Attempts


def test_waits():
    """Each failure has the next attempt wait longer, up to a minute; a success begins anew."""
    one, now, waits = Attempts(), 100.0, []
    assert one.is_due(0.0)
    for _failure in range(9):
        one.wait(now)
        waits.append(next(seconds for seconds in range(100) if one.is_due(now + seconds)))
        now += 1000
    assert waits == [1, 2, 4, 8, 15, 30, 60, 60, 60]
    one.error = "no"
    one.succeed()
    one.wait(now)
    assert one.error is None and one.is_due(now + 1) and not one.is_due(now + 0.9)
