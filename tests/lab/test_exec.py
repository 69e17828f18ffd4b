# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook exec on three nodes (rows SN-4, PT-1, PT-5, PT-7, PT-10)."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest

from tests.gate.venvs import venv
from tests.lab.ansible_run import Ansible, Run
from tests.lab.lab import Lab
from tests.lab.playing import WEB, changed, failed, inventory, said


class Exec:
    """The playbook, with the lab's snapshot."""

    def __init__(self, lab: Lab, ansible: Ansible) -> None:
        self.lab = lab
        self.ansible = ansible

    def run(self, targets: Any, *args: str, snapshot: bool = True, **options: Any) -> Run:
        """Runs the playbook; no run shows a traceback. Names of options are without their prefix."""
        if snapshot:
            options["snapshot"] = str(self.lab.snapshot)
        variables = {"exec_" + name: value for name, value in {"targets": targets, **options}.items()}
        done = self.ansible.playbook("kube.pcap.exec", *args, extra_vars=variables)
        assert not re.search("Traceback|exception|deprecat", done.stdout + done.stderr, re.IGNORECASE), done.stdout
        return done


@pytest.fixture
def play(lab: Lab, ansible: Ansible) -> Exec:
    """The playbook on the lab."""
    return Exec(lab, ansible)


def results(run: Run) -> dict[str, dict[str, Any]]:
    """What the report returned, which is in the variable exec_result, by the target's name."""
    (told,) = run.of("report").values()
    return {one["target"]["name"]: one for one in told["results"]}


def test_every_pod_of_a_deployment(play: Exec, lab: Lab) -> None:
    """SN-4, PT-1: the node's tool in each pod, wherever it runs; one block for each, and the data as it came."""
    run = play.run("deployment shop/web", argv=["ip", "-o", "addr"])
    assert run.rc == 0 and changed(run) == dict.fromkeys(WEB, 1)
    for node, name in WEB.items():
        pod = lab.pod("shop", name)
        told = results(run)[name]
        assert told["stdout"] == pod.run(["ip", "-o", "addr"]).stdout and (told["host"], told["rc"]) == (node, 0)
        block = run.stdout.partition("%s  pod shop/%s: rc 0\n" % (node, name))[2]
        assert block.startswith("  1: lo ") and pod.addresses and pod.addresses.v4 in block.split("node-")[0]
    assert "ran for 3 targets on 3 nodes\n" in run.stdout


def test_with_the_oldest_core(lab: Lab, tmp_path: pathlib.Path) -> None:
    """The same words reach the tool with ansible-core 2.16, whatever they hold."""
    old = Exec(lab, Ansible(lab.inventory, tmp_path, str(venv("core-2.16") / "python")))
    hostile = ["it's", '"', "a\nb", "\\n", "{", "[1]", "é", "None", "$HOME", "{{ '{{' }}"]
    run = old.run("pod shop/cart", argv=["printf", "<%s>\n", *hostile])
    hostile[-1] = "{{"
    assert run.rc == 0, run.stdout
    assert results(run)["cart"]["stdout"] == "".join("<%s>\n" % word for word in hostile)


def test_the_tool_fails_somewhere(play: Exec) -> None:
    """PT-10: each is told, with both of its streams; the play fails where it failed, and the data has all."""
    run = play.run(
        ["pod shop/cart", "node node-b"],
        argv=["sh", "-c", "echo out; echo err >&2; test -d /sys/class/net/cni0 && ip -o link show cni0"],
    )
    assert run.rc == 2 and "node-a  pod shop/cart: rc 1\n  out\n  standard error:\n    err\n" in run.stdout
    assert "node-b  node node-b: rc 0\n  out\n" in run.stdout and "ran for 2 targets on 2 nodes; 1 failed" in run.stdout
    assert {name: one["rc"] for name, one in results(run).items()} == {"cart": 1, "node-b": 0}
    assert [message.partition(": ")[0] for message in failed(run)] == ["pod shop/cart"]


