# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any tool in a pod's namespaces, on the lab's nodes (rows SN-4, SN-5, PT-1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 15)."""

from __future__ import annotations

import base64
import os
import pathlib
import signal
import stat
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.lab.ansible_run import Ansible
from tests.lab.handles import LabPod
from tests.lab.lab import Lab
from tests.lab.recording import traffic, wait_for
from tests.lab.sequences import sequences
from tests.lab.tools import OURS, Tools, alive, ended, kill_controller, results, wait_gone

CART = {"pod": "shop/cart"}
INODES = ["readlink", *("/proc/self/ns/" + kind for kind in ("net", "mnt", "pid", "uts", "ipc", "cgroup"))]
STUBBORN = "trap '' INT HUP TERM; (setsid sleep 987654 &) ; (setsid setsid sleep 987653 &) ; echo up; sleep 987652"
LOOK = "sleep 2; cat /proc/self/net/fib_trie"
SLEEPS = "sleep 98765[234]"
RUNNING = 4
"""How many processes of STUBBORN match SLEEPS."""


@pytest.fixture
def tools(lab: Lab, ansible: Ansible) -> Iterator[Tools]:
    """The module; nothing that it starts is left on any node afterwards."""
    yield Tools(ansible)
    for node in lab.nodes:
        assert alive(node, OURS + "|" + SLEEPS) == []


def test_the_pods_view(lab: Lab, tools: Tools) -> None:
    """PT-1, SN-4: the node's ip tells what the pod's own does; a node without the pod says so and changes nothing."""
    found = tools.run("all", **CART, argv=["ip", "-o", "addr"])
    one = found["node-a"]
    assert one["stdout"] == lab.pod("shop", "cart").run(["ip", "-o", "addr"]).stdout and one["changed"]
    assert (one["rc"], one["stderr"], one["timed_out"], one["error"]) == (0, "", False, None)
    assert one["argv"][0].endswith("/ip") and one["argv"][1:] == ["-o", "addr"]
    assert one["target"]["name"] == "cart" and one["results"][0]["stdout"] == one["stdout"]
    for node in ("node-b", "node-c"):
        other = found[node]
        assert (other["found"], other["changed"], other["rc"], other["failed"]) == (False, False, None, False)
        assert "pod shop/cart matches no pod" in other["msg"]


def test_a_node_of_its_own(lab: Lab, tools: Tools) -> None:
    """A node is a target, too; the tool's rights and control groups are the caller's."""
    one = tools.well("node-b", node="node-b", argv=["ip", "-o", "addr"])
    assert one["stdout"] == lab.node("node-b").run(["ip", "-o", "addr"]).stdout
    assert "kubepods" not in tools.well("node-a", **CART, argv=["cat", "/proc/self/cgroup"])["stdout"]
    assert "kubepods" in lab.pod("shop", "cart").run(["cat", "/proc/self/cgroup"]).stdout


@pytest.mark.parametrize(
    "script, rc, stdout, stderr",
    [
        ("echo out; echo err >&2", 0, "out\n", "err\n"),
        ("echo out; echo err >&2; exit 3", 3, "out\n", "err\n"),
        ("kill -TERM $$", -15, "", ""),
        ("printf 'no end'", 0, "no end", ""),
        (r"printf '\303\251\t\033[31m\000'", 0, "é\t\x1b[31m\0", ""),
    ],
)
def test_how_it_ends(tools: Tools, script: str, rc: int, stdout: str, stderr: str) -> None:
    """PT-10: the exit code, and what it wrote, each stream by itself; another code than 0 is a failure."""
    one = tools.one("node-a", **CART, argv=["sh", "-c", script])
    assert (one["rc"], one["stdout"], one["stderr"]) == (rc, stdout, stderr)
    assert one["failed"] == (rc != 0) and not one["stdout_cut"] and not one["stdout_replaced"]
    if rc:
        assert one["msg"] == "pod shop/cart: %s ended with %d" % (one["argv"][0], rc)


