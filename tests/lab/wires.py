# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two network namespaces with a wire between them, and on the wire a tunnel of every kind that this kernel has."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from types import TracebackType

from ansible_collections.kube.pcap.plugins.module_utils._node import netns

UDP_PORT, TCP_PORT = 5001, 5002
"""Nobody listens at the first: an error quotes what was sent there."""
_V4, _V6 = ("192.0.2.1", "192.0.2.2"), ("fd00:e::1", "fd00:e::2")
_READY_SECONDS = 10.0
_SEEN_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Tunnel:
    """One kind of link between the two ends."""

    name: str
    words: str
    """ip-link(8)'s, with LOCAL and REMOTE for IPv4's ends, LOCAL6 and REMOTE6 for IPv6's."""
    around: tuple[tuple[str, int | None], ...]
    """What is around its packets on the wire: type and id of each encapsulation."""
    v4: bool = True
    v6: bool = True

    def address(self, number: int, end: int, version: int) -> str:
        """An end's own address in the tunnel, which is the one of that number."""
        return "10.77.%d.%d" % (number, end + 1) if version == 4 else "fd77:%d::%d" % (number, end + 1)


TUNNELS = (
    Tunnel("vlan7", "link wire type vlan id 7", (("vlan", 7),)),
    Tunnel("qinq", "link vlan7 type vlan id 8", (("vlan", 7), ("vlan", 8))),
    Tunnel("vx", "type vxlan id 42 dstport 4789 local LOCAL remote REMOTE dev wire", (("vxlan", 42),)),
    Tunnel("vx6", "type vxlan id 43 dstport 8472 local LOCAL6 remote REMOTE6 dev wire", (("vxlan", 43),)),
    Tunnel("gnv", "type geneve id 44 remote REMOTE", (("geneve", 44),)),
    Tunnel("vlangnv", "link gnv type vlan id 9", (("geneve", 44), ("vlan", 9))),
    Tunnel("gre1", "type gre local LOCAL remote REMOTE", (("gre", None),)),
    Tunnel("gre2", "type gre local LOCAL remote REMOTE key 99 csum seq", (("gre", 99),)),
    Tunnel("tap1", "type gretap local LOCAL remote REMOTE key 77", (("gre", 77),)),
    Tunnel("gre6", "type ip6gre local LOCAL6 remote REMOTE6 key 98", (("gre", 98),)),
    Tunnel("ipip1", "type ipip local LOCAL remote REMOTE", (("ipip", None),), v6=False),
    Tunnel("sit1", "type sit local LOCAL remote REMOTE", (("sit", None),), v4=False),
    Tunnel("six", "type ip6tnl mode ip6ip6 local LOCAL6 remote REMOTE6 encaplimit none", (("ip6ip6", None),), v4=False),
    Tunnel("four", "type ip6tnl mode ipip6 local LOCAL6 remote REMOTE6 encaplimit none", (("ipip6", None),), v6=False),
)


