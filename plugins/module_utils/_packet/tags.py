# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts VLAN tags back into a cooked capture, as frames of the same interfaces have them. PRIVATE to the collection.

libpcap writes the tag that the kernel keeps beside a packet into Ethernet, and leaves it out of SLL2
(``pcap-linux.c``); there the tag would stand behind a header whose protocol is the tag's.
"""

from __future__ import annotations

import collections
import struct
from typing import Iterable, NamedTuple, Sequence, Tuple

from .packet import Record
from .walk import VLAN_TYPES

_ETHERNET, _SLL2 = 1, 276
_ADDRESSES, _TAG, _COOKED = 12, 4, 20
_HEADER = struct.Struct(">HxxIHBB6sxx")
_ARPHRD_ETHER, _OUTGOING = 1, 4
_COMPARED = 192
"""Bytes behind the link layer's header: all headers, and no more than a snap length leaves of either capture."""

_Key = Tuple[int, bytes, bytes, int, bytes]


class Frames(NamedTuple):
    """What was captured at one interface, as Ethernet."""

    ifindex: int
    records: Sequence[Record]
    leaving: bool = False
    """Whether it is what left with the tag in it, of which the cooked capture has nothing; else what it may have."""


def together(cooked: Sequence[Record], frames: Iterable[Frames]) -> list[Record]:
    """Return the packets of a cooked capture, each once, with the tags that they had, and those that it has not.

    Frames of what it may have only tell the tag: where it has not the same packet, nobody knows which way that went.
    """
    found, more = list(cooked), []
    seen = _seen(cooked)
    for one in frames:
        for record in filter(_is_tagged, one.records):
            if one.leaving:
                more.append(_left(record, one.ifindex))
                continue
            place = _nearest(found, seen.get(_frame_key(record, one.ifindex)), record.time_ns or 0)
            if place is not None:
                found[place] = _with_tag(found[place], record)
    # The order is the cooked capture's own unless something is to find its place in it.
    return sorted(found + more, key=lambda record: record.time_ns or 0) if more else found


def _seen(cooked: Sequence[Record]) -> dict[_Key, collections.deque[int]]:
    """Return the places of packets, in their order, by what a frame has of them, too."""
    seen: dict[_Key, collections.deque[int]] = {}
    for place, record in enumerate(cooked):
        if record.link_type == _SLL2 and len(record.data) >= _COOKED:
            _protocol, ifindex, _hardware, _direction, _size, source = _HEADER.unpack_from(record.data)
            behind = record.data[_COOKED : _COOKED + _COMPARED]
            key = (ifindex, source, record.data[:2], record.length - _COOKED, behind)
            seen.setdefault(key, collections.deque()).append(place)
    return seen


def _is_tagged(record: Record) -> bool:
    whole = record.link_type == _ETHERNET and len(record.data) >= _ADDRESSES + _TAG + 2
    return whole and int.from_bytes(record.data[_ADDRESSES : _ADDRESSES + 2], "big") in VLAN_TYPES


def _frame_key(record: Record, ifindex: int) -> _Key:
    behind = _ADDRESSES + _TAG + 2
    data = record.data
    return ifindex, data[6:_ADDRESSES], data[behind - 2 : behind], record.length - behind, data[behind:][:_COMPARED]


def _nearest(cooked: Sequence[Record], places: collections.deque[int] | None, time_ns: int) -> int | None:
    """Take the place of the packet that is nearest in time; what was passed over is older than all that follow."""
    if not places:
        return None

    def far(place: int) -> int:
        return abs((cooked[place].time_ns or 0) - time_ns)

    while len(places) > 1 and far(places[1]) < far(places[0]):
        places.popleft()
    return places.popleft()


def _with_tag(cooked: Record, frame: Record) -> Record:
    data, tag = cooked.data, frame.data[_ADDRESSES : _ADDRESSES + 2 + _TAG]
    return cooked._replace(data=tag[:2] + data[2:_COOKED] + tag[2:] + data[_COOKED:], length=cooked.length + _TAG)


def _left(frame: Record, ifindex: int) -> Record:
    """Return a frame that left as a cooked capture has it."""
    source, behind = frame.data[6:_ADDRESSES], _ADDRESSES + 2
    protocol = int.from_bytes(frame.data[_ADDRESSES:behind], "big")
    head = _HEADER.pack(protocol, ifindex, _ARPHRD_ETHER, _OUTGOING, len(source), source)
    length = frame.length - behind + _COOKED
    return frame._replace(link_type=_SLL2, data=head + frame.data[behind:], length=length)
