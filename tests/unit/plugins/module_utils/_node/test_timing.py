# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deadline stays where it was, whatever the wall clock does, and steps are told."""

from __future__ import annotations

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node.process import boot_id
from ansible_collections.kube.pcap.plugins.module_utils._node.timing import Timing

from .boxes import Hands

SECOND = 10**9


class Lines(list):
    """What a journal is told."""

    def record(self, event, **fields):
        """A line."""
        self.append((event, fields))


@pytest.fixture
def clock():
    """A clock that stands."""
    return Hands()


def test_the_deadline(clock):
    """Counted from boot; a step of the wall clock moves what is told of it, not the moment."""
    timing = Timing(clock, clock.wall + 60 * SECOND, None)
    assert (timing.deadline, timing.told()["deadline_ns"]) == (160.0, clock.wall + 60 * SECOND)
    clock.wall -= 10 * SECOND
    assert (timing.deadline, timing.told()["deadline_ns"]) == (160.0, clock.wall + 60 * SECOND)


@pytest.mark.parametrize("boot, deadline", [(None, 160.0), ("another", 160.0), (boot_id(), 130.0)])
def test_an_earlier_supervisors_deadline(clock, boot, deadline):
    """It holds within its boot; after another, seconds since boot mean nothing."""
    before = {"boot": boot, "deadline_steady": 130.0} if boot else None
    assert Timing(clock, clock.wall + 60 * SECOND, before).deadline == deadline


def test_steps_are_told(clock):
    """Once each, with their size; what a clock is slewed by is none."""
    timing, lines = Timing(clock, clock.wall, None), Lines()
    for by_s in (0, 0.4, 0.4, -10, 0, 3):
        clock.now += 1
        clock.wall += SECOND + int(by_s * SECOND)
        timing.note_step(clock.now, lines)
    assert lines == [("clock_stepped", {"by_ns": by_s * SECOND}) for by_s in (-10, 3)]


def test_a_step_that_could_not_be_told(clock):
    """It is told once there is room for its line."""
    timing, lines = Timing(clock, clock.wall, None), Lines()

    class Full:
        def record(self, *_args, **_fields):
            raise OSError

    clock.wall += SECOND
    with pytest.raises(OSError):
        timing.note_step(clock.now, Full())
    timing.note_step(clock.now, lines)
    assert len(lines) == 1
