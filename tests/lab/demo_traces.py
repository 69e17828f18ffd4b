# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo's end: a packet is followed from a pod to a Service on another node, and then to where a rule drops it."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any

from .lab import Lab
from .model import Fault
from .tracing import serving

EXPRESSION = "from pod shop/cart to service shop/db and tcp port 5432"
_DROP = Fault("drop", "node-c", arguments="tcp dport 5432")
WANTED = ["answered", "lost"]


def tell(lab: Lab, folder: pathlib.Path, playbook: Callable[..., None]) -> bool:
    """Shows both traces; returns whether they came to what they had to. ``playbook``: runs one with its options."""
    options: dict[str, Any] = {"trace_expression": EXPRESSION, "trace_taps": "all", "trace_timeout": "2s"}
    options.update(trace_snapshot=str(lab.snapshot), trace_dest=str(folder))
    with serving(lab.pod("shop", "db-0"), "http", 5432):
        print("\nsomething listens on port 5432 of pod shop/db-0, which is on node-c")
        playbook("trace", trace_id="demo-well", **options)
        lab.faults.apply(_DROP)
        print("\nnow a rule on node-c drops what goes to port 5432")
        playbook("trace", trace_id="demo-ill", **options)
    outcomes = []
    for id in ("demo-well", "demo-ill"):
        verdict = json.loads((folder / id / "trace.json").read_text(encoding="utf-8"))["verdict"]
        outcomes.append(verdict["outcome"])
    print("the traces hold" if outcomes == WANTED else "THE TRACES DO NOT HOLD: %s" % ", ".join(outcomes), flush=True)
    return outcomes == WANTED
