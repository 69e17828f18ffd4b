# Copyright (c) 2026, the kube.pcap authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users launch: the playbooks capture, status and stop, on three nodes."""

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
from tests.lab.ansible_run import Ansible, Run
from tests.lab.lab import Lab

WEB = {"node-a": "web-6f8d5c7b9d-4hx2k", "node-b": "web-6f8d5c7b9d-j7pq9", "node-c": "web-6f8d5c7b9d-zt5mw"}
NODES = list(WEB)


class Plays:
    """The playbooks, with the lab's snapshot and nothing left on the nodes afterwards."""

    def __init__(self, lab: Lab, ansible: Ansible) -> None:
        self.lab = lab
        self.ansible = self._cleaner = ansible

    def capture(self, targets: Any, *args: str, snapshot: bool = True, **options: Any) -> Run:
        """Runs the playbook capture; option names without their prefix."""
        if snapshot:
            options["snapshot"] = str(self.lab.snapshot)
        return self.run("capture", *args, targets=targets, **options)

    def run(self, name: str, *args: str, **options: Any) -> Run:
        """Runs a playbook of the collection; no run shows a traceback or an exception."""
        variables = {"capture_" + key: value for key, value in options.items()}
        done = self.ansible.playbook("kube.pcap." + name, *args, extra_vars=variables)
        assert not re.search("Traceback|exception|deprecat", done.stdout + done.stderr, re.IGNORECASE), done.stdout
        return done

    def spool(self) -> dict[str, list[str]]:
        """Captures in the spool of each node."""
        folders = {node.name: node.root / "var/lib/kube-pcap" for node in self.lab.nodes}
        return {name: sorted(p.name for p in path.iterdir()) for name, path in folders.items() if path.exists()}

    def tcpdumps(self) -> int:
        """How many tcpdumps run on the nodes."""
        found = [node.run(["pgrep", "-c", "tcpdump"], check=False).stdout for node in self.lab.nodes]
        return sum(int(count) for count in found)

    def clean(self) -> None:
        """Removes every capture."""
        if self.spool():
            done = self._cleaner.adhoc(
                "nodes", "kube.pcap.capture", params={"state": "absent", "id": "all", "force": True}
            )
            assert self.spool() == {}, done.stdout
        assert self.tcpdumps() == 0


@pytest.fixture
def plays(lab: Lab, ansible: Ansible) -> Iterator[Plays]:
    """The playbooks on the lab."""
    made = Plays(lab, ansible)
    yield made
    made.clean()


def changed(run: Run) -> dict[str, int]:
    """The recap's count of changed tasks by host."""
    return {
        host: int(count) for host, count in re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+)", run.stdout, re.MULTILINE)
    }


def failed(run: Run) -> list[str]:
    """Messages of the tasks that failed."""
    return [task.result["msg"] for task in run.tasks if task.status == "failed"]


def told(run: Run) -> dict[str, Any]:
    """What the report returned, which is in the variable capture_result."""
    (result,) = run.of("report").values()
    return result


def started(run: Run) -> list[tuple[str, str, str]]:
    """(host, target, phase) of what was started."""
    found = []
    for one in told(run)["captures"]:
        for target in one["targets"]:
            found.append((one["host"], target["name"], one["phase"]))
    return sorted(found)


def hosts(run: Run) -> list[str]:
    """The hosts on which something was started, one for each target."""
    return [row[0] for row in started(run)]


def said(run: Run) -> str:
    """Everything that was printed, without the breaks of lines."""
    return " ".join((run.stdout + run.stderr).split())


def remote_tasks(run: Run) -> dict[str, int]:
    """How many tasks each host was asked, by connection."""
    local = ("plan", "report", "targets_info")
    asked = [task.host for task in run.tasks if not task.action.endswith(local)]
    return {host: asked.count(host) for host in asked}


