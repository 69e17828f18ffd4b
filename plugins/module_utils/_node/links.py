# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interfaces, their addresses and counters, by rtnetlink(7). PRIVATE to the collection.

A netlink socket belongs to the network namespace in which it was opened, for ever: opened inside a pod's namespace and
kept, it reads that namespace's interfaces later from anywhere. (/sys/class/net would show those of the namespace in
which /sys was mounted.)
"""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import socket
import struct
from typing import Iterator

from .._errors import NodeError

# linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_DUMP_INTR, _NLM_F_DUMP = 0x1, 0x10, 0x300
_RTM_NEWLINK, _RTM_GETLINK, _RTM_NEWADDR, _RTM_GETADDR, _RTM_NEWQDISC, _RTM_GETQDISC = 16, 18, 20, 22, 36, 38
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_LINKINFO, _IFLA_STATS64 = 1, 3, 4, 5, 18, 23
_IFLA_LINK_NETNSID = 37
_IFLA_XDP, _IFLA_XDP_ATTACHED = 43, 2
_IFLA_INFO_KIND = 1
_TCA_KIND = 1
_INGRESS = (b"clsact", b"ingress")
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_NLA_TYPE_MASK = 0x3FFF

_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_QDISC = struct.Struct("=BxxxiIII")
_ATTRIBUTE = struct.Struct("=HH")
_STATS = struct.Struct("=16Q")
_TIMEOUT_SECONDS = 5.0
_TRIES = 5


@dataclasses.dataclass(frozen=True)
class Link:
    """One interface; the counters are since it was made."""

    index: int
    name: str
    kind: str | None
    """veth, bridge, vxlan, …; None for a physical one and for lo."""
    parent: int | None
    """IFLA_LINK: a veth's peer (an index in the peer's namespace), a VLAN's interface below."""
    mtu: int
    up: bool
    rx_packets: int
    rx_dropped: int
    """Dropped after the driver had them: rx_dropped."""
    rx_missed: int
    """Dropped by the device for want of buffers: rx_missed_errors."""
    mac: str | None = None
    """Of six bytes, as ``02:00:0a:01:00:02``; None where it has none, as lo, or another kind, as a tunnel's."""
    xdp: bool = False
    """Whether an XDP program is attached, which may take packets before any capture sees them."""
    parent_elsewhere: bool = False
    """Whether ``parent`` is an index in another namespace, as the kernel tells."""

    @property
    def dropped(self) -> int:
        """What the interface lost before any capture could see it."""
        return self.rx_dropped + self.rx_missed


@dataclasses.dataclass(frozen=True)
class Address:
    """One address of an interface."""

    index: int
    address: str
    prefix: int
    scope: int
    """0 global, 253 link, 254 host (linux/rtnetlink.h)."""


def open_socket() -> socket.socket:
    """Return a socket that speaks to the current network namespace, wherever its user goes afterwards."""
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    sock.settimeout(_TIMEOUT_SECONDS)
    sock.bind((0, 0))
    return sock


def read_links(sock: socket.socket) -> list[Link]:
    """Return the interfaces of the socket's namespace, by index; raise NodeError when the kernel refuses."""
    messages = _dump(sock, _RTM_GETLINK, _LINK.pack(0, 0, 0, 0, 0))
    links = [parse_link(body) for kind, body in messages if kind == _RTM_NEWLINK]
    return sorted((link for link in links if link), key=lambda link: link.index)


def read_addresses(sock: socket.socket) -> list[Address]:
    """Return the addresses of the socket's namespace, by interface; raise NodeError when the kernel refuses."""
    messages = _dump(sock, _RTM_GETADDR, _ADDRESS.pack(0, 0, 0, 0, 0))
    addresses = [parse_address(body) for kind, body in messages if kind == _RTM_NEWADDR]
    return sorted((address for address in addresses if address), key=lambda address: address.index)


def read_ingress(sock: socket.socket) -> frozenset[int]:
    """Return the indexes of interfaces at which tc may have programs for what comes in (tc(8): clsact, ingress).

    Programs that were attached by bpf(2) alone (tcx, since Linux 6.6) need no qdisc. Raises NodeError.
    """
    messages = _dump(sock, _RTM_GETQDISC, _QDISC.pack(0, 0, 0, 0, 0))
    found = (parse_qdisc(body) for kind, body in messages if kind == _RTM_NEWQDISC)
    return frozenset(index for index, kind in found if kind in _INGRESS)