def test_every_byte(lab: Lab, tools: Tools) -> None:
    """PT-10: base64 is exact; text tells what it had to replace, and what is more than can be kept."""
    node = lab.node("node-a")
    node.run(["dd", "if=/dev/urandom", "of=/tmp/bytes", "bs=100k", "count=3"])
    raw = (node.root / "tmp/bytes").read_bytes()
    one = tools.well("node-a", **CART, argv=["cat", "/tmp/bytes"], encoding="base64")
    assert base64.b64decode(one["stdout"]) == raw and one["stdout_bytes"] == len(raw) and not one["stdout_cut"]
    assert tools.well("node-a", **CART, argv=["cat", "/tmp/bytes"])["stdout_replaced"]
    one = tools.well("node-a", **CART, argv=["head", "-c", "40000000", "/dev/zero"])
    assert (one["stdout_bytes"], len(one["stdout"]), one["stdout_cut"]) == (40_000_000, 1 << 20, True)


def test_packets_on_standard_output(lab: Lab, tools: Tools) -> None:
    """SN-4, PT-6, PT-10: tcpdump's packets arrive byte by byte, and its filter is one argument."""
    with traffic(lab, "shop/cart") as stream:
        command = "tcpdump -i any -c 20 -w - 'udp port 9000 and (dst host 127.0.0.1)'"
        one = tools.well("node-a", **CART, command=command, encoding="base64")
    assert one["argv"][-1] == "udp port 9000 and (dst host 127.0.0.1)"
    assert len(set(sequences(base64.b64decode(one["stdout"]), stream))) >= 10


def test_nothing_is_read_by_a_shell(tools: Tools) -> None:
    """PT-6: quotes make words, and nothing else of a shell means anything."""
    one = tools.well("node-a", **CART, command=r"""printf '<%s>\n' a 'b c' "$HOME" * ';' \| d\ e '' && x""")
    assert one["stdout"].split("\n")[:-1] == [
        "<%s>" % w for w in ("a", "b c", "$HOME", "*", ";", "|", "d e", "", "&&", "x")
    ]
    hostile = ["$(touch /tmp/hostile)", "`id`", "a\nb", "-n"]
    assert tools.well("node-a", **CART, argv=["printf", "%s\\n", *hostile])["stdout"] == "\n".join(hostile) + "\n"


def test_standard_input(tools: Tools) -> None:
    """What is given is read, all of it; else there is nothing to read, and no tool waits for it."""
    text = "line é\n" * 6_000
    assert tools.well("node-a", **CART, argv=["sha1sum"], stdin=text)["rc"] == 0
    assert tools.well("node-a", **CART, argv=["wc", "-c"], stdin=text)["stdout"].strip() == str(len(text.encode()))
    assert tools.well("node-a", **CART, argv=["wc", "-c"])["stdout"].strip() == "0"
    assert tools.well("node-a", **CART, argv=["true"], stdin=text)["rc"] == 0


def test_a_timeout(lab: Lab, tools: Tools) -> None:
    """SN-5, PT-9: SIGINT at the time, and a tool that heeds it has its end; one that ends early is not waited for."""
    began = time.monotonic()
    with traffic(lab, "shop/cart") as stream:
        one = tools.one("node-a", **CART, command="tcpdump -i lo -w - udp", timeout="3s", encoding="base64")
    assert one["timed_out"] and one["rc"] == 0 and 3 <= one["seconds"] < 5 and one["failed"]
    assert "tcpdump was stopped after 3 s, its timeout" in one["msg"]
    assert len(set(sequences(base64.b64decode(one["stdout"]), stream))) > 500
    assert tools.well("node-a", **CART, argv=["sleep", "0.2"], timeout="1h")["seconds"] < 60
    assert time.monotonic() - began < 100


@pytest.mark.parametrize("node, pod", [("node-a", "shop/cart"), ("node-b", "shop/checkout")])
@pytest.mark.parametrize("namespaces", [["net"], ["net", "mount", "pid"]])
def test_a_tool_that_does_not_want_to_end(lab: Lab, tools: Tools, node: str, pod: str, namespaces: list[str]) -> None:
    """PT-12: one that ignores SIGINT, forks, and has left its session ends, and all that it has started."""
    one = tools.one(node, pod=pod, argv=["sh", "-c", STUBBORN], timeout="1s", namespaces=namespaces)
    assert (one["timed_out"], one["rc"], one["stdout"]) == (True, -9, "up\n")
    assert alive(lab.node(node), SLEEPS) == [] and ended(lab.node(node)) == []