def life_of_a_capture(plays: Plays) -> None:
    """Start, the same again, status, stop, finished, remove, gone: flags and figures at every step."""
    request: dict[str, Any] = {"targets": ["pods shop app=web", "node node-b"]}
    expected = [(node, name, "ready") for node, name in [*WEB.items(), ("node-b", "node-b")]]
    first = plays.capture(**request)
    assert first.rc == 0 and changed(first) == dict.fromkeys(NODES, 1) and started(first) == sorted(expected)
    assert remote_tasks(first) == dict.fromkeys(NODES, 3)  # one of them is the check
    id = told(first)["id"]
    assert re.fullmatch("c-[0-9a-f]{10}", id) and "capture %s: 4 targets on 3 nodes" % id in first.stdout
    again = plays.capture(**request, filter="", duration=None)
    assert again.rc == 0 and changed(again) == dict.fromkeys(NODES, 0) and started(again) == sorted(expected)
    sent = plays.lab.pod("shop", "cart").send("shop/" + WEB["node-c"], count=200, rate=1000)
    status = plays.run("status")
    assert status.rc == 0 and changed(status) == dict.fromkeys(NODES, 0) and remote_tasks(status)["node-a"] == 3
    assert re.search(r"^node-c +pod shop/%s +ready +2\d\d +0 " % WEB["node-c"], status.stdout, re.MULTILINE)
    stop = plays.run("stop", id=id, segments=True)
    assert stop.rc == 0 and changed(stop) == dict.fromkeys(NODES, 1) and remote_tasks(stop)["node-a"] == 3
    figures = {one["host"]: one for one in told(stop)["captures"]}
    web = figures["node-c"]["targets"][0]
    assert web["phase"] == "done" and sent.received <= web["packets"] == figures["node-c"]["segment_list"][0]["packets"]
    assert figures["node-c"]["segment_list"][0]["file"] in stop.stdout and plays.tcpdumps() == 0
    assert changed(plays.run("stop", id=id)) == dict.fromkeys(NODES, 0)
    finished = plays.capture(**request)
    assert finished.rc == 0 and changed(finished) == dict.fromkeys(NODES, 0)
    assert "is finished (done: stopped); remove it to start it again" in finished.stdout
    assert "nothing is being recorded now on node-a, node-b, node-c: capture %s is finished" % id in said(finished)
    removed = plays.run("stop", id=id, remove=True)
    assert removed.rc == 0 and changed(removed) == dict.fromkeys(NODES, 1) and plays.spool() == {}
    assert "removed from node-a, node-b, node-c" in removed.stdout
    gone = plays.run("stop", id=id, remove=True)
    assert gone.rc == 0 and changed(gone) == dict.fromkeys(NODES, 0)


def test_a_captures_life(plays: Plays) -> None:
    """SN-1, SN-15, KD-3: on every node at once, and nothing changes but what was asked for."""
    life_of_a_capture(plays)


def test_a_captures_life_with_the_oldest_core(lab: Lab, tmp_path: pathlib.Path) -> None:
    """The same with ansible-core 2.16."""
    plays = Plays(lab, Ansible(lab.inventory, tmp_path, str(venv("core-2.16") / "python")))
    try:
        life_of_a_capture(plays)
    finally:
        plays.clean()


def test_check_mode_changes_nothing(plays: Plays) -> None:
    """What would be started, refreshed and removed is told, and nothing is."""
    run = plays.capture("pods shop app=web", "--check")
    assert run.rc == 0 and changed(run) == dict.fromkeys(NODES, 1) and plays.spool() == {} and plays.tcpdumps() == 0
    assert {phase for _host, _name, phase in started(run)} == {None} and "planned" in run.stdout
    plays.capture("node node-a", id="kept")
    status = plays.run("status", "--check")
    assert status.rc == 0 and changed(status) == dict.fromkeys(NODES, 0)
    stopped = plays.run("stop", "--check", id="kept")
    assert "would be stopped on node-a" in stopped.stdout and changed(stopped)["node-a"] == 1
    removed = plays.run("stop", "--check", id="kept", remove=True)
    assert "would be removed from node-a" in removed.stdout and plays.spool() == {"node-a": ["kept"]}
    assert changed(removed) == {"node-a": 1, "node-b": 0, "node-c": 0} and plays.tcpdumps() == 1


