# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interfaces carry VLANs, and how many of them have taps of their own: pure decisions. PRIVATE to the collection.

On ``any`` libpcap leaves out the tag that the kernel keeps beside a packet, and a trace's filter does not find a packet
with a tag in it. Both are at the interface on which those of VLANs stand, a trunk: it is also watched as Ethernet.
"""

from __future__ import annotations

from typing import Sequence

from .links import Link

MOST_TRUNKS = 8
"""Of one namespace."""
EACH = 2
"""tcpdumps of one: of the tags beside packets, and of those in them."""


def trunks(found: Sequence[Link]) -> tuple[Link, ...]:
    """Return the interfaces, of those of one namespace, that are up and on which a VLAN's stands."""
    below = {link.parent for link in found if link.kind == "vlan" and not link.parent_elsewhere}
    return tuple(link for link in found if link.index in below and link.up)


def shares(wanted: Sequence[int], spare: int) -> list[int]:
    """Return how many trunks of each namespace are watched. spare: how many tcpdumps there may be for all of them."""
    given = []
    for one in wanted:
        given.append(min(one, MOST_TRUNKS, spare // EACH))
        spare -= given[-1] * EACH
    return given


def doubt(name: str, problem: str) -> str:
    """Return what is to be said of a trunk some of whose tags may be missing."""
    return "VLAN tags at %s may be missing: %s" % (name, problem)


def left_out(names: Sequence[str]) -> str | None:
    """Return what is to be said of trunks that are not watched; None where there are none."""
    if not names:
        return None
    return "VLAN tags at %s are not told: too many interfaces with VLANs for taps of their own" % " and ".join(names)
