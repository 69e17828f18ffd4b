# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks on hosts that lack something, answer oddly, or are not what they say."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.gate.venvs import venv
from tests.lab.ansible_run import Ansible
from tests.lab.lab import Lab
from tests.lab.playing import NODES, WEB, Plays, failed, hosts, inventory, said, started, told


def test_an_unreachable_host_is_named(plays: Plays, tmp_path: pathlib.Path) -> None:
    """SN-1: the others record, the result names the one that did not answer, and nothing hangs."""
    address = plays.lab.node("node-a").addresses.v4.rpartition(".")[0] + ".99"
    added = {"node-x": {"ansible_host": address, "kube_node_name": "node-x"}}
    plays.ansible = Ansible(inventory(plays.lab, tmp_path / "hosts.json", **added), tmp_path)
    began = time.monotonic()
    run = plays.capture("pods shop app=web")
    assert run.rc == 4 and time.monotonic() - began < 120 and hosts(run) == NODES
    (unasked,) = told(run)["unasked"]
    assert unasked["host"] == "node-x" and unasked["reason"].startswith("unreachable: ")
    assert "node-x gave no result: unreachable: " in run.stdout
    (message,) = failed(plays.capture("pod shop/none"))
    assert "what is on these hosts is not known: node-x (unreachable" in message


@pytest.mark.parametrize(
    "host, variables, words",
    [
        ("node-a", {"ansible_python_interpreter": "/none/python3"}, "Python 3.8 or newer as /none/python3 (install it"),
        ("node-b", {"ansible_become": False}, "this host lacks the rights of root (set ansible_become=true"),
        (
            "node-c",
            {"ansible_python_interpreter": None, "ansible_interpreter_python_fallback": ["/none/python3"]},
            "Python 3.8 or newer as python3 (install it",
        ),
    ],
)
def test_what_a_host_lacks(
    plays: Plays, tmp_path: pathlib.Path, host: str, variables: dict[str, Any], words: str
) -> None:
    """One sentence says what is missing and how to get it; the others go on."""
    plays.ansible = Ansible(inventory(plays.lab, tmp_path / "hosts.json", **{host: variables}), tmp_path)
    run = plays.capture("pods shop app=web", "--check")
    assert run.rc == 2 and words in told(run)["unasked"][0]["reason"] and len(started(run)) == 2


def test_any_login_shell_can_read_the_check() -> None:
    """Quoted for csh or fish it must be one line, without ! and backslashes, and POSIX's shell runs it."""
    (task,) = yaml.safe_load(pathlib.Path("roles/capture/tasks/_check.yml").read_text())
    assert not re.search(r"[\n!\\]", task["ansible.builtin.raw"]) and task["args"] == {"executable": "/bin/sh"}


@pytest.mark.parametrize("interpreter", [None, "auto_silent", "/usr/bin/env python3"])
def test_which_python_is_asked(plays: Plays, tmp_path: pathlib.Path, interpreter: str | None) -> None:
    """Where Ansible looks for an interpreter by itself, one that is too old beside a good one does no harm."""
    variables = {
        "ansible_python_interpreter": interpreter,
        "ansible_interpreter_python_fallback": ["/none/python3", "/bin/false", "/usr/bin/python3"],
    }
    plays.ansible = Ansible(inventory(plays.lab, tmp_path / "hosts.json", **{"node-a": variables}), tmp_path)
    check = (plays.run("status")).of("raw")["node-a"]
    assert check["rc"] == 0, check["stdout"]


