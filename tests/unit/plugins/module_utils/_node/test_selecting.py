# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node that is asked alone says of selections."""

from __future__ import annotations

from ansible_collections.kube.pcap.plugins.module_utils._node import selecting
from ansible_collections.kube.pcap.plugins.module_utils._node.pods import NodeView
from ansible_collections.kube.pcap.plugins.module_utils._records import Candidate, Target
from ansible_collections.kube.pcap.plugins.module_utils._selection import parse

NODE, CART = Target("node", name="node-a", node="node-a", pid=1), Target("pod", "shop", "cart", "u1", "node-a", pid=7)
VIEW = NodeView(NODE, (CART,), (Candidate(NODE), Candidate(CART)), None)


def test_a_node_speaks_for_itself(monkeypatch):
    """What it does not have may well be on another node, so that its sentence names the node."""
    monkeypatch.setattr(selecting, "read_node", lambda kube_node_name: VIEW)
    assert selecting.choose_here(parse("x", "pod shop/cart"), None)[1] == (CART,)
    told = selecting.choose_here(parse("x", "pod shop/crt"), None)[1]
    assert told == "pod shop/crt matches no pod on node-a; namespace shop has the pods cart"
