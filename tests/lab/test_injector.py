# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probes from a network namespace, over the real kernel, as its own tcpdump sees them (row KP-2)."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.kube.pcap.plugins.module_utils._node import injector, netns, probes
from ansible_collections.kube.pcap.plugins.module_utils._records import Target
from ansible_collections.kube.pcap.plugins.module_utils._trace_records import Mark, NodeInjection, Probe, Sent
from ansible_collections.kube.pcap.plugins.plugin_utils._trace import craft
from tests.descriptors import open_now
from tests.lab.ansible_run import link_collection

ISN = 0x6B707063
LOCAL = {4: "127.0.0.1", 6: "::1"}
CONNECTION = Probe(1, "connection", LOCAL[4], port=80, source_ports=(20001,), sequence=ISN)
UDP = Probe(1, "udp", LOCAL[4], port=80, source_ports=(20001,), payload=b"a nonce".hex())
ECHO = Probe(1, "icmp", LOCAL[4], ident=0xBEEF, sequence=7, payload=b"a nonce".hex())


def lone_syn(family: int = 4, source: str | None = None) -> Probe:
    """A SYN that no socket makes."""
    mark = Mark(1, "tcp", family, sequence=ISN, source_ports=(20001,), ports=(80,))
    return Probe(1, "syn", LOCAL[family], payload=craft.syn(source or LOCAL[family], LOCAL[family], mark).hex())


SYN = lone_syn()


def run(target: Target, *argv: str) -> str:
    """Runs a program in the target's network namespace."""
    return subprocess.run(
        ["nsenter", "--net=/proc/%d/ns/net" % target.pid, *argv], check=True, capture_output=True, text=True
    ).stdout


def sock_in(target: Target, family: int, kind: int) -> socket.socket:
    """A socket of the target's namespace."""
    descriptor = netns.open_target(target)
    with netns.inside(descriptor):
        sock = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, kind)
    os.close(descriptor)
    return sock


@contextlib.contextmanager
def serving(target: Target, talk: Callable[[socket.socket], None], family: int = 4, port: int = 80) -> Iterator[None]:
    """A TCP server in the target's namespace that talks with each who connects; it fails where that fails."""
    with sock_in(target, family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOCAL[family], port))
        listener.listen()
        failures = []

        def accept() -> None:
            with contextlib.suppress(OSError):  # the listener is shut
                while True:
                    connection, _peer = listener.accept()
                    with connection:
                        try:
                            talk(connection)
                        except (AssertionError, OSError) as error:
                            failures.append(error)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
        assert not failures


