# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets of any kind in any tunnels, by chance, each with what is to be read of it."""

from __future__ import annotations

import random
from typing import Callable

from ansible_collections.kube.pcap.plugins.module_utils._packet.packet import Tcp

from .packet_bytes import (
    IP_ONLY,
    Made,
    echo,
    ethernet,
    geneve,
    gre,
    ipv4,
    ipv6,
    linked,
    mpls,
    sctp,
    tcp,
    udp,
    unreachable,
    vlan,
    vxlan,
)


def random_packet(rng: random.Random, link_type: int = 1, order: str = "<", depth: int = 3) -> Made:
    """A packet of any kind in up to so many tunnels, behind the header of a link type."""
    made = _random_ip(rng, _random_inner(rng))
    for _tunnel in range(rng.randrange(depth + 1)):
        made = _random_ip(rng, _random_tunnel(rng, made))
    if link_type not in IP_ONLY:
        made = rng.choice([_same, _same, _same, _tagged, _labelled])(rng, made)
    return linked(made, link_type, order, rng.randrange(1, 1 << 20))


def _same(_rng: random.Random, made: Made) -> Made:
    return made


def _tagged(rng: random.Random, made: Made) -> Made:
    return vlan(made, rng.randrange(1, 4095))


def _labelled(rng: random.Random, made: Made) -> Made:
    return mpls(made, *(rng.sample(range(16, 1 << 20), rng.randrange(1, 4))))


def _random_inner(rng: random.Random) -> Callable[[int], Made]:
    """What an IP header of a version may carry."""
    ports = rng.randrange(1024, 4000), rng.choice([80, 443, 5000, 30000])
    flags = rng.choice(["S", "S.", ".", "P.", "F.", "R", "R.", "", "FSRP.UEW", "SEW"])
    options = rng.choice([b"", b"\x01\x01\x08\x0a" + bytes(8), b"\x02\x04\x05\xb4"])
    numbers = [rng.getrandbits(32), rng.getrandbits(32)]
    choice = rng.randrange(6)
    if choice == 0:
        return lambda version: echo(rng.getrandbits(16), rng.getrandbits(16), version, rng.random() < 0.5)
    if choice == 1:
        return lambda _version: udp(rng.getrandbits(160).to_bytes(20, "big"), *ports)
    if choice == 2:
        return lambda _version: sctp(*ports)
    if choice == 3:
        return lambda version: _random_error(rng, version)
    return lambda _version: tcp(*ports, *numbers, flags, options)


def _random_error(rng: random.Random, version: int) -> Made:
    whole = tcp(rng.randrange(1024, 4000), 443, rng.getrandbits(32))
    quoted = ipv4(whole, ip_id=9) if version == 4 else ipv6(whole)
    if rng.random() < 0.5:
        short = Tcp(whole.packet.tcp.seq) if whole.packet.tcp else None
        quoted = Made(quoted.data, quoted.kind, quoted.packet._replace(tcp=short))
        return unreachable(quoted, 28 if version == 4 else 48, version)
    return unreachable(quoted, None, version)


def _random_ip(rng: random.Random, carried: Callable[[int], Made]) -> Made:
    ttl = rng.randrange(1, 256)
    if rng.random() < 0.6:
        src, dst = ("10.%d.%d.%d" % tuple(rng.randrange(1, 255) for _byte in range(3)) for _end in range(2))
        options = rng.choice([b"", b"", b"", b"\x94\x04\x00\x00", b"\x01" * 40])
        fragment = rng.choice([0, 0, 0x4000, 0x4000, 0x4000, 0x2000])
        return ipv4(carried(4), src, dst, rng.getrandbits(16), ttl, options, fragment)
    src, dst = ("fd00::%x:%x" % (rng.randrange(1, 65536), rng.randrange(1, 65536)) for _end in range(2))
    some = rng.choice(
        [(), (), (), ("hop",), ("destination",), ("hop", "destination"), ("fragment",), ("hop", "fragment")]
    )
    return ipv6(carried(6), src, dst, ttl, some, 1 if "fragment" in some else 0, rng.getrandbits(32))


def _random_tunnel(rng: random.Random, inner: Made) -> Callable[[int], Made]:
    """A tunnel around an IP packet."""
    vni, sport = rng.getrandbits(24), rng.randrange(49152, 65536)
    choice = rng.randrange(7)
    if choice == 0:
        return lambda _version: vxlan(ethernet(inner), vni, sport, rng.choice([4789, 8472]))
    if choice == 1:
        return lambda _version: vxlan(ethernet(vlan(inner, 7)), vni, sport, policy=0x123)
    if choice == 2:
        options = rng.choice([b"", b"\x01\x02\x80\x01" + bytes(4)])
        return lambda _version: geneve(rng.choice([inner, ethernet(inner)]), vni, sport, options)
    if choice == 3:
        key, sequence = rng.choice([None, rng.getrandbits(32)]), rng.choice([None, 9])
        return lambda _version: gre(inner, key, rng.random() < 0.3, sequence)
    if choice == 4:
        return lambda _version: gre(ethernet(inner), rng.choice([None, rng.getrandbits(32)]))
    if choice == 5:
        return lambda _version: gre(mpls(inner, rng.randrange(16, 1 << 20)))
    return lambda _version: inner