def test_what_moves_a_cursor(play: Exec) -> None:
    """What is printed is cleaned, the data is exact; what is no text is told by its size."""
    octal = r"\033[31mred\033[0m\a\tx\n\360\n"
    run = play.run("pod shop/cart", argv=["printf", octal])
    assert "\x1b" not in run.stdout.replace("\x1b[0m", "") and "  ?[31mred?[0m?" in run.stdout
    assert results(run)["cart"]["stdout"].startswith("\x1b[31mred\x1b[0m\x07\tx\n")
    assert results(run)["cart"]["stdout_replaced"]
    run = play.run("pod shop/cart", argv=["printf", octal], encoding="base64")
    assert "  18 B, in base64 in exec_result" in run.stdout and results(run)["cart"]["stdout_bytes"] == 18


def test_files(play: Exec, lab: Lab) -> None:
    """PT-7: each node has its own, and the report says where."""
    run = play.run("pods shop app=web", command="ip -o addr", dest="/srv/", return_stdout=False)
    for node, name in WEB.items():
        path = lab.node(node).root / "srv" / ("shop--" + name)
        assert path.read_text() == lab.pod("shop", name).run(["ip", "-o", "addr"]).stdout
        assert (
            "%s  pod shop/%s: rc 0\n  %d B in /srv/shop--%s\n" % (node, name, path.stat().st_size, name) in run.stdout
        )
        path.unlink()


def test_check_mode(play: Exec, lab: Lab) -> None:
    """What would run is told, with the program's path, and nothing does."""
    run = play.run("pods shop app=web", "--check", argv=["touch", "/tmp/ran"])
    assert run.rc == 0 and changed(run) == dict.fromkeys(WEB, 1)
    for node, name in WEB.items():
        assert "%s  pod shop/%s: would run /usr/bin/touch /tmp/ran\n" % (node, name) in run.stdout
        assert not (lab.node(node).root / "tmp/ran").exists()
    assert "would run for 3 targets on 3 nodes" in run.stdout


@pytest.mark.parametrize(
    "options, message",
    [
        ({}, "exec_argv: no command is given; write a list, such as [ip, addr], or exec_command"),
        ({"argv": "ip addr"}, 'exec_argv: "ip addr" is no list; write a list of words, or use exec_command'),
        ({"argv": ["ip"], "command": "ip"}, "exec_command: exec_argv is given, too; leave out one of the two"),
        ({"command": "a 'b"}, 'exec_command: "a \'b": no closing quotation; close every quote'),
        ({"argv": ["ip"], "timeout": "2h"}, 'exec_timeout: "2h" is out of range; it takes 1s to 1h00m'),
        ({"argv": ["ip"], "namespaces": ["user"]}, 'exec_namespaces: "user" is not taken; write some of net, mount'),
        ({"argv": ["ip"], "dest": "x"}, "exec_dest: 'x' is not taken; write an absolute path"),
        ({"argv": ["ip"], "dest": "/srv/x"}, "exec_dest: 2 targets of a node cannot write into one file"),
        ({"argv": ["ip"], "allowed": ["ss", "ping"]}, 'exec_argv: "ip" is not allowed; exec_allowed has ss, ping'),
        ({"command": "/tmp/ip a", "allowed": "ip,ss"}, 'exec_command: "/tmp/ip" is not allowed; exec_allowed has ip'),
        (
            {"argv": ["ip"], "allowed": []},
            "exec_allowed: a name is missing; write a list, such as [ip, ss], or leave it",
        ),
        (
            {"argv": ["ip"], "allowed": "ip", "namespaces": "net,mount"},
            "exec_namespaces: with mount the tool is the pod's",
        ),
        ({"argv": ["ip"], "container": "x"}, 'exec_targets: pod shop/cart has no container "x"'),
    ],
)
def test_refused_once(play: Exec, options: dict[str, Any], message: str) -> None:
    """A wrong value is refused on the controller, in one sentence, before any node runs anything."""
    run = play.run("pods shop *", **options)
    assert run.rc == 2 and len(failed(run)) == 1 and not run.of("netns_command"), run.stdout
    assert failed(run)[0].startswith(message)