@contextlib.contextmanager
def watching(target: Target, count: int, expression: str) -> Iterator[list[str]]:
    """What tcpdump prints of the loopback's packets, as many as come, in the list once it has ended."""
    argv = ["nsenter", "--net=/proc/%d/ns/net" % target.pid, "tcpdump", "-i", "lo", "-nn", "-S", "-l", "-v", "-c"]
    process = subprocess.Popen(
        [*argv, str(count), "--immediate-mode", expression], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    seen: list[str] = []
    assert process.stderr is not None
    assert "listening on" in process.stderr.readline()
    try:
        yield seen
        out, _err = process.communicate(timeout=30)
        seen += re.sub(r"\n\s+", " ", out).splitlines()
    finally:
        process.kill()
        process.wait()


def inject(target: Target, *given: Probe, **options: Any) -> tuple[Sent, ...]:
    """Injects, with less patience than usual."""
    return injector.inject(NodeInjection("t", target, given, **{"timeout_ms": 1500, **options}))


def answer_once(connection: socket.socket) -> None:
    """A server that answers one request and closes."""
    assert connection.recv(100) == b"GET /"
    connection.sendall(b"hello")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("sequence", [1 << 16, ISN, (1 << 31) + 5, (1 << 32) - (1 << 24)])
def test_a_connection(target: Target, family: int, sequence: int) -> None:
    """It begins at the chosen number, says what it is to say, hears the answer, and nobody sends a reset."""
    asked = dataclasses.replace(CONNECTION, destination=LOCAL[family], payload=b"GET /".hex(), sequence=sequence)
    began = time.time_ns()
    with serving(target, answer_once, family), watching(target, 9, "tcp") as seen:
        (sent,) = inject(target, asked)
    assert (sent.source, sent.source_port, sent.connected, sent.stage) == (LOCAL[family], 20001, True, None)
    assert (sent.sent_bytes, sent.received_bytes, base64.b64decode(sent.received)) == (5, 5, b"hello")
    assert sent.started_ns is not None and sent.ended_ns is not None
    assert began < sent.started_ns < sent.ended_ns < time.time_ns()
    assert "Flags [S]" in seen[0] and "seq %d," % sequence in seen[0], seen
    assert "ack %d," % (sequence + 1) in seen[1]
    assert "seq %d:%d," % (sequence + 1, sequence + 6) in "".join(seen)
    assert sum("Flags [F.]" in line for line in seen) == 2 and "[R" not in "".join(seen)


def test_without_a_request(target: Target) -> None:
    """A handshake and a proper end; what a server says by itself is heard."""

    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 ready")
        assert connection.recv(10) == b""

    with serving(target, greet):
        (sent,) = inject(target, CONNECTION)
    assert (sent.connected, sent.stage, base64.b64decode(sent.received)) == (True, None, b"220 ready")


def test_a_server_that_stays(target: Target) -> None:
    """One that does not close is heard until it is quiet."""
    leave = threading.Event()

    def stay(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"one ")
        time.sleep(0.2)
        connection.sendall(b"two")
        leave.wait(20)

    with serving(target, stay):
        (sent,) = inject(target, dataclasses.replace(CONNECTION, payload="00"), timeout_ms=10_000)
        leave.set()
    assert (sent.stage, base64.b64decode(sent.received)) == (None, b"one two")


def test_a_long_answer(target: Target) -> None:
    """The beginning of it is kept, and its end is not waited for."""

    def pour(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(bytes(1 << 16))

    with serving(target, pour):
        (sent,) = inject(target, dataclasses.replace(CONNECTION, payload="00"))
    assert len(base64.b64decode(sent.received)) == probes.MOST_BYTES < sent.received_bytes < 10 * probes.MOST_BYTES


def _reset(connection: socket.socket) -> None:
    assert connection.recv(1) == b"\0"
    _reset_at_once(connection)


def _reset_at_once(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    "talk, connected, stage, error",
    [
        (None, False, "connect", "ECONNREFUSED"),
        (_reset, True, "receive", "ECONNRESET"),
        (lambda connection: connection.recv(100) and time.sleep(3), True, "receive", "ETIMEDOUT"),
    ],
)
def test_a_connection_that_fails(
    target: Target, talk: Callable[[socket.socket], None] | None, connected: bool, stage: str, error: str
) -> None:
    """Where it failed, and why."""
    with contextlib.nullcontext() if talk is None else serving(target, talk):
        (sent,) = inject(target, dataclasses.replace(CONNECTION, payload="00"))
    assert (sent.connected, sent.stage, sent.error) == (connected, stage, error)


def test_a_connection_that_is_reset_at_once(target: Target) -> None:
    """It was connected, however soon the reset came after the handshake."""
    with serving(target, _reset_at_once):
        for port in range(20001, 20201):
            (sent,) = inject(target, dataclasses.replace(CONNECTION, payload="00", source_ports=(port,)))
            assert sent.connected and sent.stage in ("send", "receive"), sent
            assert sent.error in ("ECONNRESET", "EPIPE"), sent


def drop(target: Target, rule: str) -> None:
    """Has the namespace drop packets."""
    run(target, "nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }")
    run(target, "nft", "add rule inet t c %s drop" % rule)


@pytest.mark.parametrize("probe", [CONNECTION, UDP, ECHO, SYN])
def test_nobody_answers(target: Target, probe: Probe) -> None:
    """The time is over, whatever was sent."""
    run(target, "nft", "add table inet t; add chain inet t c { type filter hook input priority 0; policy drop; }")
    (sent,) = inject(target, probe)
    assert sent.error == "ETIMEDOUT" and sent.stage == ("connect" if probe is CONNECTION else "receive")


@pytest.mark.parametrize("probe", [CONNECTION, UDP, ECHO, SYN])
def test_what_may_not_leave(target: Target, probe: Probe) -> None:
    """A firewall of its own namespace: a datagram is refused; TCP tries again until its time is over."""
    drop(target, "meta l4proto { tcp, udp, icmp }")
    (sent,) = inject(target, probe)
    assert (sent.stage, sent.error) == (("connect", "ETIMEDOUT") if probe is CONNECTION else ("send", "EPERM"))


def test_no_way(target: Target) -> None:
    """Where no route leads to the destination, nothing is sent."""
    (sent,) = inject(target, dataclasses.replace(CONNECTION, destination="192.0.2.1"))
    assert (sent.stage, sent.error, sent.sent_bytes) == ("connect", "ENETUNREACH", 0)


def _wait_for_the_end(connection: socket.socket) -> None:
    """A server that closes after the other side: TIME_WAIT is then on that one."""
    assert connection.recv(1) == b""


def test_a_port_that_waits_is_not_used_again(target: Target) -> None:
    """The kernel would choose another number for the ports of a connection in TIME_WAIT: the next port is taken."""
    with serving(target, _wait_for_the_end), watching(target, 6, "tcp[tcpflags] == tcp-syn") as seen:
        inject(target, CONNECTION)
        assert "20001" in run(target, "ss", "-tan", "state", "time-wait")
        (sent,) = inject(target, CONNECTION)
        assert (sent.stage, sent.error, sent.started_ns) == ("open", "EADDRINUSE", None)
        others = [dataclasses.replace(CONNECTION, number=n, source_ports=(20001, 20001 + n)) for n in range(1, 6)]
        assert [sent.source_port for sent in inject(target, *others, interval_ms=1)] == [
            20002,
            20003,
            20004,
            20005,
            20006,
        ]
    assert all("seq %d," % ISN in line for line in seen)


@pytest.mark.parametrize("family", [4, 6])
def test_a_datagram(target: Target, family: int) -> None:
    """It has the port and the payload that were chosen, and hears its answer."""
    with sock_in(target, family, socket.SOCK_DGRAM) as server:
        server.bind((LOCAL[family], 80))

        def answer() -> None:
            data, peer = server.recvfrom(100)
            server.sendto(data.upper(), peer)

        thread = threading.Thread(target=answer)
        thread.start()
        (sent,) = inject(target, dataclasses.replace(UDP, destination=LOCAL[family]))
        thread.join()
    assert (sent.source_port, sent.stage, base64.b64decode(sent.received)) == (20001, None, b"A NONCE")


def test_a_datagram_that_is_refused(target: Target) -> None:
    """An ICMP error that the namespace hears is an error."""
    (sent,) = inject(target, UDP)
    assert (sent.stage, sent.error, sent.sent_bytes) == ("receive", "ECONNREFUSED", 7)


@pytest.mark.parametrize(
    "family, words", [(4, "ICMP echo request, id 48879, seq 7"), (6, "echo request, id 48879, seq 7")]
)
def test_an_echo(target: Target, family: int, words: str) -> None:
    """With the id, number and payload that were chosen, a checksum that is right, and the hops that were asked for."""
    with watching(target, 2, "icmp or icmp6") as seen:
        (sent,) = inject(target, dataclasses.replace(ECHO, destination=LOCAL[family], ttl=9))
    assert (sent.stage, base64.b64decode(sent.received)) == (None, b"a nonce")
    assert (sent.source, sent.source_port) == (LOCAL[family], None)
    assert words in seen[0] and "echo reply, id 48879, seq 7" in seen[1]
    assert re.search(r"ttl 9\b|hlim 9\b", seen[0]) and "wrong" not in seen[0] and "bad" not in seen[0]


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("ttl", [None, 9])
def test_a_lone_syn(target: Target, family: int, ttl: int | None) -> None:
    """The answer comes and is heard, and the kernel resets it; the TTL is the probe's, or the namespace's own."""
    run(target, "sysctl", "-qw", "net.ipv4.ip_default_ttl=77", "net.ipv6.conf.lo.hop_limit=77")
    probe = dataclasses.replace(lone_syn(family), ttl=ttl)
    with serving(target, lambda connection: None, family), watching(target, 3, "tcp") as seen:
        (sent,) = inject(target, probe)
    assert (sent.stage, sent.error, sent.connected) == (None, None, False)
    assert (sent.source, sent.source_port, sent.sent_bytes) == (LOCAL[family], 20001, len(probe.payload) // 2)
    assert "Flags [S], cksum" in seen[0] and "(correct)" in seen[0] and "seq %d," % ISN in seen[0]
    assert re.search(r"(ttl|hlim) %d\b" % (ttl or 77), seen[0])
    assert "Flags [S.]" in seen[1] and "ack %d," % (ISN + 1) in seen[1] and "Flags [R]" in seen[2]


@pytest.mark.parametrize("family", [4, 6])
def test_a_lone_syn_that_is_refused(target: Target, family: int) -> None:
    """Nobody listens; what others of the same address say is no answer."""
    connection = dataclasses.replace(CONNECTION, destination=LOCAL[family], port=81, source_ports=(20002,))
    with serving(target, lambda connection: None, family, 81):
        other, sent = inject(target, connection, dataclasses.replace(lone_syn(family), number=2), interval_ms=100)
    assert (sent.stage, sent.error, other.connected) == ("receive", "ECONNREFUSED", True)


def test_a_lone_syn_of_a_stranger(target: Target) -> None:
    """What comes back to an address that the namespace does not have would not be heard: nothing is sent."""
    (sent,) = inject(target, lone_syn(source="192.0.2.1"))
    assert (sent.stage, sent.error, sent.started_ns) == ("open", "EADDRNOTAVAIL", None)


def test_a_user_that_cannot_be_had(tmp_path: pathlib.Path) -> None:
    """setfsuid(2) does not tell that it failed: a probe that was root's would be judged as another's."""
    code = "from ansible_collections.kube.pcap.plugins.module_utils._node.probe_sockets import as_user as user\n"
    argv = [
        "setpriv",
        "--inh-caps=-all",
        "--bounding-set=-setuid",
        sys.executable,
        "-c",
        code + "with user(1337): pass",
    ]
    env = {**os.environ, "PYTHONPATH": str(link_collection(tmp_path))}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.stderr.endswith("NodeError: a socket cannot be opened as user 1337: it takes CAP_SETUID\n"), done.stderr


@pytest.mark.parametrize("probe", [CONNECTION, UDP, ECHO, SYN])
def test_another_user(target: Target, probe: Probe) -> None:
    """Firewalls see the sockets as that user's; the process keeps its rights."""
    drop(target, "meta skuid != 1337 ip daddr 127.0.0.1 meta l4proto { tcp, udp, icmp } th sport != 80")
    (mine,) = inject(target, probe, timeout_ms=500)
    (theirs,) = inject(target, dataclasses.replace(probe, source_ports=(20002,)), uid=1337, timeout_ms=500)
    assert mine.error != theirs.error, (mine, theirs)
    assert os.stat("/proc/self/fd/0") and os.geteuid() == 0


def test_many(target: Target) -> None:
    """Each is sent at its time, whatever becomes of the others, and they are told in their order."""
    drop(target, "tcp dport 81")
    given = [
        dataclasses.replace(CONNECTION, number=n, port=81 if n % 2 else 80, source_ports=(20000 + n,))
        for n in range(1, 21)
    ]
    began = time.time_ns()
    with serving(target, lambda connection: None):
        sent = inject(target, *given, interval_ms=100, timeout_ms=3000)
    assert [one.number for one in sent] == list(range(1, 21))
    assert [one.error for one in sent] == ["ETIMEDOUT", None] * 10
    starts = [one.started_ns or 0 for one in sent]
    assert starts == sorted(starts)
    # Each may be late, which brings it nearer to the next; none is early. (Two clocks may differ by a little.)
    assert all(start - began >= number * 100_000_000 - 1_000_000 for number, start in enumerate(starts))


def test_nobody_waits_any_more(target: Target) -> None:
    """No further probe is sent once nobody hears the answer."""
    given = [dataclasses.replace(UDP, number=n, source_ports=(20000 + n,)) for n in range(1, 4)]
    asked = NodeInjection("t", target, tuple(given), interval_ms=20_000, timeout_ms=500)
    began = time.monotonic()
    sent = injector.inject(asked, is_gone=lambda: time.monotonic() > began + 1)
    assert [one.started_ns is not None for one in sent] == [True, False, False]


def test_nothing_is_left(target: Target) -> None:
    """No descriptor and no thread, whatever became of a probe, or was never sent."""
    before, threads = open_now(), set(threading.enumerate())
    given = (
        CONNECTION,
        UDP,
        ECHO,
        dataclasses.replace(UDP, destination="192.0.2.1"),
        UDP,
        SYN,
        lone_syn(source="192.0.2.1"),
    )
    asked = NodeInjection("t", target, given, interval_ms=1, timeout_ms=500)
    assert [one.error for one in injector.inject(asked)] == [
        "ECONNREFUSED", "ECONNREFUSED", None, "EADDRINUSE", "EADDRINUSE", "ECONNREFUSED", "EADDRNOTAVAIL"
    ]  # fmt: skip
    assert not any(one.started_ns for one in injector.inject(asked, is_gone=lambda: True))
    assert open_now() <= before and set(threading.enumerate()) <= threads