def test_other_options_are_refused(plays: Plays) -> None:
    """SN-15: the same id with another filter says what differs, and the capture goes on as it was."""
    assert plays.capture("pods shop app=web", id="one", filter="udp").rc == 0
    run = plays.capture("pods shop app=web", id="one", filter="tcp", snaplen=96)
    assert run.rc == 2 and changed(run) == dict.fromkeys(NODES, 0) and len(failed(run)) == 3
    assert all('filter is "udp", asked for "tcp"' in message for message in failed(run))
    assert all("snaplen is 192, asked for 96" in message for message in failed(run))
    assert [one["reason"] for one in told(run)["unasked"]] == failed(run) or len(told(run)["unasked"]) == 3
    assert "capture one: 3 hosts gave no result\n" in run.stdout and plays.tcpdumps() == 3


@pytest.mark.parametrize(
    "targets, options, words",
    [
        ("pod shop/crt", {}, ["capture_targets: pod shop/crt matches no pod", "cart"]),
        ("pod shop/report-7q2xd", {}, ["is Pending"]),
        ("pod shop/seed-x8k4n", {}, ["has finished (Succeeded)"]),
        ("pod shop/web-6f8d5c7b9d-4hx2k[nope]", {}, ['no container "nope"; its containers are web, istio-proxy']),
        ("nodes", {}, ['capture_targets: column 6: bare "nodes" means nothing']),
        ("pod shop/cart", {"filter": "-w /tmp/x"}, ["capture_filter"]),
        ("pod shop/cart", {"duration": "10 parsecs"}, ["capture_duration", "parsecs"]),
        ("pod shop/cart", {"keep": "-1"}, ["capture_keep"]),
        (None, {}, ["capture_targets: it is empty"]),
    ],
)
def test_refused_once_before_anything_starts(
    plays: Plays, targets: Any, options: dict[str, Any], words: list[str]
) -> None:
    """KD-2, KD-5, KD-12: one sentence in one result, and no host is touched."""
    run = plays.capture(targets, **options)
    (message,) = failed(run)
    assert run.rc == 2 and all(word in message for word in words) and plays.spool() == {}
    assert re.findall(r"failed=(\d)", run.stdout) == ["1", "0", "0"]


def test_tcpdumps_own_words(plays: Plays) -> None:
    """KD-5: a filter that does not compile is refused by every node before it starts, and the report says why."""
    run = plays.capture("pods shop app=web", filter="tcp prt 80")
    assert run.rc == 2 and plays.spool() == {} and plays.tcpdumps() == 0
    assert all("syntax error" in message for message in failed(run)) and len(failed(run)) == 3
    assert [one["host"] for one in told(run)["unasked"]] == NODES


@pytest.mark.parametrize(
    "targets, container",
    [
        ("pod shop/web-6f8d5c7b9d-4hx2k", "web"),
        ("pod shop/web-6f8d5c7b9d-4hx2k[istio-proxy]", "istio-proxy"),
        ("pod shop/checkout[migrate]", "migrate"),
    ],
)
def test_containers(plays: Plays, targets: str, container: str) -> None:
    """KD-2: by name, init containers too, else the first; KD-5: a filter with spaces and parentheses is one filter."""
    run = plays.capture(targets, "--check", filter="udp and (port 9000 or port 53)")
    (one,) = told(run)["captures"]
    assert run.rc == 0 and [target["container"] for target in one["targets"]] == [container]


def test_limit(plays: Plays) -> None:
    """With --limit the others are not touched; a match there is named, and alone it is an error."""
    run = plays.capture("pods shop app=web", "--limit", "node-a")
    assert run.rc == 0 and hosts(run) == ["node-a"] and list(plays.spool()) == ["node-a"]
    assert "is on node-b, and no host of this play is that node" in said(run)
    (message,) = failed(plays.capture("pod shop/db-0", "--limit", "node-a"))
    assert "pod shop/db-0 is on node-c, and no host of this play" in message and "--limit" in message
    (message,) = failed(plays.capture("pod shop/db-0", "--limit", "node-a", snapshot=False))
    assert message.endswith("; looked on the hosts of this play: node-a")


