# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traces on the lab where programs are attached that may hide packets, or redirect what sockets send."""

from __future__ import annotations

import contextlib
import os
import socket

from ansible_collections.kube.pcap.plugins.module_utils._node import kernel_clock, netns
from tests.lab.lab import Lab
from tests.lab.model import Fault
from tests.lab.programs import connecting, tcx
from tests.lab.tracing import Traces
from tests.nodes import cgroups

CLOCKS = "clocks that are not synchronised, as their kernels say: "


def test_a_loss_where_tcx_is(traces: Traces, lab: Lab) -> None:
    """It is likely and not proven, and the sentence says why; what the kernel says of its clock is told, too."""
    fault, node = Fault("drop", "node-c", arguments="tcp dport 8080"), lab.node("node-c")
    assert node.pid is not None
    with contextlib.ExitStack() as stack:
        namespace = netns.open_netns(node.pid)
        stack.callback(lambda: os.close(namespace))
        with netns.inside(namespace):
            known = stack.enter_context(tcx(socket.if_nametoindex("vxlan.1")))
        lab.faults.apply(fault)
        stack.callback(lambda: lab.faults.clear(fault))
        run = traces.run("from pod shop/cart to pod shop/db-0 and tcp port 8080", taps="all", timeout="1s")
    result = traces.told(run)
    verdict, here = result["verdict"], kernel_clock.read()
    assert (verdict["outcome"], verdict["confidence"]) == ("lost", "likely" if known else "proven"), verdict
    said = "; programs are attached that may hide packets from taps: tcx at vxlan.1 of node node-c"
    assert verdict["text"].endswith(said) == known
    blind = {one["node"]: one["blind"] for one in result["taps"] if one["pod"] is None}
    assert blind == {name: ["tcx at vxlan.1"] if known and name == "node-c" else [] for name in blind}
    assert here is not None
    assert {one["kernel"]["synchronised"] for one in result["clock"]} == {here.synchronised}
    assert (CLOCKS in run.stdout) != here.synchronised


def test_a_lone_syn_that_is_refused_where_sockets_are_translated(traces: Traces, lab: Lab) -> None:
    """A program of the node's own group is also its pods'; the refusal is the play's, and nothing was sent."""
    (hierarchy,) = [one for one in cgroups.read_hierarchies() if one.version == 2]
    expression = "from pod shop/cart to service shop/web and tcp port 80"
    with connecting(hierarchy.folder("%s/node-a" % lab.group), 4):
        refused = traces.run(expression, probe="syn")
    told = "pod shop/cart: programs are attached to what its sockets connect to, as load balancers of sockets are"
    assert refused.rc == 2 and "nothing was sent; node-a: " + told in refused.stdout, refused.stdout
    assert "it is not known whether a load balancer" not in traces.run(expression, probe="syn").stdout
