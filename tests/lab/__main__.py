# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m tests.lab``: the lab's commands; README.md describes them."""

from __future__ import annotations

import argparse
import os
import sys
import time

from tests.nodes.node import NodeFailure

from . import demo_sinks, interrupts
from .demo import run_demo
from .handles import LabNode, LabPod
from .lab import NAME, SHOP, Lab, names
from .model import LabError, read_lab
from .needs import PACKAGES, missing, second_choices


def _up(options: argparse.Namespace) -> None:
    start = time.monotonic()
    lab = Lab.up(options.name, options.file)
    running = sum(pod.state.running for pod in lab.pods)
    print("lab %s: %d nodes, %d pods up in %.1f s" % (options.name, len(lab.nodes), running, time.monotonic() - start))
    for line in second_choices(lab.state.spec):
        print(line)
    print("inventory: %s\nsnapshot: %s" % (lab.inventory, lab.snapshot))


def _down(options: argparse.Namespace) -> None:
    swept = Lab.sweep()
    for name in swept:
        print("lab %s is gone; a run that was killed had left it" % name)
    if swept and not options.all and options.name not in names():
        return
    for name in names() if options.all else [options.name]:
        Lab.attach(name).down()
        print("lab %s is gone" % name)


def _status(options: argparse.Namespace) -> None:
    for name in names() if options.all else [options.name]:
        lab = Lab.attach(name)
        print("lab %s: inventory %s, snapshot %s" % (name, lab.inventory, lab.snapshot))
        for node in lab.nodes:
            state = "pid %d" % node.pid if node.pid else "down"
            print("  %-44s %-15s %s" % (node.title, node.addresses.v4, state))
        for pod in lab.pods:
            address = pod.addresses.v4 if pod.addresses else "-"
            phase = pod.state.spec.phase if pod.state.running or pod.state.spec.phase != "Running" else "deleted"
            print("  %-44s %-15s %-9s %s" % (pod.title, address, phase, pod.state.spec.node or "-"))


def _place(lab: Lab, text: str) -> LabPod | LabNode:
    namespace, slash, name = text.partition("/")
    return lab.pod(namespace, name) if slash else lab.node(text)


def _enter(options: argparse.Namespace) -> None:
    lab = Lab.attach(options.name)
    argv = _place(lab, options.place).enter_args(options.argv or ["bash"])
    os.execvp(argv[0], argv)


def _ssh(options: argparse.Namespace) -> None:
    argv = Lab.attach(options.name).node(options.place).ssh_args(options.argv, options.user)
    os.execvp(argv[0], argv)


def _traffic(options: argparse.Namespace) -> None:
    lab = Lab.attach(options.name)
    place: LabPod | LabNode = _place(lab, options.source)
    if options.from_host and isinstance(place, LabPod):
        place = place.node
    chosen = {"size": options.size, **({"port": options.port} if options.port else {})}
    result = place.send(options.to, count=options.count, rate=options.rate, family=options.family, **chosen)
    text = "stream %d: sent %d in %.2f s, refused %d, received %d (%d distinct)"
    print(text % (result.stream, result.sent, result.seconds, result.refused, result.received, result.distinct))
    for title, packets in result.receivers.items():
        print("  %-44s %d" % (title, packets))


def _needs(options: argparse.Namespace) -> None:
    if options.packages:
        print(" ".join(sorted({*PACKAGES.values(), "systemd"})))
        return
    lacking = missing(read_lab(options.file))
    for line in lacking:
        print("missing: " + line)
    if lacking:
        sys.exit(1)
    print("all that the lab needs is here")


def _demo(options: argparse.Namespace) -> None:
    if options.choose_sink:
        print("%s: %s" % demo_sinks.choose())
        return
    sys.exit(run_demo(options.name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="A cluster of namespaces on one machine.")
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(required=True)

    def command(name: str, call: object, help: str, lab: str = NAME) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help)
        sub.set_defaults(call=call)
        sub.add_argument("--name", default=lab, help="the lab's name (default: %s)" % lab)
        return sub

    command("up", _up, "make a lab").add_argument("--file", default=SHOP, help="its YAML (default: shop.yml)")
    removed = "remove a lab, and those that a killed run has left"
    for name, call, help in (("down", _down, removed), ("status", _status, "show a lab")):
        command(name, call, help).add_argument("--all", action="store_true", help="all labs of this machine")
    demo = command("demo", _demo, "show the main job on a lab of its own", "demo")
    demo.add_argument("--choose-sink", action="store_true", help="only tell where it would ship to, ready to")
    enter = command("enter", _enter, "run a program in a node or in a pod (NAMESPACE/NAME)")
    ssh = command("ssh", _ssh, "run a program on a node by ssh")
    ssh.add_argument("--user", help="root or ops (default: the node's)")
    for sub in (enter, ssh):
        sub.add_argument("place")
        sub.add_argument("argv", nargs=argparse.REMAINDER)
    _traffic_options(command("traffic", _traffic, "send counted datagrams"))
    needs = command("needs", _needs, "say what this machine lacks for the lab")
    needs.add_argument("--packages", action="store_true", help="print the Debian packages only")
    needs.add_argument("--file", default=SHOP, help="the lab's YAML (default: shop.yml)")
    return parser


def _traffic_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", required=True, help="a pod (NAMESPACE/NAME) or a node")
    parser.add_argument("--from-host", action="store_true", help="send from the pod's node instead")
    parser.add_argument("--to", required=True, help="a pod or Service (NAMESPACE/NAME), a node, or an address")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=1000, help="datagrams per second (default: 1000)")
    parser.add_argument("--size", type=int, default=64, help="bytes of payload (default: 64)")
    parser.add_argument("--port", type=int, help="destination port (default: 9000)")
    parser.add_argument("--family", type=int, choices=(4, 6), default=4)


def main() -> None:
    """Reads the command line and runs one command."""
    interrupts.run("lab", _run, (LabError, NodeFailure))


def _run() -> None:
    options = _parser().parse_args()
    options.call(options)


if __name__ == "__main__":
    main()
