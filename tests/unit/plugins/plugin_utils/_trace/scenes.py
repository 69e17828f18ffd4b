# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A trace from a pod to a Service with two endpoints, one on another node, for tests of what is made of it."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.kube.pcap.plugins.module_utils._records import CONTROLLER, TargetRef
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Interface, Mark, Tapped
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.controller import NAME
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import CanaryWay, Hop, Landing, Place, Planned

NODE_A, NODE_C, CART, WEB, DB, HERE = range(6)
"""Places: two nodes, the pods cart and web on the first, db on the second; and the controller, in scenes with it."""
ISN = 1_802_530_915
_PODS = {
    CART: ("cart", "node-a", "10.244.1.2"),
    WEB: ("web", "node-a", "10.244.1.3"),
    DB: ("db", "node-c", "10.244.3.2"),
}
_NODES = {NODE_A: "node-a", NODE_C: "node-c"}
_INTERFACES = {
    NODE_A: (Interface(2, "eth0"), Interface(7, "veth1", "veth", 3), Interface(9, "vxlan.1", "vxlan")),
    NODE_C: (Interface(2, "eth0"), Interface(8, "veth2", "veth", 4), Interface(9, "vxlan.1", "vxlan")),
    CART: (Interface(3, "eth0", "veth", 7),),
    WEB: (Interface(3, "eth0", "veth", 6),),
    DB: (Interface(4, "eth0", "veth", 8),),
    HERE: (Interface(2, "eth0"),),
}


def place(index: int) -> Place:
    """A place of the scene."""
    if index == HERE:
        return Place(NAME, NAME, TargetRef(CONTROLLER, None, None, None, NAME), 1000 + index)
    if index in _NODES:
        node = _NODES[index]
        return Place(node, node, TargetRef("node", None, node, None, node), 1000 + index)
    name, node, _address = _PODS[index]
    return Place(node, node, TargetRef("pod", "shop", name, "uid-%s" % name, node), 1000 + index)


SERVICE = Planned(
    id="t-1",
    expression="from pod shop/cart to service shop/db and tcp port 5432",
    protocol="tcp",
    source="pod shop/cart",
    source_place=CART,
    source_node_place=NODE_A,
    destination="service shop/db",
    address="10.96.0.12",
    port=5432,
    places=tuple(map(place, range(5))),
    landings=(
        Landing("10.244.1.3", 15432, "pod shop/web", WEB, NODE_A),
        Landing("10.244.3.2", 15432, "pod shop/db", DB, NODE_C),
    ),
    marks=(Mark(1, "tcp", 4, sequence=ISN, source_ports=(20001,), ports=(5432, 15432)),),
    ways=(CanaryWay(0, NODE_A, CART), CanaryWay(1, CART, NODE_A), CanaryWay(2, NODE_A, NODE_C)),
    every_node=True,
)
POD = dataclasses.replace(
    SERVICE, destination="pod shop/db", address="10.244.3.2", port=15432, landings=SERVICE.landings[1:]
)
FROM_HERE = dataclasses.replace(
    SERVICE,
    source="the controller",
    source_place=HERE,
    source_node_place=HERE,
    destination="node node-a",
    address="192.0.2.1",
    port=30432,
    places=tuple(map(place, range(6))),
    entry_place=NODE_A,
)
"""To a node port."""
OUTSIDE = dataclasses.replace(
    SERVICE,
    destination="192.0.2.1",
    address="192.0.2.1",
    port=443,
    places=SERVICE.places[:1] + SERVICE.places[2:3],
    source_place=1,
    source_node_place=0,
    landings=(Landing("192.0.2.1", 443),),
)


def tapped(index: int, **changed: Any) -> Tapped:
    """What a place's tap has seen: nothing yet, and lost nothing."""
    made = Tapped(place(index).target, 1000 + index, _INTERFACES[index], (), 0, 0, 0, ())
    return dataclasses.replace(made, **changed)


def hop(
    tap: int, direction: str, part: str = "first", to: tuple[str, int] = ("10.96.0.12", 5432), **changed: Any
) -> Hop:
    """A hop of the probe; an answer comes from where it went to."""
    leg = {"first": "request", "answer": "reply", "error": "error"}.get(part, changed.pop("leg", "request"))
    ends: dict[str, Any] = {"src": "10.244.1.2", "sport": 20001, "dst": to[0], "dport": to[1]}
    if leg in ("reply", "error"):
        ends = {"src": to[0], "sport": to[1], "dst": "10.244.1.2", "dport": 20001}
    where = place(tap)
    told: dict[str, Any] = {
        "n": 1,
        "probe": 1,
        "time_ns": 0,
        "timestamp": "",
        "node": where.node,
        "pod": None,
        "tap": tap,
        "interface": "eth0",
        "direction": direction,
        **ends,
        "protocol": "tcp",
        "flags": {"first": "S", "answer": "S."}.get(part),
        "leg": leg,
        "part": part,
        "joined": "mark",
        "again": 0,
        "ttl": 64,
        "length": 60,
        "payload": 0,
        "encapsulation": (),
        "changes": (),
    }
    return Hop(**{**told, **changed})
