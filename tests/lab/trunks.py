# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network namespace through which tagged frames pass, and a trace's taps there, for tests.

A bridge hands on what comes in at one end of it, with its tag, at the other. The kernel need have no interfaces of
VLANs for that; so which interfaces are trunks is said here, and not asked of it.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
from collections.abc import Iterator, Sequence

from ansible_collections.kube.pcap.plugins.module_utils._node import netns, surroundings, trace_supervisor
from ansible_collections.kube.pcap.plugins.module_utils._node.links import Link
from ansible_collections.kube.pcap.plugins.module_utils._node.process import Clock
from ansible_collections.kube.pcap.plugins.module_utils._node.trace_folder import TraceFolder
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import NodeTap
from tests.lab.taps import until

FIRST, SECOND = "first", "second"
"""Ends of the bridge: what is sent comes in at the one, and leaves at the other."""
_FAR = {FIRST: "into", SECOND: "from"}
_PROBING = bytes.fromhex("02000000000a 02000000000b 88b5") + bytes(50)


class Passing:
    """The two namespaces."""

    def __init__(self, target: Target, far: Target) -> None:
        self.target = target
        self._far = far
        self.ip("link add br0 type bridge")
        self.ip("link set br0 up")
        for near, other in _FAR.items():
            self.ip("link add %s type veth peer name %s netns %d" % (near, other, far.pid or 0))
            self.ip("link set %s master br0 up" % near)
            run(far, "ip", "link", "set", other, "up")
        self._see_it_pass()

    def ip(self, words: str) -> None:
        """Run ip(8) in the namespace with the taps."""
        run(self.target, "ip", *words.split())

    def offload(self, way: str) -> None:
        """Have the interface at which frames leave set tags itself, or not."""
        run(self.target, "ethtool", "-K", SECOND, "txvlan", way)

    def _socket(self, nic: str, protocol: int = 0) -> socket.socket:
        descriptor = netns.open_netns(self._far.pid or 0)
        try:
            with netns.inside(descriptor):
                made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        finally:
            os.close(descriptor)
        made.bind((nic, protocol))
        return made

    def _see_it_pass(self) -> None:
        """Wait for the bridge: it hands nothing on in its first moments."""
        with self._socket(_FAR[FIRST]) as sender, self._socket(_FAR[SECOND], 0x88B5) as receiver:
            receiver.settimeout(0.05)

            def passes() -> bool:
                sender.send(_PROBING)
                with contextlib.suppress(socket.timeout):
                    return bool(receiver.recv(99))
                return False

            until(passes)

    def send(self, frames: Sequence[bytes]) -> None:
        """Send frames through."""
        with self._socket(_FAR[FIRST]) as sender:
            for frame in frames:
                sender.send(frame)


def run(target: Target, *argv: str) -> None:
    """Run a program in a target's network namespace."""
    subprocess.run(["nsenter", "--net=/proc/%d/ns/net" % target.pid, *argv], check=True, capture_output=True)


@contextlib.contextmanager
def passing(target: Target) -> Iterator[Passing]:
    """A namespace of its own at both ends of the target's."""
    process = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo up; exec sleep 600"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"up\n"
        yield Passing(target, Target("node", name="far", node="far", pid=process.pid))
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def supervised(root: pathlib.Path, asked: NodeTap, trunks: Sequence[str]) -> Iterator[TraceFolder]:
    """The supervisor in a process of its own, as the module starts it, to which these interfaces are trunks."""
    folder = TraceFolder(asked.id, str(root))
    os.makedirs(folder.folder, 0o700)
    folder.write_record(asked)
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):

            def named(found: Sequence[Link]) -> tuple[Link, ...]:
                return tuple(link for link in found if link.name in trunks)

            surroundings.trunks.trunks = named
            folder.hold()
            trace_supervisor.Supervisor(folder, Clock()).run()
        os._exit(0)
    try:
        until(folder.read_state, 40)
        yield folder
    finally:
        connection = folder.connect()
        if connection is not None:
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"absent")
        os.waitpid(pid, 0)
        folder.remove()
