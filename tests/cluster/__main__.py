# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.cluster``: the cluster's commands; README.md describes them."""

from __future__ import annotations

import argparse
import time

from tests.gate.places import GateError
from tests.lab import interrupts
from tests.lab.model import LabError
from tests.nodes.node import NodeFailure

from . import build, versions
from .cluster import Cluster, sweep
from .places import SITES, Site
from .scale import scale


def _build(_options: argparse.Namespace) -> None:
    build.build()


def _up(options: argparse.Namespace) -> None:
    start = time.monotonic()
    build.build()
    made = Cluster.up(options.number, tell=print)
    print("up in %.1f s\nkubeconfig: %s\ninventory: %s" % (time.monotonic() - start, made.kubeconfig, made.inventory))
    print("kubectl and crictl: %s" % build.BIN)


def _down(options: argparse.Namespace) -> None:
    start = time.monotonic()
    sweep()
    Cluster(Site(options.number)).down()
    print("the cluster is gone, in %.1f s" % (time.monotonic() - start))


def _status(options: argparse.Namespace) -> None:
    cluster = Cluster.attach(options.number)
    print(cluster.kubectl("get", "nodes", "-o", "wide"))
    print(cluster.kubectl("get", "pods", "-A", "-o", "wide"))


def _scale(options: argparse.Namespace) -> None:
    scale(Cluster.attach(options.number), options.nodes, options.pods, print)


def _needs(_options: argparse.Namespace) -> None:
    print(" ".join(versions.PACKAGES))


def _parser() -> argparse.ArgumentParser:
    description = "A Kubernetes cluster of three nodes on one machine."
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=description)
    commands = parser.add_subparsers(required=True)
    for name, call, text in (
        ("build", _build, "build what is missing"),
        ("up", _up, "build what is missing, make the cluster, wait for its workloads"),
        ("down", _down, "remove the cluster, or what a killed run has left of one"),
        ("status", _status, "show nodes and pods"),
        ("scale", _scale, "add nodes and pods that are objects of the API alone"),
        ("needs", _needs, "print the Debian packages that it needs beside the lab's"),
    ):
        sub = commands.add_parser(name, help=text)
        sub.set_defaults(call=call)
        sub.add_argument("--number", type=int, choices=range(SITES), default=0, help="of another one beside it")
        if name == "scale":
            sub.add_argument("nodes", type=int, nargs="?", default=1000, help="how many (default: 1000)")
            sub.add_argument("pods", type=int, nargs="?", default=30000, help="how many (default: 30000)")
    return parser


def main() -> None:
    """Reads the command line and runs one command."""
    interrupts.run("cluster", _run, (LabError, NodeFailure, GateError))


def _run() -> None:
    options = _parser().parse_args()
    options.call(options)


if __name__ == "__main__":
    main()
