# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a network namespace's interfaces are while it is watched for a trace. PRIVATE to the collection."""

from __future__ import annotations

import dataclasses
import errno
import os
from typing import Collection, Mapping, NamedTuple, Sequence

from .._trace_records import Interface
from . import bpf, links, netns, trunks

_NETKIT = "netkit"


class Attached(NamedTuple):
    """Programs of one interface that bpf(2) alone tells of."""

    programs: tuple[str, ...] = ()
    unknown: str | None = None
    """Why it is not known, by errno's name; None where it is."""


class Surroundings:
    """Made inside the namespace; reads it from anywhere afterwards."""

    def __init__(self) -> None:
        self._namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._socket = links.open_socket()
        except BaseException:
            os.close(self._namespace)
            raise

    def read(self) -> tuple[Interface, ...]:
        """Return all interfaces, by index; raise NodeError when the kernel refuses."""
        found, addresses = links.read_links(self._socket), links.read_addresses(self._socket)
        ingress = links.read_ingress(self._socket)
        with netns.inside(self._namespace):  # bpf(2) knows the caller's namespace alone
            programs = {link.index: attached(link) for link in found}
        return interfaces(found, addresses, ingress, programs)

    def trunks(self) -> tuple[links.Link, ...]:
        """Return the interfaces that carry VLANs; raise NodeError when the kernel refuses."""
        return trunks.trunks(links.read_links(self._socket))

    def close(self) -> None:
        """Let go of the namespace."""
        self._socket.close()
        os.close(self._namespace)


def attached(link: links.Link) -> Attached:
    """Return the programs of tcx and netkit at an interface of the caller's network namespace.

    Those of netkit its primary interface alone tells; to the peer, in a pod, the kernel says EACCES.
    """
    kinds = [("tcx", (bpf.TCX_INGRESS, bpf.TCX_EGRESS))]
    if link.kind == _NETKIT:
        kinds.append((_NETKIT, (bpf.NETKIT_PRIMARY, bpf.NETKIT_PEER)))
    found, unknown = [], None
    for kind, attachments in kinds:
        try:
            if any(bpf.count(link.index, one) for one in attachments):
                found.append(kind)
        except OSError as error:
            unknown = errno.errorcode.get(error.errno or 0, str(error))
    return Attached(tuple(found), unknown)


def interfaces(
    found: Sequence[links.Link],
    addresses: Sequence[links.Address],
    ingress: Collection[int] = (),
    programs: Mapping[int, Attached] | None = None,
) -> tuple[Interface, ...]:
    """Return interfaces with their addresses, of every scope, in the kernel's order.

    ingress: the indexes of those with a place for tc's programs. programs: by index, what else is attached.
    """
    others = {link.index: (programs or {}).get(link.index, Attached()) for link in found}
    return tuple(
        Interface(
            link.index,
            link.name,
            link.kind,
            link.parent,
            link.mtu,
            link.mac,
            tuple(one.address for one in addresses if one.index == link.index),
            (*(["xdp"] if link.xdp else []), *(["tc"] if link.index in ingress else []), *others[link.index].programs),
            others[link.index].unknown,
        )
        for link in found
    )


def together(before: Sequence[Interface], after: Sequence[Interface]) -> tuple[Interface, ...]:
    """Return the interfaces of a first reading as they were then, and behind them those that a second one has more.

    Each with the programs of both readings, and with what either does not know of them.
    """
    known, later = {one.index for one in before}, {one.index: one for one in after}
    both = (_with_programs(one, later.get(one.index, one)) for one in before)
    return (*both, *(one for one in after if one.index not in known))


def _with_programs(one: Interface, later: Interface) -> Interface:
    programs = tuple(dict.fromkeys((*one.programs, *later.programs)))
    unknown = one.programs_unknown or later.programs_unknown
    return dataclasses.replace(one, programs=programs, programs_unknown=unknown)


def changed(before: Sequence[Interface], after: Sequence[Interface]) -> tuple[str, ...]:
    """Return the names, sorted, of the interfaces that came, went, or became others between two readings.

    One that was renamed has both names. What came and went again between the two is not known.
    """
    return tuple(sorted({one.name for one in set(before) ^ set(after)}))
