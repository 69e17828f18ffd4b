# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``ip -batch``, ``bridge -batch`` and ``nft -f`` are told to make a lab's network. Pure functions."""

from __future__ import annotations

import dataclasses

from . import addresses
from .addresses import MTU, Pair
from .model import Port

VNI = 1
VXLAN_PORT = 8472
OVERLAY = "vxlan.%d" % VNI
SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    # While an address is tried for doubles, a second or two, its node cannot ask for a neighbour.
    "net.ipv6.conf.default.accept_dad=0",
    "net.ipv6.conf.eth0.accept_dad=0",
)
_FAMILIES = {"ip": "ipv4", "ip6": "ipv6"}
BRIDGE_SYSCTLS = ("net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1")


@dataclasses.dataclass(frozen=True)
class ServiceRoute:
    """One port of one Service with its backends, for one node's rules."""

    cluster: Pair
    port: Port
    backends: tuple[Pair, ...]


def node_links(lab: int, number: int) -> str:
    """A node's own links and addresses, for ``ip -batch``."""
    here, gateway = addresses.underlay(lab, number), addresses.underlay(lab, addresses.NOWHERE)
    cni, own = addresses.bridge(number), addresses.overlay(number)
    lines = [
        "addr add %s/24 dev eth0" % here.v4,
        "addr add %s/64 dev eth0 nodad" % here.v6,
        "link set eth0 up",
        "route add default via %s dev eth0" % gateway.v4,
        "route add ::/0 via %s dev eth0" % gateway.v6,
        "link add cni0 mtu %d type bridge" % MTU,
        "addr add %s/24 dev cni0" % cni.v4,
        "addr add %s/64 dev cni0 nodad" % cni.v6,
        "link set cni0 up",
        "link add %s mtu %d address %s type vxlan id %d local %s dev eth0 dstport %d nolearning"
        % (OVERLAY, MTU, addresses.overlay_mac(number), VNI, here.v4, VXLAN_PORT),
        "addr add %s/32 dev %s" % (own.v4, OVERLAY),
        "addr add %s/128 dev %s nodad" % (own.v6, OVERLAY),
        "link set %s up" % OVERLAY,
    ]
    return "\n".join(lines) + "\n"


def peer_routes(number: int, peers: list[int]) -> str:
    """How a node reaches the pods of the others, for ``ip -batch``."""
    lines = []
    for peer in peers:
        if peer == number:
            continue
        for network, via in zip(addresses.pod_network(peer), addresses.overlay(peer), strict=True):
            lines.append("neigh add %s lladdr %s dev %s nud permanent" % (via, addresses.overlay_mac(peer), OVERLAY))
            lines.append("route add %s via %s dev %s onlink" % (network, via, OVERLAY))
    return "\n".join(lines) + "\n"


def peer_forwarding(lab: int, number: int, peers: list[int]) -> str:
    """Which node stands behind which link address, for ``bridge -batch``."""
    form = "fdb append %s dev %s dst %s"
    others = [peer for peer in peers if peer != number]
    lines = [form % (addresses.overlay_mac(p), OVERLAY, addresses.underlay(lab, p).v4) for p in others]
    return "\n".join(lines) + "\n"


def pod_links(node: int, own: Pair) -> str:
    """A pod's addresses and routes, for ``ip -batch`` in its namespace."""
    gateway = addresses.bridge(node)
    lines = [
        "link set lo up",
        "addr add %s/24 dev eth0" % own.v4,
        "addr add %s/64 dev eth0 nodad" % own.v6,
        "link set eth0 up",
        "route add default via %s" % gateway.v4,
        "route add ::/0 via %s" % gateway.v6,
    ]
    return "\n".join(lines) + "\n"


def _choice(version: str, backends: list[str], port: int) -> str:
    if len(backends) == 1:
        form = "[%s]:%d" if version == "ip6" else "%s:%d"
        return form % (backends[0], port)
    pairs = ", ".join("%d : %s . %d" % (i, address, port) for i, address in enumerate(backends))
    return "numgen random mod %d map { %s }" % (len(backends), pairs)


def _service_rules(route: ServiceRoute) -> list[str]:
    rules = []
    for version, pick in (("ip", 0), ("ip6", 1)):
        cluster = list(route.cluster)[pick]
        match = "%s daddr %s %s dport %d" % (version, cluster, route.port.protocol.lower(), route.port.port)
        backends = [list(backend)[pick] for backend in route.backends]
        verdict = "dnat %s to %s" % (version, _choice(version, backends, route.port.target)) if backends else "drop"
        rules.append("add rule inet services to-backends %s %s" % (match, verdict))
        if route.port.node_port is not None and backends:
            own = (_FAMILIES[version], route.port.protocol.lower(), route.port.node_port)
            match = "meta nfproto %s fib daddr type local %s dport %d" % own
            rules.append("add rule inet services to-backends %s %s" % (match, verdict))
        for address in backends:  # a pod that reaches itself through its Service
            same = "%s saddr %s %s daddr %s" % (version, address, version, address)
            rules.append("add rule inet services postrouting ct status dnat %s masquerade" % same)
    return rules


def service_rules(node: int, routes: list[ServiceRoute], bridge_filtered: bool) -> str:
    """A node's Services and masquerading, for ``nft -f``; replaces what was there.

    ``bridge_filtered``: whether netfilter sees what a bridge passes on. Where it does not, an answer between two pods
    of one node would go past the address translation, so that their traffic to Services is masqueraded too.
    """
    lines = [
        "table inet services",
        "delete table inet services",
        "table inet services",
        "add chain inet services to-backends",
        "add chain inet services prerouting { type nat hook prerouting priority dstnat; }",
        "add chain inet services output { type nat hook output priority -100; }",
        "add chain inet services postrouting { type nat hook postrouting priority srcnat; }",
        "add rule inet services prerouting jump to-backends",
        "add rule inet services output jump to-backends",
    ]
    for route in routes:
        lines += _service_rules(route)
    for version, pods, own in zip(("ip", "ip6"), addresses.POD_NETWORKS, addresses.pod_network(node), strict=True):
        chain = "add rule inet services postrouting "
        # Whoever is no pod has the answer come back through here; so has a pod whose backend the bridge reaches itself.
        if not bridge_filtered:
            lines.append(chain + "ct status dnat %s saddr %s %s daddr %s masquerade" % (version, own, version, own))
        lines.append(chain + "ct status dnat %s saddr != %s masquerade" % (version, pods))
        lines.append(chain + '%s saddr %s %s daddr != %s oifname "eth0" masquerade' % (version, pods, version, pods))
    return "\n".join(lines) + "\n"