class Wires:
    """The two ends; everything goes with their processes."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._descriptors: list[int] = []
        self.tunnels: list[Tunnel] = []
        """Those that this kernel has."""

    def __enter__(self) -> Wires:
        try:
            self._make()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._end()

    def _make(self) -> None:
        own = os.stat("/proc/self/ns/net").st_ino
        for _end in range(2):
            process = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
            self._processes.append(process)
            deadline = time.monotonic() + _READY_SECONDS
            while os.stat("/proc/%d/ns/net" % process.pid).st_ino == own:
                assert time.monotonic() < deadline, "unshare --net makes no network namespace here"
                time.sleep(0.005)
            self._descriptors.append(netns.open_netns(process.pid))
        self.ip(0, "link add wire type veth peer name wire netns %d" % self._processes[1].pid)
        for end in range(2):
            self.ip(end, "link set lo up")
            self.ip(end, "addr add %s/24 dev wire" % _V4[end])
            self.ip(end, "addr add %s/64 dev wire nodad" % _V6[end])
            self.ip(end, "link set wire up")
        for number, tunnel in enumerate(TUNNELS):
            if self._add(number, tunnel):
                self.tunnels.append(tunnel)

    def _add(self, number: int, tunnel: Tunnel) -> bool:
        for end in range(2):
            words = tunnel.words.replace("LOCAL6", _V6[end]).replace("REMOTE6", _V6[1 - end])
            words = words.replace("LOCAL", _V4[end]).replace("REMOTE", _V4[1 - end])
            if not self.ip(end, "link add name %s %s" % (tunnel.name, words), check=False):
                return False
            if tunnel.v4:
                self.ip(end, "addr add %s/24 dev %s" % (tunnel.address(number, end, 4), tunnel.name))
            if tunnel.v6:
                self.ip(end, "addr add %s/64 dev %s nodad" % (tunnel.address(number, end, 6), tunnel.name))
            self.ip(end, "link set %s up" % tunnel.name)
        return True

    def ip(self, end: int, words: str, check: bool = True) -> bool:
        """Run ip(8) at one end; whether it did it."""
        argv = ["nsenter", "--net=/proc/%d/ns/net" % self._processes[end].pid, "ip", *words.split()]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        assert done.returncode == 0 or not check, (words, done.stderr)
        return done.returncode == 0

    @contextlib.contextmanager
    def captured(self, path: pathlib.Path, *words: str) -> Iterator[None]:
        """Have tcpdump write what the first end sees on its wire while the body runs, and everything of it."""
        argv = ["nsenter", "--net=/proc/%d/ns/net" % self._processes[0].pid, "tcpdump", "-Z", "root", "-n"]
        argv += ["-B", "8192", "-U", "-w", str(path), *words]
        process = subprocess.Popen(argv, stderr=subprocess.PIPE)
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            while line and b"listening on" not in line:
                line = process.stderr.readline()
            assert line, "tcpdump %s does not listen" % " ".join(words)
            yield
            time.sleep(0.3)  # what the other end answers last
            self._see_the_end(path)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()

    def _see_the_end(self, path: pathlib.Path) -> None:
        """Wait until tcpdump has written a last frame: what is still on its way to it when it ends would be lost."""
        mark = os.urandom(16)
        self.send([b"\xff" * 6 + bytes(6) + b"\x88\xb5" + mark + bytes(30)])
        deadline = time.monotonic() + _SEEN_SECONDS
        while mark not in path.read_bytes():
            assert time.monotonic() < deadline, "tcpdump does not write what it sees"
            time.sleep(0.02)

    def send(self, frames: list[bytes]) -> None:
        """Send frames as they are from the first end."""
        with netns.inside(self._descriptors[0]):
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with sender:
            sender.bind(("wire", 0))
            for frame in frames:
                sender.send(frame)

    def talk(self) -> list[tuple[Tunnel, int, str, str]]:
        """Send through every tunnel, by UDP where nobody listens and by TCP.

        Of each talk: the tunnel, the version of IP, source and destination.
        """
        talked = []
        for number, tunnel in enumerate(TUNNELS):
            for version in (4, 6):
                if tunnel in self.tunnels and (tunnel.v4 if version == 4 else tunnel.v6):
                    source, destination = (tunnel.address(number, end, version) for end in range(2))
                    self._talk(version, source, destination)
                    talked.append((tunnel, version, source, destination))
        return talked

    def _talk(self, version: int, source: str, destination: str) -> None:
        family = socket.AF_INET if version == 4 else socket.AF_INET6
        with netns.inside(self._descriptors[1]):
            server = socket.create_server((destination, TCP_PORT), family=family)
        with netns.inside(self._descriptors[0]):
            sender = socket.socket(family, socket.SOCK_DGRAM)
            client = socket.socket(family, socket.SOCK_STREAM)
        with server, sender, client:
            answering = threading.Thread(target=_answer, args=(server,))
            answering.start()
            sender.bind((source, 0))
            sender.sendto(b"nobody listens", (destination, UDP_PORT))
            client.settimeout(5)
            client.connect((destination, TCP_PORT))
            client.sendall(b"hello")
            assert client.recv(99) == b"hello"
            answering.join()

    def _end(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        for process in self._processes:
            process.communicate()


def _answer(server: socket.socket) -> None:
    connection, _peer = server.accept()
    with connection:
        connection.sendall(connection.recv(99))
