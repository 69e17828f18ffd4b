# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sockets of probes, opened in the network namespace in which the caller is. PRIVATE to the collection.

A socket stays in the namespace in which it was opened (network_namespaces(7)), wherever its user goes afterwards.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
from typing import Iterator

from .._errors import NodeError
from .._trace_records import Probe
from . import lone

_TCP_REPAIR, _TCP_REPAIR_QUEUE, _TCP_QUEUE_SEQ = 19, 20, 21  # linux/tcp.h
_SEND_QUEUE = 2
_IPV6_HDRINCL = 36  # linux/in6.h; Python has no name for it
_LIBC = ctypes.CDLL(None, use_errno=True)


def family(probe: Probe) -> socket.AddressFamily:
    """Return the family of a probe's destination."""
    return socket.AF_INET6 if ":" in probe.destination else socket.AF_INET


@contextlib.contextmanager
def as_user(uid: int | None) -> Iterator[None]:
    """Have sockets belong to a user: firewalls and sidecars' redirects ask for the fsuid of who opened one.

    setfsuid(2) alone: with another effective user CAP_NET_RAW and CAP_NET_ADMIN would go, too.
    """
    if uid is None:
        yield
        return
    own = _LIBC.setfsuid(uid)
    try:
        if _LIBC.setfsuid(-1) != ctypes.c_int(uid).value:  # it never tells that it failed
            raise NodeError("a socket cannot be opened as user %d: it takes CAP_SETUID" % uid)
        yield
    finally:
        _LIBC.setfsuid(own)


def open_connection(probe: Probe) -> socket.socket:
    """Return a TCP socket, not yet connected, that begins at the probe's sequence number.

    Without SO_REUSEADDR: the kernel would take another number where the same ports wait in TIME_WAIT
    (tcp_twsk_unique() in net/ipv4/tcp_ipv4.c); so such a port is taken as not free.
    """
    return _prepared(socket.socket(family(probe), socket.SOCK_STREAM), probe, begins=True)


def _prepared(sock: socket.socket, probe: Probe, begins: bool = False) -> socket.socket:
    """Return a socket with what the probe asks of it, or close it; ``begins``: at the probe's sequence number."""
    try:
        if begins:
            _begin_at(sock, probe.sequence or 0)
        if probe.source_ports:
            _bind(sock, probe)
        _set_ttl(sock, probe)
    except BaseException:
        sock.close()
        raise
    return sock


def _begin_at(sock: socket.socket, sequence: int) -> None:
    try:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR_QUEUE, _SEND_QUEUE)
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_QUEUE_SEQ, _signed(sequence))
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_REPAIR, 0)
    except PermissionError:
        raise NodeError("a sequence number cannot be chosen (TCP_REPAIR): it takes CAP_NET_ADMIN") from None


def open_datagrams(probe: Probe) -> socket.socket:
    """Return a UDP socket with one of the probe's ports."""
    return _prepared(socket.socket(family(probe), socket.SOCK_DGRAM), probe)


def open_echo(probe: Probe) -> socket.socket:
    """Return a raw socket for ICMP, or ICMPv6, whose checksum the kernel adds."""
    six = family(probe) == socket.AF_INET6
    return _prepared(_raw(probe, socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP), probe)


def open_packets(probe: Probe) -> socket.socket:
    """Return a raw socket that sends packets with their IP headers, and hears all TCP of its address (raw(7)).

    It is bound to the packet's source address, since what comes to another one is not heard. OSError (EADDRNOTAVAIL)
    where the namespace does not have that.
    """
    six = family(probe) == socket.AF_INET6
    sock = _prepared(_raw(probe, socket.IPPROTO_TCP), probe)
    try:
        level, option = (socket.IPPROTO_IPV6, _IPV6_HDRINCL) if six else (socket.IPPROTO_IP, socket.IP_HDRINCL)
        sock.setsockopt(level, option, 1)
        sock.bind((lone.read(bytes.fromhex(probe.payload)).source, 0))
    except BaseException:
        sock.close()
        raise
    return sock


def ttl_of(sock: socket.socket) -> int:
    """Return the TTL, or hop limit, that a socket gives its packets: the probe's, or the namespace's own."""
    if sock.family == socket.AF_INET6:
        return sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS)
    return sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL)


def _raw(probe: Probe, protocol: int) -> socket.socket:
    try:
        return socket.socket(family(probe), socket.SOCK_RAW, protocol)
    except PermissionError:
        raise NodeError("a raw packet cannot be sent: it takes CAP_NET_RAW") from None


def _signed(number: int) -> int:
    """Return 32 bits as the int that setsockopt takes."""
    return number - (1 << 32) if number >= 1 << 31 else number


def _set_ttl(sock: socket.socket, probe: Probe) -> None:
    if probe.ttl is None:
        return
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, probe.ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, probe.ttl)


def _bind(sock: socket.socket, probe: Probe) -> None:
    """Take the first of the probe's ports that nobody has."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    for port in probe.source_ports:
        try:
            sock.bind(("", port))
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
