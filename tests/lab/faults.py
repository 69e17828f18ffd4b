# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of a lab, made and taken away while it is up: a slow link, a rule that drops, a pulled plug."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .model import Fault, LabError

if TYPE_CHECKING:
    from .handles import LabNode
    from .lab import Lab

PATIENCE_S = 60.0
TABLE = "inet faults"
_CHAINS = """\
add table inet faults
add chain inet faults input { type filter hook input priority filter; }
add chain inet faults forward { type filter hook forward priority filter; }
"""


class Faults:
    """The faults of one lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def apply(self, fault: Fault) -> None:
        """Makes a fault; LabError says what this machine's kernel lacks for it."""
        node = self._lab.node(fault.node)
        if fault.kind == "link-down":
            self._lab.underlay.set_link(node.spec.ip, up=False)
        elif fault.kind == "drop":
            form = "add rule " + TABLE + " %s " + fault.arguments + " counter drop\n"
            rules = form % "input" + form % "forward"
            node.run(["nft", "-f", "-"], input=_CHAINS + rules)
        elif fault.kind == "latency":
            argv = ["tc", "qdisc", "add", "dev", fault.interface, "root", "netem", *fault.arguments.split()]
            done = node.run(argv, check=False)
            if done.returncode:
                hint = "the kernel needs sch_netem (CONFIG_NET_SCH_NETEM; modprobe sch_netem)"
                raise LabError("no latency on %s: %s; %s" % (fault.node, done.stderr.strip(), hint))
        else:
            raise LabError("fault %r is none of latency, drop, link-down" % fault.kind)

    def clear(self, fault: Fault) -> None:
        """Takes a fault away; a node's ``drop`` faults go together, and all reach it once it has its plug back."""
        node = self._lab.node(fault.node)
        if fault.kind == "link-down":
            self._lab.underlay.set_link(node.spec.ip, up=True)
            self._wait_reached(node)
        elif fault.kind == "drop":
            node.run(["nft", "delete", "table", *TABLE.split()])
        else:
            node.run(["tc", "qdisc", "del", "dev", fault.interface, "root"])

    def _wait_reached(self, node: LabNode) -> None:
        """Waits until all others reach a node: who asked for its link address in vain asks again after a second."""
        end = time.monotonic() + PATIENCE_S
        for other in self._lab.nodes:
            while other.pid and other.name != node.name and not other.send(node.name, count=1, rate=1000).received:
                if time.monotonic() > end:
                    raise LabError("%s still does not reach %s" % (other.name, node.name))