def test_a_python_without_its_library(plays: Plays, tmp_path: pathlib.Path) -> None:
    """A Python that lacks a part of the standard library is named, with what it lacks and how to get it."""
    program = plays.lab.node("node-a").root / "opt/python3-minimal"
    program.write_text("#!/bin/sh\nexec /usr/bin/python3 -c \"import sys; sys.modules['ctypes'] = None; $2\"\n")
    program.chmod(0o755)
    variables = {"ansible_python_interpreter": "/opt/python3-minimal"}
    plays.ansible = Ansible(inventory(plays.lab, tmp_path / "hosts.json", **{"node-a": variables}), tmp_path)
    try:
        (unasked,) = told(plays.run("status"))["unasked"]
    finally:
        program.unlink()
    assert unasked["reason"].startswith("this host lacks a whole standard library of /opt/python3-minimal, which says ")
    assert "ctypes" in unasked["reason"] and "apt-get install python3" in unasked["reason"]


@contextlib.contextmanager
def crictl(plays: Plays, script: str) -> Iterator[None]:
    """node-a has a crictl that is a script, and the setting that it needs."""
    root = plays.lab.node("node-a").root
    program, config = root / "usr/local/bin/crictl", root / "etc/crictl.yaml"
    program.write_text("#!/bin/sh\n%s\n" % script)
    program.chmod(0o755)
    config.write_text("runtime-endpoint: unix:///run/containerd/containerd.sock\n")
    try:
        yield
    finally:
        program.unlink()
        config.unlink()


def test_a_crictl_that_fails_is_heard(plays: Plays) -> None:
    """A crictl that is installed and fails is not told to be installed: its own words are in the message."""
    with crictl(plays, "echo 'FATA[0000] connect: permission denied' >&2; exit 1"):
        (message,) = failed(plays.capture("pods shop app=cart", snapshot=False))
    assert "crictl on node-a says: connect: permission denied; mend that" in message


ODD = "{{ 1 + 1 }}'\"\x1b[2J${HOME}"


@pytest.mark.parametrize("core", [None, "core-2.16"])
def test_names_are_data(lab: Lab, ansible: Ansible, tmp_path: pathlib.Path, core: str | None) -> None:
    """A runtime's words with braces, quotes and an escape: never rendered, printed without the escape, and recorded."""
    plays = Plays(lab, Ansible(lab.inventory, tmp_path, str(venv(core) / "python")) if core else ansible)
    metadata = {"name": ODD, "namespace": "shop", "uid": lab.pod("shop", "cart").uid}
    labels = {"tier": "odd", ODD: ODD}
    pods = {"items": [{"id": "0" * 64, "metadata": metadata, "labels": labels, "state": "SANDBOX_READY"}]}
    answer = "case \"$*\" in *pods*) cat <<'END'\n%s\nEND\n;; *) echo '{}';; esac" % json.dumps(pods)
    shown = ODD.replace("\x1b", "?")
    try:
        with crictl(plays, answer):
            run = plays.capture("pods shop tier=odd", snapshot=False, id="odd")
            refused = plays.capture("pod shop/none", "--limit", "node-a", snapshot=False)
        status, stop = plays.run("status"), plays.run("stop", id="odd", segments=True)
    finally:
        plays.clean()
    assert started(run) == [("node-a", ODD, "ready")], run.stdout
    (target,) = told(run)["captures"][0]["targets"]
    later = [told(one)["captures"][0]["targets"][0]["target"] for one in (status, stop)]
    assert target["labels"] == labels and [one["name"] for one in later] == [ODD, ODD]
    for one in (run, status, stop):
        assert one.rc == 0 and "node-a  pod shop/%s " % shown in one.stdout
    (message,) = failed(refused)
    assert "matches no pod" in message and shown in message
    assert not [one for one in (run, refused, status, stop) if "\x1b" in one.stdout + one.stderr]