def test_what_it_leaves_behind(lab: Lab, tools: Tools) -> None:
    """PT-12: a process in the background ends with the tool that started it, and is not waited for."""
    one = tools.well("node-a", **CART, argv=["sh", "-c", "setsid sleep 987654 & echo done"])
    assert one["stdout"] == "done\n" and one["seconds"] < 20 and alive(lab.node("node-a"), SLEEPS) == []


MODULE, COMMAND_LINES = ["pkill", "-9", "python3"], ["pkill", "-9", "-f", "python3"]
GUARDIAN, BOTH = ["pkill", "-9", "-o", "-x", "kube-pcap-exec"], ["pkill", "-9", "-x", "kube-pcap-exec"]


@pytest.mark.parametrize(
    "kill, namespaces",
    # What a keeper in a pod's pid namespace leaves, the kernel hands to the pod's first process: both only without it.
    [
        *((kill, one) for kill in (MODULE, COMMAND_LINES, GUARDIAN) for one in (["net"], ["net", "pid"])),
        (BOTH, ["net"]),
    ],
)
def test_a_kill(lab: Lab, tools: Tools, kill: list[str], namespaces: list[str]) -> None:
    """PT-12: whichever of ours is killed, the others end the tool and all that it has started, and its file is gone."""
    node = lab.node("node-a")
    argv = ["sh", "-c", STUBBORN]
    wait = tools.begin("node-a", **CART, argv=argv, timeout="10m", namespaces=namespaces, dest="/srv/killed")
    wait_for(lambda: len(alive(node, SLEEPS)) == RUNNING, what="the tool")
    node.run(kill)
    wait_gone(node, SLEEPS)
    assert wait().rc != 0
    wait_for(lambda: not ended(node), what="their parents, which wait for those that have ended")
    if kill[-1] != "kube-pcap-exec":
        assert not [path for path in (node.root / "srv").iterdir() if "killed" in path.name]
    for path in (node.root / "srv").glob(".killed*"):
        path.unlink()


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("node, pod, user", [("node-a", "shop/cart", "root"), ("node-b", "shop/checkout", "ops")])
def test_a_connection_that_is_lost(lab: Lab, tools: Tools, node: str, pod: str, user: str, pipelining: bool) -> None:
    """PT-12: when the session's sshd ends, the tool does: with a terminal or without, and where sudo stands between."""
    variables = {"ansible_pipelining": pipelining}
    wait = tools.begin(node, variables, pod=pod, argv=["sh", "-c", STUBBORN], timeout="10m")
    wait_for(lambda: len(alive(lab.node(node), SLEEPS)) == RUNNING, what="the tool")
    lab.node(node).run(["pkill", "-9", "-f", "sshd: %s@" % user])
    wait_gone(lab.node(node), SLEEPS)
    (task,) = wait().tasks
    assert task.status == "unreachable"


@pytest.mark.parametrize("node, pod", [("node-a", "shop/cart"), ("node-b", "shop/checkout")])
def test_a_controller_that_is_killed(lab: Lab, tools: Tools, node: str, pod: str) -> None:
    """PT-12: Ansible is gone, and its ssh lives on: the tool ends all the same, with sudo or without."""
    mark = "%d-%s" % (os.getpid(), node)
    wait = tools.begin(node, pod=pod, argv=["sh", "-c", STUBBORN, mark], timeout="10m")
    wait_for(lambda: len(alive(lab.node(node), SLEEPS)) == RUNNING, what="the tool")
    kill_controller(mark)
    wait_gone(lab.node(node), SLEEPS, 120)
    assert wait().rc == -signal.SIGKILL


