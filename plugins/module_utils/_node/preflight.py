# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be right on a node before a capture starts there. PRIVATE to the collection."""

from __future__ import annotations

import os
from typing import Sequence

from .._errors import NodeError, OptionError
from .._records import CaptureOptions, Target
from .._units import format_size
from . import netns, retention, routes, tcpdump

NO_INDEX = 'tcpdump on this node has a libpcap older than 1.10, whose "any" does not record a packet\'s interface'


def check(
    options: CaptureOptions,
    targets: Sequence[Target],
    running: Sequence[retention.Share] = (),
    taken_bytes: int = 0,
) -> None:
    """Raise PcapError for the first thing that would keep these targets from being recorded.

    ``running``: the taps of the capture so far, which has taken so many bytes of its disk.
    """
    check_root()
    _check_space(options)
    retention.share(options, running, len(targets), room(options, taken_bytes))
    program = tcpdump.find_program()
    interfaces = {interface_of(target, options): target for target in reversed(targets)}
    if "any" in interfaces and not any_has_index(program):
        raise OptionError("interface", NO_INDEX, "name one interface, such as eth0")
    for interface, target in interfaces.items():
        check_filter(program, interface, target, options.filter, options.snaplen)


def check_root() -> None:
    """Raise NodeError for whoever is not root."""
    if os.geteuid() != 0:
        raise NodeError("capturing takes root on the node; run it with become")


def any_has_index(program: str) -> bool:
    """Return whether this tcpdump records each packet's interface on ``any``."""
    return tcpdump.any_has_index(tcpdump.parse_libpcap(_output(tcpdump.run([program, "--version"]))))


def interface_of(target: Target, options: CaptureOptions) -> str:
    """Return the interface a target's tap listens on: ``any`` for a pod, the default route's for a node."""
    if options.interface is not None:
        return options.interface
    if target.kind == "pod":
        return "any"
    found = routes.read_default_interface("/proc", 1)
    if found is None:
        raise OptionError("interface", "this node has no default route", "name one of its interfaces")
    return found


def room(options: CaptureOptions, taken_bytes: int) -> int:
    """Return what a capture may take of its file system that has taken so many bytes of it already."""
    free, least = _space(options)
    return free - least + taken_bytes


def _space(options: CaptureOptions) -> tuple[int, int]:
    """Return what the spool's file system has free, and what must stay free."""
    folder = options.spool
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize, retention.least_free(options, disk.f_blocks * disk.f_frsize)


def _check_space(options: CaptureOptions) -> None:
    free, least = _space(options)
    if free < least:
        wrong = "%s has %s free, and %s must stay free" % (options.spool, format_size(free), format_size(least))
        raise OptionError("min_free", wrong, "make room, lower it, or use another spool")


def check_filter(program: str, interface: str, target: Target, filter_text: str, snaplen: int) -> None:
    """Compile a filter in the target's namespace, where its interface is and has its link type.

    Raises OptionError, which names the filter or, where nothing can be compiled there, the interface.
    """
    namespace = netns.open_target(target)
    try:
        with netns.inside(namespace):
            done = tcpdump.run(tcpdump.compile_args(program, interface, filter_text, snaplen))
            bare = done.returncode and tcpdump.run(tcpdump.compile_args(program, interface, "", snaplen))
    finally:
        os.close(namespace)
    if bare:
        said = "%s: tcpdump: %s" % (target.title, tcpdump.parse_complaint(done.stderr))
        if bare.returncode:
            raise OptionError("interface", said, "name an interface that the target has, or any")
        raise OptionError("filter", said, "write it as in pcap-filter(7)")


def _output(done: object) -> str:
    return "%s%s" % (getattr(done, "stdout", ""), getattr(done, "stderr", ""))