def test_the_allow_list(play: Exec) -> None:
    """What is on the list runs, by its name or its absolute path."""
    assert play.run("pod shop/cart", argv=["ip", "addr"], allowed="ss, ip").rc == 0
    assert play.run("pod shop/cart", command="/usr/bin/true", allowed=["/usr/bin/true"]).rc == 0


@pytest.mark.parametrize(
    "targets, snapshot, message",
    [
        ("pod shop/crt", True, "exec_targets: pod shop/crt matches no pod; namespace shop has the pods cart"),
        ("pod shop/seed-x8k4n", True, "exec_targets: pod shop/seed-x8k4n has finished (Succeeded)"),
        ("pod shop/report-7q2xd", True, "exec_targets: pod shop/report-7q2xd is Pending"),
        (
            "deployment shop/web",
            False,
            "exec_targets: deployment shop/web: nodes know pods, not what owns them; with the playbook's exec_snapshot",
        ),
        ("pods shop", True, 'exec_targets: column 10: bare "pods shop" means nothing'),
        ("", True, "exec_targets: it is empty; write a selection"),
    ],
)
def test_no_host_has_it(play: Exec, targets: str, snapshot: bool, message: str) -> None:
    """PT-5: the play fails, once, with what exists nearby; a slice may only say so."""
    run = play.run(targets, snapshot=snapshot, argv=["ip"])
    assert run.rc == 2 and len(failed(run)) == 1 and failed(run)[0].startswith(message), failed(run)
    if snapshot and "matches no pod" in message:
        run = play.run(targets, argv=["ip"], unmatched="warn")
        assert run.rc == 0 and "nothing ran on any host that answered" in run.stdout and message in said(run)


def test_a_host_that_cannot_be_reached(lab: Lab, ansible: Ansible, tmp_path: pathlib.Path) -> None:
    """KD-12: the others' pods are told, and the host with its reason."""
    hosts = inventory(lab, tmp_path / "inventory.json", **{"node-b": {"ansible_host": "198.18.255.254"}})
    run = Exec(lab, Ansible(hosts, ansible.folder)).run(
        "pods shop app=web", "-e", "ansible_ssh_timeout=2", argv=["true"]
    )
    assert run.rc == 4 and sorted(results(run)) == sorted([WEB["node-a"], WEB["node-c"]])
    assert "  node-b gave no result: unreachable: " in run.stdout


def test_a_survey(play: Exec) -> None:
    """What is left empty takes its default; a name that is none is told; a slip, and half a value, are refused."""
    empty = dict.fromkeys(
        ("command", "container", "namespaces", "timeout", "encoding", "dest", "allowed", "unmatched"), ""
    )
    run = play.run("pod shop/cart", argv=["true"], **empty, colour="5s")
    assert run.rc == 0 and "exec_colour is no option" in said(run)
    run = play.run("pod shop/cart", argv=["true"], alowed=["ip"])
    assert run.rc == 2 and not run.of("netns_command") and "exec_alowed is no option; write exec_allowed" in said(run)
    run = play.run("pod shop/cart", "-e", "exec_command=ip addr")
    assert run.rc == 2 and '-e: "addr" belongs to no variable' in said(run)


def test_the_result_is_a_variable(play: Exec, tmp_path: pathlib.Path) -> None:
    """A later play of the same run reads it, on any host."""
    task = {"ansible.builtin.debug": {"msg": "{{ exec_result.results | map(attribute='stdout') | join }}"}}
    later = {"hosts": "node-b", "gather_facts": False, "tasks": [{"name": "Show", **task}]}
    (tmp_path / "later.json").write_text(json.dumps([{"import_playbook": "kube.pcap.exec"}, later]))
    variables = {"exec_targets": "node node-a", "exec_argv": ["echo", "{{ 'he' }}llo {% raw %}{{ x }}{% endraw %}"]}
    run = play.ansible.playbook(tmp_path / "later.json", extra_vars=variables)
    assert run.rc == 0 and run.of("debug")["node-b"]["msg"] == "hello {{ x }}\n", run.stdout
