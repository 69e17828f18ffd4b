# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.bench.tracing``: a trace over three nodes beside a playbook of as many tasks that do nothing.

Both run in turn on a lab of their own, over SSH connections that are there already. Then what the controller needs to
assemble a thousand hops of fifty nodes (row KP-14).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from tests.bench.figures import Figure, figure, table
from tests.lab.ansible_run import Ansible, link_collection
from tests.lab.lab import Lab
from tests.lab.tracing import Traces, serving

FACTOR, EXTRA_SECONDS = 1.5, 2.5
_BARE = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.raw: "true"
    - ansible.builtin.ping:
    - ansible.builtin.debug:
      run_once: true
    - ansible.builtin.debug:
      run_once: true
    - ansible.builtin.debug:
    - ansible.builtin.ping:
    - ansible.builtin.debug:
      run_once: true
    - ansible.builtin.ping:
    - ansible.builtin.ping:
    - ansible.builtin.ping:
    - ansible.builtin.debug:
      run_once: true
    - ansible.builtin.debug:
      run_once: true
"""
"""A trace's tasks, and on which hosts each runs."""
NODES, HOPS = 50, 1000
_ASSEMBLE = """
import json, sys, time
from ansible_collections.kube.pcap.plugins.module_utils._records import TargetRef, to_result
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Interface, Layer, Mark, Sighting, Tapped
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.assembling import assemble
from ansible_collections.kube.pcap.plugins.plugin_utils._trace.records import Place, Planned
nodes, each, rounds = map(int, sys.argv[1:])
places = tuple(Place(n, n, TargetRef("node", None, n, None, n), 1) for n in map("node-{}".format, range(nodes)))
planned = Planned("t-1", "", "tcp", "node node-0", 0, 0, "10.0.0.1", "10.0.0.1", 80, places, (),
                  (Mark(1, "tcp", 4, sequence=5),), (), True)
same = dict(ifindex=2, direction="Out", src="10.0.0.9", dst="10.0.0.1", protocol="tcp", sport=20001, dport=80,
            flags="S", seq=5, ack=0, ttl=60, length=110, encapsulation=(Layer("vxlan", 1, "10.1.0.1", "10.1.0.2"),))
tapped = {}
for n, place in enumerate(places):
    seen = tuple(Sighting(1, 10**18 + n * 1000 + k, "request", "mark", "first", **same) for k in range(each))
    tapped[place.host] = [Tapped(place.target, 1, (Interface(2, "eth0"),), (), each, each, 0, seen)]
told = {"seconds": [], "bytes": []}
for _round in range(rounds):
    began = time.perf_counter()
    result = to_result(assemble(planned, tapped, (), {}))
    told["seconds"].append(time.perf_counter() - began)
    told["bytes"].append(len(json.dumps(result)))
print(json.dumps({**told, "hops": len(result["hops"])}))
"""
"""Prints what it took, in seconds, and how many bytes the result has."""


def main() -> None:
    """Measures what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.tracing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each (default: 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Lab.up("bench", owner=os.getpid()) as lab:
        print(table("a trace of three nodes", measure(lab, pathlib.Path(name), options.rounds)), flush=True)
    print(table("%d hops of %d nodes" % (HOPS, NODES), assembly(options.rounds)), flush=True)
    print("\nload after: %.1f" % os.getloadavg()[0])


def measure(lab: Lab, folder: pathlib.Path, rounds: int) -> list[Figure]:
    """Rounds of both, in turn."""
    ansible = Ansible(lab.inventory, folder)
    traces = Traces(ansible, folder, snapshot=str(lab.snapshot), taps="all")
    bare = folder / "bare.yml"
    bare.write_text(_BARE, encoding="utf-8")

    def trace() -> None:
        outcome = traces.result("from pod shop/cart to pod shop/db-0 and tcp port 8080")["verdict"]["outcome"]
        if outcome != "answered":
            raise SystemExit("the trace was %s" % outcome)

    def nothing() -> None:
        done = ansible.playbook(bare)
        if done.rc:
            raise SystemExit(done.stdout)

    ours, theirs = [], []
    with serving(lab.pod("shop", "db-0"), "http", 8080):
        nothing()
        for _round in range(rounds):
            theirs.append(_seconds(nothing))
            ours.append(_seconds(trace))
    beyond = [one - FACTOR * other for one, other in zip(ours, theirs, strict=True)]
    return [
        figure("tasks that do nothing", "s", theirs),
        figure("a trace", "s", ours),
        figure("a trace, less %.1f times the tasks" % FACTOR, "s", beyond, EXTRA_SECONDS),
    ]


def assembly(rounds: int) -> list[Figure]:
    """How long it takes, and how large the result is; in a process that finds the collection where it is installed."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        env = {**os.environ, "PYTHONPATH": str(link_collection(pathlib.Path(folder)))}
        argv = [sys.executable, "-c", _ASSEMBLE, str(NODES), str(HOPS // NODES), str(rounds)]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    if told["hops"] != HOPS:
        raise SystemExit("%d hops" % told["hops"])
    size = [one / (1 << 20) for one in told["bytes"]]
    return [figure("assembled", "s", told["seconds"], 1.0), figure("the result", "MiB", size, 1.0)]


def _seconds(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
