# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ``inject`` on the lab: probes from a pod and from a node, across nodes (rows KP-2, PT-12)."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.ansible_run import Ansible, Run
from tests.lab.handles import LabPod
from tests.lab.lab import Lab

SERVER = """
import socket
listener = socket.create_server(("", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
listener.settimeout(30)
print("listening", flush=True)
connection, peer = listener.accept()
print(peer[0].replace("::ffff:", ""), peer[1], connection.recv(100).decode(), flush=True)
connection.sendall(b"hello")
connection.recv(1)  # whoever asked closes first
"""
ASK = b"GET /"
PROBE = {"number": 1, "kind": "connection", "port": 8080, "source_ports": [20001], "sequence": 0x6B707063}


@contextlib.contextmanager
def serving(pod: LabPod) -> Iterator[subprocess.Popen[str]]:
    """A TCP server in a pod that tells the first who asks what that was, and then ends, as it does when nobody asks."""
    process = pod.popen(["/usr/bin/python3", "-c", SERVER], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == "listening\n"
    try:
        yield process
    finally:
        process.wait(60)
        process.stdout.close()


def target(ansible: Ansible, host: str, pod: str | None) -> dict[str, Any]:
    """A pod of a node, or the node itself where ``pod`` is None, as the node resolves it."""
    params = {"targets": "pod " + pod} if pod else None
    found = ansible.adhoc(host, "kube.pcap.node_pods_info", params=params).of("node_pods_info")[host]
    resolved: dict[str, Any] = found["pods"][0] if pod else found["node"]
    return resolved


def inject(ansible: Ansible, host: str, pod: str | None, *args: str, **changes: object) -> Run:
    """Resolves a target on its node, and sends a probe from there."""
    probe = {**PROBE, "payload": ASK.hex(), **changes}
    record = {"id": "t-1", "target": target(ansible, host, pod), "probes": [probe], "timeout_ms": 3000}
    return ansible.adhoc(host, "kube.pcap.inject", *args, params={"record": record})


@pytest.mark.parametrize("source", ["shop/cart", None])
@pytest.mark.parametrize("family", [4, 6])
def test_where_it_comes_from(lab: Lab, ansible: Ansible, source: str | None, family: int) -> None:
    """KP-2: a pod's probe has the pod's address, a node's the node's; the other side hears the chosen port."""
    web = lab.pod("shop", "web-6f8d5c7b9d-j7pq9")
    address = getattr(web.addresses, "v%d" % family)
    own = lab.pod("shop", "cart").addresses if source else None
    with serving(web) as server:
        run = inject(ansible, "node-a", source, destination=address)
        (sent,) = run.of("inject")["node-a"]["sent"]
        assert run.rc == 0 and run.of("inject")["node-a"]["changed"], run.stdout
        assert (sent["connected"], sent["error"], base64.b64decode(sent["received"])) == (True, None, b"hello"), sent
        assert own is None or sent["source"] == getattr(own, "v%d" % family)
        assert server.stdout is not None
        peer, port, words = server.stdout.readline().split(" ", 2)
    assert words == "GET /\n" and (own is None or (peer, port) == (sent["source"], "20001"))


def test_check_mode(lab: Lab, ansible: Ansible) -> None:
    """Sockets are opened, and nothing is sent."""
    web = lab.pod("shop", "web-6f8d5c7b9d-j7pq9")
    # A port that no other test uses: one that has been used may have to wait.
    run = inject(ansible, "node-a", "shop/cart", "--check", destination=web.addresses.v4, source_ports=[20002])
    told = run.of("inject")["node-a"]
    assert run.rc == 0 and told["changed"] and [one["started_ns"] for one in told["sent"]] == [None], run.stdout


def test_what_is_refused(lab: Lab, ansible: Ansible) -> None:
    """One sentence, and no traceback."""
    run = inject(ansible, "node-a", "shop/cart", destination="web")
    told = run.of("inject")["node-a"]["msg"]
    assert run.rc == 2 and told == 'record: probes[0].destination is "web"; it must be an address', run.stdout


def test_a_node_that_lacks_rights(lab: Lab, ansible: Ansible) -> None:
    """On node-b Ansible is not root: without become it says what that takes."""
    run = inject(ansible, "node-b", "shop/checkout", "-e", json.dumps({"ansible_become": False}), destination="::1")
    assert run.rc == 2 and "root" in run.of("inject")["node-b"]["msg"], run.stdout


def test_nobody_hears_it(lab: Lab, ansible: Ansible) -> None:
    """PT-12: when the connection is gone no further probe is sent, and the module ends."""
    probe = {"number": 1, "kind": "udp", "destination": "127.0.0.1", "port": 9, "payload": "00"}
    own = target(ansible, "node-a", "shop/cart")
    record = {"id": "t-1", "target": own, "probes": [probe] * 3, "interval_ms": 60_000, "timeout_ms": 500}
    with pytest.raises(subprocess.TimeoutExpired):
        ansible.adhoc("node-a", "kube.pcap.inject", params={"record": record}, timeout=8)
    node = lab.node("node-a")
    until = time.monotonic() + 60
    while node.run(["pgrep", "-f", "AnsiballZ_inject|kube.pcap.inject"], check=False).stdout:
        assert time.monotonic() < until, node.run(["ps", "-ef"]).stdout
        time.sleep(0.2)