def test_a_slice_only_warns(plays: Plays) -> None:
    """In a slice of a sliced job, no match is no failure, and the id is that of the other slices."""
    run = plays.capture("pod shop/db-0", "--limit", "node-a", unmatched="warn")
    whole = plays.capture("pod shop/db-0", "--check")
    assert run.rc == 0 and told(run)["captures"] == [] and told(run)["id"] == told(whole)["id"]
    assert changed(run) == {"node-a": 0}


def test_an_unanswered_survey(plays: Plays) -> None:
    """Empty and null take the defaults: the same id as with none of them."""
    names = re.findall(r"^capture_(\w+):", (pathlib.Path("roles/capture/defaults/main.yml")).read_text(), re.MULTILINE)
    optional = [name for name in names if name not in ("targets", "snapshot")]
    plain = plays.capture("pod shop/cart", "--check", snapshot=False)
    for value in ("", None):
        run = plays.capture("pod shop/cart", "--check", snapshot=False, **dict.fromkeys(optional, value))
        assert run.rc == 0 and told(run)["id"] == told(plain)["id"]


def test_new_matching_pods_are_added(plays: Plays) -> None:
    """SN-15: the same request again takes up a pod that is new, and changes nothing elsewhere."""
    assert changed(plays.capture("pods shop app in (cart,db)")) == {"node-a": 1, "node-b": 0, "node-c": 1}
    pod = plays.lab.pod("shop", "cart")
    pod.delete()
    pod.create(new_uid=True)
    run = plays.capture("pods shop app in (cart,db)")
    assert run.rc == 0 and changed(run) == {"node-a": 1, "node-b": 0, "node-c": 0}
    assert pod.uid in [target["uid"] for one in told(run)["captures"] for target in one["targets"]]


def inventory(lab: Lab, file: pathlib.Path, **hosts: dict[str, Any]) -> pathlib.Path:
    """The lab's inventory with other hosts: variables that are added to node-a's, and None takes one away."""
    known = yaml.safe_load(lab.inventory.read_text())
    nodes = known["all"]["children"]["nodes"]["hosts"]
    for name, variables in hosts.items():
        merged = {**nodes.get(name, nodes["node-a"]), **variables}
        nodes[name] = {key: value for key, value in merged.items() if value is not None}
    file.write_text(json.dumps(known))
    return file


def test_an_unreachable_host_is_named(plays: Plays, tmp_path: pathlib.Path) -> None:
    """SN-1: the others record, the result names the one that did not answer, and nothing hangs."""
    address = plays.lab.node("node-a").addresses.v4.rpartition(".")[0] + ".99"
    added = {"node-x": {"ansible_host": address, "kube_node_name": "node-x"}}
    plays.ansible = Ansible(inventory(plays.lab, tmp_path / "hosts.json", **added), tmp_path)
    began = time.monotonic()
    run = plays.capture("pods shop app=web")
    assert run.rc == 4 and time.monotonic() - began < 40 and hosts(run) == NODES
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


@pytest.mark.parametrize("serial", [1, 2])
def test_serial_is_refused(plays: Plays, tmp_path: pathlib.Path, serial: int) -> None:
    """A plan over a part of the hosts would call the others' pods missing; one sentence says so, and nothing starts."""
    play = {
        "hosts": "nodes",
        "gather_facts": False,
        "serial": serial,
        "roles": ["kube.pcap.capture"],
        "vars": {"capture_targets": "pods shop app=web", "capture_snapshot": str(plays.lab.snapshot)},
    }
    (tmp_path / "serial.yml").write_text(json.dumps([play]))
    run = plays.ansible.playbook(tmp_path / "serial.yml")
    assert run.rc == 2 and plays.spool() == {}
    assert all(message.startswith("serial: a capture is planned once") for message in failed(run)) and failed(run)


