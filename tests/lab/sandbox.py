# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes pods out of namespaces, as a runtime does; runs inside a node, alone: ``python -I -c SOURCE``.

Its standard input is JSON: ``{"bridge": "cni0", "mtu": 1450, "pods": [...]}`` (the pods as ``pods.sandbox_record``
makes them). It prints ``{pod: {"sandbox": pid, "containers": {name: pid}}}``, process ids as the node numbers them.

A pod is a pause process that holds network, uts and ipc namespaces, and containers with mount and pid namespaces of
their own. All are children of the node's first process once this script has ended.
"""

from __future__ import annotations

import ctypes
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

Record = dict[str, Any]
Say = Callable[[str], None]
NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_SLAVE = 4096, 16384, 1 << 19
FORWARDING = "3"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)


def unshare(flags: int) -> None:
    check(LIBC.unshare(flags), "unshare")


def mount(source: str, target: str, kind: bytes | None, flags: int) -> None:
    check(LIBC.mount(source.encode(), target.encode(), kind, ctypes.c_ulong(flags), None), "mount on " + target)


def join_groups(files: list[str]) -> None:
    for file in files:
        pathlib.Path(file).write_text(str(os.getpid()), encoding="ascii")


def become(argv: list[str], host: str) -> NoReturn:
    """Ends as the container's or sandbox's program, with no file of this script open."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(null, target)
    os.closerange(3, 256)
    os.chdir("/")
    program = argv[0] if argv[0] != "/pause" else "/usr/bin/sleep"
    os.execvpe(program, argv, {**ENVIRONMENT, "HOSTNAME": host})


def forked(child: Callable[[Say], None]) -> tuple[int, str]:
    """Runs ``child(say)`` in a child process; returns its id and the first line it says."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            with open(writer, "w", encoding="ascii") as stream:
                child(lambda text: print(text, file=stream, flush=True))
        except OSError as error:
            print(error, file=sys.stderr, flush=True)
        finally:
            os._exit(1)
    os.close(writer)
    with open(reader, encoding="ascii") as stream:
        line = stream.readline().strip()
    if not line:
        raise SystemExit("a child process ended before it was ready")
    return pid, line


def start_sandbox(pod: Record) -> int:
    def child(say: Say) -> None:
        join_groups(pod["groups"])
        unshare(NEWIPC if pod["host_network"] else NEWNET | NEWUTS | NEWIPC)
        if not pod["host_network"]:
            socket.sethostname(pod["hostname"])
            # A pod that still looks for a double of its address answers nobody.
            pathlib.Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0", encoding="ascii")
        say("ready")
        become(["/pause", "infinity"], pod["hostname"])

    return forked(child)[0]


def start_container(pod: Record, container: Record, sandbox: int) -> int:
    def child(say: Say) -> None:
        join_groups(container["groups"])
        for kind in ("net", "uts", "ipc"):
            with open("/proc/%d/ns/%s" % (sandbox, kind), "rb") as namespace:
                check(LIBC.setns(namespace.fileno(), 0), "setns " + kind)
        unshare(NEWPID | NEWNS)
        pid = os.fork()
        if pid:
            say(str(pid))
            os._exit(0)
        mount("none", "/", None, MS_REC | MS_SLAVE)
        mount("proc", "/proc", b"proc", 0)
        if pod["etc_hosts"]:
            mount(pod["etc_hosts"], "/etc/hosts", None, MS_BIND)
        become(container["command"], pod["hostname"])

    helper, line = forked(child)
    os.waitpid(helper, 0)
    return int(line)


def connect(pods: list[Record], sandboxes: dict[str, int], bridge: str, mtu: int) -> None:
    """Gives each pod its eth0: one batch in the node, one in each pod."""
    lines = []
    for pod in pods:
        peer = "peer name eth0 address %s mtu %d netns %d" % (pod["mac"], mtu, sandboxes[pod["key"]])
        lines.append("link add %s mtu %d type veth %s" % (pod["veth"], mtu, peer))
        lines.append("link set %s master %s up" % (pod["veth"], bridge))
        lines.append("link set %s type bridge_slave hairpin on" % pod["veth"])
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)
    for pod in pods:
        argv = ["nsenter", "-t", str(sandboxes[pod["key"]]), "-n", "ip", "-batch", "-"]
        subprocess.run(argv, input=pod["links"], text=True, check=True)
    for pod in pods:
        wait_forwarding(pod, sandboxes[pod["key"]])


def wait_forwarding(pod: Record, sandbox: int) -> None:
    """Returns when the pod's pair passes packets: the kernel tells a link's carrier up to a second later."""
    show = ["nsenter", "-t", str(sandbox), "-n", "ip", "-o", "link", "show", "dev", "eth0"]
    port = pathlib.Path("/sys/class/net", pod["veth"], "brport/state")
    end = time.monotonic() + 10
    while port.read_text(encoding="ascii").strip() != FORWARDING or "state UP" not in output(show):
        if time.monotonic() > end:
            raise SystemExit("the link of pod %s is not up after 10 s" % pod["key"])
        time.sleep(0.02)


def output(argv: list[str]) -> str:
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout


def write_files(pod: Record) -> None:
    for path, text in pod["files"].items():
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_text(text, encoding="utf-8")
    for path, target in pod["links_to"].items():
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).unlink(missing_ok=True)
        pathlib.Path(path).symlink_to(target)


def main() -> None:
    request = json.load(sys.stdin)
    for pod in request["pods"]:
        write_files(pod)
    pods = [pod for pod in request["pods"] if pod["running"]]
    sandboxes = {pod["key"]: start_sandbox(pod) for pod in pods}
    connect([pod for pod in pods if not pod["host_network"]], sandboxes, request["bridge"], request["mtu"])
    result = {}
    for pod in pods:
        sandbox = sandboxes[pod["key"]]
        started = {c["name"]: start_container(pod, c, sandbox) for c in pod["containers"]}
        result[pod["key"]] = {"sandbox": sandbox, "containers": started}
    print(json.dumps(result))


main()
