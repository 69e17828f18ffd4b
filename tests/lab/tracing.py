# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook trace on a lab, servers to trace to, and what a result tells."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any, Protocol

import jsonschema

from tests.lab import handles
from tests.lab.ansible_run import Ansible, Run
from tests.lab.traffic import kill_family
from tests.nodes.node import CHECKOUT

_HTTP = """
import http.server, socket, sys
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "3"); self.end_headers(); self.wfile.write(b"ok\\n")
    def log_message(self, *_): pass
server = Server(("::", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""
_UDP = """
import socket, sys
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.bind(("::", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, peer = sock.recvfrom(2048)
    sock.sendto({"echo": data, "ok": b"ok"}[sys.argv[2]], peer)
"""
_LINE = """
import socket, sys
server = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, backlog=64, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    connection, _peer = server.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\nok\\n")
    connection.close()
"""
_SINK = """
import signal, socket, sys
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.bind(("::", int(sys.argv[1])))
print("ready", flush=True)
signal.pause()
"""
SCHEMA = jsonschema.Draft202012Validator(json.loads((CHECKOUT / "docs" / "trace.schema.json").read_text()))
PROGRAMS = {"http": _HTTP, "line": _LINE, "udp": _UDP, "sink": _SINK}
"""``line`` answers in one segment, always; ``sink`` takes nothing from its socket."""


class Place(Protocol):
    """A pod or node in which programs run."""

    def popen(self, argv: list[str], **options: Any) -> subprocess.Popen[str]:
        """Starts a program there."""


@contextlib.contextmanager
def serving(place: Place, kind: str, port: int, *arguments: str) -> Iterator[None]:
    """A server in a pod or node, on both families, which listens when the body begins."""
    argv = ["python3", "-c", PROGRAMS[kind], str(port), *arguments]
    process = place.popen(argv, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield
    finally:
        kill_family(process.pid)
        process.communicate()


@contextlib.contextmanager
def rules(place: handles.Place, chain: str, rule: str) -> Iterator[None]:
    """A table of rules in a pod or node, while the body runs; ``chain`` as nft has it behind its name."""
    text = "add table inet t\nadd chain inet t c { %s }\nadd rule inet t c %s\n" % (chain, rule)
    place.run(["nft", "-f", "-"], input=text)
    try:
        yield
    finally:
        place.run(["nft", "delete", "table", "inet", "t"])


class Traces:
    """The playbook, with what it is to know of the cluster, and what its runs tell."""

    def __init__(self, ansible: Ansible, folder: pathlib.Path, env: dict[str, str] | None = None, **known: str) -> None:
        """known: options of every run, without their prefix; env: variables of the environment, such as for the API."""
        self.ansible, self.folder, self.env, self.known = ansible, folder, env or {}, known

    def run(self, expression: str, *args: str, **options: Any) -> Run:
        """Runs it; no run shows a traceback. Names of options are without their prefix."""
        given = {"expression": expression, "dest": str(self.folder), **self.known, **options}
        variables = {"trace_" + name: value for name, value in given.items()}
        done = self.ansible.playbook("kube.pcap.trace", *args, extra_vars=variables, env=self.env)
        assert not re.search("Traceback|exception|deprecat", done.stdout + done.stderr, re.IGNORECASE), done.stdout
        return done

    def result(self, expression: str, **options: Any) -> dict[str, Any]:
        """Runs it to its end, and returns the result, which its file holds, too."""
        return self.told(self.run(expression, **options))

    def told(self, done: Run) -> dict[str, Any]:
        """The result of a run that has come to its end."""
        assert done.rc == 0, done.stdout + done.stderr
        (told,) = done.of("report").values()
        result: dict[str, Any] = told["trace"]
        kept = told["ansible_stats"]["data"]["trace_verdict"]
        assert kept == {"id": result["id"], **{name: result["verdict"][name] for name in kept if name != "id"}}
        assert json.loads((self.folder / result["id"] / "trace.json").read_text()) == result
        SCHEMA.validate(result)
        return result


Hop = tuple[str, str | None, str, bool]


def way(result: dict[str, Any], part: str = "first") -> list[Hop]:
    """(node, pod, interface, whether it goes out) of each hop of one packet, the first time it was sent.

    What comes in at a bridge's port is for another host (P), but at the port whose link address the bridge has taken.
    """
    found = []
    for hop in result["hops"]:
        if hop["part"] == part and not hop["again"]:
            on_node = result["taps"][hop["tap"]]["pod"] is None
            assert hop["direction"] in (("In", "Out", "P") if on_node else ("In", "Out")), hop
            found.append((hop["node"], hop["pod"], hop["interface"], hop["direction"] == "Out"))
    return found