def test_serial_reports_of_a_part_say_so(plays: Plays, tmp_path: pathlib.Path) -> None:
    """What a later batch has is not known yet: an id of node-c alone is no unknown one, and the last report has all."""
    plays.capture("node node-c", id="late")
    for name, id, last in (("stop", "late", 0), ("status", "rael", 2)):
        role = {"name": "kube.pcap.capture", "tasks_from": name}
        tasks = [{"name": "Ask", "ansible.builtin.include_role": role, "vars": {"capture_id": id}}]
        play = {"hosts": "nodes", "gather_facts": False, "serial": 1, "tasks": tasks}
        (tmp_path / "serial.yml").write_text(json.dumps([play]))
        run = plays.ansible.playbook(tmp_path / "serial.yml")
        reports = [task.result for task in run.tasks if task.action.endswith("report")]
        assert run.rc == last and len(reports) == 3, run.stdout
        assert "  node-b, node-c: it is not asked yet: serial" in reports[0]["text"]
        assert [len(report["unasked"]) for report in reports] == [2, 1, 0]
        assert [len(report["captures"]) for report in reports] == ([0, 0, 1] if last == 0 else [0, 0, 0])


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


def test_an_unknown_id_fails_once(plays: Plays) -> None:
    """Status and stop of what no node has say so, once, with what there is."""
    plays.capture("node node-a", id="real")
    (message,) = failed(plays.run("status", id="rael"))
    assert message == "capture_id: no capture rael on any host that answered; there are real"
    (message,) = failed(plays.run("stop", id="rael"))
    assert message == "capture_id: no capture rael on any host that answered"
    assert plays.run("stop", id="rael", unmatched="warn").rc == 0


@pytest.mark.parametrize(
    "name, options, words",
    [
        ("stop", {}, "capture_id: no capture is named; write its id"),
        ("stop", {"id": "x", "wait": "10 parsecs"}, "capture_wait: "),
        ("status", {"id": "UP"}, "capture_id: 'UP' is not an id"),
    ],
)
def test_asked_wrongly_once(plays: Plays, name: str, options: dict[str, Any], words: str) -> None:
    """Stop and status are refused by the option that was written, once, before a host is asked."""
    run = plays.run(name, **options)
    (message,) = failed(run)
    assert run.rc == 2 and message.startswith(words) and remote_tasks(run) == {}


def test_a_value_that_ends_at_a_space(plays: Plays) -> None:
    """What -e key=value leaves of a selection is refused with the line that works."""
    (message,) = failed(plays.run("capture", "-e", "capture_targets=pod shop/cart"))
    assert """-e '{"capture_targets": "pod shop/cart"}'""" in message


@pytest.mark.parametrize(
    "params, words",
    [
        ({}, "targets: nothing is selected; write "),
        ({"targets": "pod"}, "targets: column 4: it says not which; write pod shop/cart"),
        ({"targets": "pod shop/cart", "duration": "10 parsecs"}, 'duration: "10 parsecs" is not a time; write '),
        ({"targets": "pod shop/cart", "filter": "tcp prt"}, "filter: pod shop/cart: tcpdump: "),
        ({"targets": "deployment shop/web"}, "targets: deployment shop/web: nodes know pods, not what owns them; "),
        ({"targets": "pod shop/cart", "record": {}}, "parameters are mutually exclusive: record|targets"),
        ({"state": "stopped"}, "id: no capture is named; write "),
    ],
)
def test_a_module_that_is_run_alone(plays: Plays, params: dict[str, Any], words: str) -> None:
    """Asked without a plan, the module refuses in one sentence that begins with its own option."""
    (message,) = failed(plays.ansible.adhoc("node-a", "kube.pcap.capture", params=params))
    assert message.startswith(words) and "\n" not in message and plays.spool() == {}