@contextlib.contextmanager
def answering(plays: Plays, folder: pathlib.Path, answer: Mapping[str, Any]) -> Iterator[None]:
    """node-a's Python passes the check, and answers this to every module."""
    program = plays.lab.node("node-a").root / "opt/python3-other"
    program.write_text(
        '#!/bin/sh\n[ "$1" = -c ] && exec /usr/bin/python3 "$@"\ncat <<\'END\'\n%s\nEND\n' % json.dumps(answer)
    )
    program.chmod(0o755)
    known = plays.ansible
    variables = {"ansible_python_interpreter": "/opt/python3-other"}
    plays.ansible = Ansible(inventory(plays.lab, folder / "other.json", **{"node-a": variables}), folder)
    try:
        yield
    finally:
        plays.ansible = known
        program.unlink()


@pytest.mark.parametrize(
    "answer, words",
    [
        ({"pods": None, "captures": None}, "its answer cannot be used: node is missing"),
        ({"node": None, "pods": [], "captures": [None]}, "its answer cannot be used: node is no mapping"),
        (
            {"node": {"kind": "node", "name": "node-b", "node": "node-b"}, "pods": [], "captures": [{"id": 5}]},
            "it answers as node node-b, and its kube_node_name is node-a",
        ),
    ],
)
def test_an_answer_that_cannot_be_used(
    plays: Plays, tmp_path: pathlib.Path, answer: dict[str, Any], words: str
) -> None:
    """One host that answers what no node can is left out with the reason, and the others record and are told."""
    with answering(plays, tmp_path, {"changed": False, **answer}):
        run, status = plays.capture("pods shop app=web", id="one"), plays.run("status")
    assert run.rc == 0 and hosts(run) == ["node-b", "node-c"] and "host node-a is left out: " + words in said(run)
    assert status.rc == 0 and [one["host"] for one in told(status)["captures"]] == ["node-b", "node-c"]
    assert "node-a gave no result: its answer cannot be used: captures" in said(status)


def test_a_pod_is_not_taken_from_its_node(plays: Plays, tmp_path: pathlib.Path) -> None:
    """A host that claims another node's pod gets nothing of it: the snapshot says whose it is."""
    pod = plays.lab.pod("shop", WEB["node-b"])
    own = {"kind": "node", "name": "node-a", "node": "node-a", "pid": 1}
    claim = {"kind": "pod", "namespace": "shop", "name": pod.name, "uid": pod.uid, "node": "node-a", "pid": 1}
    with answering(plays, tmp_path, {"changed": False, "node": own, "pods": [claim]}):
        run = plays.capture("pod shop/" + pod.name, "--check")
        (message,) = failed(plays.capture("pod shop/" + pod.name, "--check", snapshot=False))
    assert run.rc == 0 and hosts(run) == ["node-b"]
    claimed = "pod shop/%s (uid %s): " % (pod.name, pod.uid)
    assert claimed + "what node-a says of it does not count" in said(run)
    assert claimed + "left out, since node-a and node-b each say that it runs there" in message


def test_names_of_nodes(plays: Plays, tmp_path: pathlib.Path) -> None:
    """KNT-15: without a cluster a host records under the name that it is given, else under its own."""
    added = {"node-a": {"kube_node_name": "edge-1"}, "node-c": {"kube_node_name": None}}
    plays.ansible = Ansible(inventory(plays.lab, tmp_path / "hosts.json", **added), tmp_path)
    run = plays.capture("nodes *", snapshot=False)
    assert started(run) == [("node-a", "edge-1", "ready"), ("node-b", "node-b", "ready"), ("node-c", "node-c", "ready")]
    stop = plays.run("stop", id="all", segments=True)
    assert "edge-1--_node--_host--eth0--" in stop.stdout


def test_two_hosts_that_are_one_node(plays: Plays, tmp_path: pathlib.Path) -> None:
    """Neither is taken, and both are named."""
    plays.ansible = Ansible(inventory(plays.lab, tmp_path / "hosts.json", twin={}), tmp_path)
    run = plays.capture("pods shop app=web", "--check")
    assert run.rc == 0 and hosts(run) == ["node-b", "node-c"]
    (message,) = failed(plays.capture("pod shop/cart"))
    assert "the hosts node-a and twin are all node node-a" in message