def test_a_file(lab: Lab, tools: Tools) -> None:
    """PT-7, PT-8: root's alone, whole when it has its name, in an older one's place; the result has the output, too."""
    folder = lab.node("node-a").root / "srv/out"
    folder.mkdir()
    (folder / "capture.pcap").write_text("older")
    with traffic(lab, "shop/cart") as stream:
        command = "tcpdump -i lo -c 50 -w - udp"
        one = tools.well("node-a", **CART, command=command, encoding="base64", dest="/srv/out/capture.pcap")
    file = folder / "capture.pcap"
    assert base64.b64decode(one["stdout"]) == file.read_bytes() and one["dest_bytes"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and one["dest"] == "/srv/out/capture.pcap"
    assert len(set(sequences(file, stream))) >= 25 and [path.name for path in folder.iterdir()] == ["capture.pcap"]
    one = tools.one("node-a", **CART, argv=["sh", "-c", "echo so far; exit 4"], dest="/srv/out/f", return_stdout=False)
    assert (one["rc"], one["stdout"], one["stdout_bytes"]) == (4, "", 7) and (folder / "f").read_text() == "so far\n"
    one = tools.well("node-a", **CART, argv=["seq", "100000"], dest="/srv/out/f", dest_size="1000")
    assert (one["dest_bytes"], one["dest_cut"], (folder / "f").stat().st_size) == (1000, True, 1000)
    one = tools.one("node-a", **CART, argv=["sh", "-c", "echo x; sleep 60"], timeout="1s", dest="/srv/out/f")
    assert one["timed_out"] and (folder / "f").read_text() == "x\n"


@pytest.mark.parametrize(
    "dest, said",
    [
        ("/srv/none/x", "dest: no file can be made in /srv/none: No such file or directory"),
        ("/dev/null", "dest: /dev/null is there and is no file"),
        ("/srv", "dest: /srv is there and is no file"),
        ("here", "dest: 'here' is not taken"),
        ("/srv/../etc/passwd", "dest: '/srv/../etc/passwd' is not taken"),
    ],
)
def test_a_file_that_cannot_be(tools: Tools, dest: str, said: str) -> None:
    """A wrong place is told in a sentence, and nothing runs."""
    one = tools.one("node-a", **CART, argv=["sh", "-c", "touch /tmp/ran"], dest=dest)
    assert one["failed"] and not one["changed"] and said in one["msg"]


def test_a_disk_that_is_full(lab: Lab, tools: Tools) -> None:
    """PT-7: where the file cannot be written, the tool goes on and the result has its output; no half file is left."""
    node = lab.node("node-a")
    node.run(["sh", "-c", "mkdir -p /srv/small && mount -t tmpfs -o size=64k none /srv/small"])
    try:
        one = tools.one("node-a", **CART, argv=["seq", "50000"], dest="/srv/small/x")
        assert (one["rc"], one["dest"], one["failed"]) == (0, None, True) and one["stdout"].endswith("\n50000\n")
        assert "/srv/small/x could not be written: No space left on device" in one["msg"]
        assert node.run(["ls", "-A", "/srv/small"]).stdout == ""
    finally:
        node.run(["umount", "/srv/small"])


def test_check_mode(lab: Lab, tools: Tools) -> None:
    """It tells target and program, and runs nothing, nor makes a file."""
    params = {"argv": ["touch", "/tmp/ran"], "dest": "/srv/checked"}
    one = tools.one("node-a", "--check", **CART, **params)
    assert (one["changed"], one["failed"], one["rc"], one["found"]) == (True, False, None, True)
    assert one["argv"] == ["/usr/bin/touch", "/tmp/ran"] and one["target"]["name"] == "cart"
    root = lab.node("node-a").root
    assert not (root / "tmp/ran").exists() and not (root / "srv/checked").exists()
    one = tools.one("node-a", "--check", **CART, argv=["no-such-tool"])
    assert one["failed"] and not one["changed"] and "node node-a has no program no-such-tool; looked in /" in one["msg"]


def test_many_at_once(lab: Lab, tools: Tools) -> None:
    """All pods of a node, at the same time; one that fails does not keep the others from it, and is named."""
    began = time.monotonic()
    found = tools.run("all", targets="pods * *", argv=["sh", "-c", LOOK], dest="/srv/")
    assert time.monotonic() - began < 60
    names = sorted(one["target"]["name"] for result in found.values() for one in result["results"])
    assert names == sorted(pod.name for pod in lab.pods if pod.state.running)
    for node, result in found.items():
        assert "stdout" not in result and result["changed"] and not result["failed"]
        for one in result["results"]:
            path = lab.node(node).root / one["dest"][1:]
            assert path.name == "%s--%s" % (one["target"]["namespace"], one["target"]["name"])
            assert path.read_text() == one["stdout"] and one["target"]["addresses"][0] in one["stdout"]
            path.unlink()
    result = tools.one("node-a", targets=["pods shop *", "node node-a"], argv=["ip", "link", "show", "eth0"])
    assert sorted(one["rc"] for one in result["results"]) == [0, 0, 0]
    result = tools.one("node-a", targets="pods shop *", argv=["true"], dest="/srv/x")
    assert "dest: 2 targets of a node cannot write into one file; write a folder" in result["msg"]


def test_namespaces(lab: Lab, tools: Tools) -> None:
    """PT-15: those that are asked for are the pod's, the others the node's."""
    pod = lab.pod("shop", "cart")
    inside = dict(zip(INODES[1:], pod.run(INODES).stdout.split(), strict=True))
    outside = dict(zip(INODES[1:], lab.node("node-a").run(INODES).stdout.split(), strict=True))
    every = ["net", "mount", "pid", "uts", "ipc", "cgroup"]
    for asked in (["net"], ["uts", "ipc"], ["net", "pid"], ["mount", "pid"], every):
        told = tools.well("node-a", **CART, argv=INODES, namespaces=asked)["stdout"].split()
        for path, inode in zip(INODES[1:], told, strict=True):
            kind = path.rsplit("/", 1)[1].replace("mnt", "mount")
            if kind == "mount" and "pid" in asked and "mount" not in asked:
                continue  # a mount namespace of its own, for /proc
            assert inode == (inside if kind in asked else outside)[path], (asked, kind)
    assert tools.well("node-a", **CART, argv=["hostname"], namespaces=["uts"])["stdout"] == "cart\n"


@pytest.mark.parametrize("namespaces", [["pid"], ["net", "mount", "pid"]])
def test_the_pods_processes(lab: Lab, tools: Tools, namespaces: list[str]) -> None:
    """PT-15: ps shows the container's processes, by their numbers there, and a signal reaches them."""
    listed = tools.well("node-a", **CART, argv=["ps", "-eo", "pid,args"], namespaces=namespaces)["stdout"].splitlines()
    assert [line.split()[:2] for line in listed[1:2]] == [["1", "sleep"]] and len(listed) <= 4
    assert lab.node("node-a").run(["mount"]).stdout.count("proc on /proc type proc") == 1
    running = lab.pod("shop", "cart").popen(["sleep", "987654"])
    try:
        wait_for(lambda: alive(lab.node("node-a"), SLEEPS), what="a process in the pod")
        argv = ["pkill", "-TERM", "-f", "sleep 98765"]
        assert tools.well("node-a", **CART, argv=argv, namespaces=namespaces)["rc"] == 0
        assert running.wait(60) != 0
    finally:
        running.kill()
        running.wait()


@pytest.fixture
def bare(lab: Lab) -> Iterator[LabPod]:
    """A pod that has no program beside its own, as if its image were distroless."""
    pod = lab.pod("shop", "cart")
    first = str(pod.pids("cart")[0])
    subprocess.run(["nsenter", "-t", first, "-m", "mount", "-t", "tmpfs", "none", "/usr"], check=True)
    yield pod
    pod.delete()
    pod.create()


def test_a_pod_without_any_program(bare: LabPod, tools: Tools) -> None:
    """PT-2: the node's tools need nothing of the pod; that the pod has no such program of its own is told."""
    assert bare.addresses and bare.addresses.v4 in tools.well("node-a", **CART, argv=["ip", "-o", "addr"])["stdout"]
    assert "sleep infinity" in tools.well("node-a", **CART, argv=["ps", "-ef"], namespaces=["net", "pid"])["stdout"]
    for program, said in (
        ("ip", "has no program ip; looked in /usr/local/sbin, "),
        ("/bin/sh", "has no program /bin/sh"),
    ):
        one = tools.one("node-a", **CART, argv=[program], namespaces=["net", "mount"])
        assert one["failed"] and one["msg"].startswith("container cart of pod shop/cart " + said)


def test_a_container_by_its_name(lab: Lab, tools: Tools) -> None:
    """PT-4: its namespaces, by either way to name it; one that has ended, and one that is none, are told."""
    web = "shop/web-6f8d5c7b9d-4hx2k"
    pids = {name: lab.pod("shop", web[5:]).pids(name)[0] for name in ("web", "istio-proxy")}
    for name, pid in pids.items():
        expected = "mnt:[%d]" % pathlib.Path("/proc/%d/ns/mnt" % pid).stat().st_ino
        for where in ({"pod": "%s[%s]" % (web, name)}, {"pod": web, "container": name}):
            one = tools.well("node-a", **where, argv=["readlink", "/proc/self/ns/mnt"], namespaces=["mount", "pid"])
            assert one["stdout"].strip() == expected
    one = tools.one("node-b", pod="shop/checkout[migrate]", argv=["ip", "addr"], namespaces=["net", "mount"])
    assert "its container migrate does not run, and has no mount namespace; those that run: checkout" in one["msg"]
    assert tools.well("node-b", pod="shop/checkout[migrate]", argv=["ip", "addr"])["rc"] == 0
    one = tools.one("node-b", pod="shop/checkout", container="x", argv=["true"])
    assert 'has no container "x"' in one["msg"]


def test_a_pod_that_is_another_by_now(lab: Lab, tools: Tools, ansible: Ansible) -> None:
    """PT-5: what the plan chose is verified where it is entered; a pod that has gone is told, and nothing runs."""
    pod = lab.pod("shop", "cart")
    run = ansible.adhoc("node-a", "kube.pcap.node_pods_info", params={"targets": "pod shop/cart"})
    (target,) = run.of("node_pods_info")["node-a"]["pods"]
    pod.delete()
    record = {"node": "node-a", "options": {"argv": ["touch", "/tmp/ran"]}, "targets": [target]}
    try:
        one = tools.one("node-a", record=record)
    finally:
        pod.create()
    assert (one["failed"], one["found"], one["changed"], one["rc"]) == (True, False, False, None)
    assert one["msg"].startswith("pod shop/cart: process %d " % target["pid"])
    assert not (lab.node("node-a").root / "tmp/ran").exists()


@pytest.mark.parametrize(
    "params, said",
    [
        ({**CART}, "one of the following is required: argv, command, record"),
        ({**CART, "argv": ["ip"], "command": "ip"}, "mutually exclusive: argv|command"),
        ({"argv": ["ip"]}, "one of the following is required: pod, node, targets, record"),
        ({**CART, "argv": []}, "argv: no command is given; write a list, such as [ip, addr], or command"),
        ({**CART, "argv": ["./ip"]}, 'argv: "./ip" is a relative path; write the program\'s name'),
        ({**CART, "command": "sh -c 'x"}, "no closing quotation; close every quote"),
        ({**CART, "argv": ["ip"], "namespaces": ["user"]}, 'namespaces: "user" is not taken; write some of net, mount'),
        ({**CART, "argv": ["ip"], "timeout": "61m"}, 'timeout: "61m" is out of range; it takes 1s to 1h00m'),
        ({**CART, "argv": ["ip"], "return_stdout": False}, "return_stdout: the output would go nowhere"),
        ({"pod": "cart", "argv": ["ip"]}, 'pod: column 5: "cart" is not NAMESPACE/NAME'),
        ({"pod": "shop/cart[a]", "container": "b", "argv": ["ip"]}, "container: pod shop/cart[a] names container a"),
        ({"node": "node-a", "container": "b", "argv": ["ip"]}, "container: node node-a has no containers"),
        ({"targets": "deployment shop/web", "argv": ["ip"]}, "nodes know pods, not what owns them"),
        ({**CART, "argv": ["/srv/none"]}, "node node-a has no program /srv/none"),
    ],
)
def test_refusals(tools: Tools, params: dict[str, object], said: str) -> None:
    """PT-5: one sentence, right, and nothing has run."""
    one = tools.one("node-a", **params)
    assert one["failed"] and not one.get("changed") and said in one["msg"], one["msg"]


def test_without_root(lab: Lab, ansible: Ansible) -> None:
    """Who is not root is told so."""
    run = ansible.adhoc(
        "node-b", "kube.pcap.netns_command", "-e", "ansible_become=false", params={**CART, "argv": ["ip"]}
    )
    assert results(run)["node-b"]["msg"] == "namespaces are entered by root alone; run it with become"
