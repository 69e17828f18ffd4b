# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces and interfaces by the real kernel: entered, verified, read from outside (rows KD-1, KNT-4)."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._errors import NodeError, TargetError
from ansible_collections.kube.pcap.plugins.module_utils._node import links, netns
from ansible_collections.kube.pcap.plugins.module_utils._node.proc import read_netns, read_stat
from ansible_collections.kube.pcap.plugins.module_utils._node.routes import read_default_interface
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from tests.descriptors import open_now

UID = "0f3c8f4e-6d0b-4c2e-9d5c-3a4f9f6f0b11"


class Elsewhere:
    """A process in a network namespace of its own, with a veth pair; it ends when its input does."""

    def __init__(self) -> None:
        if os.geteuid():
            pytest.fail("network namespaces can be made by root alone: run the lab's tests as root")
        self.process = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        self.pid, own = self.process.pid, os.stat("/proc/self/ns/net").st_ino
        deadline = time.monotonic() + 10
        while read_netns("/proc", self.pid) in (own, None):
            assert time.monotonic() < deadline, "unshare --net makes no network namespace here"
            time.sleep(0.005)
        self.inode = os.stat("/proc/%d/ns/net" % self.pid).st_ino
        for words in ("link add eth0 type veth peer name peer", "addr add 10.9.8.7/24 dev eth0", "link set lo up"):
            self.ip(*words.split())
        self.ip("link", "set", "eth0", "up")
        self.ip("link", "set", "peer", "up")

    def ip(self, *words: str) -> str:
        """Run ip(8) there."""
        argv = ["nsenter", "--net=/proc/%d/ns/net" % self.pid, "ip", *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def target(self, **changes: object) -> Target:
        """The process as a node's target, which has no cgroup to check."""
        return Target(**{"kind": "node", "name": "x", "pid": self.pid, "netns": self.inode, **changes})  # type: ignore[arg-type]

    def end(self) -> None:
        """Let the process end, and the namespace with it."""
        self.process.communicate()


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    """Another namespace for one test."""
    made = Elsewhere()
    yield made
    made.end()


def test_inside_and_back(there: Elsewhere) -> None:
    """The body runs there; afterwards, also after an error, this thread is back."""
    own = os.stat("/proc/thread-self/ns/net").st_ino
    fd = netns.open_netns(there.pid)
    with pytest.raises(KeyError), netns.inside(fd):
        assert os.stat("/proc/thread-self/ns/net").st_ino == there.inode
        raise KeyError
    assert os.stat("/proc/thread-self/ns/net").st_ino == own
    os.close(fd)


def test_a_socket_stays_in_its_namespace(there: Elsewhere) -> None:
    """A socket that was opened there tells its interfaces from here, later changes included."""
    fd = netns.open_netns(there.pid)
    with netns.inside(fd):
        sock = links.open_socket()
    os.close(fd)
    with sock:
        assert {link.name for link in links.read_links(sock)} == {"lo", "eth0", "peer"}
        there.ip("link", "set", "dev", "peer", "down")
        there.ip("link", "set", "dev", "peer", "name", "renamed")
        found = {link.name: link for link in links.read_links(sock)}
        assert found["eth0"].kind == "veth" and found["eth0"].parent == found["renamed"].index
        assert "10.9.8.7" in {address.address for address in links.read_addresses(sock)}


def test_counters(there: Elsewhere) -> None:
    """Counters are read for that namespace's interface of the name, not for this one's."""
    fd = netns.open_netns(there.pid)
    with netns.inside(fd):
        sock, receiver = links.open_socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    os.close(fd)
    with sock, receiver:
        receiver.bind(("127.0.0.1", 0))
        for _round in range(3):
            receiver.sendto(b"x", receiver.getsockname())
        loopback = next(link for link in links.read_links(sock) if link.name == "lo")
    assert loopback.rx_packets == 3 and loopback.dropped == 0


def test_observe(there: Elsewhere) -> None:
    """A pod's addresses are those by which others know it; another inode, or no process, is nothing."""
    found = netns.observe(there.pid, there.inode)
    assert found is not None and sorted(found.interfaces) == ["eth0", "lo", "peer"]
    assert found.addresses == ("10.9.8.7",)
    assert netns.observe(there.pid, there.inode + 1) is None


def test_verified(there: Elsewhere) -> None:
    """The descriptor of a target is opened when inode and cgroup are those that were resolved."""
    fd = netns.open_target(there.target())
    assert os.fstat(fd).st_ino == there.inode
    os.close(fd)
    with pytest.raises(TargetError, match="is in network namespace %d, not in 5 any more" % there.inode):
        netns.open_target(there.target(netns=5))
    with pytest.raises(TargetError, match="does not belong to it any more"):
        netns.open_target(there.target(kind="pod", namespace="shop", uid=UID))
    with pytest.raises(TargetError, match="node x has no process on this node"):
        netns.open_target(there.target(pid=None))


def test_a_process_id_that_is_used_again(there: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the id is another process's by the time that its cgroup is read, the namespace is not its pod's."""
    stat, before = read_stat("/proc", there.pid), open_now()
    assert stat is not None
    seen = iter([stat, stat._replace(start_time=stat.start_time + 1)])
    monkeypatch.setattr(netns, "read_stat", lambda _proc_root, _pid: next(seen))
    with pytest.raises(TargetError, match="has ended; resolve it again"):
        netns.open_target(there.target())
    assert open_now() <= before


def test_a_process_that_ended(there: Elsewhere) -> None:
    """A target whose process is gone is refused, and no descriptor stays open."""
    there.end()
    before = open_now()
    with pytest.raises(TargetError, match="has no network namespace any more"):
        netns.open_target(there.target())
    assert netns.observe(there.pid, there.inode) is None
    assert open_now() <= before


def test_a_descriptor_outlives_its_process(there: Elsewhere) -> None:
    """What was verified once can still be entered when the process is gone."""
    fd = netns.open_target(there.target())
    there.end()
    with netns.inside(fd):
        assert os.stat("/proc/thread-self/ns/net").st_ino == there.inode
    os.close(fd)


def test_default_interface_among_many(there: Elsewhere) -> None:
    """With 40 other interfaces and their routes, the default route's is found, IPv6's where there is no other."""
    for number in range(20):
        there.ip("link", "add", "a%d" % number, "type", "veth", "peer", "name", "b%d" % number)
        there.ip("addr", "add", "10.50.%d.1/24" % number, "dev", "a%d" % number)
        there.ip("link", "set", "a%d" % number, "up")
    assert read_default_interface("/proc", there.pid) is None
    there.ip("-6", "addr", "add", "fd00:9::1/64", "dev", "a3", "nodad")
    there.ip("-6", "route", "add", "default", "via", "fd00:9::2", "dev", "a3")
    assert read_default_interface("/proc", there.pid) == "a3"
    there.ip("route", "add", "default", "via", "10.50.7.2", "dev", "a7", "metric", "200")
    there.ip("route", "add", "default", "via", "10.9.8.1", "dev", "eth0", "metric", "100")
    assert read_default_interface("/proc", there.pid) == "eth0"


def test_without_the_right(there: Elsewhere) -> None:
    """A process without CAP_SYS_ADMIN is told what it needs."""
    fd = os.open("/proc/self/ns/net", os.O_RDONLY)
    said: list[str] = []

    def drop_and_enter() -> None:
        # In a thread of its own: setresuid by the bare system call changes the calling thread alone.
        netns._LIBC.syscall(117, 65534, 65534, 65534)
        try:
            netns.setns(fd)
        except NodeError as error:
            said.append(str(error))

    thread = threading.Thread(target=drop_and_enter)
    thread.start()
    thread.join()
    os.close(fd)
    assert said and "CAP_SYS_ADMIN" in said[0]
