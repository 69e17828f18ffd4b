# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers of DNS in pods of a lab, and files of a pod's own."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.lab.handles import LabPod
from tests.lab.traffic import kill_family

_SERVER = """
import ipaddress, json, socket, struct, sys, threading
zone, mode = json.loads(sys.argv[1]), sys.argv[2]
kinds = {1: "A", 5: "CNAME", 28: "AAAA"}

def wire(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\\0"

def record(name, number, data):
    return wire(name) + struct.pack(">HHIH", number, 1, 30, len(data)) + data

def answer(query, most):
    end = query.index(0, 12) + 5
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    name, records = ".".join(labels), []
    number = int.from_bytes(query[end - 4 : end - 2], "big")
    while "CNAME" in zone.get(name, {}):
        records.append(record(name, 5, wire(zone[name]["CNAME"])))
        name = zone[name]["CNAME"]
    found = zone.get(name)
    records += [record(name, number, ipaddress.ip_address(one).packed) for one in (found or {}).get(kinds[number], [])]
    rcode = 3 if found is None else found.get("rcode", 0)
    flags, data = 0x8180 | rcode, b"".join(records)
    if len(data) + end > most:
        flags, records, data = flags | 0x200, [], b""
    return query[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + query[12:end] + data

def told(peer, protocol, query):
    peer = [peer[0].replace("::ffff:", ""), peer[1]]
    print(json.dumps({"peer": peer, "protocol": protocol, "query": query.hex()}), flush=True)

def connections(listener):
    while True:
        connection, peer = listener.accept()
        query = connection.recv(2048)
        told(peer, "tcp", query[2:])
        data = answer(query[2:], 65535)
        if mode != "closes":
            connection.sendall(struct.pack(">H", len(data)))
            connection.sendall(data)
        connection.close()

sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.bind(("::", 53))
other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
listener = socket.create_server(("", 53), family=socket.AF_INET6, dualstack_ipv6=True)
threading.Thread(target=connections, args=(listener,), daemon=True).start()
print("ready", flush=True)
while True:
    query, peer = sock.recvfrom(2048)
    told(peer, "udp", query)
    if mode == "silent":
        continue
    data = answer(query, 512)
    wrong = data.replace(bytes([10, 1, 1]), bytes([10, 9, 9]))
    if mode == "noisy":  # another id, another question, a question, no message, and another port: none is the answer
        sock.sendto(bytes([data[0] ^ 1]) + wrong[1:], peer)
        sock.sendto(wrong[:13] + bytes([data[13] ^ 1]) + wrong[14:], peer)
        sock.sendto(query, peer)
        sock.sendto(b"", peer)
        sock.sendto(data[:11], peer)
        other.sendto(wrong, peer)
    sock.sendto(data[:-1] if mode == "damaged" else data, peer)
"""


class Server:
    """What a server was asked, once it has ended."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []


@contextlib.contextmanager
def answering(pod: LabPod, zone: dict[str, Any], mode: str = "plain") -> Iterator[Server]:
    """A server of DNS in a pod, on both families, by UDP and TCP.

    zone: name to ``{"A": [...], "AAAA": [...], "CNAME": name, "rcode": number}``. What does not fit into 512 bytes is
    truncated. mode: ``silent``; ``noisy``, which sends what is not the answer first; ``damaged``, whose answers lack a
    byte; ``closes`` connections without an answer.
    """
    argv = ["/usr/bin/python3", "-c", _SERVER, json.dumps(zone), mode]
    process = pod.popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    server = Server()
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield server
    finally:
        kill_family(process.pid)
        said, _error = process.communicate()
        server.asked += map(json.loads, said.splitlines())


@contextlib.contextmanager
def with_file(pod: LabPod, path: str, text: str | None, container: str | None = None) -> Iterator[None]:
    """A file of one container's own, the first one's by default; None for an empty folder there."""
    source = "/run/lab-dns-" + secrets.token_hex(4)
    inside = ["nsenter", "-t", str(pod.node_pids(container or pod.state.spec.containers[-1].name)[0]), "-m", "-p"]
    if text is None:
        pod.node.run(["mkdir", source])
    else:
        pod.node.run(["tee", source], input=text)
    pod.node.run([*inside, "mount", "--bind", source, path])
    try:
        yield
    finally:
        pod.node.run([*inside, "umount", path])
        pod.node.run(["rm", "-r", source])