def parse_qdisc(body: bytes) -> tuple[int, bytes]:
    """Return (index of the interface, kind) of one RTM_NEWQDISC message without its header; (0, b"") of a cut one."""
    if len(body) < _QDISC.size:
        return 0, b""
    _family, index, _handle, _parent, _info = _QDISC.unpack_from(body)
    return index, dict(_attributes(body, _QDISC.size)).get(_TCA_KIND, b"").rstrip(b"\0")


def parse_link(body: bytes) -> Link | None:
    """Return the interface of one RTM_NEWLINK message without its header; None for one that is cut or has no name."""
    if len(body) < _LINK.size:
        return None
    _family, _type, index, flags, _change = _LINK.unpack_from(body)
    found = dict(_attributes(body, _LINK.size))
    name = found.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "replace")
    if not name:
        return None
    stats = found.get(_IFLA_STATS64, b"")
    counters = _STATS.unpack_from(stats) if len(stats) >= _STATS.size else (0,) * 16
    kind = dict(_attributes(found.get(_IFLA_LINKINFO, b""), 0)).get(_IFLA_INFO_KIND)
    return Link(
        index=index,
        name=name,
        kind=kind.rstrip(b"\0").decode("ascii", "replace") if kind else None,
        parent=_number(found.get(_IFLA_LINK)),
        mtu=_number(found.get(_IFLA_MTU)) or 0,
        up=bool(flags & 1),
        rx_packets=counters[0],
        rx_dropped=counters[6],
        rx_missed=counters[15],
        mac=_mac(found.get(_IFLA_ADDRESS, b"")),
        parent_elsewhere=_IFLA_LINK_NETNSID in found,
        xdp=any(dict(_attributes(found.get(_IFLA_XDP, b""), 0)).get(_IFLA_XDP_ATTACHED, b"")),
    )


def parse_address(body: bytes) -> Address | None:
    """Return the address of one RTM_NEWADDR message without its header; None for one that is cut or no IP's."""
    if len(body) < _ADDRESS.size:
        return None
    _family, prefix, _flags, scope, index = _ADDRESS.unpack_from(body)
    found = dict(_attributes(body, _ADDRESS.size))
    # On a point-to-point interface IFA_ADDRESS is the other end; IFA_LOCAL, where there is one, is ours.
    raw = found.get(_IFA_LOCAL, found.get(_IFA_ADDRESS, b""))
    if len(raw) not in (4, 16):
        return None
    return Address(index, str(ipaddress.ip_address(raw)), prefix, scope)


def parse_messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield (type, flags, sequence, body) of the netlink messages in one datagram; a cut one ends it."""
    position = 0
    while position + _HEADER.size <= len(data):
        length, kind, flags, sequence, _port = _HEADER.unpack_from(data, position)
        if length < _HEADER.size or position + length > len(data):
            return
        yield kind, flags, sequence, data[position + _HEADER.size : position + length]
        position += (length + 3) & ~3


def _attributes(data: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    while position + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, position)
        if length < _ATTRIBUTE.size or position + length > len(data):
            return
        yield kind & _NLA_TYPE_MASK, data[position + _ATTRIBUTE.size : position + length]
        position += (length + 3) & ~3


def _number(raw: bytes | None) -> int | None:
    return int(struct.unpack("=I", raw)[0]) if raw is not None and len(raw) == 4 else None


def _mac(raw: bytes) -> str | None:
    return ":".join("%02x" % byte for byte in raw) if len(raw) == 6 and any(raw) else None


def _dump(sock: socket.socket, request: int, body: bytes) -> list[tuple[int, bytes]]:
    """Return (type, body) of all answers; ask again when the kernel says that the list changed meanwhile."""
    for sequence in range(1, _TRIES + 1):
        try:
            sock.send(_HEADER.pack(_HEADER.size + len(body), request, _NLM_F_REQUEST | _NLM_F_DUMP, sequence, 0) + body)
            found, complete = _receive(sock, sequence)
        except OSError as error:
            raise NodeError("the kernel does not list the network interfaces: %s" % error) from error
        if complete:
            return found
    raise NodeError("the network interfaces change faster than they can be listed; try again")


def _receive(sock: socket.socket, sequence: int) -> tuple[list[tuple[int, bytes]], bool]:
    found: list[tuple[int, bytes]] = []
    complete = True
    while True:
        for kind, flags, number, body in parse_messages(sock.recv(1 << 18)):
            if number != sequence:
                continue
            complete = complete and not flags & _NLM_F_DUMP_INTR
            if kind == _NLMSG_DONE:
                return found, complete
            if kind == _NLMSG_ERROR:
                code = -struct.unpack_from("=i", body)[0]
                raise OSError(code, os.strerror(code))
            found.append((kind, body))
