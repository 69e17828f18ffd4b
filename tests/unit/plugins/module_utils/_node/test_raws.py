# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are no segments yet: each is counted until it is one, and none holds up the others for ever."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.raws import Raw, Raws


def queue(*names):
    """Files of 100 bytes, one of each run."""
    raws = Raws()
    for run, name in enumerate(names, 1):
        raws.add(Raw(run, name, 100, {}))
    return raws


def test_a_file_in_work_counts():
    """From the time it is closed until it is a segment, a file is held and takes room."""
    raws = queue("10.pcap", "20.pcap")
    first = raws.take()
    assert (first.id, first.opened, raws.holds(1), raws.holds(2), raws.bytes) == ("1/10.pcap", 10, True, True, 8192)
    assert [held.key for held in raws.held()] == [(20, "2/20.pcap")]
    raws.remove(first)
    assert (bool(raws), raws.holds(1), raws.bytes) == (True, False, 4096)
    raws.remove(raws.held()[0].item)
    assert (bool(raws), raws.take(), raws.bytes) == (False, None, 0)


def test_held_is_by_age():
    """What is given up first is the oldest, in whatever order files were closed."""
    assert [held.key[0] for held in queue("30.pcap", "10.pcap", "20.pcap1").held()] == [10, 20, 30]


@pytest.mark.parametrize("failures, order", [(1, ["1/10.pcap", "2/20.pcap"]), (5, ["2/20.pcap", "1/10.pcap"])])
def test_put_back(failures, order):
    """A file is tried again at once in its turn, and behind the others when that does not help."""
    raws = queue("10.pcap", "20.pcap")
    one = raws.take()
    for _failure in range(failures):
        one.fail(1.0)
    raws.put_back(one)
    assert [raws.take().id, raws.take().id] == order


@pytest.mark.parametrize("failures, now, hopeless", [(4, 999.0, False), (5, 69.0, False), (5, 70.0, True)])
def test_hopeless(failures, now, hopeless):
    """Both tries and time are needed, the time since the first failure."""
    one = Raw(1, "10.pcap", 100, {})
    for failure in range(failures):
        one.fail(10.0 + failure)
    assert one.is_hopeless(now, 60) is hopeless
